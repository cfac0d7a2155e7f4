//! All cohorts, slot by slot: cells in, anomalies opened and closed out.
//!
//! In scope: one kind of event ("resumes of blob starts"); a caller that watches several kinds keeps a monitor for each
//! and divides the promise among them. Not in scope: clocks and storage. The whole state is `Serialize`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use crate::baseline::{Estimate, IGNORANCE};
use crate::budget::Budget;
use crate::cohort::{Key, Level, MAX_ATTRIBUTES, Names, Numbers, TrackedCohort};
pub use crate::cohorts::MAX_COHORTS;
use crate::cohorts::{Cohort, Cohorts};
use crate::counts::Counts;
use crate::dispersion::Dispersion;
use crate::incident::{Event, Incident};
pub use learning::Learned;

mod alarms;
mod learning;
mod score;

/// Cells that wait for their slot: all leaves of six sources for a minute, at 48 bytes each 10 MB.
pub const MAX_PENDING: usize = 200_000;

/// How late, in slots, a cell may come: a minute of 10 s slots. It counts in the slot in which it comes.
pub const MAX_LATE_SLOTS: u64 = 6;

/// How far ahead of the last tick a cell may be: an hour of 10 s slots.
pub const MAX_EARLY_SLOTS: u64 = 360;

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Names of the attributes, at most [`crate::cohort::MAX_ATTRIBUTES`].
    pub attributes: Vec<String>,
    /// Length of a slot, at least 1. Slot `s` begins `s * slot_seconds` after 1970-01-01T00:00:00Z.
    pub slot_seconds: u64,
    /// The promise for all cohorts together: on average at most one false alarm in so many days.
    pub days_per_false_alarm: f64,
    /// Cohorts tracked, at most [`MAX_COHORTS`]; several monitors of one process divide them. A quarter is kept for
    /// single attributes.
    pub max_cohorts: usize,
    /// What is expected of everything together before anything was seen; [`IGNORANCE`] where nothing is known of the
    /// events.
    pub usual: Estimate,
}

/// Counts of one leaf in one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    /// One value for each attribute, in their order.
    pub values: &'a [&'a str],
    pub counts: Counts,
}

/// Cells of one slot by numbers that stand for the values of each attribute: several monitors read the same names.
#[derive(Debug)]
pub struct Table<'a> {
    /// The values of each attribute, each once; a number is the place in this list.
    pub names: &'a [Vec<String>],
    /// One number for each attribute.
    pub rows: &'a [[u32; MAX_ATTRIBUTES]],
}

/// What became of a batch of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchOutcome {
    Counted,
    /// This source has already sent this slot.
    Repeated,
    /// More than [`MAX_LATE_SLOTS`] late or [`MAX_EARLY_SLOTS`] early.
    OutOfTime,
}

/// What could not be counted as it came; never silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncounted {
    /// Batches out of time.
    pub out_of_time: u64,
    /// Cells with more events than trials, or another number of values than attributes.
    pub malformed: u64,
    /// Trials and events for which there was no room: of further cohorts, or of too many cells.
    pub other: Counts,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Monitor {
    slot_seconds: u64,
    names: Names,
    tracked: TrackedCohort,
    budget: Budget,
    usual: Estimate,
    cohorts: Cohorts,
    pools: [Dispersion; 4],
    pending: Vec<(u64, Key, Counts)>,
    seen: BTreeSet<(u64, u32)>,
    /// First slot that was ticked.
    began: Option<u64>,
    ticked: Option<u64>,
    hour: u64,
    open: Vec<Incident>,
    closed: Vec<Incident>,
    next_id: u64,
    uncounted: Uncounted,
}

impl Monitor {
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let slot_seconds = settings.slot_seconds.max(1);
        let attributes = settings.attributes.len();
        let names = Names::new(settings.attributes);
        Self {
            slot_seconds,
            tracked: names.tracked(),
            names,
            budget: Budget::new(
                settings.days_per_false_alarm * slots_per_day(slot_seconds),
                attributes,
            ),
            usual: settings.usual,
            cohorts: Cohorts::new(settings.max_cohorts),
            pools: [Dispersion::default(); 4],
            pending: Vec::new(),
            seen: BTreeSet::new(),
            began: None,
            ticked: None,
            hour: 0,
            open: Vec::new(),
            closed: Vec::new(),
            next_id: 1,
            uncounted: Uncounted::default(),
        }
    }

    /// Changes the promise and the room: thresholds are those of so many days from now on, and new cohorts find that much.
    pub fn promise(&mut self, days_per_false_alarm: f64, max_cohorts: usize) {
        self.cohorts.bound(max_cohorts);
        self.budget
            .promise(days_per_false_alarm * slots_per_day(self.slot_seconds));
    }

    /// Counts the cells that one `source` has for one `slot`; a repeat of the pair changes nothing.
    pub fn add<'a>(
        &mut self,
        source: u32,
        slot: u64,
        cells: impl IntoIterator<Item = Cell<'a>>,
    ) -> BatchOutcome {
        let ticked = self.ticked.unwrap_or(slot);
        if slot + MAX_LATE_SLOTS < ticked || slot > ticked + MAX_EARLY_SLOTS {
            self.uncounted.out_of_time += 1;
            return BatchOutcome::OutOfTime;
        }
        if !self.seen.insert((slot, source)) {
            return BatchOutcome::Repeated;
        }
        cells.into_iter().for_each(|cell| self.queue(slot, cell));
        BatchOutcome::Counted
    }

    /// Tests all slots up to `slot`; for a slot that was already tested it does nothing.
    pub fn tick(&mut self, slot: u64) -> Vec<Event> {
        self.tick_with(slot, Vec::new())
    }

    /// As [`Self::tick`], with the counts of leaves that did not wait for it.
    fn tick_with(&mut self, slot: u64, leaves: Vec<(Key, Counts)>) -> Vec<Event> {
        if self.is_ticked(slot) {
            return Vec::new();
        }
        self.ticked = Some(slot);
        self.began.get_or_insert(slot);
        self.seen = self.seen.split_off(&(slot.saturating_sub(MAX_LATE_SLOTS), 0));
        self.age(slot, &leaves);
        let scored = self.score(slot, leaves);
        self.judge(slot, &scored)
    }

    fn is_ticked(&self, slot: u64) -> bool {
        self.ticked.is_some_and(|ticked| slot <= ticked)
    }

    /// All cells of one slot at once, for a caller with one source whose slots come in order.
    pub fn observe<'a>(&mut self, slot: u64, cells: impl IntoIterator<Item = Cell<'a>>) -> Vec<Event> {
        if !self.is_ticked(slot) {
            cells.into_iter().for_each(|cell| self.queue(slot, cell));
        }
        self.tick(slot)
    }

    /// As [`Self::observe`], of a table that several monitors read: `counts` has those of each of its rows.
    pub fn observe_table(
        &mut self,
        slot: u64,
        table: &Table<'_>,
        counts: impl IntoIterator<Item = Counts>,
    ) -> Vec<Event> {
        if self.is_ticked(slot) {
            return Vec::new();
        }
        let mut numbers = Numbers::of(table.names);
        let mut leaves = Vec::new();
        for (row, counts) in table.rows.iter().zip(counts) {
            if counts.events > counts.trials || table.names.len() != self.names.len() {
                self.uncounted.malformed += 1;
            } else if leaves.len() >= MAX_PENDING {
                self.uncounted.other += counts;
            } else if counts.trials > 0 {
                leaves.push((self.names.leaf_of(row, &mut numbers), counts));
            }
        }
        self.tick_with(slot, leaves)
    }

    /// What could not be counted so far.
    #[must_use]
    pub fn uncounted(&self) -> Uncounted {
        let mut all = self.uncounted;
        all.other += self.cohorts.other;
        all
    }

    /// How many cohorts are tracked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cohorts.iter().count()
    }

    /// Most cohorts that are tracked, and how many made room for others since the monitor was read.
    #[must_use]
    pub fn bounds(&self) -> (usize, u64) {
        self.cohorts.bounds()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Estimated correlation of the trials of one slot, for cohorts of `level`.
    #[must_use]
    pub fn rho(&self, level: Level) -> f64 {
        let [root, margin, pair, leaf] = &self.pools;
        match level {
            Level::Root => root,
            Level::Margin => margin,
            Level::Pair => pair,
            Level::Leaf => leaf,
        }
        .rho()
    }

    /// By how many nats the cohort closest to an alarm exceeds its threshold; below zero, what it lacks.
    #[must_use]
    pub fn surplus(&self) -> f64 {
        let surplus =
            |cohort: &Cohort| cohort.evidence.statistic() - self.budget.threshold(Level::of(cohort.key));
        self.cohorts.iter().map(surplus).fold(f64::NEG_INFINITY, f64::max)
    }

    fn queue(&mut self, slot: u64, cell: Cell<'_>) {
        let Cell { values, counts } = cell;
        if counts.events > counts.trials {
            self.uncounted.malformed += 1;
            return;
        }
        let Some(leaf) = self.names.leaf(values) else {
            self.uncounted.malformed += 1;
            return;
        };
        if self.pending.len() >= MAX_PENDING {
            self.uncounted.other += counts;
        } else if counts.trials > 0 {
            self.pending.push((slot, leaf, counts));
        }
    }
}

fn slots_per_day(slot_seconds: u64) -> f64 {
    86_400.0 / slot_seconds as f64
}

#[cfg(test)]
mod tests;
