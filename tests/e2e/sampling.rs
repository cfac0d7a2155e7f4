//! What is kept of records: a sample of clients where a route says so, and where older ones are.

use serde_json::{Value, json};

use crate::harness::clock::eventually;
use crate::harness::http::Request;
use crate::harness::place::Place;
use crate::harness::process::{command, run};
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::{Stage, VIEWER};
use crate::serve::built;

/// Of the refused requests, each of which is flushed at once: a hundred batches are merged without waiting for a minute.
const REFUSED: &str = "probe/1";

#[test]
fn a_sample_of_clients_is_kept_and_answers_say_where_older_records_are() {
    let stage = Stage::new();
    let api = stage.api();
    let rule =
        json!({"description": "", "expression": "http.user_agent contains \"probe/\"", "action": "block"});
    api.put("/rules/probe", &rule);
    let mode = json!({"mode": "enforce", "force": true, "reason": "the end-to-end test"});
    api.put("/rules/probe/modes/default", &mode);
    let settings = json!({"retention_hours": 24, "archive": "s3://bucket/prefix"});
    api.put("/settings", &settings);
    api.put("/routes/default", &json!({"keep": 0.5}));
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    let mut clients = (1..=250_u32).cycle();
    let mut pull = |agent: &str| {
        let place = Place::default().address(&format!("203.0.113.{}", clients.next().unwrap()));
        stage
            .from(&place, &Request::get(&target).header("User-Agent", agent))
            .status()
    };
    let weight = |record: &Value| record["weight"].as_u64().unwrap();
    let sampled = eventually("batches are merged", || {
        for _ in 0..10 {
            pull("docker/19.03.6");
            pull(REFUSED);
        }
        let kept = api.items("/requests?status=200");
        kept.iter().any(|record| weight(record) == 2).then_some(kept)
    });
    assert!(sampled.iter().all(|record| weight(record) <= 2));
    let refused = api.items("/requests?status=403");
    assert!(
        refused.iter().all(|record| weight(record) == 1),
        "what was refused is kept"
    );
    let summary = api.get("/requests/summary?by=route&status=200");
    assert_eq!(summary["clients_exact"], false, "{summary}");

    let older = |path: &str| api.get(path)["older"].clone();
    for path in [
        "/requests?since=-60d",
        "/fires?since=-60d",
        "/requests/summary?by=os&since=-60d",
    ] {
        assert_eq!(older(path)["archive"], "s3://bucket/prefix", "{path}");
    }
    assert_eq!(older("/requests?since=-1h"), Value::Null);
    let mut export = command(built("blobwatch").to_str().unwrap());
    export
        .args(["requests", "--since", "-60d", "--limit", "1"])
        .env("BLOBWATCH_URL", format!("http://{}", stage.edge.addr()))
        .env("BLOBWATCH_TOKEN", VIEWER);
    let said = run(export).success().stderr;
    assert!(said.contains("the archive is at s3://bucket/prefix"), "{said}");
}
