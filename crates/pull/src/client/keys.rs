//! The keyed hash that makes keys.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{ClientKey, NetworkKey, Subject};

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

    /// The client at an address, apart from others there where a token names a subject. Without an address (a
    /// self-hosted runtime may not tell it) the subject alone, and one key for all who have none.
    #[must_use]
    pub fn client(&self, address: Option<IpAddr>, subject: Option<&Subject>) -> ClientKey {
        let (kind, name) = match subject {
            None => (b'-', ""),
            Some(Subject::Token(name)) => (b't', name.as_str()),
            Some(Subject::User(name)) => (b'u', name.as_str()),
        };
        let octets = address.map(v6).map_or([0; 16], |address| address.octets());
        ClientKey(self.key(&[b"client\0", &octets, &[kind], name.as_bytes()]))
    }

    /// The /24 of an IPv4 address or the /48 of an IPv6 address.
    #[must_use]
    pub fn network(&self, address: Option<IpAddr>) -> NetworkKey {
        let octets = address.map(prefix).map_or([0; 16], |address| address.octets());
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

/// IPv4 as its mapped form, so that `192.0.2.7` and `::ffff:192.0.2.7` are one client.
fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

fn prefix(address: IpAddr) -> Ipv6Addr {
    match address.to_canonical() {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & !0xff).to_ipv6_mapped(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !((1 << 80) - 1)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::ClientKeys;
    use crate::client::{ClientKey, NetworkKey, Subject};

    fn keys() -> ClientKeys {
        ClientKeys::new(b"a deployment's secret")
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn client(text: &str) -> ClientKey {
        keys().client(address(text), None)
    }

    fn network(text: &str) -> NetworkKey {
        keys().network(address(text))
    }

    /// Chains, percentages and stored records live longer than a deploy. The values are Python's
    /// `hmac.new(sha256(secret).digest(), message, "sha256").hexdigest()[:16]`.
    #[test]
    fn keys_are_pinned() {
        let user = Subject::User("ci".into());
        let token = Subject::Token("ci".into());
        assert_eq!(client("192.0.2.7").to_string(), "a8312083f19031e2");
        assert_eq!(
            keys().client(address("192.0.2.7"), Some(&user)).to_string(),
            "b6a3bfb0f32db21b"
        );
        assert_eq!(
            keys().client(address("2001:db8::1"), Some(&token)).to_string(),
            "40d142c5de21abb8"
        );
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
    fn a_subject_is_its_own_client_by_kind_and_address() {
        let ci = |make: fn(String) -> Subject, at: &str| keys().client(address(at), Some(&make("ci".into())));
        let all = [
            client("192.0.2.7"),
            ci(Subject::User, "192.0.2.7"),
            ci(Subject::Token, "192.0.2.7"),
            ci(Subject::Token, "192.0.2.8"),
            keys().client(None, None),
            ClientKeys::new(b"another").client(address("192.0.2.7"), None),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
