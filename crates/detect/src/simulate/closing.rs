//! An incident that is mended, wholly or in part: how long it takes until it closes.

use super::Random;
use crate::counts::Tally;
use crate::recovery::Recovery;

/// Slots of a day: one false recovery in that many. As core's detector has it.
pub const THRESHOLD: f64 = 9.064;

/// Slots that must be well.
pub const MINUTE: u64 = 6;

/// Rates of the baseline and of the incident, and the correlation of a slot's trials.
pub const EXPECTED: f64 = 0.004;
pub const OBSERVED: f64 = 0.12;
pub const RHO: f64 = 0.002;

/// Slots until it closes with a part of the excess `left` and so many `trials` a slot, at most `limit`.
#[must_use]
pub fn close(seed: u64, trials: f64, left: f64, limit: u64) -> Option<u64> {
    let mut random = Random::new(seed);
    let mut recovery = Recovery::new((EXPECTED, 0.0), OBSERVED, RHO);
    let mut play = |recovery: &mut Recovery, left: f64| {
        let trials = random.poisson(trials);
        let counts = random.slot(trials, EXPECTED + left * (OBSERVED - EXPECTED), RHO);
        recovery.advance(Tally::from(counts));
    };
    for _ in 0..60 {
        play(&mut recovery, 1.0);
    }
    (1..=limit).find(|_| {
        play(&mut recovery, left);
        recovery.is_over(THRESHOLD, MINUTE)
    })
}
