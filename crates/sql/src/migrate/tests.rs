use super::*;
use crate::Native;

/// Version 2 counts in tens.
const STEPS: &[Step] = &[
    Step::Statements(&[META, "CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (7)"]),
    Step::Rewrite(in_tens),
    Step::Statements(&["ALTER TABLE t ADD COLUMN b TEXT NOT NULL DEFAULT 'new'"]),
];

fn in_tens(run: Run<'_>) -> Result<(), StoreError> {
    for row in run("SELECT a FROM t", &[])? {
        let tens = row.integer(0, "t.a")? * 10;
        run("UPDATE t SET a = ?", &[number(tens)])?;
    }
    Ok(())
}

fn at(version: usize) -> Native {
    let sql = Native::in_memory().unwrap();
    migrate(&sql, &STEPS[..version]).unwrap();
    sql
}

fn everything(sql: &Native) -> Vec<Row> {
    let mut rows = sql
        .run("SELECT name, sql FROM sqlite_master ORDER BY name", &[])
        .unwrap();
    rows.extend(sql.run("SELECT * FROM meta ORDER BY key", &[]).unwrap());
    rows.extend(sql.run("SELECT * FROM t", &[]).unwrap());
    rows
}

#[test]
fn every_version_becomes_the_current_one() {
    let fresh = everything(&at(STEPS.len()));
    let expected: Row = [number(70), SqlValue::Text("new".to_owned())]
        .into_iter()
        .collect();
    assert_eq!(fresh.last(), Some(&expected));
    for version in 0..=STEPS.len() {
        let sql = at(version);
        migrate(&sql, STEPS).unwrap();
        assert_eq!(everything(&sql), fresh, "from version {version}");
    }
}

#[test]
fn a_current_database_is_only_read() {
    let sql = at(STEPS.len());
    let before = sql.rows_written();
    migrate(&sql, STEPS).unwrap();
    assert_eq!(sql.rows_written(), before);
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let sql = at(3);
    let before = everything(&sql);
    let refused = Err(StoreError::NewerSchema { found: 3, known: 2 });
    assert_eq!(migrate(&sql, &STEPS[..2]), refused);
    assert_eq!(everything(&sql), before);
}

#[test]
fn a_step_that_fails_takes_all_of_them_back() {
    let fails = Step::Statements(&["DELETE FROM t", "DROP TABLE nowhere"]);
    let steps = [STEPS[0], STEPS[1], fails];
    let sql = at(1);
    let before = everything(&sql);
    assert!(matches!(migrate(&sql, &steps), Err(StoreError::Sql(_))));
    assert_eq!(everything(&sql), before);
    migrate(&sql, STEPS).unwrap();
    assert_eq!(everything(&sql), everything(&at(3)));
    let empty = Native::in_memory().unwrap();
    assert!(migrate(&empty, &steps).is_err());
    assert_eq!(empty.run("SELECT name FROM sqlite_master", &[]), Ok(vec![]));
}

#[test]
fn a_version_that_is_no_number_is_not_taken_for_none() {
    let sql = at(1);
    sql.run("UPDATE meta SET value = 'one'", &[]).unwrap();
    let error = migrate(&sql, STEPS).unwrap_err().to_string();
    assert!(error.contains("in meta.value of schema, found text"), "{error}");
}
