//! A rule is switched on one route, and nothing else changes: the main job, as an operator does it.

use std::net::SocketAddr;
use std::thread::{scope, sleep};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::api::Api;
use crate::harness::clients::{Containerd, Home, has_pulled, skopeo};
use crate::harness::clock::{eventually, now};
use crate::harness::deployment::Bundle;
use crate::harness::http::Request;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::Relay;
use crate::harness::stage::{OPERATOR, Stage, configured, front};

/// Design: a change reaches every live isolate in under this.
const EVERYWHERE: Duration = Duration::from_secs(5);
const RULE: &str = "no-skopeo";

fn put_rule(api: &Api<'_>) {
    let rule = json!({
        "description": "neither is welcome", "expression": "client.family in {\"skopeo\" \"containerd\"}", "action": "block",
    });
    api.put(&format!("/rules/{RULE}"), &rule);
}

#[track_caller]
fn switch(api: &Api<'_>, route: &str, mode: &str) -> Value {
    let body = json!({"mode": mode, "force": true, "reason": "the end-to-end test"});
    api.put(&format!("/rules/{RULE}/modes/{route}"), &body)
}

fn as_skopeo(stage: &Stage, repository: &str) -> Request {
    let target = format!("/v2/{repository}/blobs/{}", stage.registry.image.small().digest);
    Request::get(&target).header("User-Agent", "skopeo/1.9.3")
}

#[test]
fn only_the_route_in_enforce_refuses() {
    let stage = Stage::new();
    for repository in ["team-a/app", "team-b/app"] {
        stage.registry.publish(repository);
    }
    let (api, front) = (stage.api(), front(stage.edge.addr(), &Place::default()));
    api.put("/routes/team-a", &json!({"repository": "team-a/**"}));
    put_rule(&api);
    let fires = as_skopeo(&stage, "team-a/app").header("Blobwatch-Token", OPERATOR);
    let fired = stage.until(&fires, |a| {
        a.get("blobwatch-fired").is_some_and(|f| f.contains(RULE))
    });
    assert_eq!(
        fired.get("blobwatch-fired"),
        Some("no-skopeo;v=1;mode=monitor;would=block")
    );
    pulls(&stage, front.addr(), "team-a/app");
    pulls(&stage, front.addr(), "team-b/app");

    switch(&api, "team-a", "enforce");
    stage.until(&as_skopeo(&stage, "team-a/app"), |answer| answer.status() == 403);
    says_why(front.addr(), "team-a/app");
    pulls(&stage, front.addr(), "team-b/app");

    switch(&api, "team-a", "monitor");
    stage.until(&as_skopeo(&stage, "team-a/app"), |answer| answer.status() == 200);
    pulls(&stage, front.addr(), "team-a/app");
    applied_only_on_team_a(&stage);
}

#[track_caller]
fn pulls(stage: &Stage, front: SocketAddr, repository: &str) {
    let home = Home::new();
    skopeo(&home, front, repository).success();
    has_pulled(&home, &stage.registry.image);
}

/// skopeo prints the status only, containerd the OCI error of the answer too.
#[track_caller]
fn says_why(front: SocketAddr, repository: &str) {
    let refused = skopeo(&Home::new(), front, repository);
    assert!(
        !refused.status.success() && refused.stderr.contains("403"),
        "{refused:?}"
    );
    let refused = Containerd::start().pull(front, repository);
    let said = refused.stdout + &refused.stderr;
    assert!(!refused.status.success() && said.contains("denied"), "{said}");
}

#[track_caller]
fn applied_only_on_team_a(stage: &Stage) {
    let blobs = stage.registry.image.blobs().count();
    stage.records("route=default&family=skopeo", 2 * blobs);
    let fires = stage.api().items(&format!("/fires?rule={RULE}"));
    let routes = |applied: &str| -> Vec<&str> {
        let fires = fires
            .iter()
            .filter(|record| record["fired"][0]["applied"] == applied);
        let mut routes: Vec<_> = fires.map(|record| record["route"].as_str().unwrap()).collect();
        routes.sort_unstable();
        routes.dedup();
        routes
    };
    assert_eq!(routes("none"), ["default", "team-a"], "monitored on both");
    assert_eq!(routes("block"), ["team-a"], "enforced on one");
    let blocked = stage.api().items(&format!("/fires?rule={RULE}&verdict=block"));
    assert!(
        blocked
            .iter()
            .all(|record| record["status"] == 403 && record["route"] == "team-a")
    );
}

/// The rule is fetched by the first look at a timeline, and told of as well; the switch after it is told of. Each shows once.
#[test]
fn a_switch_is_a_mark_of_the_timeline() {
    let stage = Stage::new();
    let api = stage.api();
    put_rule(&api);
    let marks = || -> Vec<Value> {
        let timeline = api.get("/timeline?since=-5m");
        let changes = timeline["marks"].as_array().unwrap().iter();
        changes
            .filter(|mark| mark["type"] == "rule_change")
            .cloned()
            .collect()
    };
    assert_eq!(marks().len(), 1);
    switch(&api, "default", "enforce");
    let marks = eventually("the mark of the switch", Duration::from_secs(20), || {
        Some(marks()).filter(|marks| marks.len() > 1)
    });
    let [rule, mode]: [Value; 2] = marks.try_into().unwrap();
    assert_eq!(rule["id"], format!("rules/{RULE}"));
    assert_eq!(mode["id"], format!("rules/{RULE}/modes/default"));
    let text = mode["text"].as_str().unwrap();
    assert!(
        text.starts_with("no-skopeo on default: to enforce, by "),
        "{text}"
    );
    assert_eq!(api.get("/losses")["items"], json!([]));
}

/// Every isolate has its own memory and every colo its own FireLog; each must come to know.
#[test]
fn change_is_everywhere_within_five_seconds() {
    let registry = crate::harness::registry::Registry::shared();
    let origin = Relay::before(registry.addr());
    let colos = ["AMS", "NRT", "IAD"];
    let edge = configured(Bundle::Release, &origin.url())
        .isolates(colos.len())
        .start();
    let api = Api::new(edge.addr(), OPERATOR);
    let target = format!("/v2/{REPOSITORY}/blobs/{}", registry.image.layers[0].digest);
    let request = Request::get(&target).header("User-Agent", "skopeo/1.9.3");
    let isolates: Vec<_> = (0..colos.len()).map(|i| (edge.isolate(i), colos[i])).collect();
    put_rule(&api);
    for (addr, colo) in &isolates {
        eventually_status(*addr, colo, &request, 200);
    }
    for (mode, status, idle) in [
        ("enforce", 403, 0),
        ("monitor", 200, 0),
        ("enforce", 403, 7),
        ("monitor", 200, 7),
    ] {
        // An isolate that was idle has let its rulebook grow old and knows nothing of what it missed.
        sleep(Duration::from_secs(idle));
        let changed = now();
        switch(&api, "default", mode);
        scope(|scope| {
            for (addr, colo) in &isolates {
                let request = &request;
                scope.spawn(move || {
                    eventually_status(*addr, colo, request, status);
                    let took = changed.elapsed();
                    println!("{mode} at {colo} after {idle} s of silence: {took:?}");
                    assert!(took < EVERYWHERE, "{mode} at {colo}: {took:?}");
                });
            }
        });
    }
}

#[track_caller]
fn eventually_status(addr: SocketAddr, colo: &str, request: &Request, status: u16) {
    let request = Place::colo(colo).ask(request);
    eventually(&format!("{status} at {colo}"), 2 * EVERYWHERE, || {
        (request.send(addr).unwrap().status() == status).then_some(())
    });
}
