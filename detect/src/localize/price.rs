//! The objective: what an excess is worth, and what naming a cohort costs.
//!
//! F (1 - g)^L - sum over attributes of [ln binomial(V, m) + ln(k (k + 1))], with F = c ln(c / e) - c + e over the
//! cohort in units of the overdispersion, m of V values chosen, k = min(m, V - m) literals ("in" or "not in", the
//! shorter) and L the sum of all k. g grows from zero with F, to 5 % where counts are huge.

use super::grid::Sum;

/// Share of the score that each literal must earn where counts are huge (g): every deviation is significant there,
/// because baselines err by some per cent, and long lists must be kept out.
const LITERAL_SHARE: f64 = 0.05;

/// Score in nats at which counts are half-way to huge: below, chance is what misleads, and the price alone is right.
/// Chosen on the tuning seeds of `localize_figures`.
const HUGE: f64 = 5_000.0;

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

/// Prices by the number of chosen values, for each attribute.
#[derive(Debug, Clone)]
pub(super) struct Prices(Vec<Vec<Price>>);

impl Prices {
    pub(super) fn new(sizes: &[usize]) -> Self {
        Self(sizes.iter().map(|size| price_list(*size)).collect())
    }

    /// Prices of 0, 1, … all values of an attribute.
    pub(super) fn of(&self, attribute: usize) -> &[Price] {
        self.0.get(attribute).map_or(&[], Vec::as_slice)
    }

    /// Price of one attribute's choice.
    pub(super) fn choice(&self, attribute: usize, chosen: &[bool]) -> Price {
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
        let spread = if literals == 0 {
            0.0
        } else {
            ((literals * (literals + 1)) as f64).ln() + ln_binomial
        };
        list.push(Price {
            literals,
            cost: spread,
        });
    }
    list
}

/// The expectation-based Poisson log likelihood ratio of an excess, zero without one. Nats.
pub(super) fn excess(sum: Sum) -> f64 {
    let (c, e) = (sum.observed, sum.expected + EXPECTED_FLOOR);
    if c > e { c * (c / e).ln() - c + e } else { 0.0 }
}

/// Observed over expected, as [`excess`] sees them.
pub(super) fn ratio(sum: Sum) -> f64 {
    sum.observed / (sum.expected + EXPECTED_FLOOR)
}

/// From 0 where chance is all that misleads to 1 where only parsimony can decide.
pub(super) fn hugeness(nats: f64) -> f64 {
    nats.max(0.0) / (nats.max(0.0) + HUGE)
}

/// The objective. Nats.
pub(super) fn score(sum: Sum, price: Price) -> f64 {
    let (excess, literals) = (excess(sum), i32::try_from(price.literals).unwrap_or(i32::MAX));
    excess * (1.0 - LITERAL_SHARE * hugeness(excess)).powi(literals) - price.cost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_the_shorter_of_in_and_not_in() {
        let prices = Prices::new(&[5]);
        let literals: Vec<usize> = prices.of(0).iter().map(|price| price.literals).collect();
        assert_eq!(literals, [0, 1, 2, 2, 1, 0]);
    }

    #[test]
    fn cost_counts_the_sets_of_that_size() {
        let costs = Prices::new(&[5]);
        let expected = [
            0.0,
            (5.0_f64 * 2.0).ln(),
            (10.0_f64 * 6.0).ln(),
            (10.0_f64 * 6.0).ln(),
            (5.0_f64 * 2.0).ln(),
            0.0,
        ];
        for (price, expected) in costs.of(0).iter().zip(expected) {
            assert!(
                (price.cost - expected).abs() < 1e-9,
                "{} is not {expected}",
                price.cost
            );
        }
    }

    #[test]
    fn only_an_excess_scores() {
        assert!(
            excess(Sum {
                observed: 9.0,
                expected: 10.0
            }) == 0.0
        );
        assert!(
            excess(Sum {
                observed: 0.0,
                expected: 0.0
            }) == 0.0
        );
        assert!(
            excess(Sum {
                observed: 20.0,
                expected: 10.0
            }) > 3.0
        );
    }
}
