//! A deployment that leads nowhere, or back to itself: every request is answered, and the answer says what to mend.

use serde_json::json;

use crate::harness::api::Api;
use crate::harness::clock::eventually;
use crate::harness::deployment::Bundle;
use crate::harness::http::{Answer, Request};
use crate::harness::place::Place;
use crate::harness::relay::Relay;
use crate::harness::stage::{OPERATOR, Stage, configured};
use crate::harness::workerd::Workerd;

/// One request of each kind to a repository: what is watched and what is not.
fn requests(repository: &str) -> [Request; 6] {
    let blob = format!("/v2/{repository}/blobs/sha256:{}", "0".repeat(64));
    let put = |path: &str| Request::new("PUT", &format!("/v2/{repository}/{path}"));
    [
        Request::get(&blob),
        Request::get(&blob).header("Range", "bytes=5-"),
        Request::new("HEAD", &blob),
        Request::new("POST", &format!("/v2/{repository}/blobs/uploads/")).body("text/plain", ""),
        put("manifests/v1").body("application/json", "{}"),
        put("blobs/uploads/1").body("application/octet-stream", vec![7; 100_000]),
    ]
}

/// An answer that is ours, with a sentence.
#[track_caller]
fn says(answer: &Answer, status: u16, error: &str, sentence: &str) {
    assert_eq!(answer.status(), status, "{:?} {}", answer.head, answer.text());
    let proxy_status = format!("blobwatch;error={error}");
    assert_eq!(answer.get("proxy-status"), Some(proxy_status.as_str()));
    if !answer.body.is_empty() {
        assert_eq!(answer.json()["errors"][0]["message"], sentence);
    }
}

fn ask(edge: &Workerd, request: &Request) -> Answer {
    let request = request.clone().header("User-Agent", "curl/8.1");
    Place::default().ask(&request).send(edge.addr()).unwrap()
}

/// Alive, and not ready.
#[track_caller]
fn is_degraded(edge: &Workerd, reason: &str) {
    let health = |query: &str| {
        let ask = Request::get(&format!("/_blobwatch/healthz{query}"));
        ask.send(edge.addr()).unwrap()
    };
    let (alive, ready) = (health(""), health("?ready"));
    assert_eq!((alive.status(), ready.status()), (200, 503), "{}", alive.text());
    assert_eq!(alive.json()["status"], "degraded");
    let reasons = alive.json()["reasons"].clone();
    let is_said = reasons.as_array().unwrap().iter().any(|said| said == reason);
    assert!(is_said, "{reason}: {reasons}");
}

#[track_caller]
fn comes_back(edge: &Workerd, repository: &str, sentence: &str) {
    for request in requests(repository) {
        says(&ask(edge, &request), 508, "proxy_loop_detected", sentence);
    }
    is_degraded(edge, sentence);
}

fn loops(route: &str, edge: &Workerd) -> String {
    let origin = format!("http://{}", edge.addr());
    format!("requests of route {route} come back: its origin {origin} leads to this Blobwatch")
}

#[test]
fn a_routes_origin_that_leads_back() {
    let stage = Stage::new();
    let origin = format!("http://{}", stage.edge.addr());
    let route = json!({"repository": "loop/**", "origin": origin});
    stage.api().put("/routes/loop", &route);
    stage.until(&requests("loop/a")[0], |answer| answer.status() == 508);
    comes_back(&stage.edge, "loop/a", &loops("loop", &stage.edge));
    assert_eq!(
        ask(&stage.edge, &Request::get("/v2/")).status(),
        200,
        "other routes work"
    );
}

#[test]
fn a_detour_that_leads_back() {
    let stage = Stage::new();
    let detour = format!("http://{}", stage.edge.addr());
    let api = stage.api();
    api.put(
        "/routes/loop",
        &json!({"repository": "loop/**", "detour": detour}),
    );
    let rule = json!({"description": "", "expression": "client.family eq \"curl\"", "action": "detour"});
    api.put("/rules/curls", &rule);
    let enforce = json!({"mode": "enforce", "force": true, "reason": "a test"});
    api.put("/rules/curls/modes/loop", &enforce);
    let blob = requests("loop/a")[0].clone().header("User-Agent", "curl/8.1");
    let answer = stage.until(&blob, |answer| answer.status() == 508);
    says(&answer, 508, "proxy_loop_detected", &loops("loop", &stage.edge));
}

#[test]
fn an_origin_that_leads_back() {
    let mut edge = configured(Bundle::Release, "http://127.0.0.1:9").start();
    let own = format!("http://{}", edge.addr());
    edge.restart_with("ORIGIN", &own);
    comes_back(&edge, "a", &loops("default", &edge));
    // A proxy between that keeps the headers, and one that writes the path anew each time.
    let between = Relay::before(edge.addr());
    edge.restart_with("ORIGIN", &between.url());
    for request in requests("a") {
        assert_eq!(ask(&edge, &request).status(), 508);
    }
    let rewriting = Relay::editing(edge.addr(), |request| {
        let target = request.target().replacen("/v2/", "/v2/x/", 1);
        request.start = format!("{} {target} HTTP/1.1", request.method());
    });
    edge.restart_with("ORIGIN", &rewriting.url());
    for request in requests("a") {
        assert_eq!(ask(&edge, &request).status(), 508);
    }
}

/// A chain is no loop: another deployment, and this one again on another way.
#[test]
fn what_ends_somewhere_is_served() {
    let stage = Stage::new();
    let before = configured(Bundle::Release, &format!("http://{}", stage.edge.addr()));
    let before = before.var("BLOBWATCH_CLIENT_SECRET", "another").start();
    let blob = format!("/v2/a/blobs/sha256:{}", "0".repeat(64));
    let pull = Request::get(&blob).header("CDN-Loop", "cloudflare; loops=1");
    assert_eq!(ask(&before, &pull).status(), 404, "the registry's own answer");
    let seen = stage.origin.seen().pop().unwrap();
    let members: Vec<_> = seen.get("cdn-loop").unwrap().split(", ").collect();
    assert_eq!((members.len(), members[0]), (3, "cloudflare; loops=1"));

    let origin = format!("http://{}", stage.edge.addr());
    stage.api().put(
        "/routes/mirror",
        &json!({"host": "mirror.example", "origin": origin}),
    );
    let mirror = Relay::editing(stage.edge.addr(), |request| request.set("Host", "mirror.example"));
    eventually("the route is in force", || {
        let answer = Place::default().ask(&pull).send(mirror.addr()).unwrap();
        assert_eq!(answer.status(), 404, "the registry's own answer");
        let seen = stage.origin.seen().pop().unwrap();
        (seen.get("cdn-loop")?.split(", ").count() == 3).then_some(())
    });
}

#[track_caller]
fn has_no_origin(edge: &Workerd, sentence: &str) {
    for request in requests("a") {
        says(&ask(edge, &request), 503, "proxy_configuration_error", sentence);
    }
    is_degraded(edge, sentence);
    let said = edge.log().matches(sentence).count();
    assert_eq!(said, 1, "one line: {}", edge.log());
}

/// Without an origin a request would go to whatever host the client names.
#[test]
fn no_origin_is_no_open_proxy() {
    let secret = Relay::before(([127, 0, 0, 1], 1).into());
    let mut edge = configured(Bundle::Release, "").start();
    is_degraded(&edge, "ORIGIN is not set, and routes have no origin: default");
    let sentence = "no origin for requests of route default: ORIGIN is not set, and the route has no origin";
    has_no_origin(&edge, sentence);
    let elsewhere = Request::get(&format!("http://{}/latest/meta-data/", secret.addr()));
    assert_eq!(ask(&edge, &elsewhere).status(), 503);
    assert!(secret.seen().is_empty(), "{:?}", secret.seen());
    edge.restart_with("ORIGIN", "127.0.0.1:5000");
    let sentence =
        "no origin for requests of route default: expected http:// or https:// and a host in the origin";
    has_no_origin(&edge, sentence);
}

/// A deployment in which every route that is asked has an origin needs no `ORIGIN`.
#[test]
fn a_routes_own_origin_is_enough() {
    let stage = Stage::new();
    let edge = configured(Bundle::Release, "").start();
    Api::new(edge.addr(), OPERATOR).put("/routes/default", &json!({"origin": stage.origin.url()}));
    eventually("the route's origin is asked", || {
        (ask(&edge, &Request::get("/v2/")).status() == 200).then_some(())
    });
}
