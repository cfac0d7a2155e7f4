//! What single cells err: a forecast of a cell is wrong by some per cent of it, however many events the cell has.
//!
//! Then a cell varies by phi e + (tau e)², and a sum of cells by what its largest ones are. A cell is weighed by the
//! share of that variance that its count has, so that sums of weighed cells vary by phi e again and the Poisson score
//! holds for them: large cells count for no more than they tell.

use super::dispersion::{CHI_SQUARED_MEDIAN, DENSE, MIN_RESIDUALS, dispersion, median};
use super::grid::{Grid, Sum};

/// Of the smaller cells' variance, what phi is at least where observations are rates, whose unit says nothing.
const LEAST_SHARE: f64 = 1e-3;

/// A cohort's ratio beyond which its cells are not taken to vary more.
const MAX_RATIO: f64 = 20.0;

/// How much cells vary when nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scatter {
    /// Overdispersion of counts.
    pub(super) phi: f64,
    /// Relative error of the expectation of a cell.
    tau: f64,
}

impl Scatter {
    /// Of the given cells: those outside a first idea of the cohort.
    pub(super) fn of(grid: &Grid, counts: bool) -> Self {
        let even = Self {
            phi: dispersion(grid, counts),
            tau: 0.0,
        };
        by_size(grid, counts).unwrap_or(even)
    }

    /// For a cohort that has `ratio` times what it expects: its cells err by as much of what they have, so what tells them
    /// apart is worth less by the ratio than it is outside.
    pub(super) fn within(self, ratio: f64) -> Self {
        Self {
            tau: self.tau * ratio.clamp(1.0, MAX_RATIO).sqrt(),
            ..self
        }
    }

    pub(super) fn is_even(self) -> bool {
        self.tau <= 0.0
    }

    /// What a cell that expects so much tells, against one that does not err.
    pub(super) fn weight(self, expected: f64) -> f64 {
        self.phi / (self.phi + self.tau.powi(2) * expected)
    }
}

/// From the variance of the largest quarter of the cells against that of the others; none where it does not grow.
fn by_size(grid: &Grid, counts: bool) -> Option<Scatter> {
    let is_dense = |cell: &Sum| cell.expected > 0.0 && (!counts || cell.expected >= DENSE);
    let mut cells: Vec<Sum> = grid.cells.iter().copied().filter(is_dense).collect();
    if cells.len() < 2 * MIN_RESIDUALS {
        return None;
    }
    cells.sort_by(|a, b| a.expected.total_cmp(&b.expected));
    let quarter = (cells.len() / 4).max(MIN_RESIDUALS);
    let (small, large) = cells.split_at_checked(cells.len() - quarter)?;
    let ((small, v_small), (large, v_large)) = (variance(small)?, variance(large)?);
    let slope = (v_large - v_small) / (large - small);
    if !slope.is_finite() || slope <= 0.0 {
        return None;
    }
    let least = if counts { 1.0 } else { LEAST_SHARE * v_small };
    let phi = (v_small - slope * small).max(least);
    let tau = ((v_large - phi) / large).max(0.0).sqrt();
    Some(Scatter { phi, tau })
}

/// Medians of what cells expect, and of their variance over it.
fn variance(cells: &[Sum]) -> Option<(f64, f64)> {
    let expected = median(cells.iter().map(|cell| cell.expected).collect())?;
    let residual = |cell: &Sum| (cell.observed - cell.expected).powi(2) / cell.expected;
    let squared = median(cells.iter().map(residual).collect())?;
    Some((expected, squared / CHI_SQUARED_MEDIAN))
}

#[cfg(test)]
mod tests {
    use super::super::grid::{Grid, Sum};
    use super::Scatter;
    use crate::simulate::Random;

    /// 400 cells that expect from 2 to 2,000.
    fn scatter(tau: f64) -> Scatter {
        let mut random = Random::new(5);
        let mut cell = |at: u32| {
            let expected = 2.0 * 10_f64.powf(f64::from(at % 100) * 0.03);
            let mean = expected * (1.0 + tau * random.normal()).max(0.0);
            let observed = (mean + mean.sqrt() * random.normal()).round().max(0.0);
            Sum { observed, expected }
        };
        let cells: Vec<Sum> = (0..400).map(&mut cell).collect();
        let ids = (0..400).collect();
        Scatter::of(&Grid::new(vec![400], (ids, cells)), true)
    }

    #[test]
    fn errors_of_cells_are_found_again() {
        for tau in [0.1, 0.3] {
            let found = scatter(tau);
            assert!((found.tau / tau - 1.0).abs() < 0.3, "{found:?} of {tau}");
            assert!(found.phi < 3.0, "{found:?} of {tau}");
        }
    }

    #[test]
    fn counts_alone_weigh_what_they_are() {
        let found = scatter(0.0);
        assert!(found.tau < 0.03 && found.weight(100.0) > 0.9, "{found:?}");
    }
}
