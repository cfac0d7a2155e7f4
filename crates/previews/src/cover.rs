//! Which cohorts were hit: the shortest descriptions that cover what matched.
//!
//! A walk over the attributes, from all to few: the values that matched clients have make a box; while the box holds
//! many that did not match, it is narrowed to the value that tells most; then every attribute that does not tell anything
//! is left out again. What the box covers is taken away and the next one is sought. A rule is a formula over attributes
//! for the most part, so boxes are exact more often than not; how exact is said with each.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::{ATTRIBUTES, Cell, Cells};

/// Cohorts of an answer; what is left is in none of them.
pub(super) const MAX_COHORTS: usize = 8;

/// A box this full of matches is not narrowed.
const FULL: f64 = 0.98;

/// Narrowing has to raise the share of matches by this factor, and to keep this part of them: else nothing tells them
/// apart and the box stays as it is.
const LEAST_GAIN: f64 = 1.2;
const LEAST_KEPT: f64 = 0.05;

/// Matches that are left when this part of all is: too few for a cohort of their own.
const LEAST_LEFT: f64 = 0.01;

/// Attributes that are kept though they tell nothing more, where they have one value: they are how people speak of
/// clients.
const SPOKEN: [&str; 2] = ["family", "os"];

/// By attribute, in the order of [`ATTRIBUTES`]: the values that are in, or all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cover {
    terms: Vec<Option<BTreeSet<String>>>,
    pub(super) requests: u64,
    pub(super) matched: u64,
    /// Numbers of the cells that are in.
    pub(super) cells: Vec<u32>,
}

struct CoverCell<'a> {
    place: u32,
    key: &'a [String],
    cell: &'a Cell,
}

/// Cohorts that cover the matches, those with most of them first.
pub(super) fn cover(cells: &Cells) -> Vec<Cover> {
    let all: Vec<CoverCell<'_>> = (0..)
        .zip(cells.iter())
        .map(|(place, (key, cell))| CoverCell { place, key, cell })
        .collect();
    let total: u64 = all.iter().map(|seen| seen.cell.matched).sum();
    let mut left: BTreeSet<u32> = all
        .iter()
        .filter(|seen| seen.cell.matched > 0)
        .map(|seen| seen.place)
        .collect();
    let mut covers: Vec<Cover> = Vec::new();
    while covers.len() < MAX_COHORTS {
        let matched = matched_of(&all, &left);
        if matched == 0 || (matched as f64) < total as f64 * LEAST_LEFT {
            break;
        }
        let cover = next_cover(&all, &left, cells.depth());
        let before = left.len();
        cover.cells.iter().for_each(|place| {
            left.remove(place);
        });
        covers.push(cover);
        if left.len() == before {
            break;
        }
    }
    covers.sort_by_key(|cover| std::cmp::Reverse(cover.matched));
    covers
}

fn matched_of(all: &[CoverCell<'_>], left: &BTreeSet<u32>) -> u64 {
    let is_left = |seen: &&CoverCell<'_>| left.contains(&seen.place);
    all.iter().filter(is_left).map(|seen| seen.cell.matched).sum()
}

fn next_cover(all: &[CoverCell<'_>], left: &BTreeSet<u32>, depth: usize) -> Cover {
    let mut members: Vec<&CoverCell<'_>> = all.iter().filter(|seen| left.contains(&seen.place)).collect();
    let mut cover = Cover::around(&members, depth).filled(all);
    for _ in 0..depth {
        if cover.share() >= FULL {
            break;
        }
        let Some((attribute, value)) = narrower(&cover, &members, all, depth) else {
            break;
        };
        members.retain(|seen| seen.key.get(attribute) == Some(&value));
        cover = Cover::around(&members, depth).filled(all);
    }
    cover.shortened(all)
}

/// The value whose cells are most full of matches, for as many of the matches as may be: share times the square root of
/// what is kept.
fn narrower(
    cover: &Cover,
    members: &[&CoverCell<'_>],
    all: &[CoverCell<'_>],
    depth: usize,
) -> Option<(usize, String)> {
    let matched: u64 = members.iter().map(|seen| seen.cell.matched).sum();
    let within: Vec<&CoverCell<'_>> = all.iter().filter(|seen| cover.holds(seen.key)).collect();
    let mut best: Option<(f64, usize, String)> = None;
    for attribute in 0..depth {
        let mut by_value: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for seen in &within {
            let Some(value) = seen.key.get(attribute) else {
                continue;
            };
            let sums = by_value.entry(value).or_default();
            sums.0 += seen.cell.requests;
        }
        for seen in members {
            if let Some(sums) = seen
                .key
                .get(attribute)
                .and_then(|value| by_value.get_mut(value.as_str()))
            {
                sums.1 += seen.cell.matched;
            }
        }
        for (value, (requests, hits)) in by_value {
            let (share, kept) = (ratio(hits, requests), ratio(hits, matched));
            let score = share * kept.sqrt();
            let tells = share >= cover.share() * LEAST_GAIN && kept >= LEAST_KEPT;
            if tells && best.as_ref().is_none_or(|(known, ..)| score > *known) {
                best = Some((score, attribute, value.to_owned()));
            }
        }
    }
    best.map(|(_, attribute, value)| (attribute, value))
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

impl Cover {
    /// The smallest box around cells.
    fn around(members: &[&CoverCell<'_>], depth: usize) -> Self {
        let values = |attribute: usize| {
            let values = members.iter().filter_map(|seen| seen.key.get(attribute));
            Some(values.cloned().collect())
        };
        Self {
            terms: (0..depth).map(values).collect(),
            ..Self::default()
        }
    }

    pub(super) fn holds(&self, key: &[String]) -> bool {
        let mut pairs = self.terms.iter().zip(key);
        pairs.all(|(term, value)| term.as_ref().is_none_or(|values| values.contains(value)))
    }

    fn filled(mut self, all: &[CoverCell<'_>]) -> Self {
        let within: Vec<&CoverCell<'_>> = all.iter().filter(|seen| self.holds(seen.key)).collect();
        self.requests = within.iter().map(|seen| seen.cell.requests).sum();
        self.matched = within.iter().map(|seen| seen.cell.matched).sum();
        self.cells = within.iter().map(|seen| seen.place).collect();
        self
    }

    pub(super) fn share(&self) -> f64 {
        ratio(self.matched, self.requests)
    }

    /// Leaves out, from the last attribute to the first, what makes the cohort no less full; and what is said of all.
    fn shortened(mut self, all: &[CoverCell<'_>]) -> Self {
        for attribute in (0..self.terms.len()).rev() {
            // "On no system" is nothing that people say, unless it tells clients apart.
            let is_one = self
                .values(attribute)
                .is_some_and(|values| values.len() == 1 && !values.contains(""));
            let is_spoken = ATTRIBUTES
                .get(attribute)
                .is_some_and(|name| SPOKEN.contains(name));
            if is_one && is_spoken {
                continue;
            }
            let mut wider = self.clone();
            if let Some(term) = wider.terms.get_mut(attribute) {
                *term = None;
            }
            let wider = wider.filled(all);
            if wider.share() >= self.share() * FULL {
                self = wider;
            }
        }
        self
    }

    fn values(&self, attribute: usize) -> Option<&BTreeSet<String>> {
        self.terms.get(attribute)?.as_ref()
    }

    /// The attributes that are said, each with its values.
    pub(super) fn said(&self) -> impl Iterator<Item = (usize, &BTreeSet<String>)> {
        let each = self.terms.iter().enumerate();
        each.filter_map(|(attribute, term)| Some((attribute, term.as_ref()?)))
    }
}
