//! Whether it is over: a sequential test in the other direction, against what was seen while it was wrong.
//!
//! A rate just above the healthy one is told apart from it in hours; that a fault still does a third of its harm is
//! refuted in seconds, and is what somebody wants to know who has just switched something off. So the null is "at least
//! a third of the excess is left". What is left below that is nobody's null: therefore the slots that refute it must
//! not themselves look like a rise, and when they do the test begins anew.

use serde::{Deserialize, Serialize};

use crate::beta_binomial::{ln_weight, margin, odds_times};
use crate::counts::Tally;
use crate::sequential::{ln_one_plus_exp, log_ratios};

/// The part of the excess that must be refuted. With a half, a fault mended to a quarter closes within the hour and comes
/// back; with an eighth, 60 trials a slot need three minutes where they need one (docs/detection.md).
const LEFT: f64 = 1.0 / 3.0;

/// The null is no nearer to health than this, in odds of the healthy rate, the mildest rise that is tested for, unless the
/// height was lower.
const MILDEST_ODDS: f64 = 2.0;

/// Nor than this where even that was lower, because what is healthy went up since.
const LEAST_ODDS: f64 = 1.25;

/// Nats for a rise, in the slots since the recovery began, up to which they may end it.
const CALM_NATS: f64 = 1.0;

/// And those from which on it has not begun: a healthy cohort gets there once in e^3 tries at most (Ville).
const RELAPSE_NATS: f64 = 3.0;

/// Logarithm of "no evidence yet". Finite, so that it survives formats without infinities; its exponential is 0.
const NOTHING: f64 = -1e6;

/// Nats from which on it seems to recover.
const HEALING_NATS: f64 = 2.0;

/// While a third of the excess goes on, a false recovery comes once a day at most.
const SECONDS_PER_FALSE_RECOVERY: f64 = 86_400.0;

/// Seconds that must be well, however much they say: a fault may pause. Doubled each time that it came back, to a quarter
/// of an hour.
const LEAST_SECONDS: u64 = 60;
const MAX_DOUBLED: u32 = 4;

/// Evidence that a raised rate is healthy again: about 80 bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Recovery {
    expected: f64,
    /// Rate up to which a slot is healthy.
    healthy: f64,
    /// The highest rate that was seen while it was wrong.
    height: f64,
    rho: f64,
    ln_m: f64,
    /// Likelihood of "it began `slots` ago" (Page's CUSUM).
    cusum: f64,
    slots: u64,
    /// Nats for each alternative of a rise since then.
    rises: [f64; 3],
}

impl Recovery {
    /// Waits for a cohort of which a rate of `expected` is healthy, known up to `sd`, and `observed` was seen. `rho` is the
    /// correlation of the trials of one slot.
    #[must_use]
    pub fn new((expected, sd): (f64, f64), observed: f64, rho: f64) -> Self {
        Self::of((expected, margin(expected, sd)), observed, rho)
    }

    /// The same where it is known up to which rate a slot is `healthy`.
    pub(crate) fn of((expected, healthy): (f64, f64), observed: f64, rho: f64) -> Self {
        Self {
            expected,
            healthy,
            height: observed,
            rho,
            ln_m: NOTHING,
            cusum: 0.0,
            slots: 0,
            rises: [0.0; 3],
        }
    }

    /// What is expected now, and up to which rate it is `healthy`: both go with the hours.
    pub fn expect(&mut self, expected: f64, healthy: f64) {
        (self.expected, self.healthy) = (expected, healthy);
    }

    /// Says what is seen while it is wrong; what counts is its height, which recovery does not dilute.
    pub fn worsen(&mut self, observed: f64) {
        self.height = self.height.max(observed);
    }

    /// Forgets what was seen of health.
    pub fn restart(&mut self) {
        (self.ln_m, self.cusum) = (NOTHING, 0.0);
        (self.slots, self.rises) = (0, [0.0; 3]);
    }

    /// Rate from which on it is not over.
    fn ill(&self) -> f64 {
        let left = self.expected + LEFT * (self.height - self.expected);
        let mildest = odds_times(self.healthy, MILDEST_ODDS).min(self.height);
        left.max(mildest)
            .min(1.0 - 1e-6)
            .max(odds_times(self.healthy, LEAST_ODDS))
    }

    /// Takes in one slot; one without trials says nothing.
    pub fn advance(&mut self, counts: Tally) {
        if counts.trials <= 0.0 {
            return;
        }
        let null = ln_weight(counts, self.ill(), self.rho);
        let w = ln_weight(counts, self.healthy, self.rho) - null;
        self.ln_m = ln_one_plus_exp(self.ln_m) + w;
        if self.cusum <= 0.0 {
            (self.slots, self.rises) = (0, [0.0; 3]);
        }
        self.cusum = (self.cusum + w).max(0.0);
        self.slots += 1;
        let ratios = log_ratios(counts, self.healthy, self.rho);
        self.rises
            .iter_mut()
            .zip(ratios)
            .for_each(|(rise, ratio)| *rise += ratio);
        if self.rise() > RELAPSE_NATS {
            (self.ln_m, self.cusum) = (NOTHING, 0.0);
        }
    }

    /// Whether there are first signs of health: what is seen from then on is a mix of both.
    #[must_use]
    pub fn heals(&self) -> bool {
        self.cusum >= HEALING_NATS
    }

    /// Whether it is over, in slots of so many seconds and in what came back so many times.
    #[must_use]
    pub fn is_healed(&self, slot_seconds: u64, reopened: u32) -> bool {
        let threshold = (SECONDS_PER_FALSE_RECOVERY / slot_seconds as f64).ln();
        let least = (LEAST_SECONDS << reopened.min(MAX_DOUBLED)).div_ceil(slot_seconds);
        self.is_over(threshold, least)
    }

    /// Whether `threshold` (nats, ln A) is reached, by `least` slots or more that are no rise themselves: while the null
    /// holds the mean time until then is at least A slots.
    #[must_use]
    pub(crate) fn is_over(&self, threshold: f64, least: u64) -> bool {
        self.ln_m >= threshold && self.slots >= least && self.rise() <= CALM_NATS
    }

    fn rise(&self) -> f64 {
        self.rises.iter().copied().fold(f64::MIN, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::Recovery;
    use crate::counts::Tally;
    use crate::simulate::Random;
    use crate::simulate::closing::{EXPECTED, MINUTE, OBSERVED, RHO, THRESHOLD, close};

    /// The slots of so many runs, in order; those that never closed are at the end.
    fn closes(runs: u64, trials: f64, left: f64, limit: u64) -> Vec<u64> {
        let mut all: Vec<u64> = (0..runs)
            .map(|seed| close(seed, trials, left, limit).unwrap_or(u64::MAX))
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn sixty_trials_a_slot_close_within_two_minutes() {
        let all = closes(400, 60.0, 0.0, 360);
        assert!(
            all[200] <= 9 && all[380] <= 18,
            "median {}, 95 % {}",
            all[200],
            all[380]
        );
    }

    #[test]
    fn six_trials_a_slot_close_within_a_quarter_of_an_hour() {
        let all = closes(400, 6.0, 0.0, 360);
        assert!(
            all[200] <= 72 && all[380] <= 120,
            "median {}, 95 % {}",
            all[200],
            all[380]
        );
    }

    #[test]
    fn a_fault_mended_in_part_stays_open() {
        // Six hours of a fault of which a third is left close it once in four runs at most: once a day is promised.
        for (left, most) in [(1.0, 0), (0.5, 1), (1.0 / 3.0, 50)] {
            for trials in [6.0, 60.0, 600.0] {
                let all = closes(200, trials, left, 2160);
                let closed = all.iter().filter(|at| **at < u64::MAX).count();
                assert!(closed <= most, "{closed} of 200 at {left} with {trials}");
            }
        }
    }

    #[test]
    fn a_rest_does_not_keep_it_open_once_it_is_gone() {
        let mut random = Random::new(1);
        let mut recovery = Recovery::new((EXPECTED, 0.0), OBSERVED, RHO);
        let mut play = |recovery: &mut Recovery, rate| {
            let counts = random.slot(60, rate, RHO);
            recovery.advance(Tally::from(counts));
        };
        for _ in 0..360 {
            play(&mut recovery, 0.03);
        }
        assert!(!recovery.is_over(THRESHOLD, MINUTE));
        for _ in 0..24 {
            play(&mut recovery, EXPECTED);
        }
        assert!(recovery.is_over(THRESHOLD, MINUTE), "{recovery:?}");
    }

    #[test]
    fn silence_is_not_health() {
        let mut recovery = Recovery::new((EXPECTED, 0.0), OBSERVED, RHO);
        for _ in 0..1000 {
            recovery.advance(Tally::default());
        }
        assert!(!recovery.is_over(THRESHOLD, 0));
    }

    #[test]
    fn a_small_excess_must_be_gone_for_good() {
        #[track_caller]
        fn case(observed: f64, ill: f64) {
            let recovery = Recovery::new((EXPECTED, 0.0), observed, RHO);
            assert!((recovery.ill() - ill).abs() < 1e-4, "{}", recovery.ill());
        }
        case(0.013, 0.010_94);
        case(0.008, 0.008);
        case(EXPECTED, 0.006_86);
    }

    #[test]
    fn a_mild_fault_that_goes_on_is_not_over() {
        // Six hours: a quarter of a day, in which a false recovery is promised to come once at most.
        let is_closed = |seed: &u64| {
            let mut random = Random::new(*seed);
            let mut recovery = Recovery::new((EXPECTED, 0.0), 0.007, RHO);
            (0..2160).any(|_| {
                recovery.advance(Tally::from(random.slot(600, 0.007, RHO)));
                recovery.is_over(THRESHOLD, MINUTE)
            })
        };
        let closed = (0..100).filter(is_closed).count();
        assert!(closed <= 25, "{closed} of 100");
    }
}
