//! An entry as the API writes it, in lists and as one line of an export.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::AuditEntry;
use blobwatch_wire::{parse_rfc3339, rfc3339};

/// One change. `before` and `after` are written byte for byte as they were hashed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditItem {
    pub seq: u64,
    /// RFC 3339.
    pub time: String,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub before: Option<Box<RawValue>>,
    pub after: Option<Box<RawValue>>,
    pub reason: Option<String>,
    pub revision: u64,
    pub previous: String,
    pub hash: String,
}

/// Why a line is no entry; fits "line 7 is not an audit entry: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError(String);

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LineError {}

impl AuditItem {
    /// Reads one line of `GET audit?format=ndjson`.
    ///
    /// # Errors
    /// When it is no entry; nothing of it is believed then.
    pub fn read(line: &str) -> Result<Self, LineError> {
        serde_json::from_str(line).map_err(|error| LineError(error.to_string()))
    }
}

/// # Errors
/// When a stored value is no JSON.
impl TryFrom<AuditEntry> for AuditItem {
    type Error = LineError;

    fn try_from(entry: AuditEntry) -> Result<Self, LineError> {
        Ok(Self {
            seq: entry.seq,
            time: rfc3339(entry.time_ms),
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            before: entry.before.map(raw).transpose()?,
            after: entry.after.map(raw).transpose()?,
            reason: entry.reason,
            revision: entry.revision,
            previous: entry.previous,
            hash: entry.hash,
        })
    }
}

fn raw(text: String) -> Result<Box<RawValue>, LineError> {
    RawValue::from_string(text).map_err(|error| LineError(error.to_string()))
}

/// # Errors
/// When the time is none.
impl TryFrom<AuditItem> for AuditEntry {
    type Error = LineError;

    fn try_from(item: AuditItem) -> Result<Self, LineError> {
        let time_ms = parse_rfc3339(&item.time).ok_or_else(|| {
            LineError(format!(
                "expected a time such as 2020-07-05T19:00:00.000Z, found {:?}",
                item.time
            ))
        })?;
        let text = |raw: Box<RawValue>| raw.get().to_owned();
        Ok(Self {
            seq: item.seq,
            time_ms,
            actor: item.actor,
            action: item.action,
            target: item.target,
            before: item.before.map(text),
            after: item.after.map(text),
            reason: item.reason,
            revision: item.revision,
            previous: item.previous,
            hash: item.hash,
        })
    }
}
