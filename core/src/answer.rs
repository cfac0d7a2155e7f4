//! What the client sees of Blobwatch: headers and refusals.
