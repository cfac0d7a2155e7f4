//! How much events cluster inside a slot, learned for all cohorts of a level together.
//!
//! Pearson's statistic of a slot, (k - n p)² / (n p (1 - p)), has the mean 1 + rho (n - 1). One cohort has too few slots
//! to tell rho; a level has enough. It is taken over blocks of slots and not over single ones: events that cluster for
//! longer than a slot make neighbours alike, and the test, which takes slots for independent, needs to hear of it as a
//! larger rho.

use serde::{Deserialize, Serialize};

use crate::counts::Tally;

/// Correlation that registry traffic shows (measured in the simulations of docs/detection.md), until there is data.
const PRIOR_RHO: f64 = 0.002;

/// Weight of the prior, in pairs of trials of one slot: gone after some minutes at 1,000 requests a slot.
const PRIOR_WEIGHT: f64 = 2000.0;

/// Weight of the pool against what one cohort shows, in the same unit: some hours of a cohort with 100 trials a slot.
const POOL_WEIGHT: f64 = 20_000.0;

/// A minute of 10 s slots.
const BLOCK_SLOTS: u32 = 6;

const MAX_RHO: f64 = 0.5;

/// Hourly factor that halves old evidence in two weeks.
const KEEP_PER_HOUR: f64 = 0.997_939;

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Dispersion {
    excess: f64,
    pairs: f64,
}

impl Dispersion {
    /// Correlation of two trials of one slot, from 0 to `MAX_RHO`.
    #[must_use]
    pub fn rho(&self) -> f64 {
        let estimate = (self.excess + PRIOR_RHO * PRIOR_WEIGHT) / (self.pairs + PRIOR_WEIGHT);
        estimate.clamp(0.0, MAX_RHO)
    }

    /// Correlation of one cohort that clusters more than its pool does: a fleet behind one address, a job that pulls the
    /// same layers all day. One that clusters less keeps the pool's.
    #[must_use]
    pub fn rho_within(&self, pool: f64) -> f64 {
        let own = (self.excess + pool * POOL_WEIGHT) / (self.pairs + POOL_WEIGHT);
        own.clamp(pool, MAX_RHO.max(pool))
    }

    fn learn(&mut self, Lesson { excess, pairs }: Lesson) {
        self.excess += excess;
        self.pairs += pairs;
    }

    pub fn age(&mut self, hours: f64) {
        let keep = KEEP_PER_HOUR.powf(hours);
        self.excess *= keep;
        self.pairs *= keep;
    }
}

/// What one block adds.
#[derive(Clone, Copy)]
struct Lesson {
    excess: f64,
    pairs: f64,
}

/// Neighbouring slots of one cohort: 40 bytes.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Block {
    counts: Tally,
    expected: f64,
    slots: u32,
}

impl Block {
    /// Adds a slot whose rate was expected to be `p`.
    pub fn add(&mut self, slot: Tally, p: f64) {
        self.counts += slot;
        self.expected += slot.trials * p;
        self.slots += 1;
    }

    /// What it says of the dispersion.
    fn lesson(&self) -> Lesson {
        let Tally { trials, events } = self.counts;
        let p = self.expected / trials;
        let pearson = (events - self.expected).powi(2) / (self.expected * (1.0 - p));
        // Blocks that expect far less than one event say little, and say it wildly.
        let weight = self.expected / (1.0 + self.expected);
        Lesson {
            excess: weight * (pearson - 1.0),
            pairs: weight * (trials / f64::from(self.slots) - 1.0).max(0.0),
        }
    }

    /// Begins anew when it is full, and lets the cohort and its `pool` learn it. Not called while a rise is suspected: the block grows
    /// until it is known whether that was chance, which belongs into the dispersion, or a fault, which does not.
    pub fn settle(&mut self, own: &mut Dispersion, pool: &mut Dispersion) {
        if self.slots >= BLOCK_SLOTS {
            let lesson = self.lesson();
            own.learn(lesson);
            pool.learn(lesson);
            *self = Self::default();
        }
    }
}

/// How many times larger the variance of a slot of `trials` is than the binomial's.
#[must_use]
pub fn inflation(rho: f64, trials: f64) -> f64 {
    1.0 + rho * (trials - 1.0).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::{Block, Dispersion};
    use crate::counts::{Counts, Tally};
    use crate::simulate::Random;

    fn found(slots: impl Iterator<Item = Counts>) -> f64 {
        let (mut dispersion, mut block) = (Dispersion::default(), Block::default());
        for slot in slots {
            block.add(Tally::from(slot), 0.01);
            block.settle(&mut Dispersion::default(), &mut dispersion);
        }
        dispersion.rho()
    }

    #[track_caller]
    fn near(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 0.25 * expected + 0.0005,
            "{found} for {expected}"
        );
    }

    #[test]
    fn correlation_is_found_again() {
        #[track_caller]
        fn case(rho: f64, trials: u64) {
            let mut random = Random::new(7);
            near(found((0..40_000).map(|_| random.slot(trials, 0.01, rho))), rho);
        }
        case(0.0, 100);
        case(0.002, 100);
        case(0.002, 500);
        case(0.02, 50);
    }

    #[test]
    fn a_cohort_that_clusters_more_than_its_pool_is_known_to() {
        let (mut random, mut own, mut block) = (Random::new(7), Dispersion::default(), Block::default());
        for _ in 0..40_000 {
            block.add(Tally::from(random.slot(100, 0.01, 0.05)), 0.01);
            block.settle(&mut own, &mut Dispersion::default());
        }
        assert!((0.04..0.06).contains(&own.rho_within(0.002)), "{own:?}");
        assert!(own.rho_within(0.1) >= 0.1);
    }

    #[test]
    fn clusters_longer_than_a_slot_count_as_more_correlation() {
        let (mut random, mut rate) = (Random::new(7), 0.0);
        let slots = (0..40_000).map(|slot| {
            if slot % 6 == 0 {
                rate = random.slot(20_000, 0.01, 0.002).events as f64 / 2e4;
            }
            Counts {
                trials: 100,
                events: random.binomial(100, rate),
            }
        });
        near(found(slots), 6.0 * 0.002);
    }
}
