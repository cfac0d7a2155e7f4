//! The numbers of one cell.

use serde::{Deserialize, Serialize};

use crate::segment::codes::Coded;
use blobwatch_pull::RangeKind;

/// Kinds of range; a kind's place is the number that stored bytes give it.
pub(crate) const KINDS: usize = 12;

/// Size from which a blob is large: a fault that cuts after some seconds or megabytes touches only these, a quarter of
/// all (docs/detection.md).
pub const LARGE_BYTES: u64 = 1 << 20;

/// A throughput is counted in parts of a factor of two above 2^[`PACE_FIRST`] bytes per second.
pub(crate) const PACE_PARTS: u16 = 16;
pub(crate) const PACE_FIRST: f64 = 14.0;

/// Classes of answers that are counted: none at all, 3xx, 4xx and 5xx. The others are 2xx, which most are.
pub(crate) const CLASSES: usize = 4;

/// One number of a cell, or several side by side.
trait Count: Default {
    const LEN: usize;

    fn put<'a>(&self, to: &mut impl Iterator<Item = &'a mut u32>);

    /// What is not there is 0.
    fn take(from: &mut impl Iterator<Item = u32>) -> Self;

    /// Stops at the largest number.
    fn add(&mut self, more: &Self);
}

impl Count for u32 {
    const LEN: usize = 1;

    fn put<'a>(&self, to: &mut impl Iterator<Item = &'a mut u32>) {
        if let Some(field) = to.next() {
            *field = *self;
        }
    }

    fn take(from: &mut impl Iterator<Item = u32>) -> Self {
        from.next().unwrap_or_default()
    }

    fn add(&mut self, more: &Self) {
        *self = self.saturating_add(*more);
    }
}

impl<const LENGTH: usize> Count for [u32; LENGTH]
where
    Self: Default,
{
    const LEN: usize = LENGTH;

    fn put<'a>(&self, to: &mut impl Iterator<Item = &'a mut u32>) {
        self.iter().for_each(|number| number.put(to));
    }

    fn take(from: &mut impl Iterator<Item = u32>) -> Self {
        std::array::from_fn(|_| u32::take(from))
    }

    fn add(&mut self, more: &Self) {
        for (sum, more) in self.iter_mut().zip(more) {
            sum.add(more);
        }
    }
}

/// Makes a struct of counts whose fields stand in the order of the stored bytes: what is newer is added at the end.
macro_rules! counts {
    ($(#[$of_all:meta])* pub struct $name:ident { $($(#[$of_one:meta])* pub $field:ident: $numbers:ty,)* }) => {
        $(#[$of_all])*
        pub struct $name { $($(#[$of_one])* pub $field: $numbers,)* }

        /// Numbers of one cell.
        pub(super) const FIELDS: usize = 0 $(+ <$numbers as Count>::LEN)*;

        impl $name {
            pub(super) fn fields(&self) -> [u32; FIELDS] {
                let mut fields = [0; FIELDS];
                let mut to = fields.iter_mut();
                $(self.$field.put(&mut to);)*
                fields
            }

            fn take(mut from: impl Iterator<Item = u32>) -> Self {
                Self { $($field: Count::take(&mut from),)* }
            }

            /// Adds other counts to these.
            pub fn add(&mut self, other: &Self) {
                $(self.$field.add(&other.$field);)*
            }
        }
    };
}

counts! {
    /// Requests, by what they show; a record of weight w counts w times. Sums stop at the largest number.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
    #[serde(from = "Vec<u32>", into = "Vec<u32>")]
    pub struct CellCounts {
        pub requests: u32,
        /// Blobs begun: no Range, the whole, or the first chunk or tile of one client and digest.
        pub starts: u32,
        /// Of `starts`, those of blobs of [`LARGE_BYTES`] or more, and all that were redirected.
        pub large_starts: u32,
        /// The rest asked for from an offset above 0, repeats included.
        pub resumes: u32,
        /// Of `resumes`, those of blobs of [`LARGE_BYTES`] or more, and all that were redirected.
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
        /// Blobs asked for from the first byte, and answered with 5xx or not at all.
        pub failed: u32,
        /// Blobs asked for from the first byte, and refused by what is behind us.
        pub turned_away: u32,
        /// Of `starts`, those answered with a redirect.
        pub redirected: u32,
        /// Of `redirected`, those asked for again and again whose target was not.
        pub unreached: u32,
        /// Ranges from the blob's end on that were answered with 416, the first of each client and blob.
        pub behind: u32,
        /// The second of each: clients that loop, however often they go round.
        pub looped: u32,
        /// Bodies of [`LARGE_BYTES`] or more whose throughput is known, and how fast those of the same clients were before.
        pub paced: u32,
        /// Of `paced`, those far slower than before.
        pub slow: u32,
        /// Whole bodies that are known to have arrived.
        pub fetched: u32,
        /// Of `fetched`, those of a client that had got the same blob twice just before.
        pub suspect: u32,
        /// Of `refused`, those of several ranges at once.
        pub multi_refused: u32,
        /// Of all restarts, those after a body that was cut, and those after one that had arrived.
        pub again_cut: u32,
        pub again_whole: u32,
        /// Of `denied`, those that a rule blocked.
        pub blocked: u32,
        /// Requests that a rule sent to another origin.
        pub detoured: u32,
        /// Requests that a rule tagged, and did no more to.
        pub tagged: u32,
        /// All requests, by class of the answer: see [`CellCounts::answered`].
        pub answers: [u32; CLASSES],
        /// Of `turned_away`, those with 401, with 429 and with 403.
        pub unauthorized: u32,
        pub limited: u32,
        pub forbidden: u32,
        /// Of `failed`, those that got no answer.
        pub silent: u32,
        /// Of `paced`, the sum of their throughputs' logarithms: see [`CellCounts::throughput`].
        pub pace_sum: u32,
        /// Requests that an `allow` kept from later rules.
        pub allowed: u32,
    }
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

    /// Bytes per second that `paced` had in the geometric mean.
    #[must_use]
    pub fn throughput(&self) -> Option<f64> {
        let mean = f64::from(self.pace_sum) / f64::from(self.paced) / f64::from(PACE_PARTS);
        (self.paced > 0).then(|| (mean + PACE_FIRST).exp2())
    }

    pub fn count_answer(&mut self, status: u16, times: u32) {
        let class = match status {
            0 => 0,
            300..400 => 1,
            400..500 => 2,
            500.. => 3,
            _ => return,
        };
        if let Some(count) = self.answers.get_mut(class) {
            *count = count.saturating_add(times);
        }
    }

    /// All requests, by class of the answer: none, 2xx, 3xx, 4xx, 5xx. Older builds did not count classes, and nor do
    /// their cells: all of theirs are 2xx.
    #[must_use]
    pub fn answered(&self) -> [u32; 5] {
        let [none, redirected, client, server] = self.answers;
        let others = [none, redirected, client, server]
            .into_iter()
            .fold(0, u32::saturating_add);
        [
            none,
            self.requests.saturating_sub(others),
            redirected,
            client,
            server,
        ]
    }

    /// Blobs asked for from the first byte: begun, failed or turned away.
    #[must_use]
    pub fn asked(&self) -> u32 {
        self.starts
            .saturating_add(self.failed)
            .saturating_add(self.turned_away)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields().iter().all(|field| *field == 0)
    }

    pub(super) fn of_fields(fields: &[u32; FIELDS]) -> Self {
        Self::take(fields.iter().copied())
    }
}

/// The fields in the order of the stored bytes, without the zeros at the end.
impl From<CellCounts> for Vec<u32> {
    fn from(counts: CellCounts) -> Self {
        let fields = counts.fields();
        let used = fields
            .iter()
            .rposition(|field| *field != 0)
            .map_or(0, |last| last + 1);
        fields.into_iter().take(used).collect()
    }
}

/// What an older build did not count is 0.
impl From<Vec<u32>> for CellCounts {
    fn from(known: Vec<u32>) -> Self {
        Self::take(known.into_iter())
    }
}
