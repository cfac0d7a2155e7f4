//! The level: a forecast that misses that of the whole day by some per cent has no cause in these attributes.

use super::grid::{Grid, Sum};

/// What the level may be missed by; what rises by more has risen.
const MAX_LEVEL: f64 = 1.25;

/// By how much everything was expected too low, from 1 to [`MAX_LEVEL`]. One that was expected too high needs no help: it
/// names nothing.
pub(super) fn bounded(level: f64) -> f64 {
    level.clamp(1.0, MAX_LEVEL)
}

/// Observed over expected, as half of the expectation of every attribute has it: what most values share, so that no
/// cohort of few values moves it.
pub(super) fn level(grid: &Grid) -> f64 {
    let levels = grid.totals().into_iter().filter_map(middle);
    levels.fold(f64::INFINITY, f64::min)
}

/// The ratio that values with half of an attribute's expectation do not exceed.
fn middle(sums: Vec<Sum>) -> Option<f64> {
    let all: f64 = sums.iter().map(|sum| sum.expected).sum();
    let known = sums.into_iter().filter(|sum| sum.expected > 0.0);
    let mut ratios: Vec<(f64, f64)> = known
        .map(|sum| (sum.observed / sum.expected, sum.expected))
        .collect();
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut below = 0.0;
    ratios.into_iter().find_map(|(ratio, expected)| {
        below += expected;
        (below >= all / 2.0).then_some(ratio)
    })
}
