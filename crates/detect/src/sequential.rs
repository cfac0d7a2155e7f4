//! When: a sequential test of one cohort that may be looked at after every slot.
//!
//! A Shiryaev-Roberts e-detector for each of three alternatives, M(t) = (1 + M(t-1)) exp W(t), in logarithms, and their
//! mean. While nothing is wrong the mean time until it reaches A is at least A slots, whenever one stops (Shin, Ramdas
//! and Rinaldo, "E-detectors", 2023). Slots without trials are no slots of this clock: they say nothing.

use serde::{Deserialize, Serialize};

use crate::beta_binomial::{ln_weight, odds_times};
use crate::counts::Tally;

/// How many times the healthy odds each alternative assumes.
pub const ODDS_RATIOS: [f64; 3] = [2.0, 4.0, 10.0];

/// Logarithm of "no evidence yet". Finite, so that it survives formats without infinities; its exponential is 0.
const NOTHING: f64 = -1e6;

/// Log likelihood ratios of one slot, one for each of [`ODDS_RATIOS`], against the healthy rate `pm`.
#[must_use]
pub fn log_ratios(slot: Tally, pm: f64, rho: f64) -> [f64; 3] {
    let null = ln_weight(slot, pm, rho);
    ODDS_RATIOS.map(|ratio| ln_weight(slot, odds_times(pm, ratio), rho) - null)
}

/// Slots with trials that a rise from the healthy rate `pm` to `rate` needs on average, at most, until the statistic
/// reaches `threshold`, with so many independent `trials` in each; `None` where it never does.
///
/// Wald's equation for the alternative that is found first, which is a third of the mean. With W nats a slot the
/// overshoot is at most E W^2 / E W (Lorden, "On excess over the boundary", 1970), and at most a slot of nothing but
/// events.
#[must_use]
pub fn delay_bound(threshold: f64, trials: f64, rate: f64, pm: f64) -> Option<f64> {
    let needed = (threshold + (ODDS_RATIOS.len() as f64).ln()).max(0.0);
    let bounds = ODDS_RATIOS.iter().filter_map(|ratio| {
        let assumed = odds_times(pm, *ratio);
        let (event, none) = ((assumed / pm).ln(), ((1.0 - assumed) / (1.0 - pm)).ln());
        let mean = trials * (rate * event + (1.0 - rate) * none);
        let variance = trials * rate * (1.0 - rate) * (event - none).powi(2);
        let overshoot = (mean + variance / mean).min(trials * event);
        (mean > 0.0).then(|| (needed + overshoot) / mean)
    });
    bounds.min_by(f64::total_cmp)
}

/// Evidence for one alternative.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Alternative {
    ln_m: f64,
    /// Likelihood of "it began at `onset`" (Page's CUSUM). The onset is read here and not where M was last below 1: with
    /// few trials in a slot M idles near 100 and never gets there.
    cusum: f64,
    onset: u64,
    since: Tally,
}

impl Alternative {
    const EMPTY: Self = Self {
        ln_m: NOTHING,
        cusum: 0.0,
        onset: 0,
        since: Tally {
            trials: 0.0,
            events: 0.0,
        },
    };

    fn advance(&mut self, slot: u64, counts: Tally, w: f64) {
        self.ln_m = ln_one_plus_exp(self.ln_m) + w;
        if self.cusum <= 0.0 {
            *self = Self {
                onset: slot,
                since: Tally::default(),
                cusum: 0.0,
                ..*self
            };
        }
        self.cusum = (self.cusum + w).max(0.0);
        self.since += counts;
    }
}

/// Evidence that a cohort's rate has risen: about 150 bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Evidence([Alternative; 3]);

impl Default for Evidence {
    fn default() -> Self {
        Self([Alternative::EMPTY; 3])
    }
}

impl Evidence {
    /// Takes in one slot with its `ratios` from [`log_ratios`].
    pub fn advance(&mut self, slot: u64, counts: Tally, ratios: [f64; 3]) {
        for (alternative, w) in self.0.iter_mut().zip(ratios) {
            alternative.advance(slot, counts, w);
        }
    }

    /// Logarithm of the mean over the alternatives, to hold against a threshold ln A.
    #[must_use]
    pub fn statistic(&self) -> f64 {
        let largest = self.0.iter().map(|a| a.ln_m).fold(NOTHING, f64::max);
        let sum: f64 = self.0.iter().map(|a| (a.ln_m - largest).exp()).sum();
        largest + (sum / 3.0).ln()
    }

    /// First slot of the likeliest rise.
    #[must_use]
    pub fn onset(&self) -> u64 {
        self.likeliest().onset
    }

    /// Counts since the onset.
    #[must_use]
    pub fn since_onset(&self) -> Tally {
        self.likeliest().since
    }

    /// Whether any alternative is more likely than health right now.
    #[must_use]
    pub fn suspects(&self) -> bool {
        self.0.iter().any(|a| a.cusum > 0.0)
    }

    fn likeliest(&self) -> Alternative {
        let larger = |x: Alternative, y: &Alternative| if y.cusum > x.cusum { *y } else { x };
        self.0.iter().fold(
            Alternative {
                cusum: -1.0,
                ..Alternative::EMPTY
            },
            larger,
        )
    }
}

/// `ln(1 + exp x)` without overflow.
pub(crate) fn ln_one_plus_exp(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::{Evidence, delay_bound, log_ratios};
    use crate::counts::Tally;
    use crate::simulate::Random;

    const PM: f64 = 0.015;

    fn tally(trials: f64, events: f64) -> Tally {
        Tally { trials, events }
    }

    #[test]
    fn statistic_is_the_sum_over_every_possible_onset() {
        let mut random = Random::new(3);
        let (mut fast, mut products) = (Evidence::default(), Vec::<[f64; 3]>::new());
        for slot in 0..200 {
            let counts = Tally::from(random.slot(20, 0.03, 0.01));
            let ratios = log_ratios(counts, PM, 0.01);
            fast.advance(slot, counts, ratios);
            products.push([1.0; 3]);
            for product in &mut products {
                *product = [0, 1, 2].map(|i| product[i] * ratios[i].exp());
            }
        }
        let slow = (products.iter().flatten().sum::<f64>() / 3.0).ln();
        assert!(
            (fast.statistic() - slow).abs() < 1e-9,
            "{} {slow}",
            fast.statistic()
        );
    }

    #[test]
    fn more_events_are_more_evidence() {
        let statistic = |events| {
            let mut evidence = Evidence::default();
            evidence.advance(1, tally(50.0, events), log_ratios(tally(50.0, events), PM, 0.002));
            evidence.statistic()
        };
        assert!((0..50).all(|k| statistic(f64::from(k + 1)) > statistic(f64::from(k))));
    }

    #[test]
    fn overwhelming_evidence_stays_finite() {
        let mut evidence = Evidence::default();
        for slot in 0..1000 {
            let counts = tally(1e6, 1e6);
            evidence.advance(slot, counts, log_ratios(counts, PM, 1e-6));
        }
        assert!(evidence.statistic().is_finite());
    }

    #[test]
    fn onset_is_the_slot_of_the_rise() {
        let mut evidence = Evidence::default();
        for slot in 0..100 {
            let counts = if slot < 60 {
                tally(500.0, 5.0)
            } else {
                tally(500.0, 50.0)
            };
            evidence.advance(slot, counts, log_ratios(counts, PM, 0.002));
        }
        assert_eq!(evidence.onset(), 60);
        assert_eq!(evidence.since_onset(), tally(20_000.0, 2000.0));
    }

    /// Mean slots until `threshold` over 400 seeds, and the bound on it.
    fn delay(threshold: f64, trials: u64, rate: f64) -> (f64, f64) {
        let seeds = 400;
        let slots = |seed| {
            let (mut random, mut evidence, mut slot) = (Random::new(seed), Evidence::default(), 0);
            while evidence.statistic() < threshold {
                let counts = Tally::from(random.slot(trials, rate, 0.0));
                evidence.advance(slot, counts, log_ratios(counts, PM, 0.0));
                slot += 1;
            }
            slot as f64
        };
        let mean = (0..seeds).map(slots).sum::<f64>() / seeds as f64;
        (mean, delay_bound(threshold, trials as f64, rate, PM).unwrap())
    }

    #[test]
    fn a_rise_is_found_within_its_bound_at_any_volume() {
        for trials in [1, 2, 10, 100, 1_000] {
            for rate in [0.03, 0.05, 0.15, 0.5] {
                let (mean, bound) = delay(15.0, trials, rate);
                assert!(mean <= bound, "{trials} at {rate}: {mean} slots, at most {bound}");
                assert!(
                    bound <= 2.0 * mean + 1.5,
                    "{trials} at {rate}: {mean} slots, at most {bound}"
                );
            }
        }
    }

    #[test]
    fn no_rise_has_no_bound() {
        assert_eq!(delay_bound(15.0, 100.0, PM, PM), None);
        assert_eq!(delay_bound(15.0, 0.0, 0.5, PM), None);
    }
}
