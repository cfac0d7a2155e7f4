//! Records of all FireLogs as NDJSON, a page at a time: memory stays that of one page.

use std::vec::IntoIter;

use super::{FireLogs, Listing};
use crate::forms::Schema;
use blobwatch_pull::{Record, RecordId};

/// Records that are written together: a few milliseconds in Wasm.
const CHUNK: usize = 100;

/// Records of a page: each costs a request to every FireLog, and those of seven are in memory at once, of 1 to 2 KB each.
const PAGE: usize = 4_000;

/// An export on its way.
#[derive(Debug)]
pub struct Export<L> {
    listing: Listing<L>,
    /// Where the next page begins, and how many records are left.
    next: Option<(RecordId, usize)>,
    /// Of the page before.
    waiting: IntoIter<Record>,
}

impl<L: FireLogs> Export<L> {
    #[must_use]
    pub fn new(listing: Listing<L>) -> Self {
        Self {
            next: Some((listing.query.before, listing.query.limit)),
            listing,
            waiting: Vec::new().into_iter(),
        }
    }

    /// The next lines; `None` at the end. An error is the last of an export: it breaks the answer off, so that a shortened
    /// one is never taken for a whole one.
    pub async fn lines(&mut self) -> Option<Result<Vec<u8>, String>> {
        while self.waiting.len() == 0 {
            let (before, left) = self.next.take()?;
            if let Err(why) = self.turn(before, left).await {
                return Some(Err(format!("the export is incomplete: {why}")));
            }
        }
        let schema = self.listing.query.schema;
        Some(written(self.waiting.by_ref().take(CHUNK), schema))
    }

    /// Reads a page.
    async fn turn(&mut self, before: RecordId, left: usize) -> Result<(), String> {
        let page = self.listing.page(before, left.min(PAGE)).await;
        let (joined, incomplete) = page.map_err(|problem| problem.detail)?;
        if !incomplete.is_empty() {
            return Err(incomplete.join(", "));
        }
        let left = left.saturating_sub(joined.records.len());
        self.next = joined.before.filter(|_| left > 0).map(|before| (before, left));
        self.waiting = joined.records.into_iter();
        Ok(())
    }
}

fn written(records: impl Iterator<Item = Record>, schema: Schema) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    for record in records {
        let line = schema.line(&record).map_err(|error| error.to_string())?;
        text.extend(line.as_bytes());
        text.push(b'\n');
    }
    Ok(text)
}
