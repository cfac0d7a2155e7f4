//! From an origin's answer to a record.
