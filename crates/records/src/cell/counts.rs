//! The numbers of one cell.

use serde::{Deserialize, Serialize};

use crate::segment::codes::Coded;
use blobwatch_pull::RangeKind;

/// Kinds of range; a kind's place is the number that stored bytes give it.
pub(crate) const KINDS: usize = 12;

/// Size from which a blob is large: a fault that cuts after some seconds or megabytes touches only these, a quarter of
/// all (docs/detection.md).
pub const LARGE_BYTES: u64 = 1 << 20;

/// Fields before the kinds, and after them: what is newer stands at the end.
const NAMED: usize = 13;
const NEWER: usize = 1;

/// Numbers of one cell, in the order of the stored bytes.
pub(super) const FIELDS: usize = NAMED + KINDS + NEWER;

/// Requests, by what they show; a record of weight w counts w times. Sums stop at the largest number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CellCounts {
    pub requests: u32,
    /// Blobs begun: no Range, the whole, or the first chunk or tile of one client and digest.
    pub starts: u32,
    /// Of `starts`, those of blobs of [`LARGE_BYTES`] or more.
    pub large_starts: u32,
    /// The rest asked for from an offset above 0, repeats included.
    pub resumes: u32,
    /// Of `resumes`, those of blobs of [`LARGE_BYTES`] or more.
    pub large_resumes: u32,
    /// Resumes without progress: the same offset again, after 206, one after the other.
    pub repeats: u32,
    /// Of `starts`, those of clients that this FireLog had seen before.
    pub known_starts: u32,
    /// Everything asked for again within 30 minutes, and not known to have arrived the time before.
    pub restarts: u32,
    /// Ranged requests of which can be said whether they were honoured, but for `whole`.
    pub ranged: u32,
    /// Of `ranged`, those not honoured.
    pub refused: u32,
    /// Bodies whose end was observed, of kinds none, whole, restart, resume and repeat.
    pub observed: u32,
    /// Of `observed`, those that the client closed before the end.
    pub aborted: u32,
    /// Requests that a rule blocked or throttled.
    pub denied: u32,
    /// All requests, by kind: see [`CellCounts::kind`].
    pub kinds: [u32; KINDS],
    /// Of `starts`, those after the rest of the blob was refused to the client.
    pub begun_again: u32,
}

impl CellCounts {
    /// Requests of one kind.
    #[must_use]
    pub fn kind(&self, kind: RangeKind) -> u32 {
        self.kinds
            .get(usize::from(kind.code()))
            .copied()
            .unwrap_or_default()
    }

    pub fn count_kind(&mut self, kind: RangeKind, times: u32) {
        if let Some(count) = self.kinds.get_mut(usize::from(kind.code())) {
            *count = count.saturating_add(times);
        }
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        let mut sums = self.fields();
        for (sum, more) in sums.iter_mut().zip(other.fields()) {
            *sum = sum.saturating_add(more);
        }
        *self = Self::of_fields(&sums);
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields().iter().all(|field| *field == 0)
    }

    pub(super) fn fields(&self) -> [u32; FIELDS] {
        let mut fields = [0; FIELDS];
        let named = [
            self.requests,
            self.starts,
            self.large_starts,
            self.resumes,
            self.large_resumes,
            self.repeats,
            self.known_starts,
            self.restarts,
            self.ranged,
            self.refused,
            self.observed,
            self.aborted,
            self.denied,
        ];
        for (field, value) in fields
            .iter_mut()
            .zip(named.into_iter().chain(self.kinds).chain([self.begun_again]))
        {
            *field = value;
        }
        fields
    }

    pub(super) fn of_fields(fields: &[u32; FIELDS]) -> Self {
        let [
            requests,
            starts,
            large_starts,
            resumes,
            large_resumes,
            repeats,
            known_starts,
            restarts,
            ranged,
            refused,
            observed,
            aborted,
            denied,
            kinds @ ..,
            begun_again,
        ] = *fields;
        Self {
            requests,
            starts,
            large_starts,
            resumes,
            large_resumes,
            repeats,
            known_starts,
            restarts,
            ranged,
            refused,
            observed,
            aborted,
            denied,
            kinds,
            begun_again,
        }
    }
}
