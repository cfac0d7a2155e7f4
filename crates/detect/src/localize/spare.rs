//! What a cohort spares. The objective holds a cohort against what was expected, and where that is next to nothing, a value
//! that is perfectly healthy costs a cohort hardly anything: "everything on AS16509" and "everything on AS16509, not IAD"
//! score alike. So a value is held against the rate of the rest of the cohort, too.

use super::climb::{Selection, scored};
use super::grid::{Grid, Sum};
use super::price::Objective;

/// Share of the others' ratio that a spared value has at most: next to nothing of the rise.
const SPARED_RATIO: f64 = 0.2;

/// Nats against its being like the others, beyond the log of how many values there are.
const SURE: f64 = 7.0;

/// Leaves out, attribute by attribute, the one value that has next to nothing of what all others have. `raw` are the cells
/// of `grid` as they were counted: whether a value is like the others is told by all of its events.
pub(super) fn spare(grid: &Grid, raw: &Grid, objective: &Objective, mut found: Selection) -> Selection {
    for _ in 0..grid.sizes.len() {
        let Some((attribute, value)) = spared(raw, objective, &found) else {
            break;
        };
        if let Some(chosen) = found.chosen.get_mut(attribute).and_then(|all| all.get_mut(value)) {
            *chosen = false;
        }
    }
    scored(grid, objective, found.chosen)
}

/// The value that is surest to be spared, of the attributes that are not said yet.
fn spared(raw: &Grid, objective: &Objective, found: &Selection) -> Option<(usize, usize)> {
    let masks = raw.masks(&found.chosen);
    let whole = raw.inside(&masks);
    let values: usize = raw.sizes.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "at most MAX_VALUES of each attribute")]
    let sure = SURE + (values as f64).ln();
    let mut best = None;
    let mut most = sure;
    for (attribute, sums) in raw.marginals(&masks).into_iter().enumerate() {
        let is_unsaid = |chosen: &Vec<bool>| chosen.len() > 1 && chosen.iter().all(|chosen| *chosen);
        if !found.chosen.get(attribute).is_some_and(is_unsaid) {
            continue;
        }
        for (value, sum) in sums.into_iter().enumerate() {
            let nats = unlike(sum, whole) / objective.noise.phi.max(1.0);
            if nats > most {
                (best, most) = (Some((attribute, value)), nats);
            }
        }
    }
    best
}

/// Log likelihood ratio of a value's events against the ratio of the rest; zero where it has more than a little of it.
fn unlike(sum: Sum, whole: Sum) -> f64 {
    let others = Sum {
        observed: whole.observed - sum.observed,
        expected: whole.expected - sum.expected,
    };
    if others.expected <= 0.0 || sum.expected <= 0.0 {
        return 0.0;
    }
    let alike = sum.expected * others.observed / others.expected;
    if sum.observed > SPARED_RATIO * alike {
        return 0.0;
    }
    let ratio = if sum.observed > 0.0 {
        sum.observed * (sum.observed / alike).ln()
    } else {
        0.0
    };
    ratio - sum.observed + alike
}
