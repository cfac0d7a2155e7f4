//! Which cohorts were hit: the shortest descriptions that cover what matched.
//!
//! A walk over the attributes, from all to few: the values that matched clients have make a box; while the box holds
//! many that did not match, it is narrowed to the value that tells most; then every attribute that does not tell anything
//! is left out again. What the box covers is taken away and the next one is sought. A rule is a formula over attributes
//! for the most part, so boxes are exact more often than not; how exact is said with each.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::{ATTRIBUTES, Cell, Cells};
use super::work::{CELLS, WHOLE_SLICE, each};
use blobwatch_sql::Pace;

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
pub(super) async fn cover(cells: &Cells, pace: &impl Pace) -> Vec<Cover> {
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
    pace.spent(WHOLE_SLICE).await;
    let mut covers: Vec<Cover> = Vec::new();
    while covers.len() < MAX_COHORTS {
        let members: Vec<&CoverCell<'_>> = all.iter().filter(|seen| left.contains(&seen.place)).collect();
        pace.spent(WHOLE_SLICE).await;
        let matched: u64 = members.iter().map(|seen| seen.cell.matched).sum();
        if matched == 0 || (matched as f64) < total as f64 * LEAST_LEFT {
            break;
        }
        let cover = next_cover(&all, members, cells.depth(), pace).await;
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

async fn next_cover<'a>(
    all: &'a [CoverCell<'a>],
    mut members: Vec<&CoverCell<'a>>,
    depth: usize,
    pace: &impl Pace,
) -> Cover {
    let mut cover = Cover::around(&members, depth, pace).await.filled(all, pace).await;
    for _ in 0..depth {
        if cover.share() >= FULL {
            break;
        }
        let Some((attribute, value)) = narrower(&cover, &members, all, pace).await else {
            break;
        };
        members.retain(|seen| seen.key.get(attribute) == Some(&value));
        cover = Cover::around(&members, depth, pace).await.filled(all, pace).await;
    }
    cover.shortened(all, pace).await
}

/// The value whose cells are most full of matches, for as many of the matches as may be: share times the square root of
/// what is kept.
async fn narrower(
    cover: &Cover,
    members: &[&CoverCell<'_>],
    all: &[CoverCell<'_>],
    pace: &impl Pace,
) -> Option<(usize, String)> {
    let matched: u64 = members.iter().map(|seen| seen.cell.matched).sum();
    let mut within: Vec<&CoverCell<'_>> = Vec::new();
    each(all, CELLS, pace, |seen| {
        if cover.holds(seen.key) {
            within.push(seen);
        }
    })
    .await;
    let mut best: Option<(f64, usize, String)> = None;
    for attribute in 0..cover.terms.len() {
        for (value, (requests, hits)) in by_value(attribute, &within, members, pace).await {
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

/// Requests of a box, and matches of its members, by the value of an attribute.
async fn by_value<'a>(
    attribute: usize,
    within: &[&CoverCell<'a>],
    members: &[&CoverCell<'a>],
    pace: &impl Pace,
) -> BTreeMap<&'a str, (u64, u64)> {
    let mut sums: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    each(within, CELLS, pace, |seen| {
        if let Some(value) = seen.key.get(attribute) {
            sums.entry(value).or_default().0 += seen.cell.requests;
        }
    })
    .await;
    each(members, CELLS, pace, |seen| {
        let value = seen.key.get(attribute).map(String::as_str);
        if let Some(sums) = value.and_then(|value| sums.get_mut(value)) {
            sums.1 += seen.cell.matched;
        }
    })
    .await;
    sums
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
    async fn around(members: &[&CoverCell<'_>], depth: usize, pace: &impl Pace) -> Self {
        let mut cover = Self::default();
        for attribute in 0..depth {
            let mut values: BTreeSet<&String> = BTreeSet::new();
            each(members, CELLS, pace, |seen| {
                values.extend(seen.key.get(attribute))
            })
            .await;
            cover.terms.push(Some(values.into_iter().cloned().collect()));
            pace.spent(WHOLE_SLICE).await;
        }
        cover
    }

    pub(super) fn holds(&self, key: &[String]) -> bool {
        let mut pairs = self.terms.iter().zip(key);
        pairs.all(|(term, value)| term.as_ref().is_none_or(|values| values.contains(value)))
    }

    async fn filled(self, all: &[CoverCell<'_>], pace: &impl Pace) -> Self {
        let (mut requests, mut matched, mut cells) = (0, 0, Vec::new());
        each(all, CELLS, pace, |seen| {
            if self.holds(seen.key) {
                requests += seen.cell.requests;
                matched += seen.cell.matched;
                cells.push(seen.place);
            }
        })
        .await;
        Self {
            requests,
            matched,
            cells,
            ..self
        }
    }

    pub(super) fn share(&self) -> f64 {
        ratio(self.matched, self.requests)
    }

    /// Leaves out, from the last attribute to the first, what makes the cohort no less full; and what is said of all.
    async fn shortened(mut self, all: &[CoverCell<'_>], pace: &impl Pace) -> Self {
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
            let wider = wider.filled(all, pace).await;
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
