//! The words that evidence is worth where it is plenty. There every difference between cells buys a word, and only what is
//! left of the evidence once cells err (`likeness`) says which words are worth it: one value where the others are alike,
//! a list where they are not, and none of an attribute whose other values rose nearly as much.

use super::climb::Selection;
use super::grid::{Grid, Mask, Sum};
use super::likeness::Likeness;
use super::pattern::Pattern;
use super::price::{Objective, Price};

/// Share of the Poisson evidence that errors take, from which evidence is plenty. Incidents of a registry, whose cells have
/// some events each, lose a few hundredths, and sessions of a streaming CDN most of it.
const PLENTY: f64 = 0.15;

/// Share of a list's worth that single values may lack and still be said, where errors take all of the evidence: the model
/// is not exact there, and the simpler words are the better ones.
const PARSIMONY: f64 = 0.3;

/// Patterns of each length that are climbed from.
const STARTS_PER_LENGTH: usize = 3;

/// Changes of a climb; measured ones end within 6.
const MAX_CHANGES: usize = 12;

/// A gain below this is rounding.
const MIN_GAIN: f64 = 1e-6;

/// Words for the cells of a grid, in units of their overdispersion.
pub(super) struct Words<'a> {
    grid: Grid,
    objective: &'a Objective,
    pub(super) likeness: Likeness,
}

/// What may be said of an attribute.
#[derive(Clone, Copy, PartialEq)]
enum Choice {
    Lists,
    /// One value, or nothing.
    Values,
}

/// A cohort with its likeliest ratio, and what is left of its evidence when the words are paid. Nats.
struct Named {
    chosen: Vec<Vec<bool>>,
    masks: Vec<Mask>,
    ratio: f64,
    evidence: f64,
    worth: f64,
}

impl<'a> Words<'a> {
    /// By how alike cells are around what was `found`. `raw` are the cells as they were counted.
    pub(super) fn new(raw: &Grid, objective: &'a Objective, found: &Selection) -> Self {
        let grid = raw.in_units_of(objective.noise.phi);
        let masks = grid.masks(&found.chosen);
        let inside = grid.cells.iter().zip(&masks).filter(|(_, mask)| **mask == 0);
        let ratio = Likeness::LEAST.ratio(inside.map(|(cell, _)| *cell));
        let counts = grid.cells.iter().zip(&masks).map(|(cell, mask)| {
            let rise = if *mask == 0 { ratio } else { 1.0 };
            (cell.observed, rise * cell.expected)
        });
        let likeness = Likeness::of(counts);
        Self {
            grid,
            objective,
            likeness,
        }
    }

    /// What errors take of a cohort's evidence if cells are as little alike as they may be: from 0, where they have some
    /// events each, to 1.
    pub(super) fn saturation(&self, chosen: &[Vec<bool>]) -> f64 {
        self.saturated(&self.named_by(Likeness::LEAST, chosen.to_vec()))
    }

    pub(super) fn is_plenty(&self, found: &Selection) -> bool {
        self.saturation(&found.chosen) > PLENTY
    }

    /// The best words, from what was `found` and from `patterns`.
    pub(super) fn best(&self, found: &Selection, patterns: &[Vec<Pattern>]) -> Vec<Vec<bool>> {
        let best_of_each = || {
            patterns
                .iter()
                .flat_map(|length| length.iter().take(STARTS_PER_LENGTH))
        };
        let patterns = || best_of_each().map(|pattern| pattern.selection(&self.grid).chosen);
        let lists = std::iter::once(found.chosen.clone()).chain(patterns());
        let list = lists.map(|start| self.climb(start, Choice::Lists)).reduce(better);
        let values = patterns().map(|start| self.climb(start, Choice::Values));
        // "Everyone" is not simpler than a list: it is no answer.
        let value = values.filter(|named| !is_everyone(&named.chosen)).reduce(better);
        match (list, value) {
            (Some(list), Some(value)) if value.worth >= self.enough(&list) => value.chosen,
            (Some(list), _) => list.chosen,
            (None, _) => found.chosen.clone(),
        }
    }

    /// The worth from which single values are as good as a list.
    fn enough(&self, list: &Named) -> f64 {
        list.worth * (1.0 - PARSIMONY * self.saturated(list))
    }

    fn saturated(&self, named: &Named) -> f64 {
        let inside = self.grid.inside(&named.masks);
        let ratio = inside.observed / inside.expected.max(f64::MIN_POSITIVE);
        let counts = inside.observed * ratio.max(1.0).ln() - inside.observed + inside.expected;
        if counts > 0.0 && ratio > 1.0 {
            (1.0 - named.evidence / counts).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    fn climb(&self, start: Vec<Vec<bool>>, choice: Choice) -> Named {
        let mut at = self.named(start);
        for _ in 0..MAX_CHANGES {
            let Some(chosen) = self.change(&at, choice) else {
                break;
            };
            at = self.named(chosen);
        }
        at
    }

    fn named(&self, chosen: Vec<Vec<bool>>) -> Named {
        self.named_by(self.likeness, chosen)
    }

    fn named_by(&self, likeness: Likeness, chosen: Vec<Vec<bool>>) -> Named {
        let masks = self.grid.masks(&chosen);
        let cells = self.grid.cells.iter().zip(&masks);
        let inside = cells.filter(|(_, mask)| **mask == 0).map(|(cell, _)| *cell);
        let ratio = likeness.ratio(inside.clone());
        let evidence: f64 = inside.map(|cell| likeness.gain(cell, ratio)).sum();
        let worth = evidence - self.objective.price(&chosen, None).cost;
        Named {
            chosen,
            masks,
            ratio,
            evidence,
            worth,
        }
    }

    /// The change of one attribute that gains most. Cells with a value in common err together, so a value counts as one cell.
    fn change(&self, at: &Named, choice: Choice) -> Option<Vec<Vec<bool>>> {
        let (mut best, mut most) = (None, MIN_GAIN);
        for (attribute, sums) in self.grid.marginals(&at.masks).into_iter().enumerate() {
            let old = at.chosen.get(attribute)?;
            let gain = |sum: Sum| self.likeness.gain(sum, at.ratio);
            let gains: Vec<f64> = sums.into_iter().map(gain).collect();
            let prices = self.objective.of(attribute);
            let (worth, values) = best_values(&gains, prices, choice);
            let gain = worth - worth_of(&gains, prices, old);
            if gain > most {
                (best, most) = (Some((attribute, values)), gain);
            }
        }
        let (attribute, values) = best?;
        let mut chosen = at.chosen.clone();
        *chosen.get_mut(attribute)? = values;
        Some(chosen)
    }
}

fn better(best: Named, next: Named) -> Named {
    if next.worth > best.worth { next } else { best }
}

fn is_everyone(chosen: &[Vec<bool>]) -> bool {
    chosen.iter().flatten().all(|chosen| *chosen)
}

fn cost(prices: &[Price], members: usize) -> f64 {
    prices.get(members).map_or(0.0, |price| price.cost)
}

fn worth_of(gains: &[f64], prices: &[Price], chosen: &[bool]) -> f64 {
    let inside = gains.iter().zip(chosen).filter(|(_, chosen)| **chosen);
    let (sum, members) = inside.fold((0.0, 0), |(sum, members), (gain, _)| (sum + gain, members + 1));
    sum - cost(prices, members)
}

/// The values that are worth most, the first by name on ties: of each number of values those that gain most.
fn best_values(gains: &[f64], prices: &[Price], choice: Choice) -> (f64, Vec<bool>) {
    let mut order: Vec<(f64, usize)> = gains.iter().copied().zip(0..).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let (mut best, mut length, mut sum) = (f64::NEG_INFINITY, 0, 0.0);
    for (members, (gain, _)) in (1..).zip(&order) {
        sum += gain;
        let worth = sum - cost(prices, members);
        let is_sayable = choice == Choice::Lists || members == 1 || members == gains.len();
        if is_sayable && worth > best {
            (best, length) = (worth, members);
        }
    }
    let mut chosen = vec![false; gains.len()];
    for (_, value) in order.into_iter().take(length) {
        if let Some(chosen) = chosen.get_mut(value) {
            *chosen = true;
        }
    }
    (best, chosen)
}
