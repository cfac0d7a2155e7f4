//! What the CDN did, beside what we saw: pushed as Logpush sends it, and found with the request that it was done to.

use serde_json::{Value, json};

use crate::harness::clock::{eventually, unix_ms};
use crate::harness::http::Request;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::{Stage, VIEWER};
use crate::ingest::{PUSHER, bearer, gzip, push, stage};

const RULE: &str = "cloudflare:0a1b2c";

/// An event as the CDN writes it, of a client in Amsterdam.
fn event(stage: &Stage, ray: &str, action: &str, age_ms: u64) -> String {
    let digest = &stage.registry.image.small().digest;
    json!({
        "Action": action, "ClientASN": 64500, "ClientCountry": "nl", "ClientIP": "192.0.2.10",
        "ClientRequestHost": "cdn.example", "ClientRequestMethod": "GET",
        "ClientRequestPath": format!("/v2/{REPOSITORY}/blobs/{digest}"),
        "ClientRequestUserAgent": "docker/19.03.12 go/go1.13.10 kernel/4.14.181-140.257.amzn2.x86_64 os/linux arch/amd64",
        "Datetime": unix_ms() - age_ms, "Description": "botnet signature", "EdgeColoCode": "AMS",
        "EdgeResponseStatus": if action == "log" { 200 } else { 403 },
        "RayID": ray, "RuleID": "0a1b2c", "Source": "l7ddos",
    })
    .to_string()
}

#[track_caller]
fn told(stage: &Stage, lines: &[String]) -> Value {
    let pushed = push(stage, "cloudflare", bearer(PUSHER), gzip(&lines.join("\n")));
    assert_eq!(pushed.status(), 202, "{}", pushed.text());
    pushed.json()
}

#[test]
fn what_the_cdn_did_is_found_with_the_request_that_it_was_done_to() {
    let stage = stage();
    let digest = &stage.registry.image.small().digest;
    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");
    let place = Place::default().with("ray", "8f00ba4bad0c0aaa");
    let answer = stage.from(
        &place,
        &Request::get(&target).header("User-Agent", "skopeo/1.9.3"),
    );
    let id = answer.get("blobwatch-id").unwrap().to_owned();
    let before = stage.records(&format!("id={id}"), 1).remove(0);
    assert_eq!((&before["seen"], &before["fired"]), (&json!(true), &json!([])));

    let lines = [
        event(&stage, "8f00ba4bad0c0aaa", "log", 0),
        event(&stage, "8f00ba4bad0c0bbb", "block", 60_000),
    ];
    let counts = told(&stage, &lines);
    assert_eq!((&counts["joined"], &counts["new"]), (&json!(1), &json!(1)));
    assert_eq!(told(&stage, &lines)["repeats"], 2);

    let fires = stage.api().items(&format!("/fires?rule={RULE}"));
    let rays: Vec<(&Value, &Value, &Value)> = fires
        .iter()
        .map(|fire| (&fire["ray"], &fire["seen"], &fire["fired"][0]["applied"]))
        .collect();
    assert_eq!(rays.len(), 2, "{fires:?}");
    assert!(rays.contains(&(&json!("8f00ba4bad0c0aaa"), &json!(true), &json!("none"))));
    assert!(rays.contains(&(&json!("8f00ba4bad0c0bbb"), &json!(false), &json!("block"))));

    let mut after = stage.records(&format!("id={id}"), 1).remove(0);
    after["fired"] = json!([]);
    assert_eq!(after, before, "all else of the request stays as it was");
    let why = stage.api().get(&format!("/requests/{id}"))["why"].to_string();
    assert!(
        why.contains("cloudflare:0a1b2c (upstream) logged it and let it pass"),
        "{why}"
    );

    assert_eq!(stage.api().items("/fires?origin=own").len(), 0);
    assert_eq!(stage.api().items("/fires?origin=upstream&mode=enforce").len(), 1);
    let by = stage.api().get("/fires/summary?by=origin,rule,mode");
    let groups = by["groups"].as_array().unwrap();
    assert!(
        groups
            .iter()
            .all(|group| group["origin"] == "upstream" && group["rule"] == RULE),
        "{by}"
    );
    assert_eq!(groups.len(), 2);

    eventually("the Detector counts both", || {
        let metrics = Request::get("/_blobwatch/metrics").header("Authorization", &bearer(VIEWER).1);
        let metrics = metrics.send(stage.edge.addr()).unwrap().text();
        let of = |mode: &str, would: &str| {
            let labels = format!("origin=\"upstream\",rule=\"{RULE}\",route=\"default\",mode=\"{mode}\"");
            metrics.contains(&format!(
                "blobwatch_rule_fires_total{{{labels},would=\"block\",applied=\"{would}\"}} 1"
            ))
        };
        (of("enforce", "block") && of("monitor", "none")).then_some(())
    });
}
