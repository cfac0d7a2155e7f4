//! The shortest description that explains nearly as much. Where counts are huge, every difference between a forecast and
//! the truth is worth many nats and buys words: lists of nearly all values of an attribute that does not matter, and of
//! values that have hardly any of the excess.

use super::grid::{Grid, Sum};

/// What may be lost or let in for fewer words, where errors take all of the evidence; less where they do not.
const TENTH: f64 = 0.1;

/// Values that are as quickly said as "all but one".
const FEW: usize = 2;

/// Share of the cohort's ratio from which what is left out rose as well.
const ALIKE: f64 = 0.5;

/// Leaves out attributes of which nearly all values are listed for little, and values that add little. `raw` are the
/// cells as they were counted; `saturation` is the share of the evidence that errors take.
pub(super) fn shorten(raw: &Grid, found: &[Vec<bool>], saturation: f64) -> Vec<Vec<bool>> {
    let share = TENTH * saturation;
    let mut chosen = found.to_vec();
    while let Some(all) = needless(raw, &chosen, share).and_then(|at| chosen.get_mut(at)) {
        all.fill(true);
    }
    for attribute in 0..chosen.len() {
        shorten_list(raw, &mut chosen, attribute, share);
    }
    chosen
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

/// Leaves out the values with the least excess, as long as that is little of all; only where no more words are needed
/// then.
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
    if said(&shorter) <= said(list) || count(&shorter) <= FEW {
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
