//! What a record is, seen beside what its client did before.

use blobwatch_pull::{RangeKind, Record};

/// Bytes that a client accepted between two successive open starts of one digest, and the time it took: known from
/// the headers alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub bytes: u64,
    pub ms: u64,
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    pub kind: RangeKind,
    /// An earlier ask of the client for this digest is known. A `resume` without is worth little: a mirror died, or the
    /// pull began elsewhere or before the state was lost.
    pub origin_known: bool,
    /// A blob begun: no Range, the whole, or the first chunk or tile.
    pub start: bool,
    /// A restart of what is not known to have arrived the time before.
    pub stuck: bool,
    /// A start after the rest of the blob was refused to the client: it begins again instead of failing.
    pub begun_again: bool,
    /// One of several bodies that the client takes at a time: it closes some of them itself.
    pub parallel: bool,
    /// The fetch to which a redirect led, which is counted as what this is.
    pub second_half: bool,
    /// The client had asked for something before.
    pub known_client: bool,
    pub progress: Option<Progress>,
}

impl Judged {
    /// What a record is without a history.
    #[must_use]
    pub fn alone(record: &Record) -> Self {
        Self::bare(record.range.without_history(record.size))
    }

    pub(super) fn bare(kind: RangeKind) -> Self {
        Self {
            kind,
            origin_known: false,
            start: false,
            stuck: false,
            begun_again: false,
            parallel: false,
            second_half: false,
            known_client: false,
            progress: None,
        }
    }
}
