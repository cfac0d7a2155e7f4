//! An enforcement goes on by itself where it harms nobody, and is taken back where it does.

use serde_json::{Value, json};

use crate::harness::clients::{Containerd, Home, has_pulled, podman, skopeo};
use crate::harness::clock::eventually;
use crate::harness::http::Request;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::Relay;
use crate::harness::stage::{Stage, front};

fn put_rule(stage: &Stage, id: &str, expression: &str) {
    let rule = json!({"description": "", "expression": expression, "action": "block"});
    stage.api().put(&format!("/rules/{id}"), &rule);
}

fn mode(stage: &Stage, rule: &str) -> Value {
    stage.api().get(&format!("/rules/{rule}/modes/default"))
}

/// One download by each of some machines that look for things: no client of a registry.
fn scans(stage: &Stage, machines: std::ops::Range<u32>) -> Vec<u16> {
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    let scan = Request::get(&target).header("User-Agent", "scan/1");
    let from = |n: u32| Place::default().address(&format!("198.51.{}.{}", n / 200, n % 200 + 1));
    machines.map(|n| stage.from(&from(n), &scan).status()).collect()
}

/// How many of 120 machines half of which are to be denied. On a machine that cannot ask them all before the first step is over,
/// it is set again, to last longer.
fn denied_in_the_first_step(stage: &Stage) -> usize {
    let denied = |machines| -> usize {
        let statuses = scans(stage, machines);
        statuses.iter().filter(|status| **status == 403).count()
    };
    let mut minutes = 0.1;
    eventually("half of the machines are denied", || {
        let monitor = json!({"mode": "monitor", "reason": "from the beginning"});
        stage.api().put("/rules/scans/modes/default", &monitor);
        eventually("nobody is denied", || (denied(500..510) == 0).then_some(()));
        let staged = json!({"mode": "enforce", "force": true, "reason": "they are no clients",
            "stages": [{"percent": 50, "minutes": minutes}, {"percent": 100}]});
        let set = stage.api().put("/rules/scans/modes/default", &staged);
        assert_eq!(
            (&set["percent"], &set["stage"]["index"]),
            (&json!(50.0), &json!(0))
        );
        minutes *= 2.0;
        eventually("somebody is denied", || (denied(0..20) > 0).then_some(()));
        let denied = denied(0..120);
        (mode(stage, "scans")["stage"]["index"] == 0).then_some(denied)
    })
}

#[test]
fn a_harmless_rule_reaches_everybody_step_by_step() {
    let stage = Stage::new();
    put_rule(&stage, "scans", "http.user_agent contains \"scan/\"");
    let denied = denied_in_the_first_step(&stage);
    // 120 fair coins are outside of 30 to 90 once in ten million.
    assert!((30..=90).contains(&denied), "{denied} of 120");
    let last = eventually("the last step", || {
        Some(mode(&stage, "scans")).filter(|m| m["percent"] == 100.0)
    });
    assert_eq!(
        (&last["actor"], &last["stage"]["index"], &last["stage"]["next"]),
        (&json!("schedule"), &json!(1), &Value::Null)
    );
    eventually("everybody is denied", || {
        scans(&stage, 0..120)
            .iter()
            .all(|status| *status == 403)
            .then_some(())
    });
    let passed = eventually("the guard lets it pass", || {
        Some(mode(&stage, "scans")).filter(|m| m["guard"]["state"] == "passed")
    });
    assert!(passed["guard"]["denied_clients"].as_u64() >= Some(20), "{passed}");
    assert_eq!(passed["guard"]["denied_healthy"], 0);
    let home = Home::new();
    skopeo(
        &home,
        front(stage.edge.addr(), &Place::default()).addr(),
        REPOSITORY,
    )
    .success();
    has_pulled(&home, &stage.registry.image);
}

/// Machines of which each has pulled an image before, and pulls it again on a new disk.
fn fleet(stage: &Stage, network: &str, machines: u8) -> Vec<Relay> {
    let place = |n| Place::default().address(&format!("{network}.{n}"));
    (1..=machines)
        .map(|n| front(stage.edge.addr(), &place(n)))
        .collect()
}

/// One download by a machine that pulled nothing.
fn ask_as_skopeo(stage: &Stage) -> u16 {
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    let request = Request::get(&target).header("User-Agent", "skopeo/1.9.3");
    stage
        .from(&Place::default().address("203.0.113.99"), &request)
        .status()
}

#[test]
fn a_rule_that_hits_a_healthy_cohort_is_taken_back_and_pulls_succeed_again() {
    let stage = Stage::new();
    let fleets = fleet(&stage, "203.0.113", 8);
    let pulls = || -> Vec<bool> {
        let pull = |machine: &Relay| skopeo(&Home::new(), machine.addr(), REPOSITORY).status.success();
        fleets.iter().map(pull).collect()
    };
    assert!(pulls().iter().all(|pulled| *pulled), "before");
    let containerd = Containerd::start();
    let others = front(stage.edge.addr(), &Place::default().address("192.0.2.77"));
    containerd.pull(others.addr(), REPOSITORY).success();
    put_rule(&stage, "no-skopeo", "client.family eq \"skopeo\"");
    let enforce = json!({"mode": "enforce", "force": true, "reason": "nobody uses it"});
    stage.api().put("/rules/no-skopeo/modes/default", &enforce);
    // By a machine that has no past here: one that pulls an image twice within half an hour does not pull cleanly.
    eventually("it is enforced", || (ask_as_skopeo(&stage) == 403).then_some(()));
    assert!(pulls().iter().any(|pulled| !pulled), "denied");
    let mode = eventually("the guard takes it back", || {
        Some(mode(&stage, "no-skopeo")).filter(|mode| mode["mode"] == "monitor")
    });
    assert_eq!(
        (&mode["actor"], &mode["guard"]["state"]),
        (&json!("guard"), &json!("demoted"))
    );
    eventually("pulls succeed again", || {
        pulls().iter().all(|pulled| *pulled).then_some(())
    });
    let entry = &stage.api().get("/audit?limit=1")["items"][0];
    assert_eq!(
        (&entry["actor"], &entry["action"]),
        (&json!("guard"), &json!("mode.demote"))
    );
    let reason = entry["reason"].as_str().unwrap();
    assert!(
        reason.contains("clients of skopeo on which it fires pull cleanly"),
        "{reason}"
    );
    let id = reason.rsplit(' ').next().unwrap();
    assert_eq!(
        stage.records(&format!("id={id}"), 1)[0]["verdict"],
        "block",
        "the evidence is there"
    );
    containerd.pull(others.addr(), REPOSITORY).success();
    containerd.has_pulled(&stage.registry.image);
    let home = Home::new();
    let digest = podman(&home, others.addr(), REPOSITORY);
    assert_eq!(digest, stage.registry.image.manifest.digest);
}

/// How soon: `bench promises`.
#[test]
fn what_is_taken_back_is_open_in_every_data_centre() {
    let stage = Stage::new();
    put_rule(&stage, "probes", "http.user_agent contains \"probe/\"");
    let image = &stage.registry.image;
    let target = |n: usize| format!("/v2/{REPOSITORY}/blobs/{}", image.blobs().nth(n).unwrap().digest);
    let ask = |colo: &str, machine: u8, n: usize| {
        let place = Place::colo(colo).address(&format!("203.0.113.{machine}"));
        stage
            .from(&place, &Request::get(&target(n)).header("User-Agent", "probe/1"))
            .status()
    };
    for machine in 1..=12 {
        (0..3).for_each(|n| assert_eq!(ask("AMS", machine, n), 200));
    }
    let enforce = json!({"mode": "enforce", "force": true, "reason": "r"});
    stage.api().put("/rules/probes/modes/default", &enforce);
    for colo in ["AMS", "NRT"] {
        eventually("it is enforced", || (ask(colo, 99, 0) == 403).then_some(()));
    }
    // The guard may have seen enough before all of them came.
    let statuses: Vec<u16> = (1..=12).map(|machine| ask("AMS", machine, 0)).collect();
    let denied = statuses.iter().take_while(|status| **status == 403).count();
    assert!(
        denied > 0 && statuses[denied..].iter().all(|status| *status == 200),
        "{statuses:?}"
    );
    let taken_back = || mode(&stage, "probes")["mode"] == "monitor";
    eventually("the guard takes it back", || taken_back().then_some(()));
    for colo in ["NRT", "AMS"] {
        eventually("it is open", || (ask(colo, 99, 0) == 200).then_some(()));
    }
}
