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
}

impl Event {
    /// All of them, in the order of the stored bytes.
    pub const ALL: [Self; 5] = [
        Self::Resume,
        Self::Repeat,
        Self::Restart,
        Self::Refused,
        Self::Aborted,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::Repeat => "repeat",
            Self::Restart => "restart",
            Self::Refused => "refused",
            Self::Aborted => "aborted",
        }
    }
}

/// A record that shows an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence {
    pub event: Event,
    pub id: RecordId,
}
