//! The audit log: newest first in pages, oldest first as an export, and walked to see whether it is whole.

use serde::{Deserialize, Serialize};

use crate::audit::{AuditEntry, AuditItem, Chain};
use crate::store::RuleBookStore;
use blobwatch_sql::{Sql, StoreError};
use blobwatch_wire::{List, Page, Parameters, Place, Problem, bad_cursor};

/// Entries, and bytes of what they changed, that one step reads: SHA-256 over 4 MB is some 20 ms in Wasm, and the object
/// that answers decides about changes meanwhile.
const MAX_STEP_ENTRIES: usize = 500;
const MAX_STEP_BYTES: usize = 4_000_000;

/// A page of the log; cursors are numbers of entries.
///
/// # Errors
/// 400 for a cursor that is no number.
pub(crate) fn list_audit<S: Sql>(store: &RuleBookStore<S>, page: &Page) -> Result<List<AuditItem>, Problem> {
    let before = page
        .after
        .as_deref()
        .map(|text| text.parse().map_err(|_| bad_cursor()))
        .transpose()?;
    let entries = store.audit(before, page.limit)?;
    // The chain has no gaps: after entry 1 there is nothing.
    let next_cursor = entries
        .last()
        .filter(|last| last.seq > 1)
        .map(|last| last.seq.to_string());
    let items = entries.into_iter().map(item).collect::<Result<_, _>>()?;
    Ok(List { items, next_cursor })
}

/// Where an export begins, if the call is one: `format=ndjson`, behind entry `after` where that is given.
///
/// # Errors
/// 400 for another format, a number that is none, or parameters of the list.
pub fn export_begin(query: &str) -> Result<Option<u64>, Problem> {
    let refuse = |name: &str, message: String| {
        Err(Problem::bad_parameter(Place::new(
            format!("query.{name}"),
            message,
        )))
    };
    let is_export =
        form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == "format" && value != "json");
    if !is_export {
        return Ok(None);
    }
    let parameters = Parameters::parse(query, &["format", "after"])?;
    match (parameters.get("format"), parameters.get("after")) {
        (Some("ndjson"), None) => Ok(Some(0)),
        (Some("ndjson"), Some(text)) => match text.parse() {
            Ok(seq) => Ok(Some(seq)),
            Err(_) => refuse("after", format!("expected an entry number, found {text:?}")),
        },
        (format, _) => refuse(
            "format",
            format!("expected json or ndjson, found {:?}", format.unwrap_or_default()),
        ),
    }
}

/// One step of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportStep {
    /// NDJSON, oldest first.
    pub lines: String,
    /// Where the next step goes on; none at the end.
    pub after: Option<u64>,
}

/// The entries behind number `after`, as many as one step takes.
///
/// # Errors
/// When the log cannot be read.
pub fn export_audit<S: Sql>(store: &RuleBookStore<S>, after: u64) -> Result<ExportStep, Problem> {
    let entries = step(store, after)?;
    let next = entries.last().map(|last| last.seq);
    let mut lines = String::new();
    for entry in entries {
        let line = serde_json::to_string(&item(entry)?).map_err(|error| corrupt(&error))?;
        lines.push_str(&line);
        lines.push('\n');
    }
    Ok(ExportStep { lines, after: next })
}

/// One step of the walk along the stored chain, and whether it has come to the end or to a break.
///
/// # Errors
/// When the log cannot be read.
pub fn verify_audit<S: Sql>(store: &RuleBookStore<S>, mut chain: Chain) -> Result<(Chain, bool), Problem> {
    let entries = step(store, chain.seq())?;
    let is_whole = entries.iter().all(|entry| chain.push(entry));
    Ok((chain, entries.is_empty() || !is_whole))
}

fn step<S: Sql>(store: &RuleBookStore<S>, after: u64) -> Result<Vec<AuditEntry>, Problem> {
    Ok(store.audit_after(after, MAX_STEP_ENTRIES, MAX_STEP_BYTES)?)
}

fn item(entry: AuditEntry) -> Result<AuditItem, Problem> {
    let seq = entry.seq;
    AuditItem::try_from(entry).map_err(|error| corrupt(&format!("entry {seq}: {error}")))
}

fn corrupt(error: &impl ToString) -> Problem {
    StoreError::Corrupt(format!("the audit log ({})", error.to_string())).into()
}
