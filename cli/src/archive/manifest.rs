//! What an archive holds, as `manifest.json` in it: which times are archived, how many requests, in which files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Of the form. A newer one is refused.
pub(super) const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) version: u32,
    /// Records before this time are archived, of all FireLogs; those that came late, as far as `spans` were looked at again.
    #[serde(rename = "until", with = "time")]
    pub(super) until_ms: u64,
    /// Files that are being written. After a kill they are removed, and written again.
    pub(super) pending: Vec<String>,
    /// Entry of the audit log up to which it is archived.
    pub(super) audit_seq: u64,
    /// What each anomaly that the deployment still lists was when it was archived.
    pub(super) anomalies: BTreeMap<String, String>,
    /// By day, all that was ever archived.
    pub(super) days: BTreeMap<String, Day>,
    /// Oldest first, without gaps: times that the deployment still has records of.
    pub(super) spans: Vec<Span>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Day {
    pub(super) records: u64,
    pub(super) parts: u64,
}

/// Times that were archived together, within one day.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    #[serde(rename = "from", with = "time")]
    pub(super) from_ms: u64,
    #[serde(rename = "until", with = "time")]
    pub(super) until_ms: u64,
    /// By weight, as the API counts them.
    pub(super) requests: u64,
    /// When it was last compared with the API's count.
    #[serde(rename = "compared", with = "time")]
    pub(super) compared_ms: u64,
    pub(super) parts: Vec<String>,
}

impl Manifest {
    pub(super) fn beginning_at(from_ms: u64) -> Self {
        Self {
            version: VERSION,
            until_ms: from_ms,
            pending: Vec::new(),
            audit_seq: 0,
            anomalies: BTreeMap::new(),
            days: BTreeMap::new(),
            spans: Vec::new(),
        }
    }
}

/// RFC 3339.
mod time {
    use blobwatch_wire::{parse_rfc3339, rfc3339};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(time_ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&rfc3339(*time_ms))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_rfc3339(&text).ok_or_else(|| D::Error::custom("expected a time in RFC 3339"))
    }
}

#[cfg(test)]
mod tests {
    use super::Manifest;

    /// An archive is older than the build that continues it.
    #[test]
    fn a_released_manifest_is_read_and_written_as_it_was() {
        let released = include_str!("../../tests/data/archive/manifest-v1.json");
        let manifest: Manifest = serde_json::from_str(released).unwrap();
        let written = serde_json::to_string_pretty(&manifest).unwrap();
        assert_eq!(written, released.trim_end());
    }
}
