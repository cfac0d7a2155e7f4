//! Clients that ask again for what is behind a blob's end: they have all of it, and do not know.

use super::ask::blob_hash;
use crate::cell::is_behind;
use crate::fair::FairMap;
use blobwatch_pull::{ClientKey, Record, RecordId};

/// Clients and digests remembered: at 112 bytes and a place in a map each 3 MB at most.
const MAX_LOOPS: usize = 16_384;

/// A job that finds its file complete asks once each time that it runs; whoever loops does so within minutes.
const AGAIN_WITHIN_MS: u64 = 300_000;

#[derive(Debug, Clone, Copy)]
struct Behind {
    start: u64,
    /// The first two that were answered so, each within [`AGAIN_WITHIN_MS`] of the one before: however often a client goes
    /// round, it is one that loops.
    first: RecordId,
    second: Option<RecordId>,
    last_ms: u64,
}

impl Behind {
    fn with(self, id: RecordId) -> Self {
        let mut ids = [Some(self.first), self.second, Some(id)];
        ids.sort_unstable_by_key(|id| (id.is_none(), *id));
        let second = ids.get(1).copied().flatten();
        Self {
            first: self.first.min(id),
            second: second.filter(|second| *second != self.first.min(id)),
            last_ms: self.last_ms.max(id.time_ms()),
            ..self
        }
    }
}

#[derive(Debug)]
pub(super) struct Loops(FairMap<(ClientKey, u64), Behind>);

impl Loops {
    /// Those that so many asks are of.
    pub(super) fn of_asks(asks: usize) -> Self {
        Self(FairMap::with_room(asks.min(MAX_LOOPS)))
    }

    pub(super) fn take_evicted(&mut self) -> u32 {
        self.0.take_evicted()
    }

    /// Takes in a record that may be a 416 to such a range.
    pub(super) fn see(&mut self, record: &Record) {
        let (Some(start), true) = (record.range.start, is_behind(record)) else {
            return;
        };
        let now_ms = record.id.time_ms();
        self.0.sweep(now_ms, AGAIN_WITHIN_MS);
        let key = key(record);
        let known = self.0.get(&key).copied();
        let goes_on =
            |known: &Behind| known.start == start && now_ms.saturating_sub(known.last_ms) <= AGAIN_WITHIN_MS;
        let new = Behind {
            start,
            first: record.id,
            second: None,
            last_ms: now_ms,
        };
        let seen = known.filter(goes_on).map_or(new, |known| known.with(record.id));
        self.0.put(key, record.network, now_ms, seen);
    }

    /// Whether it is the first such answer to the client, and whether it is the second.
    pub(super) fn place(&self, record: &Record) -> (bool, bool) {
        let known = self.0.get(&key(record));
        let known = known.filter(|known| Some(known.start) == record.range.start);
        known.map_or((false, false), |known| {
            (known.first == record.id, known.second == Some(record.id))
        })
    }
}

fn key(record: &Record) -> (ClientKey, u64) {
    (record.client, blob_hash(record.blob_key()))
}
