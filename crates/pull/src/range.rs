//! What a Range header asks for, and what kind of client behaviour it shows.
//!
//! In scope: reading Range and Content-Range (RFC 9110, section 14), the kinds that one request shows by itself, and
//! whether the answer was what was asked. Not in scope: the kinds that need what the client did before. `Chunk` and
//! `Repeat` come from [`RangeKind::Resume`], `Restart` from [`RangeKind::None`] and [`RangeKind::Whole`]; `history`,
//! which keeps chains, refines [`RequestedRange::refined`]'s answer, and [`without_history`] takes that back.
//!
//! A kind is said at two moments: [`RequestedRange::kind`] when the request comes, the blob's size being unknown (rules see
//! this one), and [`RequestedRange::refined`] when the answer has told the size (records keep this one).

mod answered;
mod asked;
mod content_range;
mod header;

pub use answered::{Answered, honoured};
pub(crate) use asked::without_history;
pub use asked::{RequestedRange, TILE_UNIT};
pub use content_range::ContentRange;
pub use header::ByteRange;
pub(crate) use header::RangeHeader;

use serde::{Deserialize, Serialize};

/// What a Range means in the life of a pull (docs/records.md). `Chunk`, `Repeat` and `Restart` need the client's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RangeKind {
    /// No Range.
    None,
    /// From the first byte to the last: `bytes=0-`, or `0-(size-1)` once the size is known. Not a resume:
    /// containerd 2.1.0 to 2.1.2 begin every pull so.
    Whole,
    /// `bytes=0-0` or `bytes=0-1`: asks for the size, or whether ranges work.
    Probe,
    /// A closed range that starts at a multiple of its own length: one piece of a parallel fetch.
    Tile,
    /// One of several open ranges, equally spaced and at one time (containerd's parallel fetch).
    Chunk,
    /// Any other closed range: a lazy puller reads what it needs.
    Scatter,
    /// Several ranges.
    Multi,
    /// The last bytes: `bytes=-500`.
    Suffix,
    /// The rest from an offset above 0.
    Resume,
    /// A resume from the offset of the one before: no progress.
    Repeat,
    /// Everything again, by a client that had asked for everything within 30 minutes.
    Restart,
    /// A Range that RFC 9110 does not define, or of more than `MAX_RANGES` ranges.
    Invalid,
}

impl RangeKind {
    /// The name in records, rules and queries; the same as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Whole => "whole",
            Self::Probe => "probe",
            Self::Tile => "tile",
            Self::Chunk => "chunk",
            Self::Scatter => "scatter",
            Self::Multi => "multi",
            Self::Suffix => "suffix",
            Self::Resume => "resume",
            Self::Repeat => "repeat",
            Self::Restart => "restart",
            Self::Invalid => "invalid",
        }
    }
}
