//! The audit log, newest first.

use serde::Serialize;
use serde_json::value::RawValue;

use super::change::storage;
use super::page::{List, Page, bad_cursor};
use crate::problem::Problem;
use crate::store::Sql;
use crate::store::rule_book::{AuditEntry, RuleBookStore};
use crate::time::rfc3339;

/// One change. `before` and `after` are written byte for byte as they were hashed.
#[derive(Debug, Clone, Serialize)]
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

/// A page of the log; cursors are numbers of entries.
///
/// # Errors
/// 400 for a cursor that is no number.
pub fn list_audit<S: Sql>(store: &RuleBookStore<S>, page: &Page) -> Result<List<AuditItem>, Problem> {
    let before = page
        .after
        .as_deref()
        .map(|text| text.parse().map_err(|_| bad_cursor()))
        .transpose()?;
    let entries = store.audit(before, page.limit).map_err(|error| storage(&error))?;
    // The chain has no gaps: after entry 1 there is nothing.
    let next_cursor = entries
        .last()
        .filter(|last| last.seq > 1)
        .map(|last| last.seq.to_string());
    let items = entries
        .into_iter()
        .map(AuditItem::try_from)
        .collect::<Result<_, _>>()?;
    Ok(List { items, next_cursor })
}

impl TryFrom<AuditEntry> for AuditItem {
    type Error = Problem;

    fn try_from(entry: AuditEntry) -> Result<Self, Problem> {
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

fn raw(text: String) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(text).map_err(|error| {
        Problem::new(
            500,
            "storage",
            "The rulebook could not be read or written",
            format!("an audit entry: {error}"),
        )
    })
}
