//! What was lost on the way, by name, added up for ever: a counter, not a log.

use std::collections::BTreeMap;

use super::{FireLog, FireLogError};
use blobwatch_sql::{Row, Sql, SqlValue, number};
use blobwatch_wire::Loss;

/// Names kept; there are about ten. What does not fit is counted as `other`.
const MAX_NAMES: usize = 64;

pub(super) fn add(sql: &impl Sql, losses: &BTreeMap<String, u32>, now_ms: u64) -> Result<(), FireLogError> {
    if losses.is_empty() {
        return Ok(());
    }
    let known = read(sql)?;
    for (name, count) in losses {
        let fits = known.len() < MAX_NAMES || known.iter().any(|loss| loss.name == *name);
        let name = if fits { name } else { "other" };
        sql.run(
            "INSERT INTO loss (name, count, last_ms) VALUES (?, ?, ?) ON CONFLICT (name) \
             DO UPDATE SET count = count + excluded.count, last_ms = excluded.last_ms",
            &[
                SqlValue::Text(name.to_owned()),
                number(u64::from(*count)),
                number(now_ms),
            ],
        )?;
    }
    Ok(())
}

fn read(sql: &impl Sql) -> Result<Vec<Loss>, FireLogError> {
    let rows = sql.run("SELECT name, count, last_ms FROM loss ORDER BY name", &[])?;
    let loss = |row: &Row| {
        Ok(Loss {
            name: row.text(0, "loss.name")?.to_owned(),
            count: row.integer(1, "loss.count")?,
            last_ms: row.integer(2, "loss.last_ms")?,
        })
    };
    rows.iter().map(loss).collect()
}

impl<S: Sql> FireLog<S> {
    /// Every kind of loss that isolates reported to this FireLog.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn losses(&self) -> Result<Vec<Loss>, FireLogError> {
        read(&self.sql)
    }
}
