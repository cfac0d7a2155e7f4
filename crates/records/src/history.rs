//! What clients did before: the range kinds that one request alone does not show.
//!
//! In scope: chains of asks, one a client and blob, and what each ask is seen beside the others: `chunk`, `repeat`,
//! `restart`, a `resume` of known origin, progress. Not in scope: where records come from (`crates/fire-log`, or an
//! isolate's `settle`), and counting (`cell`). Time is in the records.
//!
//! The key is the digest, not the repository: clients keep what they have of a blob under its digest. Where a path does
//! not say the digest, the object that it names stands for it. Every chain is
//! judged again whenever an ask joins it, also one that comes late: the first two starts of a parallel fetch look like
//! resumes until the third. What was said before and is not true any more is a [`Correction`].

mod ask;
mod chain;
mod challenges;
mod chunks;
mod clients;
mod closed;
mod classification;
mod loops;
mod open;
mod paces;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub(crate) use ask::blob_hash;
pub use challenges::Challenges;
pub(crate) use classification::Again;
pub(crate) use classification::Progress;
pub use classification::{Classification, Pace};

use ask::Ask;
use blobwatch_pull::{ClientKey, RangeKind, Record, RecordId, Request};
use chain::Chain;
use clients::Clients;
use loops::Loops;
use paces::Paces;

/// How long an ask bears on those after it: dockerd gives up after 75 s, containerd's CRI cancels after 5 minutes and
/// kubelet waits up to 5 more (docs/detection.md).
pub const WINDOW_MS: u64 = 30 * 60_000;

/// Asks of one chain: three rounds of ten parallel tiles fit. What is older is forgotten.
pub(crate) const MAX_CHAIN_ASKS: usize = 32;

/// Asks of all chains together. An ask is 56 bytes, a chain of one some 150 with its place in the map: 20 MB at most,
/// of an object's 128. At 100 requests a second it is more than the window.
pub(crate) const MAX_ASKS: usize = 131_072;

/// Corrections that wait to be fetched; what is more is not corrected in what is stored.
pub const MAX_CORRECTIONS: usize = 4096;

/// A stored record's kind turned out to be another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correction {
    pub id: RecordId,
    pub kind: RangeKind,
}

/// The chains of all clients of one FireLog.
#[derive(Debug)]
pub struct History {
    /// Chains touched since the last turn, and those touched in the turn before: a turn comes after [`WINDOW_MS`], or
    /// when half of the room is used.
    young: Chains,
    old: Chains,
    turned_ms: u64,
    clients: Clients,
    loops: Loops,
    paces: Paces,
    corrections: Vec<Correction>,
    max_asks: usize,
}

#[derive(Debug, Default)]
struct Chains {
    by_key: HashMap<(ClientKey, u64), Chain>,
    asks: usize,
}

impl Default for History {
    fn default() -> Self {
        Self::with_room(MAX_ASKS)
    }
}

impl History {
    /// A history of at most so many asks.
    #[must_use]
    pub fn with_room(max_asks: usize) -> Self {
        Self {
            young: Chains::default(),
            old: Chains::default(),
            turned_ms: 0,
            clients: Clients::default(),
            loops: Loops::default(),
            paces: Paces::default(),
            corrections: Vec::new(),
            max_asks,
        }
    }

    /// Takes in a record, whatever kind it has been given so far, and says what it is.
    pub fn take(&mut self, record: &Record) -> Classification {
        let time_ms = record.id.time_ms();
        let known_client = self.clients.see(record.client, time_ms);
        let Some(ask) = Ask::of(record) else {
            self.refuse(record);
            self.loops.see(record);
            return Classification {
                known_client,
                ..self.beside(record)
            };
        };
        self.turn(time_ms);
        let key = (record.client, blob_hash(record.blob_key()));
        let spacing = self.clients.spacing(record);
        let pace = self.paces.judge(record);
        let chain = self.young.fetch(&mut self.old, key);
        let before = chain.len();
        let judged = chain.take(
            Ask {
                known_client,
                pace,
                ..ask
            },
            spacing,
            &mut self.corrections,
        );
        let (after, found) = (chain.len(), chain.spacing());
        self.young.asks = (self.young.asks + after).saturating_sub(before);
        if let Some(spacing) = found {
            self.clients.keep_spacing(record, spacing);
        }
        self.corrections.truncate(MAX_CORRECTIONS);
        judged
    }

    /// Keeps with the client's chain that the rest was refused to it; where none is known there is nothing to begin again.
    fn refuse(&mut self, record: &Record) {
        if record.range.honoured != Some(false) {
            return;
        }
        let key = (record.client, blob_hash(record.blob_key()));
        let chain = self.young.by_key.get_mut(&key);
        if let Some(chain) = chain.or_else(|| self.old.by_key.get_mut(&key)) {
            chain.refuse(record.id.time_ms());
        }
    }

    /// What a record that was taken in is seen as now; what it is by itself where that is forgotten.
    #[must_use]
    pub fn recall(&self, record: &Record) -> Classification {
        let told = self.chain(record).and_then(|chain| chain.recall(record.id));
        told.unwrap_or_else(|| Classification {
            known_client: self.clients.is_known(record.client, record.id.time_ms()),
            ..self.beside(record)
        })
    }

    /// What a record is that is in no chain.
    fn beside(&self, record: &Record) -> Classification {
        let is_before = |chain: &Chain| chain.has_before(record.id);
        let (behind, looped) = self.loops.place(record);
        Classification {
            origin_known: self.chain(record).is_some_and(is_before),
            behind,
            looped,
            ..Classification::alone(record)
        }
    }

    fn chain(&self, record: &Record) -> Option<&Chain> {
        self.by_key((record.client, blob_hash(record.blob_key())))
    }

    fn by_key(&self, key: (ClientKey, u64)) -> Option<&Chain> {
        self.young.by_key.get(&key).or_else(|| self.old.by_key.get(&key))
    }

    /// What a request is before its answer is there; nothing is taken in.
    #[must_use]
    pub fn expected(&self, request: &Request<'_>) -> RangeKind {
        let key = (request.client, blob_hash(request.blob.key()));
        match (self.by_key(key), Ask::expected(request)) {
            (Some(chain), Some(ask)) => chain.expected(ask, self.clients.spacing_of(request.client)),
            _ => request.asked.kind(),
        }
    }

    /// Takes out what was corrected since the last call, in the order in which it was found out.
    pub fn corrections(&mut self) -> Vec<Correction> {
        std::mem::take(&mut self.corrections)
    }

    /// Asks held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.asks + self.old.asks
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn turn(&mut self, now_ms: u64) {
        let is_due = now_ms.saturating_sub(self.turned_ms) > WINDOW_MS;
        if is_due || self.young.asks >= self.max_asks / 2 {
            self.old = std::mem::take(&mut self.young);
            self.turned_ms = now_ms;
        }
    }
}

impl Chains {
    /// The chain of a key, taken over from the older ones where it is there.
    fn fetch(&mut self, old: &mut Self, key: (ClientKey, u64)) -> &mut Chain {
        if let Some(chain) = old.by_key.remove(&key) {
            old.asks = old.asks.saturating_sub(chain.len());
            self.asks += chain.len();
            self.by_key.insert(key, chain);
        }
        self.by_key.entry(key).or_default()
    }
}
