//! How much events cluster inside a slot, learned for all cohorts of a level together.
//!
//! Pearson's statistic of a slot, (k - n p)² / (n p (1 - p)), has the mean 1 + rho (n - 1). One cohort has too few slots
//! to tell rho; a level has enough.

use serde::{Deserialize, Serialize};

use crate::counts::Tally;

/// Correlation that registry traffic shows (measured in the simulations of docs/detection.md), until there is data.
const PRIOR_RHO: f64 = 0.002;

/// Weight of the prior, in pairs of trials of one slot: gone after some minutes at 1,000 requests a slot.
const PRIOR_WEIGHT: f64 = 2000.0;

const MAX_RHO: f64 = 0.5;

/// Hourly factor that halves old evidence in two weeks.
const KEEP_PER_HOUR: f64 = 0.997_939;

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Dispersion {
    excess: f64,
    pairs: f64,
}

impl Dispersion {
    /// Correlation of two trials of one slot, from 0 to [`MAX_RHO`].
    #[must_use]
    pub fn rho(&self) -> f64 {
        let estimate = (self.excess + PRIOR_RHO * PRIOR_WEIGHT) / (self.pairs + PRIOR_WEIGHT);
        estimate.clamp(0.0, MAX_RHO)
    }

    /// Adds a slot whose rate was expected to be `p`.
    pub fn learn(&mut self, slot: Tally, p: f64) {
        let expected = slot.trials * p;
        let pearson = (slot.events - expected).powi(2) / (expected * (1.0 - p));
        // Slots that expect far less than one event say little, and say it wildly.
        let weight = expected / (1.0 + expected);
        self.excess += weight * (pearson - 1.0);
        self.pairs += weight * (slot.trials - 1.0);
    }

    pub fn age(&mut self, hours: f64) {
        let keep = KEEP_PER_HOUR.powf(hours);
        self.excess *= keep;
        self.pairs *= keep;
    }
}

/// How many times larger the variance of a slot of `trials` is than the binomial's.
#[must_use]
pub fn inflation(rho: f64, trials: f64) -> f64 {
    1.0 + rho * (trials - 1.0).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::Dispersion;
    use crate::counts::Tally;
    use crate::simulate::Random;

    #[track_caller]
    fn case(rho: f64, trials: u64) {
        let mut random = Random::new(7);
        let mut dispersion = Dispersion::default();
        for _ in 0..20_000 {
            dispersion.learn(Tally::from(random.slot(trials, 0.01, rho)), 0.01);
        }
        let found = dispersion.rho();
        assert!(
            (found - rho).abs() < 0.25 * rho + 0.0005,
            "{found} for {rho} at {trials}"
        );
    }

    #[test]
    fn correlation_is_found_again() {
        case(0.0, 100);
        case(0.002, 100);
        case(0.002, 500);
        case(0.02, 50);
    }
}
