//! Pages of records of all FireLogs.

use std::cell::RefCell;

use serde::Serialize;

use super::{FireLogs, Gathered, Notes, waves};
use crate::query::{Joining, Kind, MAX_LIMIT, MergedPage, Query};
use crate::{KIND, PageCall};
use blobwatch_pull::{Record, RecordId};
use blobwatch_wire::Problem;

/// One list, page by page.
#[derive(Debug)]
pub struct Listing<L> {
    pub fire_logs: L,
    pub names: Vec<String>,
    pub kind: Kind,
    /// Of the API's call.
    pub pairs: Vec<(String, String)>,
    /// What they say.
    pub query: Query,
    pub notes: Notes,
}

/// As the API answers.
#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "RecordList")
)]
pub struct List {
    pub items: Vec<Record>,
    pub next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<String>,
    #[serde(flatten)]
    pub notes: Notes,
}

impl<L: FireLogs> Listing<L> {
    /// The page that was asked for.
    ///
    /// # Errors
    /// When no FireLog answers.
    pub async fn list(&self) -> Result<List, Problem> {
        let (joined, incomplete) = self.page(self.query.before, self.query.limit).await?;
        let next_cursor = joined.before.map(|before| self.query.cursor(before).text());
        Ok(List {
            items: joined.records,
            next_cursor,
            incomplete,
            notes: self.notes.clone(),
        })
    }

    /// The page that begins before this id, and who is not in it.
    pub(super) async fn page(
        &self,
        before: RecordId,
        limit: usize,
    ) -> Result<(MergedPage, Vec<String>), Problem> {
        let joining = RefCell::new(Joining::of(limit));
        let pages = waves::each(&self.fire_logs, &self.names, |name| {
            self.take_page_of(name, before, limit, &joining)
        });
        let gathered = Gathered::of(&self.names, pages.await);
        match gathered.problem {
            Some(problem) if gathered.answers.is_empty() => Err(problem),
            _ => Ok((joining.into_inner().finish(), gathered.incomplete)),
        }
    }

    /// Takes what one FireLog has of it. Once the page is full, those that are asked later need not look at what is older than all
    /// of it.
    async fn take_page_of(
        &self,
        name: &str,
        before: RecordId,
        limit: usize,
        joining: &RefCell<Joining>,
    ) -> Result<(), Problem> {
        let since_ms = joining.borrow().since_ms();
        let cursor = self.query.cursor(before).since(since_ms).text();
        let most = limit.to_string();
        let mut pairs: Vec<(&str, &str)> =
            vec![(KIND, self.kind.name()), ("cursor", &cursor), ("limit", &most)];
        // That many a page of an export may have, which is all that a FireLog reads of a format.
        pairs.extend((limit > MAX_LIMIT).then_some(("format", "ndjson")));
        let own = |name: &str| matches!(name, "cursor" | "limit" | "format" | "schema");
        let filters = self.pairs.iter().filter(|(name, _)| !own(name));
        pairs.extend(filters.map(|(name, value)| (name.as_str(), value.as_str())));
        let mut page = self.fire_logs.ask(name, &PageCall(&pairs)).await?;
        if let Some(since_ms) = since_ms {
            page.floor = page.floor.max(RecordId::first_at(since_ms));
        }
        joining.borrow_mut().take(page);
        Ok(())
    }
}
