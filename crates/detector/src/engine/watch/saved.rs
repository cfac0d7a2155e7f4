//! A watch in a saved state.

use serde::Deserialize;

use super::Watch;
use crate::engine::healing::Healing;
use crate::engine::older::OlderAnomaly;
use blobwatch_records::Breadth;

/// A watch as builds saved it before format 7.
#[derive(Debug, Deserialize)]
pub(in crate::engine) struct OlderWatch {
    anomaly: OlderAnomaly,
    onset: u64,
    opened: u64,
    closed_slot: u64,
    healing: Vec<Healing>,
    breadth: Breadth,
    located: u64,
    cliff: Option<(f64, u32)>,
}

impl From<OlderWatch> for Watch {
    fn from(older: OlderWatch) -> Self {
        Self {
            anomaly: older.anomaly.into(),
            onset: older.onset,
            opened: older.opened,
            closed_slot: older.closed_slot,
            healing: older.healing,
            breadth: older.breadth,
            located: older.located,
            cliff: older.cliff,
            throughput_before: None,
        }
    }
}

/// An anomaly in a saved state stands as in the database: what a newer build adds to it is absent, and no error.
pub(super) mod as_json {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::anomaly::Anomaly;

    pub(in super::super) fn serialize<S: Serializer>(
        anomaly: &Anomaly,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(anomaly).map_err(S::Error::custom)?;
        text.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Anomaly, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}
