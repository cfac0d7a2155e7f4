//! How long records are kept, and where older ones are.

use serde::{Deserialize, Serialize};

use crate::Settings;

const HOUR_MS: u64 = 3_600_000;

/// What the settings say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    pub hours: u32,
    /// Where `blobwatch archive` keeps them for longer.
    pub archive: Option<String>,
}

impl From<Settings> for Retention {
    fn from(settings: Settings) -> Self {
        Self {
            hours: settings.retention_hours,
            archive: settings.archive,
        }
    }
}

impl Retention {
    /// From when on records are kept, as far as their age goes: a FireLog whose space is full keeps fewer.
    #[must_use]
    pub fn since_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(u64::from(self.hours) * HOUR_MS)
    }
}
