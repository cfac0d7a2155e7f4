//! The keyed hash that makes keys.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{ClientKey, NetworkKey};

/// What a deployment's secret makes keys with. HMAC-SHA256 cut to 64 bits: without the secret, nobody can try all
/// four billion addresses against a key; with it, two of a million clients share a key once in 37 million.
#[derive(Clone)]
pub struct ClientKeys {
    // The state after the key's block, so that a key costs two compressions, not four.
    keyed: Hmac<Sha256>,
}

impl std::fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientKeys(…)")
    }
}

impl ClientKeys {
    /// Any length; at least 16 random bytes make the keys opaque. Another secret makes other keys: chains, percentages
    /// and volumes by client start anew.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        // Hashed first so that a secret of any length fills the key in one way.
        for (slot, byte) in block.iter_mut().zip(Sha256::digest(secret)) {
            *slot = byte;
        }
        Self {
            keyed: Hmac::new(&block),
        }
    }

    /// The client at an IPv4 address, or in the /64 of an IPv6 address. Without an address (a self-hosted runtime may not
    /// tell it) there is one key for all.
    #[must_use]
    pub fn client(&self, address: Option<IpAddr>) -> ClientKey {
        let octets = address.map_or([0; 16], |address| prefix(address, 32, 64).octets());
        // Builds that told apart the names in credentials wrote `-` for none: such keys are the same ones.
        ClientKey(self.key(&[b"client\0", &octets, b"-"]))
    }

    /// The /24 of an IPv4 address or the /48 of an IPv6 address.
    #[must_use]
    pub fn network(&self, address: Option<IpAddr>) -> NetworkKey {
        let octets = address.map_or([0; 16], |address| prefix(address, 24, 48).octets());
        NetworkKey(self.key(&[b"network\0", &octets]))
    }

    fn key(&self, parts: &[&[u8]]) -> u64 {
        let mut mac = self.keyed.clone();
        for part in parts {
            mac.update(part);
        }
        let tag: [u8; 32] = mac.finalize().into_bytes().into();
        let (head, _) = tag.split_first_chunk().unwrap_or((&[0; 8], &[]));
        u64::from_be_bytes(*head)
    }
}

/// The first bits of an address. IPv4 is its mapped form, so that `192.0.2.7` and `::ffff:192.0.2.7` are one client.
fn prefix(address: IpAddr, v4_bits: u32, v6_bits: u32) -> Ipv6Addr {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            Ipv4Addr::from_bits(v4.to_bits() >> (32 - v4_bits) << (32 - v4_bits)).to_ipv6_mapped()
        }
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> (128 - v6_bits) << (128 - v6_bits)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::ClientKeys;
    use crate::client::{ClientKey, NetworkKey};

    fn keys() -> ClientKeys {
        ClientKeys::new(b"a deployment's secret")
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn client(text: &str) -> ClientKey {
        keys().client(address(text))
    }

    fn network(text: &str) -> NetworkKey {
        keys().network(address(text))
    }

    /// Chains, percentages and stored records live longer than a deploy. The values are Python's
    /// `hmac.new(sha256(secret).digest(), message, "sha256").hexdigest()[:16]`.
    #[test]
    fn keys_are_pinned() {
        assert_eq!(client("192.0.2.7").to_string(), "a8312083f19031e2");
        assert_eq!(client("2001:db8:1:2::3").to_string(), "cbde074b82a82029");
        assert_eq!(network("192.0.2.7").to_string(), "ae2352f92df4765c");
        assert_eq!(network("2001:db8:1:2::3").to_string(), "91e4c4e0fbef4928");
    }

    #[test]
    fn a_mapped_address_is_the_address() {
        assert_eq!(client("192.0.2.7"), client("::ffff:192.0.2.7"));
        assert_eq!(network("192.0.2.7"), network("::ffff:192.0.2.7"));
    }

    #[test]
    fn a_network_is_a_24_or_a_48() {
        assert_eq!(network("192.0.2.7"), network("192.0.2.255"));
        assert_ne!(network("192.0.2.7"), network("192.0.3.7"));
        assert_eq!(
            network("2001:db8:1::"),
            network("2001:db8:1:ffff:ffff:ffff:ffff:ffff")
        );
        assert_ne!(network("2001:db8:1::"), network("2001:db8:2::"));
        assert_ne!(client("192.0.2.7"), client("192.0.2.8"));
    }

    #[test]
    fn a_client_is_an_address_or_a_64() {
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:ffff:ffff:ffff"));
        let all = [
            client("192.0.2.7"),
            client("192.0.2.8"),
            client("2001:db8::1"),
            client("2001:db8:0:1::1"),
            keys().client(None),
            ClientKeys::new(b"another").client(address("192.0.2.7")),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
