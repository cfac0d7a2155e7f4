//! One incident: the cohorts that alarm together, and the one of them that is named.
//!
//! The rule is simple on purpose: cohorts that overlap and alarm together are one incident, and it is named after the
//! one whose evidence exceeds its own threshold by most. A cohort wider than the fault dilutes it, a narrower one holds
//! less of it. Sets of values ("these six colos") are `localize`'s.

use serde::{Deserialize, Serialize};

use crate::cohort::Key;
use crate::cohorts::Cohort;
use crate::counts::Tally;
use crate::recovery::Recovery;
use crate::sequential::delay_bound;

/// Members that are remembered, to see whether a further cohort is part of the incident. 16 bytes each.
const MAX_MEMBERS: usize = 64;

/// What an incident says at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// Stays the same when it reopens.
    pub id: u64,
    /// Pairs of attribute and value; empty is everything.
    pub cohort: Vec<(String, String)>,
    /// Slot in which it was opened, or opened again.
    pub opened: u64,
    pub closed: Option<u64>,
    /// First slot of the likeliest rise.
    pub onset: u64,
    /// Logarithm of the evidence when it was opened, or when the named cohort last changed; nats.
    pub statistic: f64,
    /// Rate that the baseline expected.
    pub expected: f64,
    /// Rate since the onset.
    pub observed: f64,
    /// Slots with trials that a rise of this size needs on average, at most, until it is found at this volume. `None`
    /// where it never is.
    pub delay_bound: Option<u64>,
    /// How often it came back.
    pub reopened: u32,
}

/// What happened in a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Opened(Anomaly),
    /// More evidence names another cohort.
    Changed(Anomaly),
    Closed(Anomaly),
}

/// A cohort whose statistic reached its threshold, or is held against one that did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Suspect {
    pub(crate) key: Key,
    pub(crate) statistic: f64,
    pub(crate) threshold: f64,
    pub(crate) onset: u64,
    pub(crate) expected: f64,
    pub(crate) healthy: f64,
    pub(crate) since: Tally,
    pub(crate) rho: f64,
    /// Independent trials of one slot.
    pub(crate) trials: f64,
}

impl Suspect {
    pub(crate) fn of(cohort: &Cohort, threshold: f64) -> Self {
        Self {
            key: cohort.key,
            statistic: cohort.evidence.statistic(),
            threshold,
            onset: cohort.evidence.onset(),
            expected: cohort.expected,
            healthy: cohort.healthy,
            since: cohort.evidence.since_onset(),
            rho: cohort.rho,
            trials: cohort.baseline.trials_per_slot() * cohort.independent,
        }
    }

    pub(crate) fn surplus(&self) -> f64 {
        self.statistic - self.threshold
    }

    /// Most surplus first; the simpler one on ties, then the one first named.
    pub(crate) fn before(&self, other: &Self) -> std::cmp::Ordering {
        let simpler = |s: &Self| (s.key.depth(), s.key);
        other
            .surplus()
            .total_cmp(&self.surplus())
            .then_with(|| simpler(self).cmp(&simpler(other)))
    }

    fn recovery(&self) -> Recovery {
        Recovery::of((self.expected, self.healthy), self.since.rate(), self.rho)
    }

    fn delay_bound(&self) -> Option<u64> {
        let bound = delay_bound(self.threshold, self.trials, self.since.rate(), self.healthy);
        bound.map(|slots| slots.ceil() as u64)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Incident {
    pub(crate) id: u64,
    pub(crate) lead: Key,
    members: Vec<Key>,
    pub(crate) opened: u64,
    pub(crate) closed: Option<u64>,
    onset: u64,
    statistic: f64,
    expected: f64,
    observed: f64,
    delay_bound: Option<u64>,
    pub(crate) reopened: u32,
    pub(crate) recovery: Recovery,
}

impl Incident {
    pub(crate) fn open(id: u64, slot: u64, suspect: &Suspect) -> Self {
        Self {
            id,
            lead: suspect.key,
            members: vec![suspect.key],
            opened: slot,
            closed: None,
            onset: suspect.onset,
            statistic: suspect.statistic,
            expected: suspect.expected,
            observed: suspect.since.rate(),
            delay_bound: suspect.delay_bound(),
            reopened: 0,
            recovery: suspect.recovery(),
        }
    }

    /// The same incident again, with its history.
    pub(crate) fn reopen(&mut self, slot: u64, suspect: &Suspect) {
        (self.opened, self.closed, self.onset) = (slot, None, suspect.onset);
        self.reopened += 1;
        self.name(suspect);
        self.join(suspect.key);
    }

    /// Names the incident after `suspect`.
    pub(crate) fn name(&mut self, suspect: &Suspect) {
        self.lead = suspect.key;
        self.onset = self.onset.min(suspect.onset);
        (self.statistic, self.expected) = (suspect.statistic, suspect.expected);
        (self.observed, self.delay_bound) = (suspect.since.rate(), suspect.delay_bound());
        self.recovery = suspect.recovery();
    }

    /// Takes in the latest slot of the named cohort.
    pub(crate) fn observe(&mut self, lead: &Cohort) {
        self.recovery.expect(lead.expected, lead.healthy);
        self.recovery.advance(lead.latest);
        if !self.recovery.heals() {
            self.recovery.worsen(lead.evidence.since_onset().rate());
        }
    }

    pub(crate) fn join(&mut self, key: Key) {
        if self.members.len() < MAX_MEMBERS && !self.members.contains(&key) {
            self.members.push(key);
        }
    }

    /// The cohorts that it is about.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        [self.lead].into_iter().chain(self.members.iter().copied())
    }

    /// Whether a cohort that alarms now is part of this.
    pub(crate) fn holds(&self, key: Key) -> bool {
        self.lead.overlaps(key) || self.members.iter().any(|member| member.overlaps(key))
    }

    pub(crate) fn anomaly(&self, cohort: Vec<(String, String)>) -> Anomaly {
        Anomaly {
            id: self.id,
            cohort,
            opened: self.opened,
            closed: self.closed,
            onset: self.onset,
            statistic: self.statistic,
            expected: self.expected,
            observed: self.observed,
            delay_bound: self.delay_bound,
            reopened: self.reopened,
        }
    }
}
