//! One search: climbs from patterns and from random subsets, and the simple answer where it is nearly as good.

use super::climb::{MAX_STEPS, Selection, climb, scored};
use super::grid::Grid;
use super::pattern::Pattern;
use super::price::{Objective, hugeness};

/// Patterns of each length that are climbed from.
const STARTS_PER_LENGTH: usize = 2;

/// Random subsets that are climbed from.
const RANDOM_STARTS: usize = 1;

/// Starts that are climbed from for [`FIRST_STEPS`]; `1 + STARTS_PER_LENGTH x 2 + RANDOM_STARTS` = 6 at most.
/// The best of them go on to the top, each cohort once.
const FINALISTS: usize = 2;

/// Steps after which starts are compared.
const FIRST_STEPS: usize = 1;

/// Share of the score of a cohort with a list of values that a single conjunction may lack and still be reported, where
/// counts are huge: every deviation is significant there, and the simpler sentence is the better one. Less where counts
/// are not. "All colos but IAD" is no list.
const PARSIMONY: f64 = 0.03;

/// The best cohort of a grid, from its best `patterns` of each length.
pub(super) fn search(grid: &Grid, objective: &Objective, patterns: &[Vec<Pattern>], seed: u64) -> Selection {
    let best_of_each = patterns
        .iter()
        .flat_map(|length| length.iter().take(STARTS_PER_LENGTH));
    let mut starts: Vec<Vec<Vec<bool>>> = vec![Selection::all(grid)];
    starts.extend(best_of_each.map(|pattern| pattern.selection(grid).chosen));
    let mut random = SplitMix(seed);
    starts.extend((0..RANDOM_STARTS).map(|_| random_subset(grid, &mut random)));
    let best = finalists(grid, objective, starts)
        .map(|start| climb(grid, objective, start, MAX_STEPS))
        .fold(None, better);
    let single = patterns
        .iter()
        .flatten()
        .map(|pattern| scored(grid, objective, pattern.selection(grid).chosen))
        .fold(None, better);
    match (best, single) {
        (Some(best), Some(single)) if has_list(&best) && single.score >= enough(best.score) => single,
        (Some(best), _) => best,
        (None, _) => Selection {
            score: 0.0,
            chosen: Selection::all(grid),
        },
    }
}

/// Whether some attribute is said with more than one value, in either wording.
fn has_list(selection: &Selection) -> bool {
    selection.chosen.iter().any(|chosen| {
        let members = chosen.iter().filter(|chosen| **chosen).count();
        members.min(chosen.len() - members) > 1
    })
}

/// The score from which a single conjunction is as good as the set.
fn enough(best: f64) -> f64 {
    best * (1.0 - PARSIMONY * hugeness(best))
}

/// Some steps from every start; the best few that differ.
fn finalists(
    grid: &Grid,
    objective: &Objective,
    starts: Vec<Vec<Vec<bool>>>,
) -> impl Iterator<Item = Vec<Vec<bool>>> {
    let mut climbed: Vec<Selection> = starts
        .into_iter()
        .map(|start| climb(grid, objective, start, FIRST_STEPS))
        .collect();
    climbed.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.chosen.cmp(&b.chosen)));
    climbed.dedup_by(|next, kept| next.chosen == kept.chosen);
    climbed
        .into_iter()
        .take(FINALISTS)
        .map(|selection| selection.chosen)
}

/// A first idea of the cohort: the climb from the best single conjunction alone.
pub(super) fn first_idea(grid: &Grid, objective: &Objective, patterns: &[Vec<Pattern>]) -> Option<Selection> {
    let single = patterns
        .iter()
        .flatten()
        .map(|pattern| pattern.selection(grid))
        .fold(None, better)?;
    Some(climb(grid, objective, single.chosen, MAX_STEPS))
}

/// The higher score; the earlier start on ties.
fn better(best: Option<Selection>, next: Selection) -> Option<Selection> {
    match best {
        Some(best) if best.score >= next.score => Some(best),
        _ => Some(next),
    }
}

/// Each value with probability one half, never none.
fn random_subset(grid: &Grid, random: &mut SplitMix) -> Vec<Vec<bool>> {
    let mut chosen = Selection::all(grid);
    for values in &mut chosen {
        values
            .iter_mut()
            .for_each(|value| *value = random.next() & 1 == 0);
        if !values.contains(&true) {
            values.fill(true);
        }
    }
    chosen
}

/// SplitMix64 (Steele, Lea and Flood, 2014): a few coin tosses that are the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) >> 32
    }
}
