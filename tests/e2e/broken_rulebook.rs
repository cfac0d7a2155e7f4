//! What is stored is broken: missing, damaged, or written by a newer version. Pulls go on, the API says so, and what
//! is repaired works again.

use std::fs::{copy, read_dir, remove_file, rename, write};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::json;

use crate::harness::clock::eventually;
use crate::harness::http::{Answer, Ended, Request};
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
/// `status` and `says` are what a call that needs the RuleBook answers meanwhile.
#[track_caller]
fn case(class: &str, (status, says): (u16, &str), breaking: impl Fn(&Path)) {
    broken(class, breaking, |stage| {
        let rules = stage.api().try_get("/rules");
        assert_eq!(rules.status(), status, "{}", rules.text());
        assert!(rules.text().contains(says), "{}", rules.text());
        if class == "RuleBook" {
            // The FireLogs have their copy, and an object that cannot be read is no reason to let go of a rule.
            fires(stage);
        }
    });
}

#[track_caller]
fn broken(class: &str, breaking: impl Fn(&Path), meanwhile: impl FnOnce(&Stage)) {
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
    meanwhile(&stage);
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

/// It is seeded again: what it says then is in force although its revisions start anew, and it can be changed. So it is
/// once the database came back from a backup, although its epoch is an older one.
#[test]
fn missing() {
    let remove = |database: &Path| remove_file(database).unwrap();
    broken("RuleBook", remove, |stage| {
        let api = stage.api();
        assert_eq!(api.try_get("/rules/own").status(), 404);
        let asked = blob(stage).header("Blobwatch-Token", OPERATOR);
        let names =
            |answer: &Answer, rule: &str| answer.get("blobwatch-fired").is_some_and(|f| f.contains(rule));
        stage.until(&asked, |answer| !names(answer, "own"));
        let rule = json!({"description": "", "expression": "client.family eq \"skopeo\"", "action": "block", "default_mode": "monitor"});
        api.put("/rules/after-the-loss", &rule);
        stage.until(&asked, |answer| names(answer, "after-the-loss"));
    });
}

#[test]
fn corrupt() {
    case(
        "RuleBook",
        (500, "storage"),
        sql("UPDATE entries SET body = '{\"half\":'"),
    );
}

#[test]
fn from_a_newer_version() {
    case(
        "RuleBook",
        (503, "newer-schema"),
        sql("UPDATE meta SET value = value + 1 WHERE key = 'schema'"),
    );
}

/// What cannot be stored is said, and what mends it; `healthz` stays 200 for whoever restarts what is not alive.
#[test]
fn fire_log_from_a_newer_version() {
    let newer = sql("UPDATE meta SET value = value + 1 WHERE key = 'schema'");
    broken("FireLog", newer, |stage| {
        let health = stage.health("");
        assert_eq!(
            (health.status(), &health.json()["status"]),
            (200, &json!("degraded"))
        );
        let reasons = health.json()["reasons"].to_string();
        assert!(
            reasons.contains("fl1-ams-0") && reasons.contains("deploy that build"),
            "{reasons}"
        );
        assert_eq!(stage.health("?ready").status(), 503);
        let requests = stage.api().try_get("/requests");
        assert_eq!(requests.status(), 503);
        assert!(requests.text().contains("newer-schema"), "{}", requests.text());
        eventually("what no FireLog can be told is counted", || {
            let losses = stage.api().get("/losses");
            assert_eq!(losses["incomplete"], json!(["fl1-ams-0"]));
            losses["items"].to_string().contains("flush_failed").then_some(())
        });
    });
}

/// Nobody waits for it for ever, and pulls do not wait at all.
#[test]
fn an_object_that_hangs_is_named() {
    let stage = with_a_rule();
    for (class, call) in [("RuleBook", "/rules"), ("Detector", "/anomalies")] {
        stage.edge.sabotage(&json!({class: "hold"}));
        let answer = stage.api().try_get(call);
        assert_eq!(answer.status(), 503, "{class}: {}", answer.text());
        let problem = answer.json();
        assert_eq!(problem["type"], "urn:blobwatch:problem:unavailable", "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(&format!("the {class} did not answer within")),
            "{detail}"
        );
        pulls_go_on(&stage);
    }
}

/// What docs/self-hosting.md says to do where the runtime's own files are damaged: alarms are lost, and set again.
#[test]
fn without_the_runtimes_own_files() {
    let mut stage = with_a_rule();
    stage.edge.kill();
    for class in ["RuleBook", "FireLog", "Detector", "Previews"] {
        for file in ["metadata.sqlite", "metadata.sqlite-wal", "metadata.sqlite-shm"] {
            remove_file(stage.edge.objects(class).join(file)).ok();
        }
    }
    stage.edge.restart();
    pulls_go_on(&stage);
    let enforce = json!({"mode": "enforce", "force": true, "reason": "a test"});
    stage.api().put("/rules/own/modes/default", &enforce);
    stage.until(&blob(&stage), |answer| answer.status() == 403);
    let before = stage.edge.cells().len();
    eventually("a FireLog's alarm rings", || {
        stage.through(&blob(&stage));
        (stage.edge.cells().len() > before).then_some(())
    });
}

#[test]
fn not_a_database() {
    for (class, answer) in [("RuleBook", (503, "storage")), ("FireLog", (200, ""))] {
        case(class, answer, |database| write(database, [0x5a; 8192]).unwrap());
    }
}

/// What a database holds, without what the runtime keeps in it.
fn contents(database: &Path) -> Vec<String> {
    let connection = Connection::open(database).unwrap();
    let rows = |statement: &str| {
        let mut statement = connection.prepare(statement).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let values = (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column));
            values.collect::<Result<Vec<_>, _>>()
        };
        let rows = statement.query_map([], row).unwrap();
        rows.map(|row| format!("{:?}", row.unwrap())).collect::<Vec<_>>()
    };
    let schema = "SELECT sql FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name";
    let mut statement = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name")
        .unwrap();
    let tables = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let tables: Vec<String> = tables.map(Result::unwrap).collect();
    let of_tables = tables
        .iter()
        .flat_map(|table| rows(&format!("SELECT * FROM {table} ORDER BY 1, 2")));
    rows(schema).into_iter().chain(of_tables).collect()
}

/// Each object says the same of a database that a newer build wrote, and leaves it as it is.
#[test]
fn every_object_from_a_newer_version() {
    for (class, calls) in [
        (
            "RuleBook",
            ["/_blobwatch/api/v1/rules", "/_blobwatch/api/v1/audit"].as_slice(),
        ),
        ("FireLog", &["/_blobwatch/api/v1/requests"]),
        (
            "Detector",
            &[
                "/_blobwatch/api/v1/anomalies",
                "/_blobwatch/api/v1/webhooks",
                "/_blobwatch/metrics",
            ],
        ),
        ("Previews", &["/_blobwatch/api/v1/previews"]),
    ] {
        let mut stage = with_a_rule();
        for call in calls {
            assert_eq!(
                stage.api().send(Request::get(call)).status(),
                200,
                "{class}: {call}"
            );
        }
        stage.edge.kill();
        let databases = databases(&stage, class);
        for database in &databases {
            sql("UPDATE meta SET value = value + 1 WHERE key = 'schema'")(database);
        }
        let before: Vec<_> = databases.iter().map(|database| contents(database)).collect();
        stage.edge.restart();
        pulls_go_on(&stage);
        for call in calls {
            let answer = stage.api().send(Request::get(call));
            assert_eq!(answer.status(), 503, "{class}: {call}: {}", answer.text());
            for says in ["newer-schema", "deploy that build"] {
                assert!(answer.text().contains(says), "{class}: {call}: {}", answer.text());
            }
        }
        pulls_go_on(&stage);
        stage.edge.kill();
        let after: Vec<_> = databases.iter().map(|database| contents(database)).collect();
        assert!(before == after, "{class} was touched");
    }
}
