//! The words that evidence is worth where cells err. There every difference between cells buys a word, and only what is
//! left of the evidence once cells err (`errors`) says which words are worth it: one value where the others are alike,
//! a list where they are not, and none of an attribute whose other values rose nearly as much.

use super::errors::Errors;
use super::grid::{Grid, Mask, Sum};
use super::pattern::Pattern;
use super::price::{Objective, Price};

/// Share of a list's worth that single values may lack and still be said, where cells err most and that takes all of the
/// evidence: the model is not exact there, and the simpler words are the better ones.
const PARSIMONY: f64 = 0.3;

/// Patterns of each length that are climbed from.
const STARTS_PER_LENGTH: usize = 3;

/// Changes of a climb; measured ones end within 6.
const MAX_CHANGES: usize = 12;

/// A gain below this is rounding.
const MIN_GAIN: f64 = 1e-6;

/// Words for the cells of a grid as they were counted.
pub(super) struct Words<'a> {
    grid: &'a Grid,
    objective: &'a Objective,
    errors: Errors,
}

/// What may be said of an attribute.
#[derive(Clone, Copy, PartialEq)]
enum Choice {
    Lists,
    /// One value, or nothing.
    Values,
}

/// A cohort with its likeliest ratio, and what is left of its evidence when the words are paid. Nats.
struct ScoredCohort {
    chosen: Vec<Vec<bool>>,
    masks: Vec<Mask>,
    ratio: f64,
    evidence: f64,
    worth: f64,
}

impl<'a> Words<'a> {
    /// By what cells err inside and outside of what was found; nothing where they do not.
    pub(super) fn new(grid: &'a Grid, objective: &'a Objective, found: &[Vec<bool>]) -> Option<Self> {
        let mut words = Self {
            grid,
            objective,
            errors: Errors::NONE,
        };
        let masks = grid.masks(found);
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for (cell, mask) in grid.cells.iter().zip(&masks) {
            let side = if *mask == 0 { &mut inside } else { &mut outside };
            side.push(words.in_units(*cell));
        }
        words.errors = Errors::of(&inside, &outside);
        (!words.errors.are_none()).then_some(words)
    }

    /// In units of the overdispersion, as the likelihood of counts has them.
    fn in_units(&self, sum: Sum) -> Sum {
        Sum {
            observed: sum.observed / self.objective.noise.phi,
            expected: sum.expected / self.objective.noise.phi,
        }
    }

    /// What errors take of a cohort's evidence: from 0, where its cells have some events each, to 1.
    pub(super) fn saturation(&self, chosen: &[Vec<bool>]) -> f64 {
        self.saturated(&self.named(chosen.to_vec()))
    }

    /// The best words, from what was `found` and from `patterns`.
    pub(super) fn best(&self, found: &[Vec<bool>], patterns: &[Vec<Pattern>]) -> Vec<Vec<bool>> {
        let best_of_each = || {
            patterns
                .iter()
                .flat_map(|length| length.iter().take(STARTS_PER_LENGTH))
        };
        let patterns = || best_of_each().map(|pattern| pattern.selection(self.grid).chosen);
        let lists = std::iter::once(found.to_vec()).chain(patterns());
        let list = lists.map(|start| self.climb(start, Choice::Lists)).reduce(better);
        let values = patterns().map(|start| self.climb(start, Choice::Values));
        // "Everyone" is not simpler than a list: it is no answer.
        let value = values.filter(|named| !is_everyone(&named.chosen)).reduce(better);
        match (list, value) {
            (Some(list), Some(value)) if self.is_as_good(&value, &list) => value.chosen,
            (Some(list), _) => list.chosen,
            (None, _) => found.to_vec(),
        }
    }

    /// Whether single values say what a list says: they keep most of its worth, and let in little that did not rise; the
    /// less of either, the less cells err and the less that takes.
    fn is_as_good(&self, value: &ScoredCohort, list: &ScoredCohort) -> bool {
        let share = self.errors.share() * self.saturated(list);
        let enough = list.worth * (1.0 - PARSIMONY * share);
        let little = share * self.grid.inside(&value.masks).expected;
        let marginals = self.grid.marginals(&value.masks);
        let sides = value.chosen.iter().zip(&list.chosen).zip(&marginals);
        let mut let_in = sides.flat_map(|((value, list), sums)| {
            let sides = value.iter().zip(list).zip(sums);
            sides
                .filter(|((value, list), _)| **value && !**list)
                .map(|(_, sum)| sum)
        });
        let did_not_rise = |sum: &Sum| sum.observed < list.ratio.sqrt() * sum.expected;
        value.worth >= enough && !let_in.any(|sum| did_not_rise(sum) && sum.expected > little)
    }

    fn saturated(&self, named: &ScoredCohort) -> f64 {
        let inside = self.in_units(self.grid.inside(&named.masks));
        let ratio = inside.observed / inside.expected.max(f64::MIN_POSITIVE);
        let counts = inside.observed * ratio.max(1.0).ln() - inside.observed + inside.expected;
        if counts > 0.0 && ratio > 1.0 {
            (1.0 - named.evidence / counts).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    fn climb(&self, start: Vec<Vec<bool>>, choice: Choice) -> ScoredCohort {
        let mut at = self.named(start);
        for _ in 0..MAX_CHANGES {
            let Some(chosen) = self.change(&at, choice) else {
                break;
            };
            at = self.named(chosen);
        }
        at
    }

    fn named(&self, chosen: Vec<Vec<bool>>) -> ScoredCohort {
        let masks = self.grid.masks(&chosen);
        let cells = self.grid.cells.iter().zip(&masks);
        let inside: Vec<Sum> = cells
            .filter(|(_, mask)| **mask == 0)
            .map(|(cell, _)| self.in_units(*cell))
            .collect();
        let ratio = self.errors.ratio(inside.iter().copied());
        let evidence: f64 = inside.iter().map(|cell| self.errors.gain(*cell, ratio)).sum();
        let worth = evidence - self.objective.price(&chosen, None).cost;
        ScoredCohort {
            chosen,
            masks,
            ratio,
            evidence,
            worth,
        }
    }

    /// The change of one attribute that gains most. Cells with a value in common err together, so a value counts as one cell.
    fn change(&self, at: &ScoredCohort, choice: Choice) -> Option<Vec<Vec<bool>>> {
        let (mut best, mut most) = (None, MIN_GAIN);
        for (attribute, sums) in self.grid.marginals(&at.masks).into_iter().enumerate() {
            let old = at.chosen.get(attribute)?;
            let gain = |sum: Sum| self.errors.gain(self.in_units(sum), at.ratio);
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

fn better(best: ScoredCohort, next: ScoredCohort) -> ScoredCohort {
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
