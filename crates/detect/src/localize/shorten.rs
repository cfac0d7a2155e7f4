//! The shortest description that explains nearly as much. Where counts are huge, every difference between a forecast and
//! the truth is worth many nats and buys words: lists of nearly all values of an attribute that does not matter, and of
//! values that have hardly any of the excess.

use super::climb::{Selection, scored};
use super::grid::{Grid, Sum};
use super::price::Objective;

/// What may be lost or let in for fewer words, where counts are huge; less where they are not.
const TENTH: f64 = 0.1;

/// Score in nats at which half of that may be lost: incidents of a few dozen nats have no word to spare.
const HUGE: f64 = 100.0;

/// Share of the cohort's ratio from which what is left out rose as well.
const ALIKE: f64 = 0.5;

/// Leaves out attributes of which nearly all values are listed for little, and values that add little. `raw` are the
/// cells of `grid` as they were counted.
pub(super) fn shorten(grid: &Grid, raw: &Grid, objective: &Objective, found: &Selection) -> Selection {
    let share = TENTH * found.score.max(0.0) / (found.score.max(0.0) + HUGE);
    let mut chosen = found.chosen.clone();
    while let Some(all) = needless(raw, &chosen, share).and_then(|at| chosen.get_mut(at)) {
        all.fill(true);
    }
    for attribute in 0..chosen.len() {
        shorten_list(raw, &mut chosen, attribute, share);
    }
    scored(grid, objective, chosen)
}

/// An attribute with most of its values, where leaving it out lets in little, or what rose as well.
fn needless(raw: &Grid, chosen: &[Vec<bool>], share: f64) -> Option<usize> {
    let masks = raw.masks(chosen);
    let inside = raw.inside(&masks);
    let marginals = raw.marginals(&masks);
    let mut attributes = chosen.iter().zip(&marginals);
    attributes.position(|(chosen, sums)| {
        let members = count(chosen);
        let is_majority = members < chosen.len() && 2 * members > chosen.len();
        let mut let_in = Sum::default();
        let outside = sums.iter().zip(chosen).filter(|(_, chosen)| !**chosen);
        outside.for_each(|(sum, _)| let_in.add(*sum));
        is_majority && (let_in.expected <= share * inside.expected || is_alike(let_in, inside))
    })
}

fn is_alike(sum: Sum, inside: Sum) -> bool {
    sum.expected > 0.0 && sum.observed * inside.expected >= ALIKE * inside.observed * sum.expected
}

/// Leaves out the values with the least excess, as long as that is little of all; only where fewer are listed then, in
/// the shorter wording.
fn shorten_list(raw: &Grid, chosen: &mut [Vec<bool>], attribute: usize, share: f64) {
    let marginals = raw.marginals(&raw.masks(chosen));
    let (Some(list), Some(sums)) = (chosen.get_mut(attribute), marginals.get(attribute)) else {
        return;
    };
    if count(list) == list.len() {
        return;
    }
    let excess = |sum: &Sum| sum.observed - sum.expected;
    let inside = list.iter().enumerate().filter(|(_, chosen)| **chosen);
    let mut order: Vec<(f64, usize)> = inside
        .filter_map(|(value, _)| Some((excess(sums.get(value)?), value)))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut left = share * order.iter().map(|(excess, _)| excess).sum::<f64>();
    let mut shorter = list.clone();
    for (excess, value) in order.iter().take(order.len().saturating_sub(1)) {
        left -= excess.max(0.0);
        if left < 0.0 {
            break;
        }
        if let Some(chosen) = shorter.get_mut(*value) {
            *chosen = false;
        }
    }
    if said(&shorter) < said(list) {
        *list = shorter;
    }
}

fn count(chosen: &[bool]) -> usize {
    chosen.iter().filter(|chosen| **chosen).count()
}

/// Values that are listed: those that are in, or those that are not.
fn said(chosen: &[bool]) -> usize {
    count(chosen).min(chosen.len() - count(chosen))
}
