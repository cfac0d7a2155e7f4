//! Which route a request is on.
