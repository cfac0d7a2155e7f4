//! What programs that archive records tell of their runs.
//!
//! In scope: what is taken and shown. Not in scope: the archive, which is no part of the deployment (docs/archive.md).

use serde::{Deserialize, Serialize};

use super::change::{Context, body};
use crate::store::{ArchiveRun, RuleBookStore};
use blobwatch_sql::Sql;
use blobwatch_wire::{List, Page, Place, Problem, parse_rfc3339, rfc3339};

/// Bytes of the name of a place.
const MAX_PLACE: usize = 500;

/// Bytes of why a run did not do all that was due.
const MAX_PROBLEM: usize = 1_000;

/// A run that ended.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct ArchiveBody {
    /// Folder, or s3://BUCKET/PREFIX.
    place: String,
    /// RFC 3339: records of all FireLogs from before that time are archived.
    until: Option<String>,
    /// Records that the run archived.
    records: u64,
    /// Of records that came late.
    late: u64,
    /// Why it did not do all that was due.
    problem: Option<String>,
}

/// The last run at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ArchiveItem {
    pub place: String,
    /// RFC 3339: records of all FireLogs from before that time are archived; `null` where none are.
    pub until: Option<String>,
    /// Records that the run archived, and those of them that came late.
    pub records: u64,
    pub late: u64,
    /// Why it did not do all that was due.
    pub problem: Option<String>,
    /// RFC 3339: when the run ended.
    pub time: String,
    /// Who told it.
    pub actor: String,
}

impl From<ArchiveRun> for ArchiveItem {
    fn from(run: ArchiveRun) -> Self {
        Self {
            place: run.place,
            until: run.until_ms.map(rfc3339),
            records: run.records,
            late: run.late,
            problem: run.problem,
            time: rfc3339(run.told_ms),
            actor: run.actor,
        }
    }
}

/// The last run at each place, the newest first.
///
/// # Errors
/// 400 for a cursor that no longer stands.
pub(crate) fn list_archives<S: Sql>(
    store: &RuleBookStore<S>,
    page: &Page,
) -> Result<List<ArchiveItem>, Problem> {
    let items = store.archives()?.into_iter().map(ArchiveItem::from);
    page.of(items.collect(), |item| item.place.as_str())
}

/// Takes what an archiver tells of its run. No revision comes of it: nothing that decides on pulls changes.
///
/// # Errors
/// 400 or 422 with each place that is wrong.
pub(crate) fn post_archive<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    text: &str,
) -> Result<ArchiveItem, Problem> {
    let body: ArchiveBody = body(text)?;
    let run = body.run(context)?;
    store.keep_archive(&run)?;
    Ok(run.into())
}

impl ArchiveBody {
    fn run(self, context: &Context<'_>) -> Result<ArchiveRun, Problem> {
        let mut faults = Vec::new();
        let is_named = (1..=MAX_PLACE).contains(&self.place.len()) && !self.place.contains(char::is_control);
        if !is_named {
            let message = format!("expected a folder or s3://BUCKET/PREFIX, of at most {MAX_PLACE} bytes");
            faults.push(Place::new("body.place", message));
        }
        let until_ms = self.until.as_deref().map(parse_rfc3339);
        if until_ms == Some(None) {
            let found = self.until.as_deref().unwrap_or_default();
            let message = format!("expected a time such as 2026-01-31T12:00:00Z, found {found:?}");
            faults.push(Place::new("body.until", message));
        }
        let length = self.problem.as_ref().map_or(0, String::len);
        if length > MAX_PROBLEM {
            let message = format!("expected at most {MAX_PROBLEM} bytes, found {length}");
            faults.push(Place::new("body.problem", message));
        }
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        Ok(ArchiveRun {
            place: self.place,
            until_ms: until_ms.flatten(),
            records: self.records,
            late: self.late,
            problem: self.problem,
            told_ms: context.now_ms,
            actor: context.actor.to_owned(),
        })
    }
}
