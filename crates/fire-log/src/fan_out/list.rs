//! Pages of records of all FireLogs.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::Serialize;

use super::{FireLogs, Gathered, Notes, waves};
use crate::query::{Kind, MergedPage, Page, Query, join};
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
        let newest = RefCell::new(Newest::of(limit));
        let pages = waves::each(&self.fire_logs, &self.names, |name| {
            self.page_of(name, before, limit, &newest)
        });
        let gathered = Gathered::of(&self.names, pages.await);
        match gathered.problem {
            Some(problem) if gathered.answers.is_empty() => Err(problem),
            _ => Ok((join(gathered.answers, limit), gathered.incomplete)),
        }
    }

    /// What one FireLog has of it. Once the page is full, those that are asked later need not look at what is older than all of it.
    async fn page_of(
        &self,
        name: &str,
        before: RecordId,
        limit: usize,
        newest: &RefCell<Newest>,
    ) -> Result<Page, Problem> {
        let since_ms = newest.borrow().since_ms();
        let cursor = self.query.cursor(before).since(since_ms).text();
        let limit = limit.to_string();
        let mut pairs: Vec<(&str, &str)> =
            vec![(KIND, self.kind.name()), ("cursor", &cursor), ("limit", &limit)];
        let own = |name: &str| matches!(name, "cursor" | "limit" | "format" | "schema");
        let filters = self.pairs.iter().filter(|(name, _)| !own(name));
        pairs.extend(filters.map(|(name, value)| (name.as_str(), value.as_str())));
        let mut page = self.fire_logs.ask(name, &PageCall(&pairs)).await?;
        if let Some(since_ms) = since_ms {
            page.floor = page.floor.max(RecordId::first_at(since_ms));
        }
        newest.borrow_mut().take(&page);
        Ok(page)
    }
}

/// The newest ids that are known of a page.
#[derive(Debug)]
struct Newest {
    most: usize,
    /// The oldest of them on top.
    ids: BinaryHeap<Reverse<RecordId>>,
}

impl Newest {
    fn of(most: usize) -> Self {
        Self {
            most,
            ids: BinaryHeap::new(),
        }
    }

    fn take(&mut self, page: &Page) {
        for record in &page.records {
            self.ids.push(Reverse(record.id));
            if self.ids.len() > self.most {
                self.ids.pop();
            }
        }
    }

    /// Nothing older than that is on the page; `None` while there is room.
    fn since_ms(&self) -> Option<u64> {
        let Reverse(oldest) = self.ids.peek().filter(|_| self.ids.len() >= self.most)?;
        Some(oldest.time_ms())
    }
}
