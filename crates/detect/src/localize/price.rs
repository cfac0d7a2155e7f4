//! The objective: what an excess is worth, and what naming a cohort costs.
//!
//! F (1 - g)^L - sum over attributes of [ln binomial(V, m) + ln(k (k + 1))], with F = (c ln(c / e) - c + e) / inflation
//! over the cohort, m of V values chosen, k = min(m, V - m) literals ("in" or "not in", the shorter) and L the sum of all
//! k. g grows from zero with F, to 3 % where counts are huge. What baselines err ([`Noise::spread`]) grows with the
//! cohort: it inflates the variance and, where counts are large, moves the expectation up by what is no excess yet.

use super::grid::Sum;

/// Errors of the baseline add at most this many times the variance of counts: values err each for itself, so a cohort of
/// many errs less than its size would have it, and a large cohort must not be worth the same as a part of it.
const MAX_INFLATION: f64 = 3.0;

/// Where errors have so many times the variance of the counts, one standard error of the baseline is no excess yet, and
/// two are none where they have far more: "is it different at all" is a question that large counts always answer with
/// yes.
const LARGE_ERRORS: f64 = 5.0;

/// Share of the score that each literal must earn where counts are huge (g): every deviation is significant there,
/// because baselines err by some per cent, and long lists must be kept out.
const LITERAL_SHARE: f64 = 0.03;

/// Score in nats at which counts are half-way to huge: below, chance is what misleads, and the price alone is right.
/// Chosen on the tuning seeds of `cargo xtask bench detect`.
const HUGE: f64 = 500.0;

/// Extra cost of "all but these few", in nats: a fault that spares one place is usual (the region that did not take the
/// bad change), one that spares a list seldom, and what a large cohort lacks by chance looks like such a list.
const SPARED_LIST: f64 = 2.0;

/// Added to what is expected of any cohort, in units of the overdispersion: events where none were ever expected
/// (a new fingerprint) count a lot, one of them alone does not.
const EXPECTED_FLOOR: f64 = 0.1;

/// Literals and cost of choosing some values of one attribute.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Price {
    pub(super) literals: usize,
    pub(super) cost: f64,
}

impl Price {
    pub(super) fn plus(self, other: Price) -> Price {
        Price {
            literals: self.literals + other.literals,
            cost: self.cost + other.cost,
        }
    }
}

/// How much counts vary when nothing is wrong: the variance of a cohort's events is phi e + spread² e².
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Noise {
    /// Overdispersion of cells: retries cluster. The unit of all counts.
    pub(super) phi: f64,
    /// Relative error of the expectation of a cohort.
    pub(super) spread: f64,
}

impl Noise {
    /// The expectation-based Poisson log likelihood ratio of an excess over its variance's inflation, zero without one.
    /// Nats.
    pub(super) fn excess(self, sum: Sum) -> f64 {
        let expected = sum.expected + EXPECTED_FLOOR * self.phi;
        let errors = self.errors(expected);
        let (c, e) = (
            sum.observed,
            expected * (1.0 + 2.0 * self.spread * errors / (errors + LARGE_ERRORS)),
        );
        if c > e {
            let inflation = self.phi * (1.0 + MAX_INFLATION * errors / (errors + MAX_INFLATION));
            (c * (c / e).ln() - c + e) / inflation
        } else {
            0.0
        }
    }

    /// What one more observed, and one more expected, adds to the excess of `sum`.
    pub(super) fn slopes(self, sum: Sum) -> (f64, f64) {
        let step = 1e-4 * (sum.observed + sum.expected + self.phi);
        let at = |observed, expected| {
            self.excess(Sum {
                observed: sum.observed + observed,
                expected: sum.expected + expected,
            }) - self.excess(sum)
        };
        (at(step, 0.0) / step, at(0.0, step) / step)
    }

    /// Log likelihood of a sum without a cause, but for constants. A residual of more than three deviations counts as
    /// three: it may be of a cause.
    pub(super) fn fit(self, sum: Sum) -> f64 {
        let inflation = 1.0 + self.errors(sum.expected);
        -0.5 * inflation.ln() - 0.5 * self.residual(sum).min(9.0)
    }

    /// Squared residual in units of the variance.
    fn residual(self, sum: Sum) -> f64 {
        let variance = self.phi * sum.expected * (1.0 + self.errors(sum.expected));
        (sum.observed - sum.expected).powi(2) / variance
    }

    /// Variance of the expectation's error, in units of the variance of the counts.
    fn errors(self, expected: f64) -> f64 {
        self.spread.powi(2) * expected / self.phi
    }
}

/// Prices by the number of chosen values, for each attribute, and the noise.
#[derive(Debug, Clone)]
pub(super) struct Objective {
    prices: Vec<Vec<Price>>,
    pub(super) noise: Noise,
}

impl Objective {
    pub(super) fn new(sizes: &[usize], noise: Noise) -> Self {
        Self {
            prices: sizes.iter().map(|size| price_list(*size)).collect(),
            noise,
        }
    }

    /// The same with another list of prices, for tests.
    #[cfg(test)]
    pub(super) fn priced(mut self, prices: Vec<Price>) -> Self {
        self.prices = vec![prices];
        self
    }

    /// What a cohort with this sum and price is worth. Nats.
    pub(super) fn score(&self, sum: Sum, price: Price) -> f64 {
        let literals = i32::try_from(price.literals).unwrap_or(i32::MAX);
        let excess = self.noise.excess(sum);
        excess * (1.0 - LITERAL_SHARE * hugeness(excess)).powi(literals) - price.cost
    }

    /// Price of a whole selection, but for one attribute.
    pub(super) fn price(&self, chosen: &[Vec<bool>], left_out: Option<usize>) -> Price {
        let priced = chosen.iter().enumerate().filter(|(d, _)| Some(*d) != left_out);
        priced
            .map(|(d, chosen)| self.choice(d, chosen))
            .fold(Price::default(), Price::plus)
    }

    /// Prices of 0, 1, … all values of an attribute.
    pub(super) fn of(&self, attribute: usize) -> &[Price] {
        self.prices.get(attribute).map_or(&[], Vec::as_slice)
    }

    /// Price of one attribute's choice.
    fn choice(&self, attribute: usize, chosen: &[bool]) -> Price {
        let members = chosen.iter().filter(|c| **c).count();
        self.of(attribute).get(members).copied().unwrap_or_default()
    }

    /// Price of a conjunction of single values over these attributes.
    pub(super) fn singles(&self, attributes: impl Iterator<Item = usize>) -> Price {
        let single = |d: usize| self.of(d).get(1).copied().unwrap_or_default();
        attributes.map(single).fold(Price::default(), Price::plus)
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most MAX_VALUES = 4,096")]
fn price_list(size: usize) -> Vec<Price> {
    let mut ln_binomial = 0.0;
    let mut list = vec![Price::default()];
    for members in 1..=size {
        ln_binomial += ((size - members + 1) as f64 / members as f64).ln();
        let literals = members.min(size - members);
        let is_spared_list = literals > 1 && literals < members;
        let cost = match literals {
            0 => 0.0,
            _ if is_spared_list => SPARED_LIST + sets(literals, ln_binomial),
            _ => sets(literals, ln_binomial),
        };
        list.push(Price { literals, cost });
    }
    list
}

/// Log of how many value sets of that size and smaller ones there are.
#[expect(clippy::cast_precision_loss, reason = "at most MAX_VALUES = 4,096")]
fn sets(literals: usize, ln_binomial: f64) -> f64 {
    ((literals * (literals + 1)) as f64).ln() + ln_binomial
}

/// From 0 where chance is all that misleads to 1 where only parsimony can decide.
pub(super) fn hugeness(nats: f64) -> f64 {
    nats.max(0.0) / (nats.max(0.0) + HUGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POISSON: Noise = Noise {
        phi: 1.0,
        spread: 0.0,
    };

    fn prices(size: usize) -> Vec<Price> {
        Objective::new(&[size], POISSON).of(0).to_vec()
    }

    #[test]
    fn literals_are_the_shorter_of_in_and_not_in() {
        let literals: Vec<usize> = prices(5).iter().map(|price| price.literals).collect();
        assert_eq!(literals, [0, 1, 2, 2, 1, 0]);
    }

    #[test]
    fn cost_counts_the_sets_of_that_size() {
        let expected = [
            0.0,
            (5.0_f64 * 2.0).ln(),
            (10.0_f64 * 6.0).ln(),
            (10.0_f64 * 6.0).ln() + SPARED_LIST,
            (5.0_f64 * 2.0).ln(),
            0.0,
        ];
        for (price, expected) in prices(5).iter().zip(expected) {
            assert!(
                (price.cost - expected).abs() < 1e-9,
                "{} is not {expected}",
                price.cost
            );
        }
    }

    fn excess(noise: Noise, observed: f64, expected: f64) -> f64 {
        noise.excess(Sum { observed, expected })
    }

    #[test]
    fn only_an_excess_scores() {
        assert!(excess(POISSON, 9.0, 10.0) == 0.0 && excess(POISSON, 0.0, 0.0) == 0.0);
        assert!(excess(POISSON, 20.0, 10.0) > 3.0);
    }

    #[test]
    fn what_the_baseline_errs_is_no_excess_however_large_the_counts() {
        let noise = Noise {
            phi: 1.0,
            spread: 0.05,
        };
        assert!(excess(POISSON, 1.05e6, 1e6) > 1000.0 && excess(noise, 1.05e6, 1e6) < 1.0);
    }

    #[test]
    fn a_part_is_worth_less_than_the_whole_however_large_the_counts() {
        let noise = Noise {
            phi: 1.0,
            spread: 0.05,
        };
        assert!(excess(noise, 5e6, 1e6) > 1.5 * excess(noise, 2.5e6, 0.5e6));
    }

    #[test]
    fn slopes_of_a_poisson_are_those_of_its_formula() {
        let (by_observed, by_expected) = POISSON.slopes(Sum {
            observed: 300.0,
            expected: 99.9,
        });
        assert!((by_observed - 3_f64.ln()).abs() < 1e-3, "{by_observed}");
        assert!((by_expected + 2.0).abs() < 1e-2, "{by_expected}");
    }
}
