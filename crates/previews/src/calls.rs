//! The calls of the API about previews (docs/api.md): which one is meant, a page of previews, and one as it is answered.
//!
//! In scope: all that needs neither the RuleBook nor the platform. Not in scope: HTTP, and asking the RuleBook what a
//! preview replays and whether it still holds (`src/control_plane/previews_do.rs`).

use blobwatch_rule_book::Stamp;
use blobwatch_sql::{Sql, StoreError};
use blobwatch_wire::{List, MAX_BODY, Method, Page, Parameters, Problem, bad_cursor};

use crate::store::{MAX_WAITING, seq_of};
use crate::{Preview, PreviewItem, PreviewStore, Progress, Status};

/// Previews of a page when the call does not say: with their cohorts, some 10 KB each.
const DEFAULT_LIMIT: usize = 20;

/// One call.
#[derive(Debug, PartialEq, Eq)]
pub enum PreviewCall<'a> {
    List(PreviewPage),
    Begin,
    Get(&'a str),
    Cancel(&'a str),
}

/// Which part of the list is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct PreviewPage {
    limit: usize,
    /// Id of the last preview of the page before.
    after: Option<u64>,
}

impl<'a> PreviewCall<'a> {
    /// Reads a call; `path` begins with `previews`.
    ///
    /// # Errors
    /// 404 and 405 where there is no such call, 400 for a parameter that it does not take.
    pub fn read(method: Option<Method>, path: &'a str, query: &str) -> Result<Self, Problem> {
        let segments: Vec<&str> = path.split('/').collect();
        let call = match (method, segments.as_slice()) {
            (Some(Method::Get), ["previews"]) => return PreviewPage::read(query).map(Self::List),
            (Some(Method::Post), ["previews"]) => Self::Begin,
            (Some(Method::Get), ["previews", id]) => Self::Get(id),
            (Some(Method::Delete), ["previews", id]) => Self::Cancel(id),
            (method, ["previews"] | ["previews", _]) => {
                return Err(Problem::method_not_allowed(method.map_or("this", Method::name)));
            }
            _ => return Err(Problem::no_such_call()),
        };
        Parameters::parse(query, &[])?;
        Ok(call)
    }
}

impl PreviewPage {
    fn read(query: &str) -> Result<Self, Problem> {
        let parameters = Parameters::parse(query, &["cursor", "limit"])?;
        let limit = match parameters.get("limit") {
            None => DEFAULT_LIMIT,
            Some(_) => Page::parse(query)?.limit,
        };
        let after = parameters
            .get("cursor")
            .map(|id| seq_of(id).ok_or_else(bad_cursor));
        Ok(Self {
            limit,
            after: after.transpose()?,
        })
    }

    /// The previews of the page, newest first, and the cursor of the next.
    ///
    /// # Errors
    /// When the store fails.
    pub fn of<S: Sql>(&self, store: &PreviewStore<S>) -> Result<List<Preview>, StoreError> {
        let mut items = store.list(self.after, self.limit + 1)?;
        let has_more = items.len() > self.limit;
        items.truncate(self.limit);
        let next_cursor = items.last().filter(|_| has_more).map(|last| last.id.clone());
        Ok(List { items, next_cursor })
    }
}

/// What the RuleBook is asked about these previews: those that are done, in their order.
#[must_use]
pub fn stamps_of(previews: &[Preview]) -> Vec<Stamp> {
    previews.iter().filter_map(Preview::stamp).collect()
}

/// Previews with their progress, and why they no longer allow anything: `stale` answers [`stamps_of`], in its order.
#[must_use]
pub fn items_of(
    previews: Vec<Preview>,
    stale: Vec<Option<String>>,
    progress_of: impl Fn(&str) -> Option<Progress>,
) -> Vec<PreviewItem> {
    let mut stale = stale.into_iter();
    let item = |preview: Preview| {
        let is_done = preview.status == Status::Done;
        let why = is_done.then(|| stale.next().flatten()).flatten();
        let progress = progress_of(&preview.id);
        PreviewItem::new(preview, progress, why)
    };
    previews.into_iter().map(item).collect()
}

/// The body of [`PreviewCall::Begin`] goes on to the RuleBook as it is.
///
/// # Errors
/// 413 for one that is too large.
pub fn check_body(body: &str) -> Result<(), Problem> {
    if body.len() <= MAX_BODY {
        return Ok(());
    }
    Err(Problem::too_large(MAX_BODY))
}

/// 429 where [`PreviewStore::begin`] accepts no more.
#[must_use]
pub fn too_many_previews() -> Problem {
    let detail = format!("{MAX_WAITING} previews are waiting: wait for one to finish, or cancel one");
    Problem::new(429, "too-many-previews", "Too many previews are waiting", detail)
}

#[cfg(test)]
mod tests;
