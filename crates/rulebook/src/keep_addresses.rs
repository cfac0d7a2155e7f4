//! Whether addresses of clients are kept beside their keys.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What of an address is kept; nothing unless the operator asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum KeepAddresses {
    #[default]
    None,
    /// The /24 of IPv4, the /48 of IPv6.
    Network,
    Full,
}

impl KeepAddresses {
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// What is kept of an address.
    #[must_use]
    pub fn kept(self, address: IpAddr) -> Option<IpAddr> {
        match (self, address.to_canonical()) {
            (Self::None, _) => None,
            (Self::Network, IpAddr::V4(v4)) => Some(IpAddr::V4((v4.to_bits() & !0xff).into())),
            (Self::Network, IpAddr::V6(v6)) => Some(IpAddr::V6((v6.to_bits() >> 80 << 80).into())),
            (Self::Full, address) => Some(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(keep: KeepAddresses, address: &str, kept: Option<&str>) {
        let address = address.parse().unwrap();
        assert_eq!(keep.kept(address), kept.map(|kept| kept.parse().unwrap()));
    }

    #[test]
    fn what_is_kept_of_an_address() {
        case(KeepAddresses::None, "192.0.2.77", None);
        case(KeepAddresses::Network, "192.0.2.77", Some("192.0.2.0"));
        case(KeepAddresses::Network, "::ffff:192.0.2.77", Some("192.0.2.0"));
        case(KeepAddresses::Network, "2001:db8:1:2::7", Some("2001:db8:1::"));
        case(KeepAddresses::Full, "::ffff:192.0.2.77", Some("192.0.2.77"));
        case(KeepAddresses::Full, "2001:db8:1:2::7", Some("2001:db8:1:2::7"));
    }
}
