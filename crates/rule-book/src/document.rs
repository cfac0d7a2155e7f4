//! The rulebook as other objects read it.

use crate::store::RuleBookStore;
use blobwatch_rulebook::Rulebook;
use blobwatch_sql::Sql;
use blobwatch_wire::Problem;

/// A rulebook and the epoch that its revision belongs to.
#[derive(Debug)]
pub struct Document {
    pub epoch: u64,
    pub book: Rulebook,
}

/// Answers a [`crate::DocumentCall`]. A FireLog that asks is known from then on.
///
/// # Errors
/// 404 for a revision that is not kept; when the store refuses.
pub fn read_document<S: Sql>(
    store: &RuleBookStore<S>,
    query: &[(String, String)],
    now_ms: u64,
) -> Result<Document, Problem> {
    let value = |name| query.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let book = match value("revision").and_then(|revision| revision.parse().ok()) {
        Some(revision) => store
            .document_at(revision)?
            .ok_or_else(|| Problem::not_found("rulebook of this revision"))?,
        None => store.document()?,
    };
    if let Some(name) = value("fire_log") {
        store.fire_log_seen(name, book.revision, now_ms)?;
    }
    let epoch = store.epoch()?;
    Ok(Document { epoch, book })
}
