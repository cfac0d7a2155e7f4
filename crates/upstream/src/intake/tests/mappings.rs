//! Any JSON by a mapping of the settings.

use blobwatch_rulebook::{IngestMapping, faults};
use serde_json::json;

use super::{blob, book, fires, read, requests, said};

fn mapping(more: serde_json::Value) -> IngestMapping {
    let mut mapping = json!({"time": "/at", "address": "/client/ip", "path": "/request/url", "ray": "/id"});
    mapping
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    serde_json::from_value(mapping).unwrap()
}

fn line() -> String {
    json!({
        "at": "2020-07-05T19:00:00Z", "id": "x1", "client": {"ip": "192.0.2.7", "agent": "skopeo/1.9.3"},
        "request": {"url": format!("https://hub.example{}", blob()), "status": 429},
        "rules": ["limit", "seen"], "did": ["block", "log"],
    })
    .to_string()
}

#[test]
fn a_line_is_read_by_its_pointers() {
    let rules = mapping(
        json!({"rule": "/rules", "action": "/did", "status": "/request/status", "user_agent": "/client/agent"}),
    );
    let found = fires(&read("own-cdn", Some(&rules), false, &line()));
    assert_eq!(
        said(&found),
        ["own-cdn:limit Enforce Block 429", "own-cdn:seen Monitor None 429"]
    );
    assert_eq!(
        (found[0].version.as_str(), found[0].profile.host.as_str()),
        ("1.9.3", "hub.example")
    );
}

#[test]
fn without_a_rule_a_line_is_a_request() {
    let whole = mapping(json!({"status": "/request/status"}));
    let harvest = read("own-cdn", Some(&whole), false, &line());
    assert_eq!((requests(&harvest)[0].status, fires(&harvest).len()), (429, 0));
    let missing = read("own-cdn", Some(&whole), false, &line().replace("429", "null"));
    assert_eq!(missing.report.faults.0[0].expected, "a status");
}

#[test]
fn a_mapping_that_cannot_be_read_by_is_refused() {
    #[track_caller]
    fn case(name: &str, mapping: IngestMapping, expected: &str) {
        let mut book = book();
        book.settings.ingest.insert(name.to_owned(), mapping);
        let places = faults(&book)
            .into_iter()
            .map(|place| format!("{}: {}", place.place, place.message));
        let places: Vec<String> = places.collect();
        assert!(
            places.iter().any(|place| place.starts_with(expected)),
            "{places:?}"
        );
    }
    let rule = json!({"rule": "/rules"});
    case(
        "cloudflare",
        mapping(rule.clone()),
        "settings.ingest.cloudflare: expected another name",
    );
    case(
        "Own",
        mapping(rule.clone()),
        "settings.ingest.Own: expected a lower-case letter",
    );
    case(
        "own",
        mapping(json!({})),
        "settings.ingest.own.status: expected a pointer",
    );
    case(
        "own",
        mapping(json!({"rule": "rules"})),
        "settings.ingest.own.rule: expected a JSON pointer",
    );
    case(
        "own",
        mapping(json!({"rule": "/rules/0"})),
        "settings.ingest.own.rule: expected a pointer to a member",
    );
    case(
        "own",
        mapping(json!({"rule": "/at"})),
        "settings.ingest.own.rule: \"/at\" is mapped twice",
    );
    let mut book = book();
    book.settings.ingest.insert("own".to_owned(), mapping(rule));
    assert_eq!(faults(&book), []);
    assert_eq!(book.with_schema().schema, 5);
}
