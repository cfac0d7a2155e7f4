//! The tables, and how an older database comes to have them. A step, once released, is never changed.

use super::DetectorError;
use super::changes::{CHANGE, CHANGE_TIME, NO_SWITCHES};
use blobwatch_sql::{Sql, SqlValue, integer};

/// Number of [`STEPS`]. A newer database is refused.
pub(crate) const SCHEMA: i64 = STEPS.len() as i64;

/// Each brings a database from the version of its position to the next.
const STEPS: &[&[&str]] = &[
    &[
        // Batches since the state that was saved last, in the order in which they came.
        "CREATE TABLE batch (id INTEGER PRIMARY KEY, arrived_ms INTEGER NOT NULL, bytes BLOB NOT NULL)",
        // The state, in parts that fit in a row.
        "CREATE TABLE state (part INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
        "CREATE TABLE anomaly (id INTEGER PRIMARY KEY, opened_ms INTEGER NOT NULL, closed_ms INTEGER, body TEXT NOT NULL)",
        // Counts by combination, of a minute and of an hour since 1970.
        "CREATE TABLE minute (minute INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
        "CREATE TABLE hour (hour INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
        "CREATE TABLE mark (time_ms INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL, \
         PRIMARY KEY (time_ms, kind, id)) WITHOUT ROWID",
        "CREATE TABLE webhook (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
        // Who is to be told what: pending until `done`.
        "CREATE TABLE delivery (id INTEGER PRIMARY KEY, webhook TEXT NOT NULL, event TEXT NOT NULL, \
         created_ms INTEGER NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL, next_ms INTEGER, \
         ended_ms INTEGER, outcome TEXT NOT NULL)",
        "CREATE INDEX delivery_due ON delivery (next_ms) WHERE next_ms IS NOT NULL",
    ],
    // Harms that the guard told of: one that comes again is known by its id.
    &["CREATE TABLE harm (id TEXT PRIMARY KEY, told_ms INTEGER NOT NULL) WITHOUT ROWID"],
    &[CHANGE, CHANGE_TIME, NO_SWITCHES],
];

const META: &str = "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID";

/// Runs the steps that this database has not seen, all of them or none.
pub(super) fn migrate(sql: &impl Sql) -> Result<(), DetectorError> {
    sql.run(META, &[])?;
    let rows = sql.run("SELECT value FROM meta WHERE key = 'schema'", &[])?;
    let found = rows
        .first()
        .map_or(0, |row| i64::try_from(integer(row, 0)).unwrap_or(i64::MAX));
    if found > SCHEMA {
        return Err(DetectorError::Schema { found });
    }
    if found == SCHEMA {
        return Ok(());
    }
    sql.transaction(|| {
        for statement in STEPS
            .iter()
            .skip(usize::try_from(found).unwrap_or(0))
            .copied()
            .flatten()
        {
            sql.run(statement, &[])?;
        }
        sql.run(
            "INSERT OR REPLACE INTO meta (key, value) VALUES ('schema', ?)",
            &[SqlValue::Integer(SCHEMA)],
        )?;
        Ok(())
    })
}
