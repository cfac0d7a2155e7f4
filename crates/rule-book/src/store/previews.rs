//! Previews that are done, for as long as one may allow an enforcement.

use super::{RuleBookError, RuleBookStore, parameter, text};
use crate::preview_freshness::{FRESH_MS, Stamp};
use blobwatch_sql::{Sql, json};

const STAMP: &str = "previews.stamp";

impl<S: Sql> RuleBookStore<S> {
    /// Keeps what a preview was of, and forgets those that have grown too old.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn keep_preview(&self, stamp: &Stamp, now_ms: u64) -> Result<(), RuleBookError> {
        self.sql.run(
            "INSERT OR REPLACE INTO previews (id, done_ms, stamp) VALUES (?1, ?2, ?3)",
            &[text(&stamp.id), parameter(stamp.done_ms), json(stamp, STAMP)?],
        )?;
        // An hour's previews are few: no index.
        self.sql.run(
            "DELETE FROM previews WHERE done_ms < ?1",
            &[parameter(now_ms.saturating_sub(2 * FRESH_MS))],
        )?;
        Ok(())
    }

    /// What a preview was of; `None` for one that is not done, too old or unknown.
    ///
    /// # Errors
    /// When SQLite refuses, or it is not what was written.
    pub fn preview(&self, id: &str) -> Result<Option<Stamp>, RuleBookError> {
        let rows = self
            .sql
            .run("SELECT stamp FROM previews WHERE id = ?1", &[text(id)])?;
        Ok(rows.first().map(|found| found.json(0, STAMP)).transpose()?)
    }
}
