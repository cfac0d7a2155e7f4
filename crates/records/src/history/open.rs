//! Asks for everything, and for the rest from an offset on.

use super::ask::Ask;
use super::{Progress, chunks};
use blobwatch_pull::{Outcome, RangeKind, TILE_UNIT};

/// The last ask for everything that this one repeats: of the same way (a redirect and the body it leads to are two
/// ways), and over when this one came, with what it led to: many hosts behind one address ask at a time.
pub(super) fn restarted<'a>(ask: &Ask, earlier: &'a [Ask]) -> Option<&'a Ask> {
    let is_before = |before: &&Ask| {
        before.is_full()
            && before.given == ask.given
            && before.may_precede(ask)
            && led_by(before, earlier).all(|body| body.may_precede(ask))
    };
    earlier.iter().rev().find(is_before)
}

/// Whether what was asked for before is known to have arrived, there or where it led to.
pub(super) fn arrived(before: &Ask, earlier: &[Ask]) -> bool {
    let mut asks = std::iter::once(before).chain(led_by(before, earlier));
    asks.any(|ask| ask.outcome == Outcome::Completed)
}

fn led_by<'a>(before: &'a Ask, earlier: &'a [Ask]) -> impl Iterator<Item = &'a Ask> {
    earlier.iter().filter(|body| before.leads_to(body))
}

/// An ask for the rest, among all asks of its chain; those before it come first.
pub(super) fn kind(ask: &Ask, earlier: &[Ask], all: &[Ask], spacing: Option<u64>) -> RangeKind {
    let is_chunk = spacing.is_some_and(|spacing| chunks::is_chunk(ask, all, spacing));
    if is_repeat(ask, earlier, is_chunk) {
        RangeKind::Repeat
    } else if is_chunk {
        RangeKind::Chunk
    } else {
        RangeKind::Resume
    }
}

/// The same offset again, one after the other, after 206: without that the origin ignores ranges, and the client
/// cannot but ask again. Each pull may ask once for an offset at which many stop: a chunk's, and a multiple of 1 MiB,
/// which is what containerd has on its disk when it is killed. Other offsets are one client's own.
fn is_repeat(ask: &Ask, earlier: &[Ask], is_chunk: bool) -> bool {
    let same = |before: &&Ask| {
        before.base == RangeKind::Resume
            && before.start == ask.start
            && before.honoured
            && before.may_precede(ask)
    };
    let times = earlier.iter().filter(same).count();
    let is_shared = is_chunk || ask.start.is_multiple_of(TILE_UNIT);
    let is_pull = |(place, before): &(usize, &Ask)| {
        before.is_full() && before.led_by(earlier.get(..*place).unwrap_or_default()).is_none()
    };
    let pulls = earlier.iter().enumerate().filter(is_pull).count();
    times >= if is_shared { pulls.max(1) } else { 1 }
}

/// What was accepted since the open start before.
pub(super) fn progress(ask: &Ask, earlier: &[Ask]) -> Option<Progress> {
    let is_before = |before: &&Ask| before.is_full() || before.base == RangeKind::Resume;
    let before = earlier.iter().rev().find(is_before)?;
    Some(Progress {
        bytes: ask.start.checked_sub(before.start)?,
        ms: ask.time_ms().saturating_sub(before.time_ms()),
    })
}
