//! Keys that stand for a client and its network, meaningless outside the deployment whose secret made them.
//!
//! In scope: the keys, and the share of clients that a percentage takes. Not in scope: where the secret comes from.
//!
//! A client is an address. The name in a credential would tell apart those behind one address, but anybody can write one,
//! and whether the origin believes it is known, if at all, in one isolate and in the middle of a pull: a key that changes
//! there breaks histories and percentages, and one that the client chooses evades every volume.

mod keys;
mod share;

pub use keys::ClientKeys;
pub(crate) use share::observe_place;
pub use share::{bucket, keep_place, observed};

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Stands for one client: an IPv4 address, or the /64 of an IPv6 address, which one host holds whole. JSON: 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ClientKey(pub u64);

/// Stands for the /24 or /48 of a client. JSON: 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct NetworkKey(pub u64);

/// What is worked out of a request's address.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Client {
    pub key: ClientKey,
    pub network: NetworkKey,
    /// Where the client stands on the scale of `observe`, see [`observed`].
    pub observe_place: f64,
}

impl Client {
    #[must_use]
    pub fn of(address: Option<IpAddr>, keys: &ClientKeys) -> Self {
        let key = keys.client(address);
        Self {
            key,
            network: keys.network(address),
            observe_place: observe_place(key),
        }
    }
}

macro_rules! hex_key {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }
        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                u64::from_str_radix(text, 16).map(Self)
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
hex_key!(ClientKey);
hex_key!(NetworkKey);
