//! The table of tracked cohorts: bounded, in the order in which they were first seen.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::baseline::Baseline;
use crate::cohort::{Key, Level};
use crate::counts::Counts;
use crate::dispersion::Block;
use crate::sequential::Evidence;

/// Cohorts that are tracked: at about 1.2 KB each 24 MB, of the 64 MB that the detector may hold.
pub const MAX_COHORTS: usize = 20_000;

/// Of these, how many may be pairs and leaves: single attributes always find room.
pub const MAX_DEEP_COHORTS: usize = MAX_COHORTS / 4 * 3;

/// A cohort that sent nothing for two weeks is forgotten.
const MAX_IDLE_HOURS: u64 = 14 * 24;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cohort {
    pub(crate) key: Key,
    pub(crate) baseline: Baseline,
    pub(crate) evidence: Evidence,
    pub(crate) block: Block,
    /// The healthy rate of the latest slot, margin included.
    pub(crate) healthy: f64,
    /// The expected rate of the latest slot.
    pub(crate) expected: f64,
    /// Trials that one slot's count is worth, as its trials are correlated.
    pub(crate) independent: f64,
    /// Log likelihood ratios of the latest slot.
    pub(crate) ratios: [f64; 3],
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Saved")]
pub(crate) struct Cohorts {
    rows: Vec<Cohort>,
    #[serde(skip)]
    index: HashMap<Key, usize>,
    #[serde(skip)]
    deep: usize,
    #[serde(skip)]
    margins: usize,
    /// Counts of cohorts for which there was no room.
    pub(crate) other: Counts,
}

/// What is kept of the table: the index is built anew.
#[derive(Deserialize)]
struct Saved {
    rows: Vec<Cohort>,
    other: Counts,
}

impl From<Saved> for Cohorts {
    fn from(Saved { rows, other }: Saved) -> Self {
        let mut cohorts = Self {
            rows,
            other,
            ..Self::default()
        };
        cohorts.reindex();
        cohorts
    }
}

impl Cohorts {
    /// The place of a cohort, which is begun at `seconds` if it is new. `None`, counted, where there is no room.
    pub(crate) fn place(&mut self, key: Key, seconds: u64, counts: Counts) -> Option<usize> {
        if let Some(at) = self.index.get(&key) {
            return Some(*at);
        }
        if !self.admits(Level::of(key)) {
            self.other += counts;
            return None;
        }
        self.rows.push(Cohort {
            key,
            baseline: Baseline::new(seconds),
            evidence: Evidence::default(),
            block: Block::default(),
            healthy: 0.5,
            expected: 0.5,
            independent: 1.0,
            ratios: [0.0; 3],
        });
        self.reindex_from(self.rows.len() - 1);
        Some(self.rows.len() - 1)
    }

    fn admits(&self, level: Level) -> bool {
        match level {
            Level::Root | Level::Margin => self.rows.len() < MAX_COHORTS,
            Level::Pair | Level::Leaf => self.rows.len() < MAX_COHORTS && self.deep < MAX_DEEP_COHORTS,
        }
    }

    pub(crate) fn get(&self, at: usize) -> Option<&Cohort> {
        self.rows.get(at)
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut Cohort> {
        self.rows.get_mut(at)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cohort> {
        self.rows.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Cohort> {
        self.rows.iter_mut()
    }

    /// Single attributes, and what is deeper.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.margins, self.deep)
    }

    /// Forgets cohorts that have been idle for long, but for those that `keeps` wants.
    pub(crate) fn forget(&mut self, hours: u64, keeps: impl Fn(Key) -> bool) {
        self.rows
            .retain(|row| keeps(row.key) || hours.saturating_sub(row.baseline.last_hour()) < MAX_IDLE_HOURS);
        self.reindex();
    }

    fn reindex(&mut self) {
        self.index.clear();
        (self.deep, self.margins) = (0, 0);
        self.reindex_from(0);
    }

    fn reindex_from(&mut self, first: usize) {
        for (at, row) in self.rows.iter().enumerate().skip(first) {
            self.index.insert(row.key, at);
            match Level::of(row.key) {
                Level::Root => {}
                Level::Margin => self.margins += 1,
                Level::Pair | Level::Leaf => self.deep += 1,
            }
        }
    }
}
