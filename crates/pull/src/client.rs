//! Keys that stand for a client and its network, meaningless outside the deployment whose secret made them.
//!
//! In scope: the keys, what a token says about its subject, and the share of clients that a percentage takes. Not in
//! scope: where the secret comes from, and whether a token is valid (the registry's matter).

mod keys;
mod share;
mod subject;

pub use keys::ClientKeys;
pub(crate) use share::observe_place;
pub use share::{bucket, observed};
pub(crate) use subject::Subject;

use serde::{Deserialize, Serialize};

use crate::facts::Facts;

/// Stands for one client: address, and the token's subject where there is one. JSON: 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ClientKey(pub u64);

/// Stands for the /24 or /48 of a client. JSON: 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct NetworkKey(pub u64);

/// What is worked out of a request's address and credential.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Client {
    pub key: ClientKey,
    pub network: NetworkKey,
    /// Where the client stands on the scale of `observe`, see [`observed`].
    pub observe_place: f64,
}

impl Client {
    #[must_use]
    pub fn of(facts: &Facts<'_>, keys: &ClientKeys) -> Self {
        let subject = facts.header("authorization").and_then(Subject::read);
        let key = keys.client(facts.address, subject.as_ref());
        Self {
            key,
            network: keys.network(facts.address),
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
