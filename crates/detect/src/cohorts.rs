//! The table of tracked cohorts: bounded, in the order in which they were first seen.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::baseline::{Baseline, Estimate, IGNORANCE};
use crate::cohort::{Key, KeyMap, Level, TrackedCohort};
use crate::counts::{Counts, Tally};
use crate::dispersion::{Block, Dispersion};
use crate::lag::Lag;
use crate::sequential::Evidence;

/// Cohorts that are tracked: at about 1.4 KB each 28 MB, of the 64 MB that the detector may hold. A leaf has 160 bytes
/// more, for the places of the cohorts it is in.
pub const MAX_COHORTS: usize = 20_000;

/// A cohort that sent nothing for two weeks is forgotten.
const MAX_IDLE_HOURS: u64 = 14 * 24;

/// Where the table is nearly full, those make room that sent nothing for an hour, an eighth of the table at a time.
const MIN_IDLE_SECONDS: u64 = 3_600;
const PARTS: usize = 8;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cohort {
    pub(crate) key: Key,
    pub(crate) baseline: Baseline,
    pub(crate) evidence: Evidence,
    pub(crate) block: Block,
    pub(crate) own: Dispersion,
    /// The healthy rate of the latest slot, margin included.
    pub(crate) healthy: f64,
    /// What its own past expects, as of slot `refreshed`.
    pub(crate) estimate: Estimate,
    pub(crate) refreshed: u64,
    /// The level over all hours, which narrower cohorts begin with.
    pub(crate) level: Estimate,
    pub(crate) rho: f64,
    pub(crate) lag: Lag,
    /// The expected rate of the latest slot.
    pub(crate) expected: f64,
    /// Trials that one slot's count is worth, as its trials are correlated.
    pub(crate) independent: f64,
    /// Counts of the latest slot, as they were tested.
    pub(crate) latest: Tally,
}

/// What one slot has of a cohort.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    pub(crate) counts: Counts,
    /// Trials of leaves that are known, and the events that these leaves expect: what the mix of this slot explains.
    pub(crate) mix: Tally,
}

/// Of the leaf before: for each of its cohorts the place, none where there was no room. Nobody finds room while a slot is summed.
#[derive(Debug, Default)]
pub(crate) struct RecentPlaces {
    of_masks: Vec<(Key, Option<u32>)>,
    found: Vec<u32>,
}

/// Adds counts, and what is expected of them, at places of cohorts.
fn give(shares: &mut [Share], places: &[u32], (counts, mix): (Counts, Tally), touched: &mut Vec<usize>) {
    for at in places.iter().map(|at| *at as usize) {
        if let Some(share) = shares.get_mut(at) {
            if share.counts.trials == 0 {
                touched.push(at);
            }
            share.counts += counts;
            share.mix += mix;
        }
    }
}

/// Places in the table that belong to one: of the cohorts a leaf is in, of the margins a deeper cohort has.
type Places = Box<[u32]>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "SavedTable")]
pub(crate) struct Cohorts {
    rows: Vec<Cohort>,
    max: usize,
    /// Counts of cohorts for which there was no room.
    pub(crate) other: Counts,
    /// Cohorts that made room, since the table was read.
    #[serde(skip)]
    evicted: u64,
    #[serde(skip)]
    index: KeyMap<usize>,
    #[serde(skip)]
    within: KeyMap<Places>,
    #[serde(skip)]
    margins_of: Vec<Option<Places>>,
    #[serde(skip)]
    shares: Vec<Share>,
    #[serde(skip)]
    deep: usize,
    #[serde(skip)]
    margins: usize,
}

/// What is kept of the table: the index is built anew.
#[derive(Deserialize)]
struct SavedTable {
    rows: Vec<Cohort>,
    max: usize,
    other: Counts,
}

impl From<SavedTable> for Cohorts {
    fn from(SavedTable { rows, max, other }: SavedTable) -> Self {
        let mut cohorts = Self {
            rows,
            max,
            other,
            ..Self::default()
        };
        cohorts.reindex();
        cohorts
    }
}

impl Cohorts {
    /// An empty table for at most `max` cohorts.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max: max.min(MAX_COHORTS),
            ..Self::default()
        }
    }

    /// Has room for so many from now on; those that are there stay until they make room.
    pub(crate) fn bound(&mut self, max: usize) {
        self.max = max.min(MAX_COHORTS);
    }

    /// Adds what a leaf has in a slot to every cohort that it is in; those that have something for the first time go to
    /// `touched`. Cohorts for which there is no room are counted as other.
    pub(crate) fn add(
        &mut self,
        (leaf, counts): (Key, Counts),
        (tracked, seconds): (&TrackedCohort, u64),
        recent: &mut RecentPlaces,
        touched: &mut Vec<usize>,
    ) {
        let more = (counts, self.expected_of(leaf, counts));
        let found = match self.within.get(&leaf) {
            Some(places) => {
                give(&mut self.shares, places, more, touched);
                places.len()
            }
            None => {
                self.find(leaf, tracked, seconds, recent);
                give(&mut self.shares, &recent.found, more, touched);
                // A leaf without a place of its own is looked up each time: there is no bound on such leaves.
                if self.index.contains_key(&leaf) {
                    self.within.insert(leaf, recent.found.as_slice().into());
                }
                recent.found.len()
            }
        };
        for _ in found..tracked.len() {
            self.other += counts;
        }
    }

    /// The places of the cohorts that a leaf is in.
    fn find(&mut self, leaf: Key, tracked: &TrackedCohort, seconds: u64, recent: &mut RecentPlaces) {
        recent.found.clear();
        recent.of_masks.resize(tracked.len(), (Key::OF_NOBODY, None));
        for (key, (before, place)) in tracked.cohorts(leaf).zip(&mut recent.of_masks) {
            // Leaves come in the order of their values: most share cohorts with the one before.
            if *before != key {
                let found = self.place(key, seconds);
                (*before, *place) = (key, found.and_then(|at| u32::try_from(at).ok()));
            }
            recent.found.extend(*place);
        }
    }

    /// What the slot has of a cohort, which is then nothing again.
    pub(crate) fn take_share(&mut self, at: usize) -> Share {
        self.shares.get_mut(at).map(std::mem::take).unwrap_or_default()
    }

    fn expected_of(&self, leaf: Key, counts: Counts) -> Tally {
        let known = self.index.get(&leaf).and_then(|at| self.rows.get(*at));
        match known {
            Some(row) if row.baseline.is_known() => Tally {
                trials: counts.trials as f64,
                events: counts.trials as f64 * row.estimate.rate,
            },
            _ => Tally::default(),
        }
    }

    /// The place of a cohort, which is begun at `seconds` if it is new. `None` where there is no room.
    fn place(&mut self, key: Key, seconds: u64) -> Option<usize> {
        if let Some(at) = self.index.get(&key) {
            return Some(*at);
        }
        if !self.admits(Level::of(key)) {
            return None;
        }
        self.rows.push(Cohort {
            key,
            baseline: Baseline::new(seconds),
            evidence: Evidence::default(),
            block: Block::default(),
            own: Dispersion::default(),
            healthy: 0.5,
            estimate: IGNORANCE,
            refreshed: 0,
            level: IGNORANCE,
            rho: 0.0,
            lag: Lag::default(),
            expected: 0.5,
            independent: 1.0,
            latest: Tally::default(),
        });
        self.reindex_from(self.rows.len() - 1);
        Some(self.rows.len() - 1)
    }

    /// A quarter is kept for single attributes: they always find room.
    fn admits(&self, level: Level) -> bool {
        match level {
            Level::Root | Level::Margin => self.rows.len() < self.max,
            Level::Pair | Level::Leaf => self.rows.len() < self.max && self.deep < self.max / 4 * 3,
        }
    }

    /// Levels of the margins that a deeper cohort is in.
    pub(crate) fn margin_levels(&mut self, at: usize, levels: &mut Vec<Estimate>) {
        levels.clear();
        let Some(key) = self.rows.get(at).map(|row| row.key) else {
            return;
        };
        if Level::of(key) <= Level::Margin {
            return;
        }
        let index = &self.index;
        let find = || {
            key.margins()
                .filter_map(|key| index.get(&key))
                .filter_map(|at| u32::try_from(*at).ok())
                .collect()
        };
        if let Some(places) = self.margins_of.get_mut(at) {
            let places = places.get_or_insert_with(find);
            let level = |at: &u32| self.rows.get(*at as usize).map(|row| row.level);
            levels.extend(places.iter().filter_map(level));
        }
    }

    pub(crate) fn get(&self, at: usize) -> Option<&Cohort> {
        self.rows.get(at)
    }

    pub(crate) fn of(&self, key: Key) -> Option<&Cohort> {
        self.rows.get(*self.index.get(&key)?)
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
        let before = self.rows.len();
        self.rows
            .retain(|row| keeps(row.key) || hours.saturating_sub(row.baseline.last_hour()) < MAX_IDLE_HOURS);
        if self.rows.len() < before {
            self.reindex();
        }
    }

    /// Makes room where there is little: cohorts that sent nothing for an hour go, first those of which next to nothing is
    /// known, then those idle for longest; but for those that `keeps` wants.
    pub(crate) fn make_room(&mut self, slot: u64, slot_seconds: u64, keeps: impl Fn(Key) -> bool) {
        if !self.is_crowded() {
            return;
        }
        let idle_slots = MIN_IDLE_SECONDS / slot_seconds;
        let is_idle = |row: &&Cohort| {
            Level::of(row.key) > Level::Root && row.refreshed + idle_slots <= slot && !keeps(row.key)
        };
        let idle = self.rows.iter().filter(is_idle);
        let mut idle: Vec<_> = idle
            .map(|row| (row.baseline.is_known(), row.refreshed, row.key))
            .collect();
        idle.sort_unstable();
        idle.truncate(self.max / PARTS);
        if !idle.is_empty() {
            let gone: HashSet<Key> = idle.into_iter().map(|(.., key)| key).collect();
            self.rows.retain(|row| !gone.contains(&row.key));
            self.evicted += gone.len() as u64;
            self.reindex();
        }
    }

    fn is_crowded(&self) -> bool {
        let little = self.max / 4 / PARTS;
        self.rows.len() + little >= self.max || self.deep + little >= self.max / 4 * 3
    }

    /// Most cohorts, and how many made room for others.
    pub(crate) fn bounds(&self) -> (usize, u64) {
        (self.max, self.evicted)
    }

    fn reindex(&mut self) {
        self.index.clear();
        self.within.clear();
        self.margins_of.clear();
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
        self.shares.resize(self.rows.len(), Share::default());
        self.margins_of.resize(self.rows.len(), None);
    }
}
