//! The shortest description that explains nearly as much. Where counts are huge, every difference between a forecast and
//! the truth is worth many nats and buys words: lists of nearly all values of an attribute that does not matter, and of
//! values that have hardly any of the excess.

use super::grid::{Grid, Sum};

/// What may be lost or let in for fewer words, where counts are huge; less where they are not.
const TENTH: f64 = 0.1;

/// Score in nats at which half of that may be lost: incidents of a few dozen nats have no word to spare.
const HUGE: f64 = 100.0;

/// Values that are as quickly said as "all but one".
const FEW: usize = 2;

/// Share of the cohort's ratio from which what is left out rose as well.
const ALIKE: f64 = 0.5;

/// What words may cost.
#[derive(Clone, Copy)]
pub(super) struct Slack {
    /// May be lost of the excess, or let in.
    share: f64,
    /// Whether values that have hardly any of the excess are left out of a list although no fewer are said then: "a or b" for
    /// "all but c", or instead of "all but c and d".
    is_strict: bool,
}

impl Slack {
    /// By how huge counts are.
    pub(super) fn of_score(nats: f64) -> Self {
        Self {
            share: TENTH * nats.max(0.0) / (nats.max(0.0) + HUGE),
            is_strict: false,
        }
    }

    /// By the share of the evidence that errors take.
    pub(super) fn of_errors(saturation: f64) -> Self {
        Self {
            share: TENTH * saturation,
            is_strict: true,
        }
    }

    fn prefers(self, shorter: &[bool], list: &[bool]) -> bool {
        let is_strict = self.is_strict && (said(shorter) == said(list) || count(shorter) <= FEW);
        said(shorter) < said(list) || is_strict
    }
}

/// Leaves out attributes of which nearly all values are listed for little, and values that add little. `raw` are the
/// cells as they were counted.
pub(super) fn shorten(raw: &Grid, found: &[Vec<bool>], slack: Slack) -> Vec<Vec<bool>> {
    let mut chosen = found.to_vec();
    while let Some(all) = needless(raw, &chosen, slack.share).and_then(|at| chosen.get_mut(at)) {
        all.fill(true);
    }
    for attribute in 0..chosen.len() {
        shorten_list(raw, &mut chosen, attribute, slack);
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

/// Leaves out the values with the least excess, as long as that is little of all; only where fewer are listed then, in
/// the shorter wording, or where what is listed is strict.
fn shorten_list(raw: &Grid, chosen: &mut [Vec<bool>], attribute: usize, slack: Slack) {
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
    let mut left = slack.share * order.iter().map(|(excess, _)| excess).sum::<f64>();
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
    if slack.prefers(&shorter, list) {
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
