//! The clock of the machine is set back while everything runs. No change and no record may wait until it has caught up, which takes
//! an hour here.

use serde_json::{Value, json};

use crate::harness::deployment::Bundle;
use crate::harness::http::Request;
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

#[test]
fn changes_act_and_records_are_stored() {
    let clock = WallClock::new();
    let stage = Stage::with(Bundle::Release, |deployment| {
        deployment.environment(&clock.variables())
    });
    let rule = json!({"description": "", "expression": "client.family eq \"skopeo\"", "action": "block", "default_mode": "monitor"});
    stage.api().put("/rules/own", &rule);
    changes_act(&stage);
    is_recorded(&stage);
    assert_eq!(health(&stage)["status"], "ok");

    clock.is_off_by(-HOUR);
    is_recorded(&stage);
    changes_act(&stage);
    is_recorded(&stage);
    let said = health(&stage);
    assert_eq!(said["status"], "degraded");
    assert!(
        said["reasons"].to_string().contains("the clock was set back"),
        "{said}"
    );

    clock.is_off_by(0);
    changes_act(&stage);
    is_recorded(&stage);
    assert_eq!(health(&stage)["status"], "ok");
}
