//! The causes of a cross-section: search, test, remove what is explained, search again.

use super::climb::{Selection, scored};
use super::cohort::Cohort;
use super::cross_section::CrossSection;
use super::dispersion::{MIN_SPREAD, are_counts, dispersion, spread};
use super::grid::{Grid, Mask};
use super::level::{bounded, level};
use super::pattern::{Pattern, best_patterns};
use super::price::{Noise, Objective};
use super::scatter::Scatter;
use super::search::{first_idea, search};
use super::shorten::{Slack, shorten};
use super::spare::spare;
use super::words::Words;

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
    /// Whether what is expected of a cell errs beyond chance, as a forecast does: words are then weighed by how much
    /// (`errors`). Where it is a rate that held for all clients alike, each difference between cells may be said.
    pub forecasts_err: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            alpha: DEFAULT_ALPHA,
            seed: 1,
            forecasts_err: true,
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
    let cells = section.cells();
    let mut raw = Grid::new(sizes, (cells.ids, cells.sums));
    let mut left = raw.clone();
    let (objective, mut patterns) = prepare(&mut left, &cells.clients);
    let mut causes: Vec<Cause> = Vec::new();
    while causes.len() < MAX_CAUSES && !left.cells.is_empty() {
        let known = patterns
            .take()
            .unwrap_or_else(|| best_patterns(&left, &objective));
        let found = search(&left, &objective, &known, options.seed);
        let share = causes.first().map_or(0.0, |cause| MIN_SHARE * cause.score);
        if found.score < threshold(options.alpha, causes.len()).max(share) {
            break;
        }
        if !causes.is_empty() && is_everyone(&found) {
            break;
        }
        let (found, shorter) = worded((&left, &raw), &objective, found, &known, options);
        // What is left over after another cause is not everyone.
        let found = if causes.is_empty() || !is_everyone(&shorter) {
            shorter
        } else {
            found
        };
        let masks = left.masks(&found.chosen);
        causes.push(cause(section, &raw, &found, &masks));
        left = left.without(&masks);
        raw = raw.without(&masks);
    }
    causes
}

/// What was found, in words that say what it spares; and in the fewest.
fn worded(
    (left, raw): (&Grid, &Grid),
    objective: &Objective,
    found: Selection,
    patterns: &[Vec<Pattern>],
    options: &Options,
) -> (Selection, Selection) {
    let found = spare(left, raw, objective, found);
    let words = || Words::new(raw, objective, &found.chosen);
    let Some(words) = options.forecasts_err.then(words).flatten() else {
        let shorter = shorten(raw, &found.chosen, Slack::of_score(found.score));
        return (found, scored(left, objective, shorter));
    };
    let best = words.best(&found.chosen, patterns);
    let shorter = shorten(raw, &best, Slack::of_errors(words.saturation(&best)));
    (scored(left, objective, best), scored(left, objective, shorter))
}

/// Score from which the cause after `named` others is named. alpha is spent as 6/pi^2 (1, 1/4, 1/9, …), which sums to
/// one.
#[expect(clippy::cast_precision_loss, reason = "at most MAX_CAUSES")]
fn threshold(alpha: f64, named: usize) -> f64 {
    let share = 6.0 / std::f64::consts::PI.powi(2) / ((named + 1) as f64).powi(2);
    -(alpha * share).ln()
}

/// Cuts repeats, sets the level, weighs the cells, and gives the objective; all by the noise of what is outside a first
/// idea of the cohort. Also the best patterns, where they are still those of the weighed cells.
fn prepare(grid: &mut Grid, clients: &[f64]) -> (Objective, Option<Vec<Vec<Pattern>>>) {
    let counts = are_counts(grid);
    if counts {
        grid.cut_repeats(clients);
    }
    let raised = bounded(level(grid));
    grid.raise(raised);
    let phi = if counts { 1.0 } else { dispersion(grid, counts) };
    let start = Objective::new(
        &grid.sizes,
        Noise {
            phi,
            spread: MIN_SPREAD,
        },
    );
    let patterns = best_patterns(grid, &start);
    let Some(idea) = first_idea(grid, &start, &patterns) else {
        return (start, Some(patterns));
    };
    let masks = grid.masks(&idea.chosen);
    let (inside, mut outside) = (grid.inside(&masks), grid.without(&masks));
    if outside.cells.is_empty() {
        // Everyone: noise is what differs from the rise that all share.
        outside = grid.clone();
        outside.raise(level(grid));
    } else {
        let further = bounded(raised * level(&outside)) / raised;
        grid.raise(further);
        outside.raise(further);
    }
    let scatter =
        Scatter::of(&outside, counts).within(inside.observed / inside.expected.max(f64::MIN_POSITIVE));
    grid.weigh(scatter);
    outside.weigh(scatter);
    let noise = Noise {
        phi: scatter.phi,
        spread: spread(&outside, scatter.phi),
    };
    let kept = scatter.is_even().then_some(patterns);
    (Objective::new(&grid.sizes, noise), kept)
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
