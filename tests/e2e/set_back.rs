//! The clock of the machine is set back while everything runs. Nothing may wait until it has caught up, which takes an hour here: no
//! change, no record, no verdict of a guard, no time that an operator set, no anomaly.

use std::time::Duration;

use blobwatch_wire::rfc3339;
use serde_json::{Value, json};

use crate::anomalies::{anomalies, everybody_pulls};
use crate::cells::ReceivedCells;
use crate::harness::clock::{eventually, pass, unix_ms};
use crate::harness::deployment::Bundle;
use crate::harness::http::Request;
use crate::harness::past::an_hour_of_health;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::Stage;
use crate::harness::wall_clock::WallClock;

const HOUR: i64 = 3_600;

fn pull(stage: &Stage) -> Request {
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    Request::get(&target).header("User-Agent", "skopeo/1.9.3")
}

/// Blocks, and lets through again: both act.
#[track_caller]
fn changes_act(stage: &Stage) {
    let mode = |mode: &str| json!({"mode": mode, "force": true, "reason": "a test"});
    stage.api().put("/rules/own/modes/default", &mode("enforce"));
    stage.until(&pull(stage), |answer| answer.status() == 403);
    stage.api().put("/rules/own/modes/default", &mode("monitor"));
    stage.until(&pull(stage), |answer| answer.status() == 200);
}

#[track_caller]
fn is_recorded(stage: &Stage) {
    let answer = stage.through(&pull(stage));
    let id = answer.get("blobwatch-id").unwrap().to_owned();
    stage.records(&format!("id={id}"), 1);
}

fn health(stage: &Stage) -> Value {
    stage.health("").json()
}

#[track_caller]
fn is_degraded(stage: &Stage) {
    let said = health(stage);
    assert_eq!(said["status"], "degraded");
    let reasons = said["reasons"].to_string();
    assert!(reasons.contains("the clock was set back"), "{said}");
}

fn with_clock(clock: &WallClock) -> Stage {
    Stage::with(Bundle::Release, |deployment| {
        deployment.environment(&clock.variables())
    })
}

fn put_rule(stage: &Stage, expression: &str) {
    let rule =
        json!({"description": "", "expression": expression, "action": "block", "default_mode": "monitor"});
    stage.api().put("/rules/own", &rule);
}

#[test]
fn changes_act_and_records_are_stored() {
    let clock = WallClock::new();
    let stage = with_clock(&clock);
    put_rule(&stage, "client.family eq \"skopeo\"");
    changes_act(&stage);
    is_recorded(&stage);
    assert_eq!(health(&stage)["status"], "ok");

    clock.is_off_by(-HOUR);
    is_recorded(&stage);
    changes_act(&stage);
    is_recorded(&stage);
    is_degraded(&stage);

    clock.is_off_by(0);
    changes_act(&stage);
    is_recorded(&stage);
    assert_eq!(health(&stage)["status"], "ok");
}

/// What is stored has times of before: nothing that comes after them waits until the clock has caught up, also where nobody calls.
#[test]
fn a_process_that_starts_with_its_clock_set_back_goes_on() {
    let clock = WallClock::new();
    let mut stage = with_clock(&clock);
    put_rule(&stage, "client.family eq \"skopeo\"");
    is_recorded(&stage);
    clock.is_off_by(-HOUR);
    stage.edge.restart();
    is_recorded(&stage);
    changes_act(&stage);
    is_degraded(&stage);
    let summary = stage.api().get("/requests/summary?by=family");
    let recorded = summary["requests"].as_u64().unwrap();
    let mut told = ReceivedCells::default();
    eventually("the Detector is told of every record", || {
        told.hear(&stage);
        (u64::from(told.sum().requests) >= recorded).then_some(())
    });

    clock.is_off_by(0);
    changes_act(&stage);
    assert_eq!(health(&stage)["status"], "ok");
}

fn mode(stage: &Stage) -> Value {
    stage.api().get("/rules/own/modes/default")
}

/// The status of a download of a machine, each in a network of its own.
fn machine_pulls(stage: &Stage, machine: u8, digest: &str) -> u16 {
    let request =
        Request::get(&format!("/v2/{REPOSITORY}/blobs/{digest}")).header("User-Agent", "podman/4.3.1");
    let place = Place::default().address(&format!("203.0.{machine}.1"));
    stage.from(&place, &request).status()
}

/// Those of eight machines.
fn machines_pull(stage: &Stage, digest: &str) -> Vec<u16> {
    (1..=8)
        .map(|machine| machine_pulls(stage, machine, digest))
        .collect()
}

#[test]
fn a_guard_takes_back_and_a_setting_expires() {
    let clock = WallClock::new();
    let stage = with_clock(&clock);
    put_rule(&stage, "client.family eq \"podman\"");
    let layers = &stage.registry.image.layers;
    for layer in &layers[..2] {
        assert_eq!(machines_pull(&stage, &layer.digest), [200; 8]);
    }
    stage.records("limit=100", 16);
    clock.is_off_by(-HOUR);

    let enforce = json!({"mode": "enforce", "force": true, "reason": "a test"});
    stage.api().put("/rules/own/modes/default", &enforce);
    // A machine that has no past here: one that pulls a blob twice does not pull cleanly.
    eventually("it is enforced", || {
        (machine_pulls(&stage, 99, &layers[2].digest) == 403).then_some(())
    });
    assert_eq!(machines_pull(&stage, &layers[2].digest), [403; 8]);
    // Nobody pulls any more: calls of the API alone must do.
    let taken = eventually("the guard takes it back", || {
        Some(mode(&stage)).filter(|mode| mode["mode"] == "monitor")
    });
    assert_eq!(taken["actor"], "guard", "{taken}");

    let expires = rfc3339(unix_ms() + 20_000);
    let for_a_time =
        json!({"mode": "enforce", "force": true, "guard": "off", "expires": expires, "reason": "a test"});
    stage.api().put("/rules/own/modes/default", &for_a_time);
    eventually("the setting is gone", || {
        let setting = stage.api().try_get("/rules/own/modes/default");
        (setting.status() == 404).then_some(())
    });
    let entry = &stage.api().get("/audit?limit=1")["items"][0];
    assert_eq!(entry["action"], "mode.expire", "{entry}");
    eventually("machines pull again", || {
        (machines_pull(&stage, &layers[2].digest) == [200; 8]).then_some(())
    });
}

#[test]
fn an_anomaly_opens() {
    let clock = WallClock::new();
    let mut stage = with_clock(&clock);
    everybody_pulls(&stage, 0, false);
    let records = stage.records("limit=100", 8);
    an_hour_of_health(&mut stage, &records);
    everybody_pulls(&stage, 1, false);
    clock.is_off_by(-HOUR);
    let mut number = 1;
    let opened = eventually("an anomaly opens", || {
        number += 1;
        everybody_pulls(&stage, number, true);
        pass(Duration::from_millis(300));
        anomalies(&stage, "?status=open").pop()
    });
    assert_eq!(opened["kind"], "resume_surge", "{opened}");
}
