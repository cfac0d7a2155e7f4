//! Steepest ascent: the best change of one attribute's values after the other, until none gains.

use super::grid::{Grid, Mask};
use super::price::Objective;
use super::scan::{Choice, best_values};

/// Steps of a climb that goes to the top. The score grows with each, so climbs end; measured ones within 8.
pub const MAX_STEPS: usize = 36;

/// A gain below this is rounding (scores are sums of some 1e6 terms near 1e6 at most, at 1e-16 relative error).
const MIN_GAIN: f64 = 1e-9;

/// A cohort with its score: chosen values per attribute, all true where an attribute is left open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Selection {
    pub(super) score: f64,
    pub(super) chosen: Vec<Vec<bool>>,
}

impl Selection {
    /// Everyone.
    pub(super) fn all(grid: &Grid) -> Vec<Vec<bool>> {
        grid.sizes.iter().map(|size| vec![true; *size]).collect()
    }
}

/// Climbs from a start to a cohort that no change of one attribute improves, or for so many `steps`.
pub(super) fn climb(grid: &Grid, objective: &Objective, start: Vec<Vec<bool>>, steps: usize) -> Selection {
    let masks = grid.masks(&start);
    let mut climb = Climb {
        grid,
        objective,
        at: of_masks(grid, objective, start, &masks),
        masks,
    };
    let mut left = steps;
    while left > 0 && climb.step() {
        left -= 1;
    }
    climb.at
}

/// What a cohort is worth.
pub(super) fn scored(grid: &Grid, objective: &Objective, chosen: Vec<Vec<bool>>) -> Selection {
    let masks = grid.masks(&chosen);
    of_masks(grid, objective, chosen, &masks)
}

fn of_masks(grid: &Grid, objective: &Objective, chosen: Vec<Vec<bool>>, masks: &[Mask]) -> Selection {
    Selection {
        score: objective.score(grid.inside(masks), objective.price(&chosen, None)),
        chosen,
    }
}

struct Climb<'a> {
    grid: &'a Grid,
    objective: &'a Objective,
    masks: Vec<Mask>,
    at: Selection,
}

impl Climb<'_> {
    fn step(&mut self) -> bool {
        let Some((attribute, choice)) = self.best_change() else {
            return false;
        };
        self.grid.mark(attribute, &choice.chosen, &mut self.masks);
        self.at.score = choice.score;
        if let Some(chosen) = self.at.chosen.get_mut(attribute) {
            *chosen = choice.chosen;
        }
        true
    }

    /// The change that gains most; of the first attribute on ties.
    fn best_change(&self) -> Option<(usize, Choice)> {
        let mut best: Option<(usize, Choice)> = None;
        for (attribute, sums) in self.grid.marginals(&self.masks).iter().enumerate() {
            let rest = self.objective.price(&self.at.chosen, Some(attribute));
            let choice = best_values(sums, self.objective, attribute, rest);
            let least = best
                .as_ref()
                .map_or(self.at.score + MIN_GAIN, |(_, best)| best.score);
            if choice.score > least {
                best = Some((attribute, choice));
            }
        }
        best
    }
}
