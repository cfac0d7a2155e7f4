//! Parallel fetches with open ranges, recognised by arithmetic, as containerd fetches.
//!
//! Chunk i is asked as `bytes=<i*c>-` and closed by the client after c bytes, so each looks like the resume of a
//! stalled pull. Three starts with one common difference are a parallel fetch where at least two of them were surely
//! under way together. Equal spacing alone is not enough: a middlebox that cuts each body after 2,000,000 bytes makes
//! containerd 1.6 ask for 2000000-, 4000000-, 6000000- within 0.1 s.
//!
//! Exactly two chunks are known by the blob's size: it ends within the second, so there is no third to look for. Logs are
//! written when an answer ends, so the two come in any order, and as far apart as one of them took.

use super::ask::Ask;
use blobwatch_pull::TILE_UNIT;

/// Between the two ends of a fetch of two chunks: 8 MiB at 140 KB/s.
const PAIR_WITHIN_MS: u64 = 60_000;

/// containerd's least buffer.
const MIN_SPACING: u64 = 512;

/// The common difference of a parallel fetch among these asks, which are in order of time.
pub(super) fn spacing(asks: &[Ask]) -> Option<u64> {
    let open: Vec<&Ask> = asks.iter().filter(|ask| ask.is_open()).collect();
    let Some(spacing) = common_difference(&open) else {
        return of_two(&open);
    };
    let members: Vec<&Ask> = open
        .iter()
        .filter(|ask| has_neighbour(ask, &open, spacing))
        .copied()
        .collect();
    (are_together(&members, spacing) || is_configured(&members, spacing)).then_some(spacing)
}

/// Whether the ask is one of a set with this spacing. The set's first start is not, unless it is the blob's: it is
/// where a parallel fetch was taken up again.
pub(super) fn is_chunk(ask: &Ask, asks: &[Ask], spacing: u64) -> bool {
    let is_before = |other: &Ask| {
        other.is_open() && other.start < ask.start && (ask.start - other.start).is_multiple_of(spacing)
    };
    ask.is_open() && ask.start > 0 && asks.iter().any(is_before)
}

/// The difference that most pairs of distinct starts have, the smallest on a tie; at least two have it. Pairs, not
/// neighbours: a fetch that was taken up again lies between the starts of the one before.
fn common_difference(open: &[&Ask]) -> Option<u64> {
    let mut starts: Vec<u64> = open.iter().map(|ask| ask.start).collect();
    starts.sort_unstable();
    starts.dedup();
    let above = |(place, low): (usize, &u64)| {
        let low = *low;
        starts.iter().skip(place + 1).map(move |high| high - low)
    };
    let pairs = starts.iter().enumerate().flat_map(above);
    let mut differences: Vec<u64> = pairs.filter(|difference| *difference >= MIN_SPACING).collect();
    differences.sort_unstable();
    let mut best = (1, None);
    for run in differences.chunk_by(|a, b| a == b) {
        if run.len() > best.0 {
            best = (run.len(), run.first().copied());
        }
    }
    best.1
}

fn has_neighbour(ask: &Ask, open: &[&Ask], spacing: u64) -> bool {
    open.iter()
        .any(|other| ask.start.abs_diff(other.start) == spacing)
}

/// The distance of the two chunks of a blob that has no more: `bytes=0-` and one other start, a whole number of MiB, from
/// which the blob is no longer than that.
fn of_two(open: &[&Ask]) -> Option<u64> {
    let first = open.iter().find(|ask| ask.start == 0)?;
    let mut others = open.iter().filter(|ask| ask.start > 0);
    let second = others.next()?;
    let spacing = second.start;
    let is_last = second.size > spacing && second.size <= spacing.saturating_mul(2);
    let is_only = others.all(|other| other.start == spacing);
    let is_pair = |ask: &&&Ask| ask.start == 0 && is_beside(ask, second);
    let is_near = is_beside(first, second) || open.iter().any(|ask| is_pair(&ask));
    (spacing.is_multiple_of(TILE_UNIT) && is_last && is_only && is_near).then_some(spacing)
}

fn is_beside(one: &Ask, other: &Ask) -> bool {
    one.time_ms().abs_diff(other.time_ms()) <= PAIR_WITHIN_MS
}

/// Pulls that this ask may be of: those begun before, and of a chunk that of its own moment, which may be written down
/// after it. A redirect and the body it led to are one.
pub(super) fn pulls(ask: &Ask, earlier: &[Ask], all: &[Ask], is_chunk: bool) -> usize {
    let is_pull = |(place, before): &(usize, &Ask)| {
        before.is_full() && before.led_by(earlier.get(..*place).unwrap_or_default()).is_none()
    };
    let before = earlier.iter().enumerate().filter(is_pull).count();
    let beside = all.iter().skip(earlier.len() + 1);
    let beside = beside.filter(|later| is_chunk && later.is_full() && is_beside(ask, later));
    before + beside.take(1).count()
}

fn are_together(members: &[&Ask], spacing: u64) -> bool {
    let mut pairs = members.iter().zip(members.iter().skip(1));
    pairs.any(|(before, after)| before.start != after.start && before.overlaps(after, spacing))
}

/// With two workers, nothing in the headers shows that they overlap. A set from `bytes=0-` on with the round spacing
/// that a setting has (8 and 16 MiB are in use) is one all the same.
fn is_configured(members: &[&Ask], spacing: u64) -> bool {
    spacing.is_multiple_of(TILE_UNIT) && members.iter().any(|ask| ask.start == 0)
}
