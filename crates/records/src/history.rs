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

pub(crate) use ask::blob_hash;
pub use challenges::Challenges;
pub(crate) use classification::Again;
pub(crate) use classification::Progress;
pub use classification::{Classification, Pace};

use crate::fair::FairMap;
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

/// Asks of all chains together. An ask is 56 bytes, a chain of one some 200 with its place in the map: 26 MB at most,
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
    /// Each weighs as many asks as it has.
    chains: FairMap<(ClientKey, u64), Chain>,
    clients: Clients,
    loops: Loops,
    paces: Paces,
    corrections: Vec<Correction>,
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
            chains: FairMap::with_room(max_asks),
            clients: Clients::of_asks(max_asks),
            loops: Loops::of_asks(max_asks),
            paces: Paces::default(),
            corrections: Vec::new(),
        }
    }

    /// Takes in a record, whatever kind it has been given so far, and says what it is.
    pub fn take(&mut self, record: &Record) -> Classification {
        let time_ms = record.id.time_ms();
        let known_client = self.clients.see(record);
        let Some(ask) = Ask::of(record) else {
            self.refuse(record);
            self.loops.see(record);
            return Classification {
                known_client,
                ..self.beside(record)
            };
        };
        self.chains.sweep(time_ms, WINDOW_MS);
        let key = (record.client, blob_hash(record.blob_key()));
        let spacing = self.clients.spacing(record);
        let pace = self.paces.judge(record);
        let chain = (self.chains).used(key, record.network, time_ms, Chain::default);
        let judged = chain.take(
            Ask {
                known_client,
                pace,
                ..ask
            },
            spacing,
            &mut self.corrections,
        );
        let (asks, found) = (chain.len(), chain.spacing());
        self.chains.weighs(&key, asks);
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
        if let Some(chain) = self.chains.get_mut(&key) {
            chain.refuse(record.id.time_ms());
        }
    }

    /// How a record that was taken in is classified now; its standalone classification if the history was evicted.
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
        let key = (record.client, blob_hash(record.blob_key()));
        self.chains.get(&key)
    }

    /// What a request is before its answer is there; nothing is taken in.
    #[must_use]
    pub fn expected(&self, request: &Request<'_>) -> RangeKind {
        let key = (request.client, blob_hash(request.blob.key()));
        match (self.chains.get(&key), Ask::expected(request)) {
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
        self.chains.weight()
    }

    /// How much was forgotten for want of room since this was last asked: chains, clients, populations.
    pub fn take_evicted(&mut self) -> u32 {
        let beside = [
            self.clients.take_evicted(),
            self.loops.take_evicted(),
            self.paces.take_evicted(),
        ];
        let chains = self.chains.take_evicted();
        beside.into_iter().fold(chains, u32::saturating_add)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
