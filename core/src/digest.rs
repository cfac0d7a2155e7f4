//! Content digests, `algorithm:encoded`.
