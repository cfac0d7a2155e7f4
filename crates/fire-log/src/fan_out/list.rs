//! Pages of records of all FireLogs.

use serde::Serialize;

use super::{FireLogs, ask_all};
use crate::query::{Kind, MergedPage, Older, Query, join};
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
    /// What is said of records that are no longer kept.
    pub older: Option<Older>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older: Option<Older>,
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
            older: self.older.clone(),
        })
    }

    /// The page that begins before this id, and who is not in it.
    pub(super) async fn page(
        &self,
        before: RecordId,
        limit: usize,
    ) -> Result<(MergedPage, Vec<String>), Problem> {
        let (cursor, limit_text) = (self.query.cursor(before).text(), limit.to_string());
        let mut pairs: Vec<(&str, &str)> = vec![
            (KIND, self.kind.name()),
            ("cursor", &cursor),
            ("limit", &limit_text),
        ];
        let own = |name: &str| matches!(name, "cursor" | "limit" | "format");
        let filters = self.pairs.iter().filter(|(name, _)| !own(name));
        pairs.extend(filters.map(|(name, value)| (name.as_str(), value.as_str())));
        let gathered = ask_all(&self.fire_logs, &self.names, &PageCall(&pairs)).await;
        match gathered.problem {
            Some(problem) if gathered.answers.is_empty() => Err(problem),
            _ => Ok((join(gathered.answers, limit), gathered.incomplete)),
        }
    }
}
