//! Which blob a path names: `/v2/<name>/blobs/<digest>`, or that it names none.
