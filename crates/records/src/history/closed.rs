//! Asks for a part with both its ends.

use super::ask::Ask;
use super::open;
use blobwatch_pull::{RangeKind, TILE_UNIT};

/// Between two asks for the same part; retries come after 30 ms (SOCI) to 5 s (nydus), and double.
const RETRY_WITHIN_MS: u64 = 60_000;

/// Asks for one part that are too many: a cache may lose a part, two hosts behind one address may want the same.
const TIMES: usize = 3;

/// What a part is beside the asks before it.
pub(super) fn kind(ask: &Ask, earlier: &[Ask], all: &[Ask]) -> RangeKind {
    if is_remainder(ask, earlier) {
        return if same_starts(ask, earlier).next().is_some() {
            RangeKind::Repeat
        } else {
            RangeKind::Resume
        };
    }
    let base = if ask.base == RangeKind::Resume {
        at_the_end(ask, all)
    } else {
        ask.base
    };
    match base {
        RangeKind::Resume => open::kind(ask, earlier, all, None),
        _ if is_cut_off(ask, earlier) || is_stuck(ask, earlier) => RangeKind::Repeat,
        base => base,
    }
}

/// The rest of a segment that was asked for before: the end stays, or comes nearer where another connection took what
/// is behind it; the start moves (aria2). It starts at the byte to which the client has come; at a multiple of 1 MiB a
/// segment is divided among connections, and nothing is wrong.
fn is_remainder(ask: &Ask, earlier: &[Ask]) -> bool {
    let is_divided = ask.end.wrapping_add(1).is_multiple_of(TILE_UNIT);
    let is_of = |before: &Ask| {
        (before.end == ask.end || is_divided && ask.end < before.end)
            && before.end != u64::MAX
            && before.start < ask.start
            && before.start.is_multiple_of(TILE_UNIT)
            && before.length() >= TILE_UNIT
            && before.may_precede(ask)
    };
    !ask.start.is_multiple_of(TILE_UNIT) && earlier.iter().any(is_of)
}

/// A part that reaches the blob's end is the rest of it, unless its siblings say otherwise: the last tile, which is
/// shorter than the others, or what a lazy puller reads first.
fn at_the_end(ask: &Ask, all: &[Ask]) -> RangeKind {
    let is_tiled = |other: &Ask| {
        let length = other.length();
        other.base == RangeKind::Tile && ask.start.is_multiple_of(length) && ask.length() <= length
    };
    let is_lazy = |other: &Ask| match other.base {
        RangeKind::Probe => true,
        RangeKind::Multi | RangeKind::Scatter => !all.iter().any(Ask::is_full),
        _ => false,
    };
    if all.iter().any(is_tiled) {
        RangeKind::Tile
    } else if all.iter().any(is_lazy) {
        RangeKind::Scatter
    } else {
        RangeKind::Resume
    }
}

fn same_starts<'a>(ask: &'a Ask, earlier: &'a [Ask]) -> impl Iterator<Item = (usize, &'a Ask)> {
    let is_same =
        |(_, before): &(usize, &Ask)| before.is_same_range(ask) && before.honoured && before.may_precede(ask);
    earlier.iter().enumerate().rev().filter(is_same)
}

/// The part is asked for again at once after its body was cut: no host but the one whose body it was has a reason to.
fn is_cut_off(ask: &Ask, earlier: &[Ask]) -> bool {
    let is_near = |before: &Ask| ask.time_ms().saturating_sub(before.until_ms()) <= RETRY_WITHIN_MS;
    same_starts(ask, earlier)
        .next()
        .is_some_and(|(_, before)| before.is_cut() && is_near(before))
}

/// The third ask for one part, while nothing new was asked for: hosts behind one address read the same parts, but they
/// go on to others, and each comes to the blob's end.
fn is_stuck(ask: &Ask, earlier: &[Ask]) -> bool {
    let mut later_ms = ask.time_ms();
    let near = |before: &Ask| {
        let is_near = later_ms.saturating_sub(before.time_ms()) <= RETRY_WITHIN_MS;
        later_ms = before.time_ms();
        is_near
    };
    let places: Vec<usize> = same_starts(ask, earlier)
        .take(TIMES - 1)
        .map(|(place, _)| place)
        .collect();
    let are_near = same_starts(ask, earlier)
        .take(TIMES - 1)
        .map(|(_, before)| before)
        .all(near);
    let (Some(last), Some(first), true) = (places.first(), places.get(TIMES - 2), are_near) else {
        return false;
    };
    let is_new = |(place, other): (usize, &Ask)| {
        let known = earlier
            .iter()
            .take(place)
            .any(|before| before.is_same_range(other));
        place > *last && !known
    };
    // What reaches the blob's end, other than this: a pass over it is complete. Of the last part anything other.
    let ends = |(place, other): (usize, &Ask)| {
        place > *first && !other.is_same_range(ask) && (other.to_end || ask.to_end)
    };
    let mut asks = earlier.iter().enumerate();
    !asks.clone().any(is_new) && !asks.any(ends)
}
