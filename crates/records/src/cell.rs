//! Counts for one 10 s slot and one combination of attributes: what a FireLog tells the Detector.
//!
//! In scope: what is counted, sketches of how many clients and networks are behind it, and the bytes of a batch
//! (pinned by `tests/data/cell-batch-v6.bin`). Not in scope: which record counts as what (`history`), where batches
//! wait (`crates/fire-log`), and what follows from them (`detector`).

mod blobs;
mod breadth;
mod bytes;
mod counts;
mod event;
mod route_breadth;
mod sample;
mod tally;
#[cfg(test)]
mod tests;
mod upstream;

use std::sync::Arc;

pub(crate) use blobs::MAX_BLOBS;
pub use blobs::{BlobCount, note_blob};
pub use breadth::{Affected, Breadth, FewNetworks, SKETCH};
pub use counts::{CellCounts, LARGE_BYTES};
pub(crate) use counts::{PACE_FIRST, PACE_PARTS};
pub use event::{Event, Evidence, MAX_EVIDENCE};
pub use route_breadth::{RouteBreadth, RouteBreadths};
pub use sample::{
    Bounds, Cuts, DIGEST, FURTHER, Further, SIZE, SampleKey, SampledRequest, Sampler, Strata, version_of,
};
pub use tally::Tally;
pub(crate) use tally::is_behind;
pub use upstream::{UpstreamCells, UpstreamCount, UpstreamRule, UpstreamTally};

use serde::{Deserialize, Serialize};

use blobwatch_pull::{Family, Fired, Origin, Record};

/// Length of a slot in seconds.
pub const SLOT_S: u64 = 10;

/// Cells of one batch; what does not fit is in [`CellBatch::other`]. A colo's clients of one slot are some 20 client
/// builds in some 20 networks. A cell takes at most 7 KB (eleven pairs of full sketches 3.5 KB, evidence, texts of
/// [`blobwatch_wire::MAX_TEXT_BYTES`]) and 100 bytes in practice, and all samples together `MAX_SAMPLE_BYTES`, so a batch
/// stays below the 2 MB of a row.
pub const MAX_CELLS: usize = 384;

/// Rules of one key; a set of more is cut. A rulebook has some ten.
pub(crate) const MAX_KEY_RULES: usize = 64;

/// What one FireLog counted in one slot, or in a part of it: what came late is another batch of the same slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CellBatch {
    /// Name of the FireLog.
    pub source: String,
    /// Random for each database: a FireLog that lost its database does not repeat numbers. Below 2^53.
    pub epoch: u64,
    /// Grows by one with each batch of the database, from 1. Below 2^53.
    pub seq: u64,
    /// Unix seconds divided by [`SLOT_S`], by the time at which requests came.
    pub slot: u64,
    /// At most [`MAX_CELLS`], ordered by key.
    pub cells: Vec<Cell>,
    /// What did not fit in `cells`.
    pub other: CellCounts,
    /// How much the samples of all cells together leave out.
    pub cuts: Cuts,
    /// By route, each once, at most [`RouteBreadth::MAX`]; none in batches of older versions.
    pub routes: Vec<RouteBreadth>,
    /// What other parties' rules did, mostly in earlier slots.
    pub upstream: UpstreamCells,
}

/// One combination of attributes. Absent text is empty. Keys of one batch share their texts: a copy allocates nothing, unless rules
/// fired.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CellKey {
    pub route: Arc<str>,
    pub colo: Arc<str>,
    pub country: Arc<str>,
    pub asn: Option<u32>,
    pub family: Family,
    pub os: Arc<str>,
    pub fingerprint: Arc<str>,
    /// Rules that fired, in any mode; sorted, each once, at most `MAX_KEY_RULES`.
    pub rules: Vec<Arc<str>>,
}

/// The counts of one combination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    pub key: CellKey,
    pub counts: CellCounts,
    pub affected: Affected,
    /// At most [`MAX_EVIDENCE`] of each event, oldest first.
    pub evidence: Vec<Evidence>,
    /// Of all requests; none in batches of older versions. Read when a batch comes, and saved with no state.
    #[serde(skip)]
    pub networks: FewNetworks,
    /// Blobs behind [`Event::Suspect`], at most `MAX_BLOBS`.
    pub blobs: Vec<BlobCount>,
    /// Requests of this combination with the attributes that it does not have.
    pub sample: Vec<SampledRequest>,
}

/// The slot of a time in milliseconds since 1970.
#[must_use]
pub const fn slot_of(time_ms: u64) -> u64 {
    time_ms / (SLOT_S * 1000)
}

impl CellKey {
    /// The combination that a record belongs to. What other parties did to a request that we saw comes after it was counted,
    /// and is counted by itself.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let is_counted = |fired: &&Fired| !record.seen || Origin::of(&fired.rule) == Origin::Own;
        let fired = record.fired.iter().filter(is_counted);
        let mut rules: Vec<Arc<str>> = fired.map(|fired| Arc::clone(&fired.rule)).collect();
        rules.sort_unstable();
        rules.dedup();
        rules.truncate(MAX_KEY_RULES);
        Self {
            route: Arc::clone(&record.route),
            colo: Arc::from(&*record.colo),
            country: Arc::from(&*record.country),
            asn: record.asn,
            family: record.family,
            os: Arc::from(&*record.os),
            fingerprint: Arc::from(&*record.fingerprint),
            rules,
        }
    }
}

impl Cell {
    #[must_use]
    pub fn new(key: CellKey) -> Self {
        Self {
            key,
            counts: CellCounts::default(),
            affected: Affected::default(),
            evidence: Vec::new(),
            networks: FewNetworks::default(),
            blobs: Vec::new(),
            sample: Vec::new(),
        }
    }

    /// What it takes in a batch at most: a hash takes five bytes, an example 17, the code of a text three.
    fn most_bytes(&self) -> usize {
        let texts = [
            &*self.key.route,
            &self.key.colo,
            &self.key.country,
            &self.key.os,
            &self.key.fingerprint,
            self.key.family.as_str(),
        ];
        let blobs = self.blobs.iter().map(|blob| blob.digest.len() + 10);
        let texts = texts
            .iter()
            .map(|text| text.len() + 5)
            .chain(blobs)
            .sum::<usize>();
        texts
            + self.affected.most_bytes()
            + self.evidence.len() * 17
            + counts::FIELDS * 5
            + self.key.rules.len() * 3
            + 64
    }

    /// Takes in what another cell of the same key counted.
    pub fn merge(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.affected.merge(&other.affected);
        self.networks.merge(&other.networks);
        for evidence in &other.evidence {
            self.note(*evidence);
        }
        for blob in &other.blobs {
            note_blob(&mut self.blobs, &blob.digest, blob.times);
        }
        self.sample.extend_from_slice(&other.sample);
    }

    /// Keeps a record as an example of an event, while there is room.
    pub fn note(&mut self, evidence: Evidence) {
        let kept = self.evidence.iter().filter(|kept| kept.event == evidence.event);
        if kept.count() < MAX_EVIDENCE && !self.evidence.contains(&evidence) {
            self.evidence.push(evidence);
        }
    }
}
