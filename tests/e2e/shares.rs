//! Links to the report of an anomaly, on the real worker: who makes one, what it opens, and what it does not.

use serde_json::{Value, json};

use crate::harness::browser::browser_tests;
use crate::harness::clock::eventually;
use crate::harness::http::{Answer, Request};
use crate::harness::place::Place;
use crate::harness::stage::{Stage, VIEWER};

/// As a browser of somebody without an account.
fn open(stage: &Stage, path: &str) -> Answer {
    let request = Request::get(path).header("Accept", "text/html");
    request.send(stage.edge.addr()).unwrap()
}

fn call(method: &str, path: &str, body: &Value) -> Request {
    let request = Request::new(method, &format!("/_blobwatch/api/v1{path}"));
    request.body("application/json", body.to_string())
}

#[track_caller]
fn is_a_page(answer: &Answer, status: u16) -> String {
    let text = answer.text();
    assert_eq!(answer.status(), status, "{text}");
    assert_eq!(answer.get("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.get("cache-control"), Some("no-store"));
    assert_eq!(answer.get("referrer-policy"), Some("no-referrer"));
    assert!(answer.get("x-robots-tag").unwrap().contains("noindex"));
    let policy = answer.get("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(answer.get("set-cookie").is_none() && answer.get("etag").is_none());
    text
}

/// Of the anomaly `id`, of which the record `example` is an example.
pub(crate) fn somebody_outside_reads_the_report(stage: &Stage, id: &str, example: &str) {
    let shares = format!("/anomalies/{id}/shares");
    let by_viewer = call("POST", &shares, &json!({})).header("Authorization", &format!("Bearer {VIEWER}"));
    assert_eq!(by_viewer.send(stage.edge.addr()).unwrap().status(), 403);
    let made = stage.api().send(call(
        "POST",
        &format!("{shares}?reason=for+the+CDN"),
        &json!({"until": "+2d"}),
    ));
    assert_eq!(made.status(), 201, "{}", made.text());
    let made = made.json();
    let path = made["path"].as_str().unwrap();

    let text = is_a_page(&open(stage, path), 200);
    for part in [id, example, "<svg", "Reproduce", "amzn2"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let record = &stage.records(&format!("id={example}"), 1)[0];
    let secrets = [
        record["client"].as_str().unwrap(),
        record["network"].as_str().unwrap(),
        record["served_by"]
            .as_str()
            .unwrap()
            .trim_start_matches("origin:"),
        "<script",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    let link = format!("http://{}{path}", stage.edge.addr());
    browser_tests(&["browser/shared.test.ts"], &[("LINK", &link), ("ANOMALY", id)]);

    let share = made["id"].as_str().unwrap();
    let listed = stage.api().items(&shares);
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["path"]),
        (&json!(share), &Value::Null)
    );
    stage.api().delete(&format!("{shares}/{share}?reason=over"));
    assert!(is_a_page(&open(stage, path), 404).contains("opens nothing"));
    assert_eq!(stage.api().items(&shares), Vec::<Value>::new());
    let audited = eventually("both acts are in the audit log", || {
        let entries = stage.api().items("/audit?limit=50").into_iter();
        let of_share = entries.filter(|entry| entry["target"].as_str().unwrap().ends_with(share));
        let actions: Vec<Value> = of_share.map(|entry| entry["action"].clone()).collect();
        (actions.len() == 2).then_some(actions)
    });
    assert!(audited.contains(&json!("anomaly.share")) && audited.contains(&json!("anomaly.unshare")));
}

/// Whoever reads pages gets one, and programs get what they can read.
#[test]
fn an_address_without_a_page_says_so_to_people_and_to_programs() {
    let stage = Stage::new();
    for path in ["/_blobwatch/nothing", "/_blobwatch/assets/x"] {
        let text = is_a_page(&open(&stage, path), 404);
        assert!(text.contains("href=\"/_blobwatch/\""), "{text}");
        let program = Request::get(path)
            .header("Accept", "*/*")
            .send(stage.edge.addr())
            .unwrap();
        assert_eq!(
            (program.status(), program.get("content-type")),
            (404, Some("application/problem+json"))
        );
    }
    let call = open(&stage, "/_blobwatch/api/v1/nothing");
    assert_eq!(call.get("content-type"), Some("application/problem+json"));
    for token in ["", "x", &"0".repeat(64)] {
        is_a_page(&open(&stage, &format!("/_blobwatch/shared/{token}")), 404);
    }
    let guess = |address: &str| {
        let request = Request::get(&format!("/_blobwatch/shared/{}", "0".repeat(64)));
        stage.from(&Place::default().address(address), &request)
    };
    for _ in 0..20 {
        is_a_page(&guess("192.0.2.77"), 404);
    }
    let refused = guess("192.0.2.77");
    assert_eq!(refused.get("retry-after"), Some("60"));
    is_a_page(&refused, 429);
    is_a_page(&guess("198.51.100.7"), 404);
    let posted = Request::new("POST", "/_blobwatch/shared/x")
        .send(stage.edge.addr())
        .unwrap();
    assert_eq!(posted.status(), 405);
}
