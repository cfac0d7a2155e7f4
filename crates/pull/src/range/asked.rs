//! What one request asked with Range, and the kind of behaviour it shows without a look at the client's history.

use super::{ByteRange, RangeHeader, RangeKind};

/// Bytes from which an aligned closed range is a tile. Below, alignment is chance: one in `length` scattered ranges
/// starts at a multiple of its length. containerd chunks nothing smaller either.
pub(crate) const MIN_TILE: u64 = 512;

/// Tile lengths in the field are multiples of this: aria2 1 MiB and up, Dragonfly 4 to 64 MiB, SOCI 8 or 16 MiB.
pub const TILE_UNIT: u64 = 1 << 20;

/// Bytes of a header with several ranges that is kept as it is: some 25 ranges. A longer one is kept as what it comes to.
pub(crate) const MAX_KEPT_HEADER: usize = 512;

/// Kept from the request until its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RequestedRange {
    /// No Range.
    #[default]
    Nothing,
    /// A Range that says nothing.
    Invalid,
    One(ByteRange),
    /// The header's value, which `RangeHeader` accepts and holds several ranges.
    Many(Box<str>),
    /// As [`RequestedRange::Many`], of a header that is too long to be kept; positions as [`RequestedRange::offsets`] has them.
    Long {
        count: usize,
        first: Option<u64>,
        last: Option<u64>,
    },
}

impl RequestedRange {
    /// Reads the Range header, where there is one.
    #[must_use]
    pub fn read(header: Option<&str>) -> Self {
        let Some(value) = header else { return Self::Nothing };
        match RangeHeader::parse(value) {
            Ok(header) if header.count() == 1 => Self::One(header.first()),
            Ok(_) if value.len() <= MAX_KEPT_HEADER => Self::Many(value.into()),
            Ok(header) => {
                let (first, last) = hull(&header, None);
                let count = header.count();
                Self::Long { count, first, last }
            }
            Err(_) => Self::Invalid,
        }
    }

    /// The kind as far as the request alone shows it; the blob's size is unknown.
    #[must_use]
    pub fn kind(&self) -> RangeKind {
        match self {
            Self::Nothing => RangeKind::None,
            Self::Invalid => RangeKind::Invalid,
            Self::Many(_) | Self::Long { .. } => RangeKind::Multi,
            Self::One(range) => range.kind(),
        }
    }

    /// The kind once the answer has told the blob's size; [`RequestedRange::kind`] where it did not.
    #[must_use]
    pub fn refined(&self, size: Option<u64>) -> RangeKind {
        match (self, size) {
            (Self::One(ByteRange::Closed { first, last }), Some(size)) => refined(*first, *last, size),
            _ => self.kind(),
        }
    }

    /// Ranges in the header.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Nothing | Self::Invalid => 0,
            Self::One(_) => 1,
            Self::Many(value) => RangeHeader::parse(value).map_or(0, |header| header.count()),
            Self::Long { count, .. } => *count,
        }
    }

    /// First and last position asked, as far as they are said: of several ranges the lowest and the highest, of a
    /// suffix what the size makes of it (not of one in a long header).
    #[must_use]
    pub fn offsets(&self, size: Option<u64>) -> (Option<u64>, Option<u64>) {
        match self {
            Self::Nothing | Self::Invalid => (None, None),
            Self::One(range) => range.offsets(size),
            Self::Many(value) => RangeHeader::parse(value).map_or((None, None), |header| hull(&header, size)),
            Self::Long { first, last, .. } => (*first, *last),
        }
    }

    /// Whether a range was asked that means something.
    #[must_use]
    pub fn is_range(&self) -> bool {
        !matches!(self, Self::Nothing | Self::Invalid)
    }
}

impl ByteRange {
    fn kind(self) -> RangeKind {
        match self {
            Self::Suffix { .. } => RangeKind::Suffix,
            Self::Open { first: 0 } => RangeKind::Whole,
            Self::Open { .. } => RangeKind::Resume,
            Self::Closed {
                first: 0,
                last: 0 | 1,
            } => RangeKind::Probe,
            Self::Closed { first, last } if is_tile(first, last) => RangeKind::Tile,
            Self::Closed { .. } => RangeKind::Scatter,
        }
    }

    fn offsets(self, size: Option<u64>) -> (Option<u64>, Option<u64>) {
        match self {
            Self::Closed { first, last } => (Some(first), Some(last)),
            Self::Open { first } => (Some(first), None),
            Self::Suffix { .. } => {
                let part = size.and_then(|size| self.within(size));
                (part.map(|(first, _)| first), part.map(|(_, last)| last))
            }
        }
    }
}

/// In one pass: there may be 1024.
fn hull(header: &RangeHeader<'_>, size: Option<u64>) -> (Option<u64>, Option<u64>) {
    let mut ends = header.ranges().map(|range| range.offsets(size));
    let first = ends.next().unwrap_or_default();
    ends.fold(first, |(lowest, highest), (first, last)| {
        let lowest = lowest.into_iter().chain(first).min();
        // An end that nobody said leaves the highest unsaid.
        (lowest, highest.zip(last).map(|(a, b)| a.max(b)))
    })
}

/// Closed ranges that reach the end mean something else than those that do not:
/// - from 0 it is the whole blob, whatever its last position (regclient writes `0-size`); a probe stays one even on a
///   blob of two bytes, being asked before the size was known;
/// - from an offset it is the rest, and so a resume (oras `N-(size-1)`, regclient `N-size`), unless it stands where a
///   last tile would.
fn refined(first: u64, last: u64, size: u64) -> RangeKind {
    let kind = ByteRange::Closed { first, last }.kind();
    let reaches_end = last.saturating_add(1) >= size;
    match (kind, first) {
        (RangeKind::Tile | RangeKind::Scatter, 0) if reaches_end => RangeKind::Whole,
        (RangeKind::Scatter, _) if reaches_end && !is_last_tile(first, size) => RangeKind::Resume,
        (RangeKind::Scatter, _) if reaches_end => RangeKind::Tile,
        _ => kind,
    }
}

/// The kind that [`RequestedRange::refined`] gave a request, whatever its client's history made of it since.
#[must_use]
pub(crate) fn without_history(
    kind: RangeKind,
    start: Option<u64>,
    end: Option<u64>,
    size: Option<u64>,
) -> RangeKind {
    match (kind, start, end) {
        (RangeKind::Restart, None, _) => RangeKind::None,
        (RangeKind::Restart, Some(_), _) => RangeKind::Whole,
        (RangeKind::Chunk, ..) => RangeKind::Resume,
        (
            RangeKind::Repeat | RangeKind::Resume | RangeKind::Tile | RangeKind::Scatter,
            Some(first),
            Some(last),
        ) => RequestedRange::One(ByteRange::Closed { first, last }).refined(size),
        (RangeKind::Repeat, ..) => RangeKind::Resume,
        _ => kind,
    }
}

fn is_tile(first: u64, last: u64) -> bool {
    let length = (last - first).saturating_add(1);
    length >= MIN_TILE && first.is_multiple_of(length)
}

/// The last tile is shorter than its siblings, so its own length says nothing. Any tiling by a multiple of
/// [`TILE_UNIT`] puts it at such a multiple, after at least one tile that is not shorter. A resume stands there once
/// in a million, but for clients that write whole MiB (containerd), and those ask openly.
fn is_last_tile(first: u64, size: u64) -> bool {
    first > 0 && first.is_multiple_of(TILE_UNIT) && size.saturating_sub(first) <= first
}

#[cfg(test)]
mod tests;
