//! Older and newer databases, and the indices that statements use.

use super::{CUT, NOW, all, count, merged, open, requests, sent};
use crate::store::merge::MERGE_AFTER_MS;
use crate::store::{FireLog, FireLogError, accept, enforced, merge, outbox, read, retain};
use blobwatch_pull::sample;
use blobwatch_sql::{Native, Sql, SqlValue, integer, text};

/// A database as version 1 wrote it.
#[test]
fn an_older_database_is_brought_forward() {
    let sql = Native::in_memory().unwrap();
    sql.script(include_str!("../../../tests/data/fire_log-v1.sql"))
        .unwrap();
    let log = FireLog::open(sql).unwrap();
    assert_eq!(all(&log), vec![sample::full().id, sample::sparse().id]);
    let row = log.sql().run("SELECT records, bytes FROM segment", &[]).unwrap();
    assert_eq!((integer(&row[0], 0), integer(&row[0], 1)), (2, 678));
    let FireLog { sql, .. } = log;
    assert_eq!(
        all(&FireLog::open(sql).unwrap()).len(),
        2,
        "opening again changes nothing"
    );
}

/// A database as version 2 wrote it: its batches were never counted, and are now.
#[test]
fn a_database_without_an_outbox_gets_one() {
    let sql = Native::in_memory().unwrap();
    sql.script(include_str!("../../../tests/data/fire_log-v2.sql"))
        .unwrap();
    let mut log = FireLog::open(sql).unwrap();
    assert_eq!(all(&log).len(), 4, "two of a segment, and again two that wait");
    log.tend(CUT).unwrap();
    assert_eq!(sent(&mut log).iter().map(requests).sum::<u64>(), 2);
    merged(&mut log, NOW + 2 * MERGE_AFTER_MS);
    assert_eq!((all(&log).len(), count(&log, "inbox")), (4, 0));
}

#[test]
fn a_newer_database_is_refused_by_its_number() {
    let FireLog { sql, .. } = open();
    sql.run("UPDATE meta SET value = 5 WHERE key = 'schema'", &[])
        .unwrap();
    assert_eq!(FireLog::open(sql).unwrap_err(), FireLogError::Schema { found: 5 });
}

#[track_caller]
fn plan(statement: &str, parameters: usize, expected: &str) {
    let log = open();
    let rows = log.sql().run(
        &format!("EXPLAIN QUERY PLAN {statement}"),
        &vec![SqlValue::Integer(1); parameters],
    );
    let steps: Vec<String> = rows.unwrap().iter().map(|row| text(row, 3).to_owned()).collect();
    assert!(steps.iter().any(|step| step.contains(expected)), "{steps:?}");
    assert!(
        !steps.iter().any(|step| step.contains("TEMP B-TREE")),
        "{steps:?}"
    );
}

#[test]
fn every_statement_finds_its_rows_by_an_index() {
    plan(
        accept::NEWEST_WAITING,
        1,
        "SEARCH inbox USING PRIMARY KEY (isolate=?)",
    );
    plan(
        accept::NEWEST_MERGED,
        1,
        "SEARCH isolate USING INTEGER PRIMARY KEY",
    );
    plan(
        enforced::OF_LAST_MINUTE,
        2,
        "SEARCH enforced USING PRIMARY KEY (id>?)",
    );
    plan(enforced::BY_ID, 1, "SEARCH enforced USING PRIMARY KEY (id=?)");
    plan(
        merge::NEWEST,
        1,
        "SEARCH segment USING INDEX segment_time (last_ms>?)",
    );
    plan(
        read::NEWEST_FIRST,
        6,
        "SEARCH segment USING INDEX segment_time (last_ms>? AND (last_ms,first_ms)<(?,?))",
    );
    plan(
        read::FRONT_OF_SEGMENT,
        1,
        "SEARCH segment USING INTEGER PRIMARY KEY",
    );
    plan(
        read::FRONT_OF_INBOX,
        2,
        "SEARCH inbox USING PRIMARY KEY (isolate=? AND seq=?)",
    );
    plan(
        retain::OLDER,
        2,
        "SEARCH segment USING INDEX segment_time (last_ms<?)",
    );
    plan(outbox::ONE, 1, "SEARCH outbox USING INTEGER PRIMARY KEY");
    plan(retain::OLDEST, 1, "SCAN segment USING INDEX segment_time");
    plan(
        retain::ENFORCED_OLDER,
        2,
        "SEARCH enforced USING PRIMARY KEY (id<?)",
    );
}
