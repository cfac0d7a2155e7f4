//! Who is let in, and how one gets out: sessions that end everywhere, guesses that wait, a host of the control plane's own.

use serde_json::json;

use crate::api::is_problem;
use crate::harness::api::Api;
use crate::harness::clock::{eventually, unix_ms};
use crate::harness::deployment::Bundle;
use crate::harness::http::{Answer, Request};
use crate::harness::place::Place;
use crate::harness::registry::Registry;
use crate::harness::relay::Relay;
use crate::harness::stage::{OPERATOR, Stage, VIEWER, configured};
use crate::harness::workerd::Workerd;

const SESSION: &str = "/_blobwatch/session";

fn rules() -> Request {
    Request::get("/_blobwatch/api/v1/rules?limit=1")
}

fn sign_in(edge: &Workerd, token: &str) -> String {
    let body = json!({"token": token}).to_string();
    let request = Request::new("POST", SESSION).body("application/json", body);
    let answer = request.send(edge.addr()).unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let set = answer.get("set-cookie").unwrap();
    set.split(';').next().unwrap().to_owned()
}

/// Status of a call by cookie at one of the isolates.
fn status(edge: &Workerd, isolate: usize, cookie: &str) -> u16 {
    let request = rules().header("Cookie", cookie);
    request.send(edge.isolate(isolate)).unwrap().status()
}

fn two_isolates() -> (Relay, Workerd) {
    let origin = Relay::before(Registry::shared().addr());
    let edge = configured(Bundle::Release, &origin.url()).isolates(2).start();
    (origin, edge)
}

#[track_caller]
fn over_everywhere(edge: &Workerd, cookie: &str) {
    assert_eq!(status(edge, 0, cookie), 401, "where it was ended");
    eventually("the other isolate knows", || {
        (status(edge, 1, cookie) == 401).then_some(())
    });
}

#[test]
fn signing_out_ends_the_session_everywhere_and_for_good() {
    let (_origin, mut edge) = two_isolates();
    let (stolen, other) = (sign_in(&edge, OPERATOR), sign_in(&edge, VIEWER));
    assert_eq!((status(&edge, 0, &stolen), status(&edge, 1, &stolen)), (200, 200));
    let from_elsewhere = Request::new("DELETE", SESSION)
        .header("Cookie", &stolen)
        .header("Origin", "https://evil.example");
    assert_eq!(from_elsewhere.send(edge.addr()).unwrap().status(), 403);
    assert_eq!(status(&edge, 0, &stolen), 200);
    let out = Request::new("DELETE", SESSION).header("Cookie", &stolen);
    assert_eq!(out.send(edge.addr()).unwrap().status(), 204);
    over_everywhere(&edge, &stolen);
    assert_eq!((status(&edge, 0, &other), status(&edge, 1, &other)), (200, 200));
    edge.restart();
    assert_eq!(status(&edge, 0, &stolen), 401, "after a restart");
    assert_eq!(status(&edge, 0, &other), 200);
}

#[test]
fn a_person_ends_all_sessions_of_a_name() {
    let (_origin, edge) = two_isolates();
    let api = Api::new(edge.addr(), OPERATOR);
    let viewers = [sign_in(&edge, VIEWER), sign_in(&edge, VIEWER)];
    let mine = sign_in(&edge, OPERATOR);
    let end = |token: &str, name: &str| -> Answer {
        let target = format!("{SESSION}?name={name}");
        Api::new(edge.addr(), token).send(Request::new("DELETE", &target))
    };
    is_problem(&end(VIEWER, "olga"), 403, "");
    is_problem(&end(OPERATOR, "nobody"), 404, "");
    assert_eq!(status(&edge, 0, &mine), 200);
    assert_eq!(end(VIEWER, "vic").status(), 204, "one's own");
    for cookie in &viewers {
        over_everywhere(&edge, cookie);
    }
    assert_eq!(status(&edge, 0, &mine), 200);
    assert_eq!(
        status(&edge, 0, &sign_in(&edge, VIEWER)),
        200,
        "a new one holds at once"
    );
    assert_eq!(end(OPERATOR, "vic").status(), 204, "an operator anybody's");
    let entry = &api.get("/audit?limit=1")["items"][0];
    assert_eq!(
        (&entry["action"], &entry["target"], &entry["actor"]),
        (&json!("session.end"), &json!("sessions/vic"), &json!("olga"))
    );
}

#[test]
fn a_cookie_asks_for_a_script_of_the_page_only() {
    let stage = Stage::new();
    let cookie = sign_in(&stage.edge, OPERATOR);
    let case = |request: Request, fields: &[(&str, &str)], expected: u16| {
        let asked = fields
            .iter()
            .fold(request.header("Cookie", &cookie), |asked, (name, value)| {
                asked.header(name, value)
            });
        let answer = asked.send(stage.edge.addr()).unwrap();
        assert_eq!(answer.status(), expected, "{fields:?}: {}", answer.text());
    };
    let export = || Request::get("/_blobwatch/api/v1/audit?format=ndjson");
    case(
        rules(),
        &[("Sec-Fetch-Dest", "empty"), ("Sec-Fetch-Site", "same-origin")],
        200,
    );
    case(
        rules(),
        &[("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Site", "same-origin")],
        403,
    );
    case(rules(), &[("Sec-Fetch-Dest", "script")], 403);
    case(
        rules(),
        &[("Sec-Fetch-Dest", "empty"), ("Sec-Fetch-Site", "same-site")],
        403,
    );
    case(rules(), &[("Origin", "https://evil.example")], 403);
    case(
        export(),
        &[("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Site", "same-origin")],
        200,
    );
    case(
        export(),
        &[("Sec-Fetch-Dest", "iframe"), ("Sec-Fetch-Site", "same-origin")],
        403,
    );
}

#[test]
fn strangers_learn_that_it_lives_and_no_revision() {
    let stage = Stage::new();
    let health = |method: &str| Request::new(method, "/_blobwatch/healthz");
    let answer = health("GET").send(stage.edge.addr()).unwrap();
    assert_eq!((answer.status(), answer.json()), (200, json!({"status": "ok"})));
    assert_eq!(health("HEAD").send(stage.edge.addr()).unwrap().status(), 200);
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(
            health(method).send(stage.edge.addr()).unwrap().status(),
            405,
            "{method}"
        );
    }
    let with = |token: &str| Api::new(stage.edge.addr(), token).send(health("GET"));
    assert_eq!(
        with(VIEWER).json()["revision"],
        stage.api().get("/rulebook")["revision"]
    );
    is_problem(&with("wrong"), 401, "");
}

/// Calls of the one RuleBook for the health of the deployment.
fn asked(stage: &Stage) -> u64 {
    let calls = stage.edge.calls();
    calls["RuleBook GET /health"].as_u64().unwrap_or_default()
}

#[test]
fn strangers_do_not_keep_the_rulebook_busy() {
    let stage = Stage::new();
    let (many, began_ms) = (200, unix_ms());
    for _ in 0..many {
        assert_eq!(
            Request::get("/_blobwatch/healthz")
                .send(stage.edge.addr())
                .unwrap()
                .status(),
            200
        );
    }
    let asked = asked(&stage);
    let seconds = (unix_ms() - began_ms) / 1_000;
    // Once a second, however long that took; the first answers may each have asked.
    assert!(
        (1..=seconds + 2).contains(&asked),
        "{asked} in {seconds} s: {}",
        stage.edge.calls()
    );
}

#[test]
fn every_answer_is_of_the_type_that_it_says() {
    let stage = Stage::new();
    let cookie = sign_in(&stage.edge, OPERATOR);
    for request in [
        Request::get("/_blobwatch"),
        Request::get("/_blobwatch/"),
        Request::get("/_blobwatch/healthz"),
        Request::get("/_blobwatch/nothing"),
        Request::get("/_blobwatch/metrics"),
        rules(),
        rules().header("Cookie", &cookie),
        Request::get("/_blobwatch/api/v1/audit?format=ndjson").header("Cookie", &cookie),
        Request::get("/_blobwatch/api/v1/requests?format=ndjson").header("Cookie", &cookie),
        Request::new("DELETE", SESSION),
    ] {
        let answer = request.send(stage.edge.addr()).unwrap();
        let sniff = answer.get("x-content-type-options");
        assert_eq!(
            sniff,
            Some("nosniff"),
            "{} {}",
            request.head.start,
            answer.head.start
        );
    }
}

#[test]
fn whoever_guesses_waits_and_others_do_not() {
    let stage = Stage::new();
    let from = |address: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        let asked = Place::default().address(address).ask(&rules());
        asked
            .header("Authorization", &bearer)
            .send(stage.edge.addr())
            .unwrap()
    };
    let guessed = (0..100).find(|at| from("2001:db8::1", &format!("guess-{at}")).status() == 429);
    assert_eq!(guessed, Some(20));
    let answer = from("2001:db8:0:0:ffff::2", OPERATOR);
    is_problem(&answer, 429, "");
    assert_eq!(answer.get("retry-after"), Some("60"));
    assert_eq!(from("2001:db8:0:1::1", OPERATOR).status(), 200, "from elsewhere");
    let body = json!({"token": OPERATOR}).to_string();
    let sign_in = |address: &str| {
        let post = Request::new("POST", SESSION).body("application/json", body.clone());
        Place::default()
            .address(address)
            .ask(&post)
            .send(stage.edge.addr())
            .unwrap()
            .status()
    };
    assert_eq!((sign_in("2001:db8::3"), sign_in("192.0.2.10")), (429, 200));
}

#[test]
fn the_control_plane_has_a_host_of_its_own() {
    let stage = Stage::with(Bundle::Release, |deployment| {
        deployment.var("BLOBWATCH_HOST", "blobwatch.example")
    });
    let at = |host: &str, target: &str| {
        let request = Request::get(target).header("Host", host);
        request.send(stage.edge.addr()).unwrap()
    };
    let own = "blobwatch.example";
    assert_eq!(at(own, "/_blobwatch/healthz").json(), json!({"status": "ok"}));
    assert_eq!(at("Blobwatch.Example:80", "/_blobwatch/healthz").status(), 200);
    assert_eq!(at(own, "/_blobwatch/api/v1/rules").status(), 401);
    let blob = crate::api::blob(&stage).head.target().to_owned();
    for target in [blob.as_str(), "/v2/", "/"] {
        assert_eq!(at(own, target).status(), 421, "{target}");
    }
    assert_eq!(at("registry.example", &blob).status(), 200);
    // Elsewhere the path is the origin's, as any other.
    for target in ["/_blobwatch/healthz", "/_blobwatch/", SESSION] {
        let there = stage.straight(&Request::get(target));
        let here = at("registry.example", target);
        assert_eq!(
            (here.status(), &here.body),
            (there.status(), &there.body),
            "{target}"
        );
        assert_ne!(here.body, b"{\"status\":\"ok\"}");
    }
}
