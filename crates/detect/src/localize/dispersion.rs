//! The noise: how much more than a Poisson count a cell varies (the robust overdispersion phi), and how much the
//! expectation of a whole cohort errs (the spread). What single cells err is in `scatter`.
//!
//! Retries cluster and forecasts err, so var = phi e. Where most of the expectation sits in cells large enough for a
//! residual to mean something, phi comes from the median of the squared residuals, which an incident cannot move far.
//! Where cells are sparse the median is meaningless, and phi is the ratio of sums over the cells outside a first
//! cohort. Counts are never less than Poisson; rates have no unit of their own, and phi gives them one.

use super::grid::{Grid, Sum};
use super::price::Noise;

/// Baselines err by at least so much, whatever the data at hand seem to say; and one that errs by more than the largest
/// is none.
pub(super) const MIN_SPREAD: f64 = 0.05;
const MAX_SPREAD: f64 = 0.3;

/// Expected events from which a count's residual is near enough to normal for a median.
pub(super) const DENSE: f64 = 2.0;

/// Median of a chi-squared variable with one degree of freedom.
pub(super) const CHI_SQUARED_MEDIAN: f64 = 0.4549;

/// Residuals that a median needs.
pub(super) const MIN_RESIDUALS: usize = 12;

/// Steps from the smallest to the largest spread, each a fifth larger.
const SPREAD_STEPS: u32 = 10;

/// Nats by which a spread may fit worse than the best one and still be taken.
const SPREAD_SLACK: f64 = 1.5;

/// Whether every observation is a whole number.
pub(super) fn are_counts(grid: &Grid) -> bool {
    grid.cells.iter().all(|cell| cell.observed.fract() == 0.0)
}

/// phi over the given cells.
pub(super) fn dispersion(grid: &Grid, counts: bool) -> f64 {
    let cells: Vec<Sum> = grid
        .cells
        .iter()
        .copied()
        .filter(|cell| cell.expected > 0.0)
        .collect();
    let floor = if counts { 1.0 } else { f64::MIN_POSITIVE };
    robust(&cells, counts)
        .or_else(|| pooled(&cells))
        .unwrap_or(1.0)
        .max(floor)
}

/// From medians: of the residuals around their median, and of the residuals below zero. An incident inflates the
/// first, an expectation that is too high everywhere the second; the smaller one is the less disturbed.
fn robust(cells: &[Sum], counts: bool) -> Option<f64> {
    let dense = |cell: &&Sum| !counts || cell.expected >= DENSE;
    let held: f64 = cells.iter().filter(dense).map(|cell| cell.expected).sum();
    let all: f64 = cells.iter().map(|cell| cell.expected).sum();
    let residual = |cell: &Sum| (cell.observed - cell.expected) / cell.expected.sqrt();
    let residuals: Vec<f64> = cells.iter().filter(dense).map(residual).collect();
    if held < all / 2.0 || residuals.len() < MIN_RESIDUALS {
        return None;
    }
    let centre = median(residuals.clone())?;
    let around = median(residuals.iter().map(|r| (r - centre).powi(2)).collect())?;
    let below: Vec<f64> = residuals
        .iter()
        .filter(|r| **r < 0.0)
        .map(|r| r.powi(2))
        .collect();
    let below = if below.len() < MIN_RESIDUALS {
        around
    } else {
        median(below)?
    };
    let phi = around.min(below) / CHI_SQUARED_MEDIAN;
    (phi > 0.0).then_some(phi)
}

fn pooled(cells: &[Sum]) -> Option<f64> {
    let squares: f64 = cells
        .iter()
        .map(|cell| (cell.observed - cell.expected).powi(2))
        .sum();
    let expected: f64 = cells.iter().map(|cell| cell.expected).sum();
    (squares > 0.0 && expected > 0.0).then(|| squares / expected)
}

/// Relative error of what is expected of single values: the smallest that fits their sums nearly as well as the best
/// does. Large values are few and err by chance; a spread taken too large hides what a cohort has.
pub(super) fn spread(grid: &Grid, phi: f64) -> f64 {
    let tells = |sum: &Sum| MAX_SPREAD.powi(2) * sum.expected > phi;
    let sums: Vec<Sum> = grid.totals().into_iter().flatten().filter(tells).collect();
    if sums.len() < MIN_RESIDUALS {
        return MIN_SPREAD;
    }
    let factor = (MAX_SPREAD / MIN_SPREAD).powf(1.0 / f64::from(SPREAD_STEPS));
    let spreads = (0..=SPREAD_STEPS).map(|step| MIN_SPREAD * factor.powf(f64::from(step)));
    let fit = |spread: f64| {
        sums.iter()
            .map(|sum| Noise { phi, spread }.fit(*sum))
            .sum::<f64>()
    };
    let fits: Vec<(f64, f64)> = spreads.map(|spread| (spread, fit(spread))).collect();
    let best = fits.iter().map(|(_, fit)| *fit).fold(f64::NEG_INFINITY, f64::max);
    let good = fits.iter().find(|(_, fit)| *fit >= best - SPREAD_SLACK);
    good.map_or(MIN_SPREAD, |(spread, _)| *spread)
}

pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
