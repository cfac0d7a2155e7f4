//! The tables, and how an older database comes to have them. A step, once released, is never changed.
//!
//! `WITHOUT ROWID` where the key is all that rows are found by: one entry written, not two. The header comes before the
//! block's two parts: SQLite reads a row from its beginning, and only as far as asked.

use super::{addresses, guards, request_sums, rule_fires, upstream};
use blobwatch_records::Header;
use blobwatch_sql::{META, Run, Step, StoreError, number};

pub(super) const STEPS: &[Step] = &[
    Step::Statements(&[META, SEGMENT_1]),
    Step::Rewrite(to_2),
    Step::Statements(&[OUTBOX]),
    Step::Statements(&guards::TABLES),
    Step::Statements(&[upstream::TABLE]),
    Step::Statements(&addresses::TABLES),
    Step::Statements(&[rule_fires::TABLE]),
    Step::Statements(&[request_sums::TABLE]),
];

/// Of version 1 as much as the step to version 2 writes anew.
const SEGMENT_1: &str = "CREATE TABLE segment (id INTEGER PRIMARY KEY, first_ms INTEGER NOT NULL, \
     last_ms INTEGER NOT NULL, header BLOB NOT NULL, front BLOB NOT NULL, back BLOB NOT NULL)";

/// Version 2; some of them version 1 had.
const TABLES_2: [&str; 7] = [
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
];

/// Cells on their way to the Detector. A row that was acknowledged is written over; the newest says up to which batch of the
/// inbox cells were counted. Numbers come before the bytes, as above.
const OUTBOX: &str = "CREATE TABLE IF NOT EXISTS outbox (place INTEGER PRIMARY KEY, seq INTEGER NOT NULL, \
     batches INTEGER NOT NULL, cut_ms INTEGER NOT NULL, body BLOB NOT NULL)";

/// Version 1 had no counts beside the segments, no index over both ends of their time, and no rows of their own for
/// enforcements.
fn to_2(run: Run<'_>) -> Result<(), StoreError> {
    run("ALTER TABLE segment RENAME TO segment_1", &[])?;
    run("DROP INDEX IF EXISTS segment_last", &[])?;
    for statement in TABLES_2 {
        run(statement, &[])?;
    }
    for mut row in run("SELECT id, header FROM segment_1", &[])? {
        let id = row.integer(0, "segment.id")?;
        let header = Header::decode(&row.take_blob(1, "segment.header")?)?;
        run(
            "INSERT INTO segment (id, first_ms, last_ms, records, bytes, header, front, back) \
             SELECT id, first_ms, last_ms, ?, length(front) + length(back), header, front, back \
             FROM segment_1 WHERE id = ?",
            &[number(u64::from(header.records)), number(id)],
        )?;
    }
    run("DROP TABLE segment_1", &[])?;
    Ok(())
}
