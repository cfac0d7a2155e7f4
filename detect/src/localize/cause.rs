//! The causes of a cross-section: search, test, remove what is explained, search again.

use super::climb::Selection;
use super::cohort::Cohort;
use super::cross_section::CrossSection;
use super::dispersion::{are_counts, dispersion};
use super::grid::{Grid, Mask};
use super::price::Prices;
use super::search::{first_idea, search};

/// Causes named at most: a night with more has one cause that these attributes do not show.
pub const MAX_CAUSES: usize = 4;

/// Chance of naming anything on data without a cause. The score is close to a union bound over cohorts, so ln(1/alpha)
/// is a threshold; what baselines err is not in that bound, so this is a fifth of the 1 % that is promised.
/// `localize_figures` measures it.
pub const DEFAULT_ALPHA: f64 = 0.002;

/// A further cause has at least this share of the first one's score. With huge counts what is left over at the rim of
/// the first cohort is significant too, and is not a second cause.
const MIN_SHARE: f64 = 0.05;

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Chance of naming anything where there is nothing, in (0, 1).
    pub alpha: f64,
    /// Of the random starts; the same seed and input give the same answer.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            alpha: DEFAULT_ALPHA,
            seed: 1,
        }
    }
}

/// A cohort that explains an excess.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    pub cohort: Cohort,
    /// Sums over the cohort's cells that no earlier cause explains.
    pub observed: f64,
    pub expected: f64,
    /// Penalised log likelihood ratio over the overdispersion. Nats.
    pub score: f64,
}

/// Names what explains the excess, the strongest cause first; empty when there is nothing to name.
#[must_use]
pub fn localize(section: &CrossSection, options: &Options) -> Vec<Cause> {
    let sizes: Vec<usize> = section.value_names().iter().map(Vec::len).collect();
    let prices = Prices::new(&sizes);
    let mut left = Grid::new(sizes, &section.cells());
    let phi = phi(&left, &prices);
    let mut causes: Vec<Cause> = Vec::new();
    while causes.len() < MAX_CAUSES && !left.cells.is_empty() {
        let found = search(&left.clone().in_units(phi), &prices, options.seed);
        let share = causes.first().map_or(0.0, |cause| MIN_SHARE * cause.score);
        if found.score < threshold(options.alpha, causes.len()).max(share) {
            break;
        }
        if !causes.is_empty() && is_everyone(&found) {
            break;
        }
        let masks = left.masks(&found.chosen);
        causes.push(cause(section, &left, &found, &masks));
        left = left.without(&masks);
    }
    causes
}

/// Score from which the cause after `named` others is named. alpha is spent as 6/pi^2 (1, 1/4, 1/9, …), which sums to
/// one.
#[expect(clippy::cast_precision_loss, reason = "at most MAX_CAUSES")]
fn threshold(alpha: f64, named: usize) -> f64 {
    let share = 6.0 / std::f64::consts::PI.powi(2) / ((named + 1) as f64).powi(2);
    -(alpha * share).ln()
}

/// phi of the cells outside a first idea of the cohort.
fn phi(grid: &Grid, prices: &Prices) -> f64 {
    let counts = are_counts(grid);
    let start = if counts { 1.0 } else { dispersion(grid, counts) };
    let Some(idea) = first_idea(&grid.clone().in_units(start), prices) else {
        return start;
    };
    let outside = grid.without(&grid.masks(&idea.chosen));
    if outside.cells.is_empty() {
        start
    } else {
        dispersion(&outside, counts)
    }
}

fn is_everyone(found: &Selection) -> bool {
    found.chosen.iter().flatten().all(|chosen| *chosen)
}

fn cause(section: &CrossSection, left: &Grid, found: &Selection, masks: &[Mask]) -> Cause {
    let sum = left.inside(masks);
    Cause {
        cohort: Cohort::new(section, &found.chosen),
        observed: sum.observed,
        expected: sum.expected,
        score: found.score,
    }
}
