//! The tables, and how an older database comes to have them.

use super::{FireLogError, guards};
use blobwatch_records::Header;
use blobwatch_sql::{Sql, SqlValue, integer, number};

/// Of the database. A newer one is refused.
pub(crate) const SCHEMA: i64 = 4;

/// Version 4, whole, but for the tables of guards. `WITHOUT ROWID` where the key is all that rows are found by: one entry written, not two.
/// The header comes before the block's two parts: SQLite reads a row from its beginning, and only as far as asked.
const TABLES: [&str; 9] = [
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS rulebook (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL, \
     document TEXT NOT NULL)",
    // Batches as they came. `isolate` and `seq` are the number that makes a repeat known.
    "CREATE TABLE IF NOT EXISTS inbox (isolate INTEGER NOT NULL, seq INTEGER NOT NULL, arrived_ms INTEGER NOT NULL, \
     first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, records INTEGER NOT NULL, header BLOB NOT NULL, \
     front BLOB NOT NULL, back BLOB NOT NULL, PRIMARY KEY (isolate, seq)) WITHOUT ROWID",
    // The newest number of each isolate whose batches were merged, or had no records.
    "CREATE TABLE IF NOT EXISTS isolate (isolate INTEGER PRIMARY KEY, seq INTEGER NOT NULL, last_ms INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS segment (id INTEGER PRIMARY KEY, first_ms INTEGER NOT NULL, \
     last_ms INTEGER NOT NULL, records INTEGER NOT NULL, bytes INTEGER NOT NULL, header BLOB NOT NULL, \
     front BLOB NOT NULL, back BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS segment_time ON segment (last_ms, first_ms)",
    // Records of applied enforcement, one block each, by their ids.
    "CREATE TABLE IF NOT EXISTS enforced (id TEXT PRIMARY KEY, block BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS loss (name TEXT PRIMARY KEY, count INTEGER NOT NULL, last_ms INTEGER NOT NULL) \
     WITHOUT ROWID",
    // Cells on their way to the Detector. A row that was acknowledged is written over; the newest says up to which
    // batch of the inbox cells were counted. Numbers come before the bytes, as above.
    "CREATE TABLE IF NOT EXISTS outbox (place INTEGER PRIMARY KEY, seq INTEGER NOT NULL, batches INTEGER NOT NULL, \
     cut_ms INTEGER NOT NULL, body BLOB NOT NULL)",
];

pub(super) fn migrate(sql: &impl Sql) -> Result<(), FireLogError> {
    match version(sql)? {
        Some(SCHEMA) => Ok(()),
        Some(1) => sql.transaction(|| {
            from_1(sql)?;
            create(sql)
        }),
        // Version 2 had no outbox, 3 no guards.
        Some(2 | 3) | None => sql.transaction(|| create(sql)),
        Some(found) => Err(FireLogError::Schema { found }),
    }
}

/// The platform refuses `PRAGMA user_version`: a row keeps it.
fn version(sql: &impl Sql) -> Result<Option<i64>, FireLogError> {
    let known = sql.run(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'",
        &[],
    )?;
    if known.is_empty() {
        return Ok(None);
    }
    let rows = sql.run("SELECT value FROM meta WHERE key = 'schema'", &[])?;
    Ok(rows
        .first()
        .map(|row| i64::try_from(integer(row, 0)).unwrap_or(i64::MAX)))
}

fn create(sql: &impl Sql) -> Result<(), FireLogError> {
    for statement in TABLES.into_iter().chain(guards::TABLES) {
        sql.run(statement, &[])?;
    }
    sql.run(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('schema', ?)",
        &[SqlValue::Integer(SCHEMA)],
    )?;
    Ok(())
}

/// Version 1 had no counts beside the segments, no index over both ends of their time, and no rows of their own for
/// enforcements.
fn from_1(sql: &impl Sql) -> Result<(), FireLogError> {
    sql.run("ALTER TABLE segment RENAME TO segment_1", &[])?;
    sql.run("DROP INDEX IF EXISTS segment_last", &[])?;
    for statement in TABLES {
        sql.run(statement, &[])?;
    }
    for row in sql.run("SELECT id, header FROM segment_1", &[])? {
        let Some(SqlValue::Blob(header)) = row.get(1) else {
            continue;
        };
        let records = u64::from(Header::decode(header)?.records);
        sql.run(
            "INSERT INTO segment (id, first_ms, last_ms, records, bytes, header, front, back) \
             SELECT id, first_ms, last_ms, ?, length(front) + length(back), header, front, back \
             FROM segment_1 WHERE id = ?",
            &[number(records), number(integer(&row, 0))],
        )?;
    }
    sql.run("DROP TABLE segment_1", &[])?;
    Ok(())
}
