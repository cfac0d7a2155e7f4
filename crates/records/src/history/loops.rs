//! Clients that ask again for what is behind a blob's end: they have all of it, and do not know.

use std::collections::HashMap;

use super::ask::blob_hash;
use crate::cell::is_behind;
use blobwatch_pull::{ClientKey, Record, RecordId};

/// Clients and digests remembered: at 56 bytes and a place in a map each 2 MB at most.
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

type Seen = HashMap<(ClientKey, u64), Behind>;

/// Two generations, as [`super::History`] keeps its chains.
#[derive(Debug, Default)]
pub(super) struct Loops {
    young: Seen,
    old: Seen,
    turned_ms: u64,
}

impl Loops {
    /// Takes in a record that may be a 416 to such a range.
    pub(super) fn see(&mut self, record: &Record) {
        let (Some(start), true) = (record.range.start, is_behind(record)) else {
            return;
        };
        let now_ms = record.id.time_ms();
        let is_due = now_ms.saturating_sub(self.turned_ms) > AGAIN_WITHIN_MS;
        if is_due || self.young.len() >= MAX_LOOPS / 2 {
            self.old = std::mem::take(&mut self.young);
            self.turned_ms = now_ms;
        }
        let key = key(record);
        let known = self.young.get(&key).or_else(|| self.old.get(&key)).copied();
        let goes_on =
            |known: &Behind| known.start == start && now_ms.saturating_sub(known.last_ms) <= AGAIN_WITHIN_MS;
        let new = Behind {
            start,
            first: record.id,
            second: None,
            last_ms: now_ms,
        };
        let seen = known.filter(goes_on).map_or(new, |known| known.with(record.id));
        self.young.insert(key, seen);
    }

    /// Whether it is the first such answer to the client, and whether it is the second.
    pub(super) fn place(&self, record: &Record) -> (bool, bool) {
        let key = key(record);
        let known = self.young.get(&key).or_else(|| self.old.get(&key));
        let known = known.filter(|known| Some(known.start) == record.range.start);
        known.map_or((false, false), |known| {
            (known.first == record.id, known.second == Some(record.id))
        })
    }
}

fn key(record: &Record) -> (ClientKey, u64) {
    (record.client, blob_hash(record.blob_key()))
}
