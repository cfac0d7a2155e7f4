//! Odd calls of the API, made from its table: no call answers 500, each refusal is a problem document that says its place, and what is
//! refused changes nothing. What the objects themselves refuse is tried natively, in their crates.

use blobwatch_wire::{API, CALLS, Handler, Method, Role};
use serde_json::{Value, json};

use crate::harness::api::Api;
use crate::harness::http::{Answer, Request};
use crate::harness::place::Place;
use crate::harness::stage::{ADMIN, Stage, VIEWER};

/// Of a call's path: with something for each name in it.
fn address(path: &str) -> String {
    let segment = |segment: &str| match segment.starts_with('{') {
        true => "default".to_owned(),
        false => segment.to_owned(),
    };
    let segments: Vec<String> = path.split('/').map(segment).collect();
    let path = segments.join("/");
    if path.starts_with('/') {
        path
    } else {
        format!("{API}{path}")
    }
}

#[track_caller]
fn is_refused(answer: &Answer, what: &str) -> Value {
    assert!(
        (400..500).contains(&answer.status()),
        "{what}: {} {}",
        answer.status(),
        answer.text()
    );
    assert_eq!(
        answer.get("content-type"),
        Some("application/problem+json"),
        "{what}"
    );
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status(), "{what}");
    let places = problem["errors"].as_array().cloned().unwrap_or_default();
    let needs_place = matches!(answer.status(), 400 | 422);
    assert!(!needs_place || !places.is_empty(), "{what}: {problem}");
    assert!(
        places.iter().all(|place| place["place"] != ""),
        "{what}: {problem}"
    );
    problem
}

/// What monitoring asks, and whoever looks what is behind a link before it opens it.
fn status_of_head(address: &str) -> Option<u16> {
    match address.trim_start_matches("/_blobwatch/") {
        "healthz" | "metrics" => Some(200),
        link if link.starts_with("shared/") => Some(404),
        _ => None,
    }
}

#[test]
fn what_a_path_does_not_take_is_405_with_what_it_takes() {
    let stage = Stage::new();
    let api = Api::new(stage.edge.addr(), ADMIN);
    for call in CALLS {
        let address = address(call.path);
        for method in ["PATCH", "OPTIONS", "PROPFIND", "HEAD"] {
            let answer = api.send(Request::new(method, &address));
            let what = format!("{method} {address}");
            if let Some(status) = status_of_head(&address).filter(|_| method == "HEAD") {
                assert_eq!(answer.status(), status, "{what}");
                continue;
            }
            assert_eq!(answer.status(), 405, "{what}: {}", answer.text());
            let allow = answer.get("allow").unwrap_or_else(|| panic!("{what}: no Allow"));
            let allowed: Vec<&str> = allow.split(", ").collect();
            assert!(allowed.contains(&call.method.name()), "{what}: {allow}");
        }
    }
}

const QUERIES: [&str; 8] = [
    "unknown=1",
    "limit=0",
    "limit=99999999999999999999",
    "limit=1&limit=2",
    "cursor=nonsense",
    "since=never",
    "%ff=%00",
    "=",
];

const BODIES: [&str; 6] = [
    "",
    "not json",
    "[]",
    "{\"unknown\":1}",
    "{\"reason\":1e999}",
    "{\"mode\":{},\"reason\":[]}",
];

/// What only deletes needs no body, and is left out: it may be taken.
#[test]
fn odd_calls_are_refused_and_change_nothing() {
    let stage = Stage::new();
    let before = stage.api().get("/audit?limit=1000");
    let deep = "[".repeat(20_000);
    let is_tried = |path: &str, handler| !path.starts_with('/') && handler != Handler::Demo;
    for call in CALLS.iter().filter(|call| is_tried(call.path, call.handler)) {
        let address = address(call.path);
        let send = |token: &str, query: &str, body: &str| {
            let separator = if query.is_empty() { "" } else { "?" };
            let request = Request::new(call.method.name(), &format!("{address}{separator}{query}"));
            let request = match call.method {
                Method::Get | Method::Delete => request,
                _ => request.body("application/json", body.to_owned()),
            };
            Api::new(stage.edge.addr(), token).send(request)
        };
        let what = |of: &str| format!("{} {address} {of}", call.method);
        // Without a token: who guesses tokens must wait.
        let asked = Place::default().ask(&Request::new(call.method.name(), &address));
        let answer = asked.send(stage.edge.addr()).unwrap();
        assert_eq!(is_refused(&answer, &what("by a stranger"))["status"], 401);
        if call.role >= Some(Role::Operator) {
            assert_eq!(
                is_refused(&send(VIEWER, "", ""), &what("by a viewer"))["status"],
                403
            );
        }
        for query in QUERIES {
            let answer = send(ADMIN, query, "");
            assert!(answer.status() < 500, "{}: {}", what(query), answer.text());
            if query.starts_with("unknown") || !matches!(answer.status(), 200..300) {
                is_refused(&answer, &what(query));
            }
        }
        if !call.request.is_empty() {
            for body in BODIES.into_iter().chain([deep.as_str()]) {
                is_refused(&send(ADMIN, "", body), &what(body.get(..20).unwrap_or(body)));
            }
        }
    }
    for path in [
        "rules/%2f",
        "rules/a%2fb",
        "routes/%00",
        "fires/%2e%2e",
        "anomalies/%ff",
        "previews/%",
        "nothing/at/all",
    ] {
        is_refused(&stage.api().send(Request::get(&format!("{API}{path}"))), path);
    }
    assert_eq!(stage.api().get("/audit?limit=1000"), before);
    assert_eq!(stage.health("").json()["status"], json!("ok"));
}
