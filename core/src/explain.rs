//! Why one request was treated as it was.
