//! What is normal for a cohort at this hour, learned from the past only.
//!
//! A level (decayed, shrunk towards the parents' level) and 48 hours of day × weekday or weekend, each shrunk towards
//! the level moved by what the root does at that hour. Counts since suspicion arose are held back: learned when it
//! passes, forgotten when an anomaly opens.

use serde::{Deserialize, Serialize};

use crate::counts::Tally;
use crate::dispersion::inflation;

/// How many events, or trials, of its own a cohort needs until it says as much as what is suggested from elsewhere.
///
/// In events: cohorts and hours differ by so many parts of a level, whatever the level is. Where events are frequent, in
/// trials, because a rate that is far from zero moves less.
#[derive(Clone, Copy)]
struct Worth {
    events: f64,
    trials: f64,
}

/// The parents' level, to a cohort: by a factor of two, because cohorts differ. With less, one that is quiet by chance in its
/// first minutes is expected to stay so.
const PARENT: Worth = Worth {
    events: 2.0,
    trials: 50.0,
};

/// The root's own level against what it saw at this hour: within a third, in standard deviations of a Poisson.
const ROOT_SEASON: Worth = Worth {
    events: 10.0,
    trials: 500.0,
};

/// The root's daily shape, to another cohort: within a quarter.
const COHORT_SEASON: Worth = Worth {
    events: 20.0,
    trials: 2000.0,
};

/// What was seen at this hour of the other days, weekends or not: within a sixth.
const OTHER_DAYS: Worth = Worth {
    events: 40.0,
    trials: 2000.0,
};

/// A cohort is tested when it has a past of its own; until then its sums are.
pub(crate) const MIN_TRIALS: f64 = 100.0;

/// Slots of that past. The root has no sum that would be tested in its place: it is tested after so many slots of
/// watching, whatever it had in them, and what is not known widens the margin.
pub(crate) const MIN_SLOTS: u32 = 30;

/// Hourly factor that halves the level's past in a week.
const KEEP_PER_HOUR: f64 = 0.995_883;

/// What stays of an hour's counts at each visit: about the last ten are remembered.
const KEEP_PER_VISIT: f64 = 0.9;

/// A suspicion of 24 hours that opened nothing is the new normal.
const MAX_HELD: usize = 24;

/// Hour of day, and whether it is a weekend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hour {
    weekend: bool,
    of_day: u8,
}

impl Hour {
    /// The hour (UTC) that holds `seconds` since 1970-01-01, a Thursday.
    #[must_use]
    pub fn of(seconds: u64) -> Self {
        let weekday = (seconds / 86_400 + 4) % 7;
        Self {
            weekend: weekday == 0 || weekday == 6,
            of_day: (seconds / 3600 % 24) as u8,
        }
    }

    /// The same hour of a weekday for a weekend, and the other way.
    const fn of_other_days(self) -> Self {
        Self {
            weekend: !self.weekend,
            ..self
        }
    }
}

/// An expected rate and how many independent trials it is known from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub rate: f64,
    pub trials: f64,
}

impl Estimate {
    /// Standard error of the rate, as if there had been one event more: a cohort that was lucky so far would otherwise
    /// seem to be known exactly.
    #[must_use]
    pub fn sd(&self) -> f64 {
        let rate = (self.rate + 1.0 / self.trials).min(0.5_f64.max(self.rate));
        (rate * (1.0 - rate) / self.trials).sqrt()
    }

    fn log_odds(&self) -> f64 {
        (self.rate / (1.0 - self.rate)).ln()
    }

    /// `self` after `seen`, of which `independent` is the independent share.
    fn after(&self, seen: Tally, independent: f64) -> Self {
        let trials = self.trials + seen.trials * independent;
        let events = self.trials * self.rate + seen.events * independent;
        Self {
            rate: (events / trials).clamp(1e-6, 1.0 - 1e-6),
            trials,
        }
    }

    fn worth(self, at_most: Worth) -> Self {
        Self {
            trials: self.trials.min(at_most.trials_at(self.rate)),
            ..self
        }
    }
}

impl Worth {
    fn trials_at(self, rate: f64) -> f64 {
        self.trials.max(self.events / rate)
    }
}

/// The level that a cohort's attributes suggest: each moves the root's log odds by as much as it does alone.
#[must_use]
pub fn expected_level(root: Estimate, margins: &[Estimate]) -> Estimate {
    let moved: f64 = margins
        .iter()
        .map(|margin| margin.log_odds() - root.log_odds())
        .sum();
    let rate = probability(root.log_odds() + moved);
    Estimate {
        rate,
        trials: PARENT.trials_at(rate),
    }
}

/// What the root knows before it has seen anything: half an event in one trial.
pub const IGNORANCE: Estimate = Estimate {
    rate: 0.5,
    trials: 1.0,
};

/// Hours from one to a later one.
pub(crate) fn elapsed(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64
}

fn probability(log_odds: f64) -> f64 {
    (1.0 / (1.0 + (-log_odds).exp())).clamp(1e-6, 1.0 - 1e-6)
}

/// Counts of one hour that are not yet believed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct PendingHour {
    hour: Hour,
    counts: Tally,
    slots: f64,
}

/// About 850 bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Baseline {
    level: Tally,
    slots: f64,
    season: [[Tally; 24]; 2],
    hour: Hour,
    hours: u64,
    /// Counts of the hour that goes on: they move the level now and the daily shape when it is over, for a fault that
    /// begins in an hour never seen before would otherwise be taken for the shape of that hour.
    current: Tally,
    held: Vec<PendingHour>,
}

impl Baseline {
    /// Begins at `seconds` since 1970.
    #[must_use]
    pub fn new(seconds: u64) -> Self {
        Self {
            level: Tally::default(),
            slots: 0.0,
            season: [[Tally::default(); 24]; 2],
            hour: Hour::of(seconds),
            hours: seconds / 3600,
            current: Tally::default(),
            held: Vec::new(),
        }
    }

    /// Whether there is enough of a past to test against.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.level.trials >= MIN_TRIALS && self.slots >= f64::from(MIN_SLOTS)
    }

    /// Trials of its past, of the [`MIN_TRIALS`] that it needs.
    #[must_use]
    pub(crate) fn trials(&self) -> f64 {
        self.level.trials
    }

    /// Trials of an ordinary slot.
    #[must_use]
    pub fn trials_per_slot(&self) -> f64 {
        if self.slots > 0.0 {
            self.level.trials / self.slots
        } else {
            0.0
        }
    }

    /// Whole hours since 1970 of the last slot that was taken in.
    #[must_use]
    pub fn last_hour(&self) -> u64 {
        self.hours
    }

    /// The level over all hours, after `prior`.
    #[must_use]
    pub fn level(&self, prior: Estimate, rho: f64) -> Estimate {
        prior.after(self.level, self.independent(rho))
    }

    /// The root's rate at this hour.
    #[must_use]
    pub fn root_rate(&self, level: Estimate, rho: f64) -> Estimate {
        self.at_this_hour(level.worth(ROOT_SEASON), rho)
    }

    /// A cohort's rate at this hour, given its own level and the root's level and rate.
    #[must_use]
    pub fn rate(&self, level: Estimate, root_level: Estimate, root_rate: Estimate, rho: f64) -> Estimate {
        let rate = probability(level.log_odds() + root_rate.log_odds() - root_level.log_odds());
        // The daily shape is known as well, in relative terms, as the root's.
        let shape = root_rate.trials * (root_rate.rate / rate) * (1.0 - rate) / (1.0 - root_rate.rate);
        let own = COHORT_SEASON.trials_at(rate);
        let trials = 1.0 / (1.0 / level.trials + 1.0 / own + 1.0 / shape);
        self.at_this_hour(Estimate { rate, trials }, rho)
    }

    /// `expected` after what was seen at this hour, on days of the other kind and of this one.
    fn at_this_hour(&self, expected: Estimate, rho: f64) -> Estimate {
        let independent = self.independent(rho);
        let usual = expected.after(self.at(self.hour.of_other_days()), independent);
        let trials = usual.worth(OTHER_DAYS).trials.max(expected.trials);
        Estimate { trials, ..usual }.after(self.at(self.hour), independent)
    }

    /// Moves to the hour of `seconds`: old counts fade. Returns whether it is another hour.
    pub fn enter(&mut self, seconds: u64) -> bool {
        let hours = seconds / 3600;
        if hours <= self.hours {
            return false;
        }
        let keep = KEEP_PER_HOUR.powf(elapsed(self.hours, hours));
        self.level.scale(keep);
        self.slots *= keep;
        let (ended, counts) = (self.hour, std::mem::take(&mut self.current));
        *self.at_mut(ended) += counts;
        (self.hours, self.hour) = (hours, Hour::of(seconds));
        let hour = self.hour;
        self.at_mut(hour).scale(KEEP_PER_VISIT);
        true
    }

    /// Learns a healthy slot, and what was held back before it.
    pub fn learn(&mut self, slot: Tally) {
        self.release();
        self.add(PendingHour {
            hour: self.hour,
            counts: slot,
            slots: 1.0,
        });
    }

    /// Holds back a slot of which it is not yet known whether it is healthy.
    pub fn hold(&mut self, slot: Tally) {
        match self.held.last_mut() {
            Some(held) if held.hour == self.hour => {
                held.counts += slot;
                held.slots += 1.0;
            }
            _ => self.held.push(PendingHour {
                hour: self.hour,
                counts: slot,
                slots: 1.0,
            }),
        }
        if self.held.len() > MAX_HELD {
            self.release();
        }
    }

    /// Forgets what was held back: it was not healthy.
    pub fn discard(&mut self) {
        self.held = Vec::new();
    }

    fn release(&mut self) {
        for held in std::mem::take(&mut self.held) {
            self.add(held);
        }
    }

    fn add(&mut self, PendingHour { hour, counts, slots }: PendingHour) {
        self.level += counts;
        self.slots += slots;
        if hour == self.hour {
            self.current += counts;
        } else {
            *self.at_mut(hour) += counts;
        }
    }

    fn independent(&self, rho: f64) -> f64 {
        1.0 / inflation(rho, self.trials_per_slot())
    }

    fn at(&self, hour: Hour) -> Tally {
        let [weekday, weekend] = &self.season;
        let day = if hour.weekend { weekend } else { weekday };
        day.get(usize::from(hour.of_day)).copied().unwrap_or_default()
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "an hour of day is below 24, by construction"
    )]
    fn at_mut(&mut self, hour: Hour) -> &mut Tally {
        let [weekday, weekend] = &mut self.season;
        let day = if hour.weekend { weekend } else { weekday };
        &mut day[usize::from(hour.of_day)]
    }
}

#[cfg(test)]
mod tests;
