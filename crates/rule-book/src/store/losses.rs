//! What the RuleBook could never tell the Detector, by name.

use super::{RuleBookError, RuleBookStore, parameter, text};
use blobwatch_sql::{Row, Sql};
use blobwatch_wire::Loss;

pub(super) const LOSSES: &str = "CREATE TABLE losses (name TEXT PRIMARY KEY, count INTEGER NOT NULL, last_ms INTEGER NOT NULL) WITHOUT ROWID";

pub(super) fn add<S: Sql>(sql: &S, name: &str, count: u64, now_ms: u64) -> Result<(), RuleBookError> {
    if count > 0 {
        sql.run(
            "INSERT INTO losses (name, count, last_ms) VALUES (?1, ?2, ?3) ON CONFLICT (name) \
             DO UPDATE SET count = count + ?2, last_ms = ?3",
            &[text(name), parameter(count), parameter(now_ms)],
        )?;
    }
    Ok(())
}

impl<S: Sql> RuleBookStore<S> {
    /// Every kind of loss.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub fn losses(&self) -> Result<Vec<Loss>, RuleBookError> {
        let rows = self
            .sql
            .run("SELECT name, count, last_ms FROM losses ORDER BY name", &[])?;
        let loss = |found: &Row| {
            Ok(Loss {
                name: found.text(0, "losses.name")?.to_owned(),
                count: found.integer(1, "losses.count")?,
                last_ms: found.integer(2, "losses.last_ms")?,
            })
        };
        rows.iter().map(loss).collect()
    }
}
