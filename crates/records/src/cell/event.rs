//! The anomalous things that are counted, and examples of them.

use serde::{Deserialize, Serialize};

use blobwatch_pull::RecordId;

/// Examples kept of each event in one cell.
pub const MAX_EVIDENCE: usize = 2;

/// What an anomaly is made of. The order is that of the stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The rest was asked for.
    Resume,
    /// The rest was asked for from the same offset again.
    Repeat,
    /// Everything was asked for again.
    Restart,
    /// A range was not honoured.
    Refused,
    /// An observed body was cut short by its client.
    Aborted,
    /// A start was answered with 5xx, or not at all.
    Failed,
    /// A start was refused by what is behind us: 403, 429, another 4xx, or a 401 that no success followed.
    TurnedAway,
    /// A redirect was asked for again and again, and its target never.
    Unreached,
    /// A range from the blob's end on was asked for again after its 416.
    Looped,
    /// A body came far slower than its clients' bodies used to.
    Slow,
    /// A blob was asked for again at once, and again, though it had arrived each time.
    Suspect,
}

impl Event {
    /// All of them, in the order of the stored bytes.
    pub const ALL: [Self; 11] = [
        Self::Resume,
        Self::Repeat,
        Self::Restart,
        Self::Refused,
        Self::Aborted,
        Self::Failed,
        Self::TurnedAway,
        Self::Unreached,
        Self::Looped,
        Self::Slow,
        Self::Suspect,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::Repeat => "repeat",
            Self::Restart => "restart",
            Self::Refused => "refused",
            Self::Aborted => "aborted",
            Self::Failed => "failed",
            Self::TurnedAway => "turned_away",
            Self::Unreached => "unreached",
            Self::Looped => "looped",
            Self::Slow => "slow",
            Self::Suspect => "suspect",
        }
    }
}

/// A record that shows an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence {
    pub event: Event,
    pub id: RecordId,
}
