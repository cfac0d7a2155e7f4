//! The causes of a cross-section: search, test, remove what is explained, search again.

use super::climb::Selection;
use super::cohort::Cohort;
use super::cross_section::CrossSection;
use super::dispersion::{MIN_SPREAD, are_counts, dispersion, spread};
use super::grid::{Grid, Mask};
use super::price::{Noise, Objective};
use super::search::{first_idea, search};

/// Causes named at most: a night with more has one cause that these attributes do not show.
pub const MAX_CAUSES: usize = 4;

/// Bound on the chance of naming anything on data without a cause. The score is a union bound over cohorts, most of
/// which overlap, so ln(1/alpha) is a safe threshold: named on null data is about a tenth of it (`cargo xtask bench detect`
/// measures it; 1 % is promised).
pub const DEFAULT_ALPHA: f64 = 0.05;

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
    let mut raw = Grid::new(sizes, section.cells());
    let mut left = raw.clone();
    let counts = are_counts(&left);
    if counts {
        left.cut_repeats();
    }
    let objective = objective(&left, counts);
    let mut causes: Vec<Cause> = Vec::new();
    while causes.len() < MAX_CAUSES && !left.cells.is_empty() {
        let found = search(&left, &objective, options.seed);
        let share = causes.first().map_or(0.0, |cause| MIN_SHARE * cause.score);
        if found.score < threshold(options.alpha, causes.len()).max(share) {
            break;
        }
        if !causes.is_empty() && is_everyone(&found) {
            break;
        }
        let masks = left.masks(&found.chosen);
        causes.push(cause(section, &raw, &found, &masks));
        left = left.without(&masks);
        raw = raw.without(&masks);
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

/// The objective with the noise of the cells outside a first idea of the cohort.
fn objective(grid: &Grid, counts: bool) -> Objective {
    let with = |phi, spread| Objective::new(&grid.sizes, Noise { phi, spread });
    let start = with(if counts { 1.0 } else { dispersion(grid, counts) }, MIN_SPREAD);
    let Some(idea) = first_idea(grid, &start) else {
        return start;
    };
    let outside = grid.without(&grid.masks(&idea.chosen));
    if outside.cells.is_empty() {
        return start;
    }
    let phi = dispersion(&outside, counts);
    with(phi, spread(&outside, phi))
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
