//! What the programs that archive records told of their last runs, by place.
//!
//! In scope: the rows, and how many are kept. Not in scope: whether it is true; the archive's own manifest says what is in it.

use serde::{Deserialize, Serialize};

use super::{RuleBookError, RuleBookStore, parameter, text};
use blobwatch_sql::{Sql, json};

/// Places that are told of; the one that nothing was told of for longest goes first.
pub(crate) const MAX_ARCHIVES: u64 = 8;

pub(super) const ARCHIVES: &str = "CREATE TABLE archives (
    place TEXT PRIMARY KEY,
    told_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID";

const BODY: &str = "archives.body";

const FORGET: &str = "DELETE FROM archives WHERE place NOT IN \
     (SELECT place FROM archives ORDER BY told_ms DESC, place LIMIT ?1)";

/// A run of `blobwatch archive`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArchiveRun {
    pub(crate) place: String,
    /// Records of all FireLogs from before that time are archived; `None`: none yet.
    pub(crate) until_ms: Option<u64>,
    pub(crate) records: u64,
    pub(crate) late: u64,
    /// Why it did not do all that was due.
    pub(crate) problem: Option<String>,
    pub(crate) told_ms: u64,
    /// Name of the token.
    pub(crate) actor: String,
}

impl<S: Sql> RuleBookStore<S> {
    /// Keeps what was told of the last run, in place of what was told of the one before.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn keep_archive(&self, run: &ArchiveRun) -> Result<(), RuleBookError> {
        let row = [text(&run.place), parameter(run.told_ms), json(run, BODY)?];
        self.sql.transaction(|| {
            self.sql.run(
                "INSERT OR REPLACE INTO archives (place, told_ms, body) VALUES (?1, ?2, ?3)",
                &row,
            )?;
            self.sql.run(FORGET, &[parameter(MAX_ARCHIVES)])?;
            Ok(())
        })
    }

    /// The last run at each place, the newest first.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub(crate) fn archives(&self) -> Result<Vec<ArchiveRun>, RuleBookError> {
        let rows = self
            .sql
            .run("SELECT body FROM archives ORDER BY told_ms DESC, place", &[])?;
        let read = rows.iter().map(|row| row.json(0, BODY));
        Ok(read.collect::<Result<_, _>>()?)
    }
}
