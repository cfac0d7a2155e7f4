//! Trials and events: the only thing that is ever counted.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Counts of one slot. `events` is at most `trials`: cells that break this are refused where they come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub trials: u64,
    pub events: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.trials = self.trials.saturating_add(other.trials);
        self.events = self.events.saturating_add(other.events);
    }
}

/// Sums over many slots, which may be decayed, so they are not whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    pub trials: f64,
    pub events: f64,
}

impl Tally {
    /// The share of events, 0 where nothing was counted.
    #[must_use]
    pub fn rate(self) -> f64 {
        if self.trials > 0.0 {
            self.events / self.trials
        } else {
            0.0
        }
    }

    pub(crate) fn scale(&mut self, factor: f64) {
        self.trials *= factor;
        self.events *= factor;
    }
}

impl From<Counts> for Tally {
    fn from(counts: Counts) -> Self {
        Self {
            trials: counts.trials as f64,
            events: counts.events as f64,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.trials += other.trials;
        self.events += other.events;
    }
}
