//! Asks for everything, and for the rest from an offset on.

use super::ask::{Ask, AskAnswer};
use super::{Again, Progress, chunks};
use blobwatch_pull::{Outcome, RangeKind, TILE_UNIT};

/// Between two attempts of a client that does not get on: dockerd waits 5 to 25 s and dials for 30 s, kubelet backs off
/// to minutes. Whoever comes back later has another reason.
const RETRY_WITHIN_MS: u64 = 180_000;

/// Attempts for the same thing before one that shows that a client does not get on: hosts behind one address, and jobs
/// that pull again, ask twice.
const ATTEMPTS_BEFORE: usize = 2;

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

/// What became of the body that is asked for again.
pub(super) fn again(before: Option<&Ask>, earlier: &[Ask]) -> Again {
    match before {
        Some(before) if arrived(before, earlier) => Again::AfterAWhole,
        Some(before) if before.is_cut() => Again::AfterACut,
        _ => Again::Unknown,
    }
}

/// Whether this is a redirect that was given again and again, one after the other, and nothing was fetched between.
pub(super) fn is_unreached(ask: &Ask, earlier: &[Ask]) -> bool {
    let is_tried = |before: &Ask| before.is_full() && before.given == AskAnswer::Redirect;
    ask.is_full() && ask.given == AskAnswer::Redirect && is_tried_again(ask, earlier, is_tried)
}

/// Whether this is for a blob that had arrived whole each time just before.
pub(super) fn is_suspect(ask: &Ask, earlier: &[Ask]) -> bool {
    let is_tried =
        |before: &Ask| before.is_full() && before.given == AskAnswer::Body && arrived(before, earlier);
    ask.is_full() && ask.given == AskAnswer::Body && is_tried_again(ask, earlier, is_tried)
}

/// Whether the newest asks before are all such, each over when the next came, soon after it.
fn is_tried_again(ask: &Ask, earlier: &[Ask], is_tried: impl Fn(&Ask) -> bool) -> bool {
    let same_way = |before: &&Ask| before.given == ask.given || before.is_full();
    let (mut later, mut times) = (ask, 0);
    for before in earlier.iter().rev().filter(same_way) {
        let is_soon = later.time_ms().saturating_sub(before.until_ms()) <= RETRY_WITHIN_MS;
        if !is_tried(before) || !before.may_precede(later) || !is_soon {
            return false;
        }
        (later, times) = (before, times + 1);
        if times == ATTEMPTS_BEFORE {
            return true;
        }
    }
    false
}

/// An ask for the rest, among all asks of its chain; those before it come first.
pub(super) fn kind(ask: &Ask, earlier: &[Ask], all: &[Ask], spacing: Option<u64>) -> RangeKind {
    let is_chunk = spacing.is_some_and(|spacing| chunks::is_chunk(ask, all, spacing));
    let pulls = chunks::pulls(ask, earlier, all, is_chunk);
    if is_repeat(ask, earlier, is_chunk, pulls) {
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
fn is_repeat(ask: &Ask, earlier: &[Ask], is_chunk: bool, pulls: usize) -> bool {
    let same = |before: &&Ask| {
        before.base == RangeKind::Resume
            && before.start == ask.start
            && before.honoured
            && before.may_precede(ask)
    };
    let times = earlier.iter().filter(same).count();
    let is_shared = is_chunk || ask.start.is_multiple_of(TILE_UNIT);
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
