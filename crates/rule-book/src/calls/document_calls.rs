//! The whole rulebook, now or as it was.

use crate::store::{RuleBookError, RuleBookStore};
use blobwatch_rulebook::{Rulebook, starter};
use blobwatch_sql::Sql;
use blobwatch_wire::{Parameters, Place, Problem};

/// The document of `?revision=`, or of now: what isolates hold, and what a record of that revision is explained by.
///
/// # Errors
/// 400 for a revision that is no number; 404 for one that has not been.
pub(crate) fn get_document<S: Sql>(store: &RuleBookStore<S>, query: &str) -> Result<Rulebook, Problem> {
    let parameters = Parameters::parse(query, &["revision"])?;
    match parameters.get("revision") {
        None => Ok(store.document()?),
        Some(text) => document_of(store, revision(text)?),
    }
}

/// The document of a revision; 0 is the one that ships with this build.
///
/// # Errors
/// 404 for a revision that has not been.
pub(crate) fn document_of<S: Sql>(store: &RuleBookStore<S>, revision: u64) -> Result<Rulebook, Problem> {
    if revision == 0 {
        return Ok(starter().map_err(RuleBookError::from)?);
    }
    let found = store.document_at(revision)?;
    found.ok_or_else(|| Problem::not_found(&format!("revision {revision} of the rulebook")))
}

fn revision(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| {
        let message = format!("expected a revision number, found {text:?}");
        Problem::bad_parameter(Place::new("query.revision", message))
    })
}
