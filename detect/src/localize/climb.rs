//! Coordinate ascent: the best values of one attribute after the other, until none changes.

use super::grid::{Grid, Mask};
use super::price::{Price, Prices, score};
use super::scan::best_values;

/// Visits to each attribute in one climb. The score grows with each change, so climbs end; measured ones within 5.
pub const MAX_ROUNDS: usize = 12;

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

/// Climbs from a start to a cohort that no change of one attribute improves, or for `rounds` visits to each.
pub(super) fn climb(grid: &Grid, prices: &Prices, start: Vec<Vec<bool>>, rounds: usize) -> Selection {
    let masks = grid.masks(&start);
    let mut climb = Climb {
        grid,
        prices,
        masks,
        chosen: start,
        score: f64::NEG_INFINITY,
    };
    climb.score = score(grid.inside(&climb.masks), climb.price_without(None));
    let (mut unchanged, attributes) = (0, grid.sizes.len());
    for attribute in (0..attributes).cycle().take(attributes * rounds) {
        unchanged = if climb.improve(attribute) {
            0
        } else {
            unchanged + 1
        };
        if unchanged == attributes {
            break;
        }
    }
    Selection {
        score: climb.score,
        chosen: climb.chosen,
    }
}

struct Climb<'a> {
    grid: &'a Grid,
    prices: &'a Prices,
    masks: Vec<Mask>,
    chosen: Vec<Vec<bool>>,
    score: f64,
}

impl Climb<'_> {
    fn improve(&mut self, attribute: usize) -> bool {
        let sums = self.grid.marginal(attribute, &self.masks);
        let best = best_values(
            &sums,
            self.prices.of(attribute),
            self.price_without(Some(attribute)),
        );
        if best.score <= self.score + MIN_GAIN {
            return false;
        }
        self.grid.mark(attribute, &best.chosen, &mut self.masks);
        self.score = best.score;
        if let Some(chosen) = self.chosen.get_mut(attribute) {
            *chosen = best.chosen;
        }
        true
    }

    fn price_without(&self, left_out: Option<usize>) -> Price {
        let priced = self
            .chosen
            .iter()
            .enumerate()
            .filter(|(d, _)| Some(*d) != left_out);
        priced
            .map(|(d, chosen)| self.prices.choice(d, chosen))
            .fold(Price::default(), Price::plus)
    }
}
