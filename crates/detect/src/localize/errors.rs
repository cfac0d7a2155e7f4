//! How much cells err beyond chance, and so what they are worth as evidence.
//!
//! A forecast of a cell errs, and a fault does not hit all of its cells alike. A count is taken to be negative binomial:
//! Poisson around its mean times an error that is gamma distributed. However many events a cell has, what tells it from
//! another is then worth a few nats. The errors are those that the cells show: none where they agree with Poisson counts
//! within their noise, so that small counts keep all of their evidence.

use super::grid::Sum;
use crate::beta_binomial::ln_rising;

/// Relative variances that are tried, up to a deviation of a third: larger ones would not tell a rise from chance. With
/// half and with twice the largest, fewer elements of a public set of labelled incidents of a streaming CDN are named.
const VARIANCES: [f64; 4] = [0.01, 0.03, 0.06, MOST];
const MOST: f64 = 0.125;

/// Nats by which errors have to fit better than none: one case of exact forecasts in two hundred has as many.
const SURE: f64 = 3.3;

/// Events from which a cell's distance from its mean says something of errors.
const DENSE: f64 = 1.0;

/// Rounds after which a ratio is near enough to the likeliest.
const ROUNDS: usize = 6;

/// Added to what a cohort expects, as in `price`.
const EXPECTED_FLOOR: f64 = 0.1;

const MAX_RATIO: f64 = 1e9;

/// Relative variance of the means of cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Errors(f64);

impl Errors {
    pub(super) const NONE: Self = Self(0.0);

    /// Of the cells of a cohort and of the others: what errs more of the two.
    pub(super) fn of(inside: &[Sum], outside: &[Sum]) -> Self {
        Self(Self::around_ratio(inside).0.max(Self::around_ratio(outside).0))
    }

    pub(super) fn are_none(self) -> bool {
        self == Self::NONE
    }

    /// Of the largest errors: from 0, where there are none, to 1.
    pub(super) fn share(self) -> f64 {
        self.0 / MOST
    }

    /// The likeliest errors of cells that share a ratio; none where they are too few or too small to tell.
    fn around_ratio(cells: &[Sum]) -> Self {
        let ratio = Self::NONE.ratio_beyond(0.0, cells.iter().copied());
        let is_dense = |cell: &&Sum| ratio * cell.expected >= DENSE;
        let dense: Vec<Sum> = cells.iter().filter(is_dense).copied().collect();
        let (mut best, mut most) = (Self::NONE, Self::NONE.fit_all(&dense) + SURE);
        for errors in VARIANCES.map(Self) {
            let fit = errors.fit_all(&dense);
            if fit > most {
                (best, most) = (errors, fit);
            }
        }
        best
    }

    /// Log likelihood of cells around their likeliest ratio, but for terms of the counts alone.
    fn fit_all(self, cells: &[Sum]) -> f64 {
        let ratio = self.ratio_beyond(0.0, cells.iter().copied());
        let fit = |cell: &Sum| self.fit(cell.observed, ratio * cell.expected);
        cells.iter().map(fit).sum()
    }

    fn fit(self, count: f64, mean: f64) -> f64 {
        if self.are_none() {
            return count * mean.ln() - mean;
        }
        let shape = 1.0 / self.0;
        ln_rising(shape, count) + count * (mean / (shape + mean)).ln() - shape * (mean / shape).ln_1p()
    }

    /// Log likelihood ratio of a cell that has `ratio` times what it expects against one that has what it expects.
    pub(super) fn gain(self, cell: Sum, ratio: f64) -> f64 {
        if self.are_none() {
            return cell.observed * ratio.ln() - (ratio - 1.0) * cell.expected;
        }
        let shape = 1.0 / self.0;
        let rise = (ratio - 1.0) * cell.expected / (cell.expected + shape);
        cell.observed * ratio.ln() - (cell.observed + shape) * rise.ln_1p()
    }

    /// The likeliest ratio of the cells of a cohort.
    pub(super) fn ratio(self, cells: impl Iterator<Item = Sum> + Clone) -> f64 {
        self.ratio_beyond(EXPECTED_FLOOR, cells)
    }

    /// The ratio of the sums of some cells, each weighed by what it tells; `floor` is expected beside them.
    fn ratio_beyond(self, floor: f64, cells: impl Iterator<Item = Sum> + Clone) -> f64 {
        let rounds = if self.are_none() { 1 } else { ROUNDS };
        (0..rounds).fold(1.0, |ratio, _| {
            let mut sum = Sum {
                observed: 0.0,
                expected: floor,
            };
            for cell in cells.clone() {
                let weight = 1.0 / (1.0 + self.0 * ratio * cell.expected);
                sum.observed += weight * cell.observed;
                sum.expected += weight * cell.expected;
            }
            (sum.observed / sum.expected).clamp(1.0 / MAX_RATIO, MAX_RATIO)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Errors, Sum};
    use crate::simulate::Random;

    const MOST: Errors = Errors(super::MOST);

    fn cell(observed: f64, expected: f64) -> Sum {
        Sum { observed, expected }
    }

    /// 200 cells that expect `size` and have three times as many, but for an error of each.
    fn cells(size: f64, error: f64, seed: u64) -> Vec<Sum> {
        let mut random = Random::new(seed);
        let mut one = |_| {
            let mean = 3.0 * size * (1.0 + error * random.normal()).max(0.0);
            cell(random.poisson(mean) as f64, size)
        };
        (0..200).map(&mut one).collect()
    }

    #[test]
    fn cells_err_as_much_as_they_were_made_to() {
        #[track_caller]
        fn case(size: f64, error: f64, expected: f64) {
            let Errors(variance) = Errors::of(&cells(size, error, 3), &[]);
            assert!((variance - expected).abs() < 1e-9, "{variance} is not {expected}");
        }
        case(300.0, 0.1, 0.01);
        case(300.0, 0.25, 0.06);
        case(300.0, 0.5, 0.125);
        // A tenth is less than chance where cells have some events each.
        case(3.0, 0.1, 0.0);
    }

    #[test]
    fn counts_that_agree_with_their_forecasts_do_not_err() {
        for size in [0.01, 1.0, 3.0, 1000.0] {
            let errs =
                |seed: &u64| !Errors::of(&cells(size, 0.0, *seed), &cells(size, 0.0, seed + 100)).are_none();
            assert_eq!((0..50).filter(errs).count(), 0, "{size}");
        }
    }

    #[test]
    fn what_errs_more_of_inside_and_outside_counts() {
        let (exact, erring) = (cells(300.0, 0.0, 4), cells(300.0, 0.25, 5));
        assert_eq!(Errors::of(&exact, &erring), Errors::of(&erring, &exact));
        assert!(!Errors::of(&exact, &erring).are_none());
        assert!(Errors::of(&[], &[]).are_none() && Errors::of(&[cell(9.0, 1.0)], &[]).are_none());
    }

    #[test]
    fn a_cell_of_few_events_is_worth_the_same_with_errors() {
        let gain = |errors: Errors| errors.gain(cell(1.0, 0.01), 5.0);
        assert!((gain(MOST) / gain(Errors::NONE) - 1.0).abs() < 0.01);
    }

    #[test]
    fn a_cell_of_many_events_is_worth_a_few_nats() {
        let gain = |size: f64| MOST.gain(cell(5.0 * size, size), 5.0);
        assert!(gain(1e9) < 20.0 && gain(1e9) / gain(1e3) < 1.1);
    }

    #[test]
    fn the_likeliest_ratio_is_found() {
        let cells = [cell(30.0, 10.0), cell(900.0, 300.0), cell(3e6, 1e6)];
        let ratio = |errors: Errors| errors.ratio(cells.into_iter());
        assert!((ratio(Errors::NONE) - 3.0).abs() < 1e-3 && (ratio(MOST) - 3.0).abs() < 0.1);
        assert!(MOST.ratio([].into_iter()) < 1.0);
    }
}
