//! The values of one request that expressions read: a flat array by field, filled once, read without allocation.

use std::net::IpAddr;

/// The value of a field for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Value<'a> {
    /// The request does not have it, or the platform does not say it.
    #[default]
    Missing,
    Bytes(&'a [u8]),
    Int(i64),
    Bool(bool),
    Ip(IpAddr),
}
