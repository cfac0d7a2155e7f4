//! Older and newer databases, and the indices that statements use.

use super::{CUT, NOW, all, count, merged, open, requests, sent};
use crate::store::cut::CUT_SPREAD_MS;
use crate::store::merge::MERGE_AFTER_MS;
use crate::store::schema::STEPS;
use crate::store::{FireLog, accept, addresses, enforced, merge, outbox, read, retain};
use blobwatch_pull::sample;
use blobwatch_records::CellBatch;
use blobwatch_sql::{Native, Sql, SqlValue, StoreError};

/// Databases as these versions wrote them.
const VERSION_1: &str = include_str!("../../../tests/data/fire_log-v1.sql");
const VERSION_2: &str = include_str!("../../../tests/data/fire_log-v2.sql");
const VERSION_3: &str = include_str!("../../../tests/data/fire_log-v3.sql");
const VERSION_4: &str = include_str!("../../../tests/data/fire_log-v4.sql");
const VERSION_5: &str = include_str!("../../../tests/data/fire_log-v5.sql");
const VERSION_6: &str = include_str!("../../../tests/data/fire_log-v6.sql");
const VERSION_7: &str = include_str!("../../../tests/data/fire_log-v7.sql");
const VERSION_8: &str = include_str!("../../../tests/data/fire_log-v8.sql");

fn with(script: &str) -> Native {
    let sql = Native::in_memory().unwrap();
    sql.script(script).unwrap();
    sql
}

#[test]
fn every_version_comes_to_the_same_tables() {
    let tables = |sql: &Native| sql.run("SELECT name, sql FROM sqlite_master ORDER BY name", &[]);
    let expected = tables(&with(VERSION_8));
    for older in [
        "", VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8,
    ] {
        let log = FireLog::open(with(older)).unwrap();
        assert_eq!(tables(log.sql()), expected);
    }
}

#[test]
fn an_older_database_is_brought_forward() {
    let log = FireLog::open(with(VERSION_1)).unwrap();
    assert_eq!(all(&log), vec![sample::full().id, sample::sparse().id]);
    let row = log.sql().run("SELECT records, bytes FROM segment", &[]).unwrap();
    let numbers = (row[0].integer(0, "records"), row[0].integer(1, "bytes"));
    assert_eq!(numbers, (Ok(2), Ok(678)));
    let FireLog { sql, .. } = log;
    assert_eq!(
        all(&FireLog::open(sql).unwrap()).len(),
        2,
        "opening again changes nothing"
    );
}

/// Its batches were never counted, and are now.
#[test]
fn a_database_without_an_outbox_gets_one() {
    let mut log = FireLog::open(with(VERSION_2)).unwrap();
    assert_eq!(all(&log).len(), 4, "two of a segment, and again two that wait");
    log.tend(CUT).unwrap();
    assert_eq!(sent(&mut log).iter().map(requests).sum::<u64>(), 2);
    merged(&mut log, NOW + 2 * MERGE_AFTER_MS);
    assert_eq!((all(&log).len(), count(&log, "inbox")), (4, 0));
}

/// A row that waited goes on to wait, in the form that it has.
#[test]
fn an_outbox_of_an_older_version_is_sent() {
    let mut log = FireLog::open(with(VERSION_3)).unwrap();
    assert_eq!(all(&log).len(), 4);
    let unsent = log.due_cells(NOW).unwrap();
    let batch = CellBatch::decode(&unsent[0].body).unwrap();
    assert_eq!((unsent[0].seq, batch.cells.is_empty()), (7, false));
    log.cells_acknowledged(7);
    log.tend(CUT + CUT_SPREAD_MS).unwrap();
    let unsent = log.due_cells(CUT + CUT_SPREAD_MS).unwrap();
    assert_eq!(unsent[0].seq, 8, "numbers go on");
}

/// Counters go on.
#[test]
fn sums_of_fires_are_those_that_were_stored() {
    let fires = FireLog::open(with(VERSION_7)).unwrap().rule_fires().unwrap();
    assert_eq!(
        (fires.len(), fires[0].requests, fires[0].act.rule.as_str()),
        (1, 7, "a")
    );
}

#[test]
fn sums_of_requests_are_those_that_were_stored() {
    let sums = FireLog::open(with(VERSION_8)).unwrap().request_sums().unwrap();
    let hub = &sums["hub"];
    assert_eq!(
        (hub.kinds["resume"], hub.families["docker"], hub.sizes.sum),
        (7, 7, 1_048_576)
    );
    assert_eq!(hub.headers_ms.counts.iter().sum::<u64>(), 7);
    assert!(
        FireLog::open(with(VERSION_7))
            .unwrap()
            .request_sums()
            .unwrap()
            .is_empty()
    );
}

/// A version without a sample has no test that it opens.
#[test]
fn every_version_has_a_sample() {
    let number = |script| {
        let rows = with(script).run("SELECT value FROM meta WHERE key = 'schema'", &[]);
        rows.unwrap()[0].integer(0, "meta.value").unwrap()
    };
    let numbers = [
        VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8,
    ]
    .map(number);
    assert_eq!((numbers, STEPS.len()), ([1, 2, 3, 4, 5, 6, 7, 8], 8));
}

#[test]
fn a_newer_database_is_refused_by_its_number() {
    let FireLog { sql, .. } = open();
    sql.run("UPDATE meta SET value = 9 WHERE key = 'schema'", &[])
        .unwrap();
    let newer = StoreError::NewerSchema { found: 9, known: 8 };
    assert_eq!(FireLog::open(sql).unwrap_err(), newer.into());
}

#[track_caller]
fn plan(statement: &str, parameters: usize, expected: &str) {
    let log = open();
    let rows = log.sql().run(
        &format!("EXPLAIN QUERY PLAN {statement}"),
        &vec![SqlValue::Integer(1); parameters],
    );
    let steps: Vec<String> = rows
        .unwrap()
        .iter()
        .map(|row| row.text(3, "detail").unwrap().to_owned())
        .collect();
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
    plan(
        addresses::OLDEST,
        0,
        "SCAN address USING COVERING INDEX address_seen",
    );
    plan(
        addresses::UNSEEN,
        2,
        "SEARCH address USING COVERING INDEX address_seen (seen_ms<?)",
    );
    plan(
        addresses::FOLLOWING,
        2,
        "SEARCH address USING PRIMARY KEY (client>?)",
    );
    plan(addresses::ONE, 1, "SEARCH address USING PRIMARY KEY (client=?)");
    plan(outbox::ONE, 1, "SEARCH outbox USING INTEGER PRIMARY KEY");
    plan(retain::OLDEST, 1, "SCAN segment USING INDEX segment_time");
    plan(
        retain::ENFORCED_OLDER,
        2,
        "SEARCH enforced USING PRIMARY KEY (id<?)",
    );
}
