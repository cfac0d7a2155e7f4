//! What a line shows of a range and of how the body ended, judged once the blob's size is known as well as it can be.

use blobwatch_pull::{
    Answered, ByteRange, ContentRange, Method, Outcome, RangeKind, RangeRecord, RequestedRange, honoured,
};

use crate::entry::{LogEntry, named};

/// A 206 whose length is a multiple of this is taken for a tile where the log has no ranges (`range::TILE_UNIT`).
const TILE: u64 = 1 << 20;

/// As much of a range as the log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
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
pub struct Lengths {
    /// Bytes of the body that were sent.
    pub sent: Option<u64>,
    /// The same with the answer's head: it tells large from small and no more.
    pub wire: Option<u64>,
    /// What the answer said it would be.
    pub promised: Option<u64>,
}

/// What a line says of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub method: Method,
    pub lengths: Lengths,
    /// The whole blob's, where it is known.
    pub size: Option<u64>,
}

/// No range.
pub const NO_RANGE: RangeRecord = RangeRecord {
    kind: RangeKind::None,
    start: None,
    end: None,
    honoured: None,
};

impl LogEntry<'_> {
    #[must_use]
    pub fn lengths(&self) -> Lengths {
        Lengths {
            sent: self.bytes,
            wire: self.wire,
            promised: self.promised,
        }
    }

    /// The whole blob's size, where the line says it.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        let total = || match ContentRange::parse(&self.content_range)? {
            ContentRange::Part { size, .. } => size,
            ContentRange::Unsatisfied { size } => Some(size),
        };
        self.size.or_else(total)
    }

    /// The range as the line has it, and what there is to judge it by.
    #[must_use]
    pub fn shown(&self, status: u16, method: Method) -> (RangeRecord, Shown) {
        if let Some(kind) = named::<RangeKind>(&self.kind) {
            let range = RangeRecord {
                kind,
                start: self.start,
                end: self.end,
                honoured: self.honoured,
            };
            return (range, Shown::All);
        }
        if !self.range.is_empty() {
            return self.asked(status, method);
        }
        match (status, self.part()) {
            (206, Some((first, last))) => (NO_RANGE, Shown::Part { first, last }),
            (206, None) => (NO_RANGE, Shown::Length),
            _ => (NO_RANGE, Shown::All),
        }
    }

    fn asked(&self, status: u16, method: Method) -> (RangeRecord, Shown) {
        let asked = RequestedRange::read(Some(&self.range));
        let (start, end) = asked.offsets(None);
        let range = RangeRecord {
            kind: asked.kind(),
            start,
            end,
            honoured: self.is_honoured(status, method, &asked),
        };
        match asked {
            RequestedRange::One(one) => (range, Shown::Asked(one)),
            _ => (range, Shown::All),
        }
    }

    /// What part an answer says it is.
    fn part(&self) -> Option<(u64, Option<u64>)> {
        match ContentRange::parse(&self.content_range) {
            Some(ContentRange::Part { first, last, .. }) => Some((first, Some(last))),
            _ => self.range_start.map(|first| (first, self.range_end)),
        }
    }

    /// Without the answer's Content-Range, a 206 is believed, and of a 416 nothing can be said but that several ranges at
    /// once are not all behind the end.
    fn is_honoured(&self, status: u16, method: Method, asked: &RequestedRange) -> Option<bool> {
        let is_asked = asked.is_range() && method == Method::Get;
        if self.content_range.is_empty() && matches!(status, 206 | 416) {
            let is_refused = status == 416 && asked.kind() == RangeKind::Multi;
            return (is_asked && (status == 206 || is_refused)).then_some(status == 206);
        }
        let answer = Answered {
            status,
            content_range: Some(&*self.content_range).filter(|text| !text.is_empty()),
            content_type: None,
        };
        honoured(method, asked, false, &answer)
    }
}

impl Shown {
    /// The range, finished.
    #[must_use]
    pub fn resolve(self, range: RangeRecord, answer: &Answer) -> RangeRecord {
        match self {
            Self::All => range,
            Self::Asked(one) => {
                let asked = RequestedRange::One(one);
                let (start, end) = asked.offsets(answer.size);
                RangeRecord {
                    kind: asked.refined(answer.size),
                    start,
                    end,
                    honoured: range.honoured.or_else(|| answer.refused_inside(start)),
                }
            }
            Self::Part { first, last } => of_part(first, last, answer.size),
            Self::Length => of_length(answer.lengths.sent, answer.size),
        }
    }
}

impl Answer {
    /// Bytes of the whole blob, where the answer gave all of it. Of one that was cut, bytes are fewer.
    #[must_use]
    pub fn whole(&self) -> Option<u64> {
        let Lengths { sent, wire, promised } = self.lengths;
        match (self.status, self.method) {
            (200, Method::Get) => promised.or(sent).or(wire),
            (200, Method::Head) => promised,
            _ => None,
        }
    }

    /// A 416 that does not say why refuses what there is, where the blob is known to go on there.
    fn refused_inside(&self, start: Option<u64>) -> Option<bool> {
        let is_inside = start.zip(self.size).is_some_and(|(start, size)| start < size);
        (self.status == 416 && self.method == Method::Get && is_inside).then_some(false)
    }

    /// Whether the body reached its end, from the bytes that were sent. Where a log counts the answer's head too, a body
    /// that was cut in its last bytes counts as whole.
    #[must_use]
    pub fn outcome(&self, range: &RangeRecord) -> Outcome {
        let Lengths { sent, promised, .. } = self.lengths;
        let due = match (self.status, self.method) {
            (200, Method::Get) => promised.or(self.size),
            (206, Method::Get) => promised.or_else(|| closed(range, self.size)),
            _ => None,
        };
        match (sent, due) {
            (Some(sent), Some(due)) if sent < due => Outcome::ClientClosed,
            (Some(_), Some(_)) => Outcome::Completed,
            _ => Outcome::NotObserved,
        }
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
