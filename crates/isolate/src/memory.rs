//! Who asked lately: the hashes that say who asks are a third of a decision's instructions, and a pull is some twenty
//! requests of one client.
//!
//! In scope: bounded memories of keys and of fingerprints. Not in scope: how they are made (`client`, `fingerprint`). A
//! memory changes no answer: what is found was made from equal inputs.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use rustc_hash::FxHasher;

use blobwatch_pull::{Client, ClientKeys, Facts, Fingerprint, Identity};

/// Clients that are remembered, by address: 60 bytes each.
const CLIENTS: usize = 2048;

/// Client builds that are remembered, 200 bytes each. One colo sees some dozens at a time.
const BUILDS: usize = 128;

/// What one isolate remembers of clients and of client builds.
#[derive(Debug)]
pub(super) struct Memory {
    clients: Slots<Option<IpAddr>, Client>,
    builds: Slots<String, Fingerprint>,
    /// The inputs of the fingerprint at hand; kept for its room.
    inputs: String,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            clients: Slots::new(CLIENTS),
            builds: Slots::new(BUILDS),
            inputs: String::new(),
        }
    }
}

impl Memory {
    pub(super) fn identity(&mut self, facts: &Facts<'_>, keys: &ClientKeys) -> Identity {
        Identity {
            client: self.client(facts, keys),
            fingerprint: self.fingerprint(facts),
        }
    }

    fn client(&mut self, facts: &Facts<'_>, keys: &ClientKeys) -> Client {
        let address = facts.address;
        self.clients.get(
            &address,
            |known| *known == address,
            || address,
            || Client::of(address, keys),
        )
    }

    fn fingerprint(&mut self, facts: &Facts<'_>) -> Fingerprint {
        self.inputs.clear();
        Fingerprint::put_inputs(facts, &mut self.inputs);
        let inputs = self.inputs.as_str();
        self.builds.get(
            &inputs,
            |known| known == inputs,
            || inputs.to_owned(),
            || Fingerprint::of(facts),
        )
    }
}

/// Each key has one pair of places; of the keys that share it, the last two that came are remembered.
#[derive(Debug)]
struct Slots<K, V>(Vec<Pair<K, V>>);

/// The one that was asked for last comes first.
type Pair<K, V> = [Option<(K, V)>; 2];

impl<K, V: Copy> Slots<K, V> {
    fn new(count: usize) -> Self {
        Self(std::iter::repeat_with(|| [None, None]).take(count / 2).collect())
    }

    fn get(
        &mut self,
        asked: &impl Hash,
        is_known: impl Fn(&K) -> bool,
        key: impl FnOnce() -> K,
        make: impl FnOnce() -> V,
    ) -> V {
        // Nobody gains by aiming at a place: what is lost is a memory.
        let mut hasher = FxHasher::default();
        asked.hash(&mut hasher);
        let place = hasher.finish() as usize % self.0.len().max(1);
        let Some([first, second]) = self.0.get_mut(place) else {
            return make();
        };
        let known = |slot: &Option<(K, V)>| match slot {
            Some((key, value)) if is_known(key) => Some(*value),
            _ => None,
        };
        if let Some(value) = known(first) {
            return value;
        }
        std::mem::swap(first, second);
        if let Some(value) = known(first) {
            return value;
        }
        let value = make();
        *first = Some((key(), value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(address: &str) -> Facts<'static> {
        Facts {
            address: address.parse().ok(),
            headers: vec![("user-agent", "docker/24.0.7")],
            ..Facts::default()
        }
    }

    /// Many more clients than are remembered, each twice, in an order that drives them out of their places.
    #[test]
    fn what_is_remembered_is_what_is_made() {
        let keys = ClientKeys::new(b"secret");
        let mut memory = Memory::default();
        for n in (0..4 * CLIENTS).chain(0..4 * CLIENTS) {
            let facts = facts(&format!("192.0.{}.{}", n / 256, n % 256));
            let made = Client::of(facts.address, &keys);
            assert_eq!(memory.client(&facts, &keys), made);
            assert_eq!(memory.client(&facts, &keys), made);
        }
        assert_eq!(2 * memory.clients.0.len(), CLIENTS);
    }

    #[test]
    fn a_fingerprint_is_remembered_by_all_that_goes_into_it() {
        let mut memory = Memory::default();
        let base = || facts("192.0.2.7");
        let mut others = vec![base()];
        let mut vary = |change: &dyn Fn(&mut Facts<'static>)| {
            let mut facts = base();
            change(&mut facts);
            others.push(facts);
        };
        vary(&|facts| facts.protocol = "HTTP/2");
        vary(&|facts| facts.tls.version = "TLSv1.3");
        vary(&|facts| facts.tls.cipher = "AES");
        vary(&|facts| facts.tls.ciphers_sha1 = "c");
        vary(&|facts| facts.tls.extensions_sha1_le = "l");
        vary(&|facts| {
            facts.tls.version = "TLSv1.3";
            facts.tls.hello_length = Some(508);
        });
        vary(&|facts| facts.headers.push(("accept", "*/*")));
        vary(&|facts| facts.headers.push(("te", "trailers")));
        vary(&|facts| facts.client_accept_encoding = "zstd");
        for facts in others.iter().chain(&others) {
            assert_eq!(memory.fingerprint(facts), Fingerprint::of(facts), "{facts:?}");
        }
    }
}
