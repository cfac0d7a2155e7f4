//! What is stored is broken: missing, damaged, or written by a newer version. Pulls go on, the API says so, and what
//! is repaired works again.

use std::fs::{copy, read_dir, remove_file, rename, write};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::json;

use crate::harness::http::{Ended, Request};
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::{OPERATOR, Stage};

fn blob(stage: &Stage) -> Request {
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    Request::get(&target).header("User-Agent", "skopeo/1.9.3")
}

/// A deployment with a rule of its own, seen to be in force and stored by every object.
fn with_a_rule() -> Stage {
    let stage = Stage::new();
    let rule = json!({"description": "", "expression": "client.family eq \"skopeo\"", "action": "block", "default_mode": "monitor"});
    stage.api().put("/rules/own", &rule);
    fires(&stage);
    stage
}

#[track_caller]
fn fires(stage: &Stage) {
    let asked = blob(stage).header("Blobwatch-Token", OPERATOR);
    stage.until(&asked, |answer| {
        answer
            .get("blobwatch-fired")
            .is_some_and(|fired| fired.contains("own"))
    });
}

#[track_caller]
fn pulls_go_on(stage: &Stage) {
    for _ in 0..5 {
        let answer = stage.through(&blob(stage));
        assert_eq!((answer.status(), answer.ended), (200, Ended::Complete));
        assert!(answer.body == stage.registry.image.small().bytes);
    }
}

/// One file an object, named by its id; the runtime's own (`metadata.sqlite`, the alarms) is not ours to break.
fn databases(stage: &Stage, class: &str) -> Vec<PathBuf> {
    let is_object = |file: &PathBuf| {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        file.extension().is_some_and(|e| e == "sqlite") && stem.chars().all(|c| c.is_ascii_hexdigit())
    };
    let files = read_dir(stage.edge.objects(class))
        .unwrap()
        .map(|file| file.unwrap().path());
    let files: Vec<_> = files.filter(is_object).collect();
    assert!(!files.is_empty(), "{class} has stored nothing");
    files
}

/// Stops the runtime, breaks every database of the class, pulls, repairs, and sees that all is well again.
/// `status` is what a call that needs the RuleBook answers meanwhile.
#[track_caller]
fn case(class: &str, status: u16, breaking: impl Fn(&Path)) {
    let mut stage = with_a_rule();
    stage.edge.kill();
    let databases = databases(&stage, class);
    for database in &databases {
        // Into the database itself, so that there is one file to keep and to break.
        let connection = Connection::open(database).unwrap();
        connection.pragma_update(None, "wal_checkpoint", "TRUNCATE").ok();
        connection.close().unwrap();
        copy(database, database.with_extension("kept")).unwrap();
        breaking(database);
    }
    stage.edge.restart();
    pulls_go_on(&stage);
    let rules = stage.api().try_get("/rules");
    assert_eq!(rules.status(), status, "{}", rules.text());
    if class == "RuleBook" {
        // The FireLogs have their copy, and an object that lost its own is no reason to let go of a rule.
        fires(&stage);
    }
    stage.edge.kill();
    for database in &databases {
        for rest in ["sqlite-wal", "sqlite-shm"] {
            remove_file(database.with_extension(rest)).ok();
        }
        rename(database.with_extension("kept"), database).unwrap();
    }
    stage.edge.restart();
    fires(&stage);
}

fn sql(statement: &'static str) -> impl Fn(&Path) {
    move |database| {
        let changed = Connection::open(database)
            .unwrap()
            .execute(statement, [])
            .unwrap();
        assert!(changed > 0, "nothing was broken: {statement}");
    }
}

#[test]
fn missing() {
    case("RuleBook", 200, |database| remove_file(database).unwrap());
}

#[test]
fn corrupt() {
    case("RuleBook", 500, sql("UPDATE entries SET body = '{\"half\":'"));
}

#[test]
fn from_a_newer_version() {
    case(
        "RuleBook",
        503,
        sql("UPDATE meta SET value = value + 1 WHERE key = 'schema'"),
    );
}

#[test]
fn not_a_database() {
    for (class, status) in [("RuleBook", 503), ("FireLog", 200)] {
        case(class, status, |database| write(database, [0x5a; 8192]).unwrap());
    }
}
