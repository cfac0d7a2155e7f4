//! How many FireLogs colos have now. Beside the entries, since what was valid at a revision depends on it in nothing.

use super::{RuleBookError, RuleBookStore, text};
use blobwatch_rulebook::FireLogLayout;
use blobwatch_sql::{Sql, json};

pub(super) const LAYOUTS: &str =
    "CREATE TABLE layouts (colo TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID";

const BODY: &str = "layouts.body";

impl<S: Sql> RuleBookStore<S> {
    /// # Errors
    /// When SQLite refuses, or a layout is not what was written.
    pub(super) fn layouts(&self) -> Result<Vec<FireLogLayout>, RuleBookError> {
        let rows = self.sql.run("SELECT body FROM layouts ORDER BY colo", &[])?;
        let read = rows.iter().map(|found| found.json(0, BODY));
        Ok(read.collect::<Result<_, _>>()?)
    }

    /// Keeps a layout, in the transaction of the change that makes it.
    pub(crate) fn put_layout(&self, layout: &FireLogLayout) -> Result<(), RuleBookError> {
        self.sql.run(
            "INSERT OR REPLACE INTO layouts (colo, body) VALUES (?1, ?2)",
            &[text(&layout.colo), json(layout, BODY)?],
        )?;
        Ok(())
    }
}
