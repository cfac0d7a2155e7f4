//! Challenges: 401 is what a client asks for its token by, and nothing is wrong unless no success follows.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use super::ask::blob_hash;
use blobwatch_pull::{ClientKey, Method, NetworkKey, RangeKind, Record};

/// A client that gets a token comes back with it at once; slow token services take seconds.
const ANSWERED_WITHIN_MS: u64 = 60_000;

/// What came in that minute may take as long to be here.
const ARRIVES_WITHIN_MS: u64 = 5_000;

/// Challenges that wait: a kept record takes 1 KB at most, 4 MB together. Beyond it the oldest go unjudged, and are
/// counted.
const MAX_WAITING: usize = 4096;

/// Of one client; what else it asks meanwhile is not waited for, so that no client takes the room of others.
const MAX_OF_CLIENT: u32 = 8;

/// Of the clients of one network: an eighth of the room. More are counted as dropped.
const MAX_OF_NETWORK: u32 = 512;

type Key = (ClientKey, u64);

/// 401s to the first byte of a blob, and whether the client got it within a minute. What is kept of each is the
/// caller's.
#[derive(Debug)]
pub struct Challenges<T> {
    /// By when each is due, and the number that tells those of one moment apart.
    waiting: BTreeMap<(u64, u64), (Key, NetworkKey, T)>,
    by_key: HashMap<Key, (u64, u64)>,
    of_client: HashMap<ClientKey, u32>,
    of_network: HashMap<NetworkKey, u32>,
    number: u64,
    dropped: u32,
}

impl<T> Default for Challenges<T> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            by_key: HashMap::new(),
            of_client: HashMap::new(),
            of_network: HashMap::new(),
            number: 0,
            dropped: 0,
        }
    }
}

impl<T> Challenges<T> {
    /// Takes in a record; `keep` makes what is kept of a challenge.
    pub fn see(&mut self, record: &Record, keep: impl FnOnce() -> T) {
        let key = (record.client, blob_hash(record.blob_key()));
        if record.method != Method::Get {
            return;
        }
        if record.status != 401 {
            if record.status != 0 && !self.by_key.is_empty() {
                self.answer(&key);
            }
            return;
        }
        let is_first = matches!(
            record.range.without_history(record.size),
            RangeKind::None | RangeKind::Whole
        );
        let of_client = self.of_client.get(&record.client).copied().unwrap_or_default();
        if is_first && !self.by_key.contains_key(&key) && of_client < MAX_OF_CLIENT {
            self.wait(key, record.network, record.id.time_ms(), keep());
        }
    }

    /// Those to which no other answer came, of which that became known after `after_ms` and up to `until_ms`, with when it
    /// did. They stay until [`Challenges::forget`].
    pub fn unanswered(&self, after_ms: u64, until_ms: u64) -> impl Iterator<Item = (u64, &T)> {
        let from = after_ms.saturating_add(1);
        // An empty stretch is no range.
        let due = (from <= until_ms).then(|| self.waiting.range((from, 0)..=(until_ms, u64::MAX)));
        due.into_iter()
            .flatten()
            .map(|((due_ms, _), (_, _, kept))| (*due_ms, kept))
    }

    /// Drops those that were due by then.
    pub fn forget(&mut self, until_ms: u64) {
        while let Some(entry) = self.waiting.first_entry()
            && entry.key().0 <= until_ms
        {
            let (key, network, _) = entry.remove();
            self.left(&key, network);
        }
    }

    /// How many went unjudged for want of room since this was last asked.
    pub fn take_dropped(&mut self) -> u32 {
        std::mem::take(&mut self.dropped)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn wait(&mut self, key: Key, network: NetworkKey, time_ms: u64, kept: T) {
        if self
            .of_network
            .get(&network)
            .is_some_and(|of| *of >= MAX_OF_NETWORK)
        {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        if self.waiting.len() >= MAX_WAITING
            && let Some((_, (oldest, of, _))) = self.waiting.pop_first()
        {
            self.left(&oldest, of);
            self.dropped = self.dropped.saturating_add(1);
        }
        let place = (time_ms + ANSWERED_WITHIN_MS + ARRIVES_WITHIN_MS, self.number);
        self.number += 1;
        self.waiting.insert(place, (key, network, kept));
        self.by_key.insert(key, place);
        *self.of_client.entry(key.0).or_default() += 1;
        *self.of_network.entry(network).or_default() += 1;
    }

    fn answer(&mut self, key: &Key) {
        let place = self.by_key.get(key).copied();
        if let Some((_, network, _)) = place.and_then(|place| self.waiting.remove(&place)) {
            self.left(key, network);
        }
    }

    fn left(&mut self, key: &Key, network: NetworkKey) {
        self.by_key.remove(key);
        one_less(&mut self.of_client, key.0);
        one_less(&mut self.of_network, network);
    }
}

fn one_less<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}
