//! How alike the cells of a cohort are, and so what they are worth as evidence.
//!
//! A forecast of a cell errs, and a fault does not hit all of its cells alike. A count is taken to be negative binomial:
//! Poisson around its mean times an error that is gamma distributed. However many events a cell has, what tells it from
//! another is then worth a few nats. Of a cell of few events it is the Poisson likelihood.

use super::dispersion::{CHI_SQUARED_MEDIAN, median};
use super::grid::Sum;

/// As good as Poisson.
const MOST: f64 = 1e9;

/// Events from which a cell's distance from its mean says more than its chance.
const DENSE: f64 = 4.0;

/// Cells of that size without which nothing is known of errors, and taken to be none.
const MIN_CELLS: usize = 4;

/// Standard errors of the median by which cells may be less alike than they look: a cohort was fitted to them.
const CAUTION: f64 = 4.0;

/// Rounds after which a ratio is near enough to the likeliest.
const ROUNDS: usize = 6;

/// Added to what a cohort expects, as in `price`.
const EXPECTED_FLOOR: f64 = 0.1;

const MAX_RATIO: f64 = 1e4;

/// The shape of the errors: the inverse of their relative variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Likeness(f64);

impl Likeness {
    /// Without errors.
    pub(super) const POISSON: Self = Self(MOST);

    /// Where cells differ most: a deviation of a third. Chosen on a public set of labelled incidents of a streaming CDN:
    /// either half of it has this best value. A smaller one would not tell a rise from chance.
    pub(super) const LEAST: Self = Self(8.0);

    /// Of counts with their means.
    #[expect(clippy::cast_precision_loss, reason = "at most MAX_CELLS")]
    pub(super) fn of(counts: impl Iterator<Item = (f64, f64)>) -> Self {
        let dense = counts.filter(|(_, mean)| *mean >= DENSE);
        let (squares, excesses): (Vec<f64>, Vec<f64>) = dense
            .map(|(count, mean)| ((count / mean - 1.0).powi(2), mean))
            .map(|(square, mean)| (square, square - 1.0 / mean))
            .unzip();
        let cells = squares.len();
        let (true, Some(square), Some(excess)) = (cells >= MIN_CELLS, median(squares), median(excesses))
        else {
            return Self(MOST);
        };
        let variance = excess.max(0.0) + CAUTION * square / (cells as f64).sqrt();
        Self((CHI_SQUARED_MEDIAN / variance).clamp(Self::LEAST.0, MOST))
    }

    /// Log likelihood ratio of a cell that has `ratio` times what it expects against one that has what it expects.
    pub(super) fn gain(self, cell: Sum, ratio: f64) -> f64 {
        let rise = (ratio - 1.0) * cell.expected / (cell.expected + self.0);
        cell.observed * ratio.ln() - (cell.observed + self.0) * rise.ln_1p()
    }

    /// The likeliest ratio of some cells, one at least: that of their sums, each weighed by what it tells.
    pub(super) fn ratio(self, cells: impl Iterator<Item = Sum> + Clone) -> f64 {
        let mut ratio = 0.0;
        for _ in 0..ROUNDS {
            let mut sum = Sum {
                observed: 0.0,
                expected: EXPECTED_FLOOR,
            };
            for cell in cells.clone() {
                let weight = self.0 / (ratio * cell.expected + self.0);
                sum.observed += weight * cell.observed;
                sum.expected += weight * cell.expected;
            }
            ratio = (sum.observed / sum.expected).clamp(1.0, MAX_RATIO);
        }
        ratio
    }
}

#[cfg(test)]
mod tests {
    use super::{Likeness, Sum};
    use crate::simulate::Random;

    const POISSON: Likeness = Likeness::POISSON;
    const LEAST: Likeness = Likeness::LEAST;

    fn cell(observed: f64, expected: f64) -> Sum {
        Sum { observed, expected }
    }

    #[test]
    fn a_gain_without_errors_is_that_of_a_poisson_count() {
        for (observed, expected) in [(0.0, 0.01), (3.0, 0.5), (40.0, 10.0)] {
            let poisson = observed * 5_f64.ln() - 4.0 * expected;
            let gain = POISSON.gain(cell(observed, expected), 5.0);
            assert!((gain - poisson).abs() < 1e-3, "{gain} is not {poisson}");
        }
    }

    #[test]
    fn a_cell_of_few_events_is_worth_the_same_with_errors() {
        let gain = |likeness: Likeness| likeness.gain(cell(1.0, 0.01), 5.0);
        assert!((gain(LEAST) / gain(POISSON) - 1.0).abs() < 0.01);
    }

    #[test]
    fn a_cell_of_many_events_is_worth_a_few_nats() {
        let gain = |size: f64| LEAST.gain(cell(5.0 * size, size), 5.0);
        assert!(gain(1e9) < 20.0 && gain(1e9) / gain(1e3) < 1.1);
    }

    #[test]
    fn cells_are_as_alike_as_they_were_made() {
        #[track_caller]
        fn case(error: f64, expected: std::ops::Range<f64>) {
            let mut random = Random::new(3);
            let counts = (0..2000).map(|_| {
                let mean = 1000.0 * (1.0 + error * random.normal()).max(0.0);
                (random.poisson(mean) as f64, 1000.0)
            });
            let Likeness(shape) = Likeness::of(counts);
            assert!(expected.contains(&shape), "{shape}");
        }
        case(0.0, 1_000.0..1e6);
        case(0.1, 60.0..110.0);
        case(0.3, 8.0..12.0);
    }

    #[test]
    fn the_likeliest_ratio_is_found() {
        let cells = [cell(30.0, 10.0), cell(900.0, 300.0), cell(3e6, 1e6)];
        let ratio = |likeness: Likeness| likeness.ratio(cells.into_iter());
        assert!((ratio(POISSON) - 3.0).abs() < 1e-3 && (ratio(LEAST) - 3.0).abs() < 0.1);
        assert!(LEAST.ratio([].into_iter()) >= 1.0);
    }
}
