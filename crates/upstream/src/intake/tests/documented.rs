//! docs/upstream.md: what is pasted from there fits what is taken in.

use serde_json::Value;

use super::super::MAX_EVENTS;

const PAGE: &str = include_str!("../../../../../docs/upstream.md");

/// The bodies of the calls that make a job of Logpush, with the shell's variables filled in.
fn jobs() -> Vec<Value> {
    let calls = PAGE
        .split("```")
        .skip(1)
        .step_by(2)
        .filter(|block| block.contains("/logpush/jobs\""));
    let body = |call: &str| {
        let (_, body) = call.split_once("-d '").expect("a body");
        let body = body
            .replace("'$HOST'", "hub.example")
            .replace("'$PUSHER'", "token");
        let (body, _) = body.split_once("\n}'").expect("its end");
        serde_json::from_str(&format!("{body}\n}}")).expect("JSON")
    };
    calls.map(body).collect()
}

/// Cloudflare puts 100,000 lines into a body where nothing else is said, and does not send again what is refused as too large.
#[test]
fn jobs_of_logpush_send_no_more_than_is_taken() {
    let mut datasets = Vec::new();
    for job in jobs() {
        let dataset = job["dataset"].as_str().unwrap().to_owned();
        assert_eq!(job["enabled"], true, "{dataset}");
        let to = job["destination_conf"].as_str().unwrap();
        assert!(
            to.contains("/_blobwatch/ingest/v1/cloudflare?header_Authorization=Bearer%20"),
            "{to}"
        );
        if dataset != "network_analytics_logs" {
            let most = job["max_upload_records"].as_u64().expect("a bound");
            assert!(most <= MAX_EVENTS, "{dataset}: {most}");
        }
        datasets.push(dataset);
    }
    assert_eq!(
        datasets,
        ["firewall_events", "http_requests", "network_analytics_logs"]
    );
}
