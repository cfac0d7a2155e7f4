//! What a line shows of a range and of how the body ended, judged once the blob's size is known as well as it can be.
//!
//! Sizes are learned from answers that gave a blob whole, in order of time: what a line says must not hang on the order in
//! which files were read.

use blobwatch_pull::{ByteRange, Method, Outcome, RangeKind, RangeRecord, RequestedRange};

use super::request::Request;
use super::sizes::Sizes;

/// A 206 whose length is a multiple of this is taken for a tile where the log has no ranges (`range::TILE_UNIT`).
const TILE: u64 = 1 << 20;

/// As much of a range as the log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// No range, or all that there is to say is in the record.
    All,
    /// What was asked.
    Asked(ByteRange),
    /// What was answered; the last byte where it is said.
    Part { first: u64, last: Option<u64> },
    /// A 206, and neither.
    Length,
}

/// Lengths of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lengths {
    /// Bytes of the body that were sent.
    pub(super) sent: Option<u64>,
    /// The same with the answer's head: it tells large from small and no more.
    pub(super) wire: Option<u64>,
    /// What the answer said it would be.
    pub(super) promised: Option<u64>,
}

/// No range.
pub(super) const NO_RANGE: RangeRecord = RangeRecord {
    kind: RangeKind::None,
    start: None,
    end: None,
    honoured: None,
};

/// Finishes a request; to be called in order of time.
pub(super) fn resolve(request: &mut Request, sizes: &mut Sizes) {
    request.size = size(request, sizes);
    match request.shown {
        Shown::All => {}
        Shown::Asked(range) => {
            let asked = RequestedRange::One(range);
            let (start, end) = asked.offsets(request.size);
            let kind = asked.refined(request.size);
            request.range = RangeRecord {
                kind,
                start,
                end,
                honoured: request.range.honoured.or_else(|| refused_inside(request, start)),
            };
        }
        Shown::Part { first, last } => request.range = of_part(first, last, request.size),
        Shown::Length => request.range = of_length(request.lengths.sent, request.size),
    }
    if request.outcome == Outcome::NotObserved {
        request.outcome = outcome(request);
    }
}

/// A 416 that does not say why refuses what there is, where the blob is known to go on there.
fn refused_inside(request: &Request, start: Option<u64>) -> Option<bool> {
    let is_inside = start.zip(request.size).is_some_and(|(start, size)| start < size);
    (request.status == 416 && request.method == Method::Get && is_inside).then_some(false)
}

/// The whole blob's size: said, or learned from answers that gave all of it.
fn size(request: &Request, sizes: &mut Sizes) -> Option<u64> {
    let Lengths { sent, wire, promised } = request.lengths;
    if request.size.is_some() {
        return request.size;
    }
    // Of an answer that was cut, bytes are fewer: the most that was ever sent is what there is.
    let whole = match (request.status, request.method) {
        (200, Method::Get) => promised.or(sent).or(wire),
        (200, Method::Head) => promised,
        _ => None,
    };
    match whole {
        Some(whole) => Some(sizes.learn(request.digest, whole)),
        None => sizes.get(request.digest),
    }
}

/// What was asked, as far as the part that was answered shows it. One that reaches the end of the blob was asked openly
/// by all but a few clients.
fn of_part(first: u64, last: Option<u64>, size: Option<u64>) -> RangeRecord {
    let asked = match last {
        Some(last) if first <= last => RequestedRange::One(ByteRange::Closed { first, last }),
        _ => RequestedRange::One(ByteRange::Open { first }),
    };
    let kind = asked.refined(size);
    let is_open = matches!(kind, RangeKind::Resume | RangeKind::Whole);
    RangeRecord {
        kind,
        start: Some(first),
        end: last.filter(|_| !is_open),
        honoured: Some(true),
    }
}

/// What can be said of a 206 by its length alone: the last bytes of a blob are a resume, unless they are whole MiB.
fn of_length(bytes: Option<u64>, size: Option<u64>) -> RangeRecord {
    let start = size.zip(bytes).and_then(|(size, bytes)| size.checked_sub(bytes));
    let kind = match (bytes, start) {
        (Some(0..=2), _) => RangeKind::Probe,
        (Some(bytes), _) if bytes.is_multiple_of(TILE) => RangeKind::Tile,
        (_, Some(0)) => RangeKind::Whole,
        (_, Some(_)) => RangeKind::Resume,
        (_, None) => RangeKind::Scatter,
    };
    RangeRecord {
        kind,
        start: start.filter(|_| matches!(kind, RangeKind::Whole | RangeKind::Resume)),
        ..NO_RANGE
    }
}

/// Bytes of a range with both its ends; of an open one clients take what they like.
fn closed(range: &RangeRecord, size: Option<u64>) -> Option<u64> {
    let end = range.end?.saturating_add(1);
    let is_given = range.honoured == Some(true) && range.kind != RangeKind::Multi;
    let end = size.map_or(end, |size| end.min(size));
    is_given.then(|| end.checked_sub(range.start?)).flatten()
}

/// Whether the body reached its end, from the bytes that were sent. Where a log counts the answer's head too, a body that
/// was cut in its last bytes counts as whole.
fn outcome(request: &Request) -> Outcome {
    let Lengths { sent, wire, promised } = request.lengths;
    // Sizes that were learned from answers with their heads are no promise to measure such answers by.
    let size = request.size.filter(|_| sent.is_some());
    let due = match (request.status, request.method) {
        (200, Method::Get) => promised.or(size),
        (206, Method::Get) => promised.or_else(|| closed(&request.range, request.size)),
        _ => None,
    };
    match (sent.or(wire), due) {
        (Some(sent), Some(due)) if sent < due => Outcome::ClientClosed,
        (Some(_), Some(_)) => Outcome::Completed,
        _ => Outcome::NotObserved,
    }
}
