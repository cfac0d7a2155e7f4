//! Watched requests between `decide` and `settle`.

use std::collections::{BTreeMap, HashMap};

use blobwatch_pull::{NetworkKey, ObservedAnswer, Outcome, Pending, Record, RecordId};

/// An isolate on Cloudflare has far fewer requests at a time.
pub(crate) const MAX_IN_FLIGHT: usize = 8_192;

/// Of an isolate's 128 MB: [`MAX_IN_FLIGHT`] requests as most clients send them, 1,000 with the longest texts.
pub(crate) const MAX_IN_FLIGHT_BYTES: usize = 12_250_000;

/// A network with more than one in so many of the bytes in flight makes room itself: whoever opens thousands of requests drives
/// out nobody else's.
const LOUD_ONE_IN: usize = 8;

/// A request that was not answered for this long is not going to be: Cloudflare gives an origin 100 s to begin.
pub(crate) const UNANSWERED_AFTER_MS: u64 = 5 * 60_000;

/// Ordered by id, and so by age. A request whose client left before the origin answered is never settled; it leaves by
/// age, or when room is needed.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    waiting: Requests,
    /// Answered requests whose body is observed: it may take hours. Their records as they are without its end.
    observed: Requests,
    /// Bytes of each network in both.
    by_network: HashMap<NetworkKey, usize>,
}

/// Boxed: a node of the map has room for eleven and is half full.
#[derive(Debug, Default)]
struct Requests {
    by_id: BTreeMap<RecordId, Box<Pending>>,
    bytes: usize,
}

impl Requests {
    fn insert(&mut self, pending: Box<Pending>) {
        self.bytes += pending.bytes();
        self.by_id.insert(pending.record.id, pending);
    }

    fn remove(&mut self, id: RecordId) -> Option<Box<Pending>> {
        let pending = self.by_id.remove(&id);
        self.without(pending)
    }

    fn first(&self) -> Option<RecordId> {
        self.by_id.keys().next().copied()
    }

    fn first_of(&self, network: NetworkKey) -> Option<RecordId> {
        let mut requests = self.by_id.iter();
        let first = requests.find(|(_, pending)| pending.record.network == network);
        first.map(|(id, _)| *id)
    }

    /// Nothing of a request changes while it is kept.
    fn without(&mut self, pending: Option<Box<Pending>>) -> Option<Box<Pending>> {
        self.bytes -= pending.as_ref().map_or(0, |pending| pending.bytes());
        pending
    }
}

impl InFlight {
    pub(super) fn insert(&mut self, pending: Box<Pending>) {
        *self.by_network.entry(pending.record.network).or_default() += pending.bytes();
        self.waiting.insert(pending);
    }

    /// Takes out the oldest request, or the oldest of the loudest network, where there is no room for one of so many bytes.
    pub(super) fn take_surplus(&mut self, bytes: usize) -> Option<Record> {
        let count = self.waiting.by_id.len() + self.observed.by_id.len();
        if count < MAX_IN_FLIGHT && self.bytes() + bytes <= MAX_IN_FLIGHT_BYTES {
            return None;
        }
        let surplus = match self.loudest() {
            Some(network) => (self.waiting.first_of(network)).or_else(|| self.observed.first_of(network)),
            None => self.waiting.first().or_else(|| self.observed.first()),
        };
        self.take(surplus?).map(|pending| pending.record)
    }

    fn loudest(&self) -> Option<NetworkKey> {
        let (network, bytes) = self.by_network.iter().max_by_key(|(_, bytes)| **bytes)?;
        (bytes.saturating_mul(LOUD_ONE_IN) > self.bytes()).then_some(*network)
    }

    fn left(&mut self, network: NetworkKey, bytes: usize) {
        if let Some(held) = self.by_network.get_mut(&network) {
            *held = held.saturating_sub(bytes);
            if *held == 0 {
                self.by_network.remove(&network);
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.waiting.bytes + self.observed.bytes
    }

    pub(super) fn answered(&mut self, id: RecordId, said: &ObservedAnswer<'_>) {
        if let Some(mut pending) = self.waiting.remove(id) {
            self.left(pending.record.network, pending.bytes());
            pending.answered(&ObservedAnswer {
                outcome: Outcome::NotObserved,
                ..*said
            });
            *self.by_network.entry(pending.record.network).or_default() += pending.bytes();
            self.observed.insert(pending);
        }
    }

    pub(super) fn take(&mut self, id: RecordId) -> Option<Box<Pending>> {
        let taken = self.waiting.remove(id).or_else(|| self.observed.remove(id))?;
        self.left(taken.record.network, taken.bytes());
        Some(taken)
    }

    /// Takes out one request that will not be answered any more.
    pub(super) fn take_unanswered(&mut self, now_ms: u64) -> Option<Record> {
        let oldest = self.waiting.first()?;
        let is_over = now_ms.saturating_sub(oldest.time_ms()) > UNANSWERED_AFTER_MS;
        is_over
            .then(|| self.take(oldest))
            .flatten()
            .map(|pending| pending.record)
    }
}
