//! The disk is full: pulls go on, whoever changes something is told why it cannot be stored, `healthz` says the same, and with room all
//! is well again.

use serde_json::{Value, json};

use crate::harness::clock::eventually;
use crate::harness::deployment::Bundle;
use crate::harness::disk::Disk;
use crate::harness::http::{Answer, Request};
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::Stage;

const FULL: &str = "its database cannot be read or written: database or disk is full: SQLITE_FULL";

const NO_ALARMS: &str = "the runtime cannot write down when its alarm rings: the disk is full";

const UNSAID: &str = "its database cannot be read or written: the runtime does not say why; see its log, and whether the disk is full";

fn pull(stage: &Stage) -> Answer {
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    stage.through(&Request::get(&target))
}

fn change(stage: &Stage, number: u64) -> Answer {
    let description = format!("change {number}");
    let rule = json!({"description": description, "expression": "client.family eq \"skopeo\"", "action": "block", "default_mode": "monitor"});
    stage.api().try_put("/rules/own", &rule)
}

#[track_caller]
fn is_recorded(stage: &Stage) {
    let answer = pull(stage);
    assert_eq!(answer.status(), 200);
    let id = answer.get("blobwatch-id").unwrap().to_owned();
    stage.records(&format!("id={id}"), 1);
}

/// What the answer to a change says, which is refused for that.
#[track_caller]
fn refusal(stage: &Stage, number: u64) -> String {
    let answer = change(stage, number);
    assert_eq!(answer.status(), 503, "{}", answer.text());
    let problem = answer.json();
    assert_eq!(problem["type"], "urn:blobwatch:problem:storage", "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("the RuleBook"), "{detail}");
    detail.to_owned()
}

#[track_caller]
fn cannot_be_changed(stage: &Stage, why: &str) {
    // The first finds an object that is awake, the second one that begins.
    for number in [101, 102] {
        let detail = refusal(stage, number);
        assert!(detail.contains(why), "{detail}");
    }
}

/// Reasons of `healthz`, once all of these are among them.
#[track_caller]
fn is_degraded(stage: &Stage, expected: &[&str]) {
    let mut reasons = Value::Null;
    eventually("healthz says why", || {
        assert_eq!(pull(stage).status(), 200);
        let health = stage.health("");
        assert_eq!(health.status(), 200, "{}", health.text());
        reasons = health.json()["reasons"].take();
        let text = reasons.to_string();
        expected.iter().all(|reason| text.contains(reason)).then_some(())
    });
    assert!(!reasons.to_string().contains("internal error"), "{reasons}");
}

#[test]
fn who_changes_something_is_told_why_it_cannot_be_stored() {
    let disk = Disk::new();
    let stage = Stage::with(Bundle::Release, |deployment| {
        deployment.environment(&disk.variables())
    });
    assert_eq!(change(&stage, 0).status(), 201);
    is_recorded(&stage);

    disk.is_full();
    cannot_be_changed(&stage, FULL);
    let book = format!("the RuleBook stores nothing: {FULL}");
    is_degraded(&stage, &[&book, "FireLog fl1-ams-0 stores nothing since"]);
    assert_eq!(stage.health("?ready").status(), 503);

    disk.has_room();
    assert_eq!(change(&stage, 7).status(), 200);
    is_recorded(&stage);
    eventually("all is well", || {
        (stage.health("").json()["status"] == "ok").then_some(())
    });

    // Its database can be written, and the runtime's own file cannot.
    disk.is_full_for_alarms();
    cannot_be_changed(&stage, NO_ALARMS);
    disk.has_room();
    assert_eq!(change(&stage, 8).status(), 200);

    // Not even what is stored can be opened. An object that is awake has it open: until the runtime has dropped it, it says what it met.
    disk.is_packed();
    eventually("an object that begins cannot open its database", || {
        let detail = refusal(&stage, 103);
        assert!(detail.contains(FULL) || detail.contains(UNSAID), "{detail}");
        detail.contains(UNSAID).then_some(())
    });
    assert_eq!(pull(&stage).status(), 200);
    disk.has_room();
    assert_eq!(change(&stage, 9).status(), 200);
    is_recorded(&stage);
    eventually("all is well", || {
        (stage.health("").json()["status"] == "ok").then_some(())
    });
}
