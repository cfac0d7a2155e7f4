//! One search: climbs from patterns and from random subsets, and the simple answer where it is nearly as good.

use super::climb::{MAX_ROUNDS, Selection, climb};
use super::grid::Grid;
use super::pattern::best_patterns;
use super::price::{Prices, hugeness};

/// Patterns of each length that are climbed from.
const STARTS_PER_LENGTH: usize = 2;

/// Random subsets that are climbed from.
const RANDOM_STARTS: usize = 2;

/// Starts that are climbed from for one round; `1 + STARTS_PER_LENGTH x 4 + RANDOM_STARTS` = 11 at most.
/// The best of them go on to the top, each cohort once.
const FINALISTS: usize = 3;

/// Share of a set's score that a single conjunction may lack and still be reported, where counts are huge: every
/// deviation is significant there, and the simpler sentence is the better one. Less where counts are not.
const PARSIMONY: f64 = 0.1;

/// The best cohort of a grid in units of its overdispersion.
pub(super) fn search(grid: &Grid, prices: &Prices, seed: u64) -> Selection {
    let levels = best_patterns(grid, prices);
    let patterns = levels
        .iter()
        .flat_map(|level| level.iter().take(STARTS_PER_LENGTH));
    let mut starts: Vec<Vec<Vec<bool>>> = vec![Selection::all(grid)];
    starts.extend(patterns.map(|pattern| pattern.selection(grid).chosen));
    let mut random = SplitMix(seed);
    starts.extend((0..RANDOM_STARTS).map(|_| random_subset(grid, &mut random)));
    let best = finalists(grid, prices, starts)
        .map(|start| climb(grid, prices, start, MAX_ROUNDS))
        .fold(None, better);
    let single = levels
        .iter()
        .flatten()
        .map(|pattern| pattern.selection(grid))
        .fold(None, better);
    match (best, single) {
        (Some(best), Some(single)) if single.score >= enough(best.score) => single,
        (Some(best), _) => best,
        (None, _) => Selection {
            score: 0.0,
            chosen: Selection::all(grid),
        },
    }
}

/// The score from which a single conjunction is as good as the set.
fn enough(best: f64) -> f64 {
    best * (1.0 - PARSIMONY * hugeness(best))
}

/// One round from every start; the best few that differ.
fn finalists(
    grid: &Grid,
    prices: &Prices,
    starts: Vec<Vec<Vec<bool>>>,
) -> impl Iterator<Item = Vec<Vec<bool>>> {
    let mut climbed: Vec<Selection> = starts
        .into_iter()
        .map(|start| climb(grid, prices, start, 1))
        .collect();
    climbed.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.chosen.cmp(&b.chosen)));
    climbed.dedup_by(|next, kept| next.chosen == kept.chosen);
    climbed
        .into_iter()
        .take(FINALISTS)
        .map(|selection| selection.chosen)
}

/// A first idea of the cohort: the climb from the best single conjunction alone.
pub(super) fn first_idea(grid: &Grid, prices: &Prices) -> Option<Selection> {
    let levels = best_patterns(grid, prices);
    let single = levels
        .iter()
        .flatten()
        .map(|pattern| pattern.selection(grid))
        .fold(None, better)?;
    Some(climb(grid, prices, single.chosen, MAX_ROUNDS))
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
