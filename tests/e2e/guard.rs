//! An enforcement goes on by itself where it harms nobody, and is taken back where it does.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Value, json};

use crate::harness::clients::{Containerd, Home, has_pulled, podman, skopeo};
use crate::harness::clock::{eventually, pass};
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
    let from = |n: u32| Place::default().address(&format!("198.{}.{}.1", 51 + n / 200, n % 200));
    machines.map(|n| stage.from(&from(n), &scan).status()).collect()
}

/// Enforces the rule on half of the clients for so many minutes, then on all of them.
fn enforce_in_steps(stage: &Stage, minutes: f64) {
    let staged = json!({"mode": "enforce", "force": true, "reason": "they are no clients",
        "stages": [{"percent": 50, "minutes": minutes}, {"percent": 100}]});
    let set = stage.api().put("/rules/scans/modes/default", &staged);
    assert_eq!(
        (&set["percent"], &set["stage"]["index"]),
        (&json!(50.0), &json!(0))
    );
}

#[test]
fn a_harmless_rule_reaches_everybody_step_by_step() {
    let stage = Stage::new();
    put_rule(&stage, "scans", "http.user_agent contains \"scan/\"");
    let denied = |machines| -> usize {
        let statuses = scans(&stage, machines);
        statuses.iter().filter(|status| **status == 403).count()
    };
    // A step that no machine is too slow for.
    enforce_in_steps(&stage, 600.0);
    eventually("somebody is denied", || (denied(0..20) > 0).then_some(()));
    // 120 fair coins are outside of 30 to 90 once in ten million.
    let denied = denied(0..120);
    assert!((30..=90).contains(&denied), "{denied} of 120");
    enforce_in_steps(&stage, 0.1);
    let last = eventually("the last step", || {
        scans(&stage, 0..20);
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

/// Machines of which each has pulled an image before, and pulls it again on a new disk; each in a network of its own.
fn fleet(stage: &Stage, network: &str, machines: u8) -> Vec<Relay> {
    let place = |n| Place::default().address(&format!("{network}.{n}.1"));
    (1..=machines)
        .map(|n| front(stage.edge.addr(), &place(n)))
        .collect()
}

/// One download by a machine that pulled nothing.
fn ask_as_skopeo(stage: &Stage) -> u16 {
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    let request = Request::get(&target).header("User-Agent", "skopeo/1.9.3");
    stage
        .from(&Place::default().address("203.0.99.1"), &request)
        .status()
}

#[test]
fn a_rule_that_hits_a_healthy_cohort_is_taken_back_and_pulls_succeed_again() {
    let stage = Stage::new();
    let fleets = fleet(&stage, "203.0", 8);
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
        let place = Place::colo(colo).address(&format!("203.0.{machine}.1"));
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

/// A pull of three blobs by each of twelve machines, and one more request by each.
const MACHINES: u32 = 12;

fn download(stage: &Stage, agent: &str, machine: u32, blob: usize) -> u16 {
    let blob = stage.registry.image.blobs().nth(blob).unwrap();
    let target = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
    let place = Place::default().address(&format!("203.0.{machine}.1"));
    let request = Request::get(&target).header("User-Agent", agent);
    stage.from(&place, &request).status()
}

fn all_pull(stage: &Stage, agent: &str) {
    for machine in 1..=MACHINES {
        (0..3).for_each(|blob| assert_eq!(download(stage, agent, machine, blob), 200));
    }
    stage.records("", MACHINES as usize * 3);
}

/// A rule against the agent is enforced, and hits them all.
fn hits_all(stage: &Stage, agent: &str) {
    put_rule(stage, "probes", &format!("http.user_agent contains \"{agent}\""));
    let enforce = json!({"mode": "enforce", "force": true, "reason": "r"});
    stage.api().put("/rules/probes/modes/default", &enforce);
    eventually("it is enforced", || {
        (download(stage, agent, 99, 0) == 403).then_some(())
    });
    for machine in 1..=MACHINES {
        download(stage, agent, machine, 0);
    }
}

fn is_taken_back(stage: &Stage) -> Value {
    eventually("the guard takes it back", || {
        Some(mode(stage, "probes")).filter(|mode| mode["mode"] == "monitor")
    })
}

/// Longer than the runtime leaves an object awake that nobody calls. Nothing is asked meanwhile, the API neither.
const SLEEP: Duration = Duration::from_secs(75);

#[test]
fn who_pulled_cleanly_is_known_after_a_quiet_minute() {
    let stage = Stage::new();
    all_pull(&stage, "probe/1");
    pass(SLEEP);
    hits_all(&stage, "probe/1");
    let guard = &is_taken_back(&stage)["guard"];
    assert!(guard["denied_healthy"].as_u64() >= Some(5), "{guard}");
    assert!(
        guard["denied_unhealthy"].as_u64() <= Some(1),
        "the one that asked all the time: {guard}"
    );
}

#[test]
fn who_pulled_cleanly_is_known_after_a_kill() {
    let mut stage = Stage::new();
    all_pull(&stage, "probe/1");
    stage.edge.restart();
    hits_all(&stage, "probe/1");
    let guard = &is_taken_back(&stage)["guard"];
    assert!(guard["denied_healthy"].as_u64() >= Some(5), "{guard}");
    assert!(
        guard["denied_unhealthy"].as_u64() <= Some(1),
        "the one that asked all the time: {guard}"
    );
}

/// Six names pull two blobs each under one agent, and are denied once each under another, with a system of their own.
fn attacks(stage: &Stage, address: &dyn Fn(usize) -> String) {
    let ask = |name: usize, agent: &str, blob: usize| {
        let blob = stage.registry.image.blobs().nth(blob).unwrap();
        let target = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
        let login = BASE64.encode(format!("v{name}:x"));
        let request = Request::get(&target)
            .header("User-Agent", agent)
            .header("Authorization", &format!("Basic {login}"));
        stage
            .from(&Place::default().address(&address(name)), &request)
            .status()
    };
    for name in 0..6 {
        (0..2).for_each(|blob| assert_eq!(ask(name, "docker/24.0.7", blob), 200));
    }
    (0..6).for_each(|name| assert_eq!(ask(name, "curl/8.1 os/q", 0), 403));
}

#[test]
fn an_attack_on_the_guard_takes_no_rule_back() {
    let stage = Stage::new();
    put_rule(&stage, "no-curl", "client.family eq \"curl\"");
    let enforce = json!({"mode": "enforce", "force": true, "reason": "a botnet"});
    stage.api().put("/rules/no-curl/modes/default", &enforce);
    let curl = |machine| download(&stage, "curl/8.1", machine, 0);
    eventually("it is enforced", || (curl(1) == 403).then_some(()));
    attacks(&stage, &|_| "198.51.100.1".to_owned());
    // Also with an address in six networks.
    attacks(&stage, &|name| format!("198.{}.100.1", 52 + name));
    let denied = |least: u64| {
        eventually("they are counted", || {
            Some(mode(&stage, "no-curl"))
                .filter(|mode| mode["guard"]["denied_clients"].as_u64() >= Some(least))
        })
    };
    // The names of one address may be one client.
    let counted = denied(8)["guard"]["denied_clients"].as_u64().unwrap();
    assert_eq!(curl(2), 403);
    let mode = denied(counted + 1);
    assert_eq!(mode["mode"], "enforce", "{mode}");
    assert_eq!(mode["guard"]["denied_healthy"], 0, "{mode}");
    assert!(mode["guard"]["denied_unknown"].as_u64() >= Some(7), "{mode}");
    assert_eq!(curl(1), 403);
}
