//! A deployment in front of nothing: fed with Logpush `http_requests` alone, it detects, names and reports.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::scope;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::clock::{eventually, pass, unix_ms};
use crate::harness::past::an_hour_of_health;
use crate::harness::stage::Stage;
use crate::ingest::{DIGEST, PUSHER, bearer, gzip, push, stage};
use crate::july_2020::Until;

const SYSTEMS: [&str; 4] = ["amzn2", "el8", "ubuntu", "gke"];
const COLOS: [&str; 3] = ["FRA", "IAD", "SJC"];

/// Requests of one body.
const BODY: u32 = 120;

/// Between two bodies.
const PACE: Duration = Duration::from_secs(2);

/// What the number of a request says of its client.
fn client(number: u32) -> (&'static str, &'static str, String) {
    let (system, rest) = (number % 4, number / 4);
    let (colo, rest) = (rest % 3, rest / 3);
    let address = format!(
        "198.{}.{}.{}",
        18 + system,
        10 * colo + rest % 10,
        1 + rest / 10 % 20
    );
    (SYSTEMS[system as usize], COLOS[colo as usize], address)
}

/// A line as Logpush writes it, of half a minute ago and more.
pub(crate) fn line(number: u32, start: Option<u64>) -> String {
    let (system, colo, address) = client(number);
    let size = 100_000_000;
    let mut line = json!({
        "ClientASN": 16509, "ClientCountry": "us", "ClientIP": address, "ClientRequestHost": "hub.example",
        "ClientRequestMethod": "GET", "ClientRequestURI": format!("/v2/library/image-{}/blobs/{DIGEST}", number % 7),
        "ClientRequestUserAgent": format!("docker/19.03.12 go/go1.13.10 kernel/4.14.181-140.{system}.x86_64 os/linux arch/amd64"),
        "EdgeColoCode": colo, "EdgeStartTimestamp": (unix_ms() - 40_000) * 1_000_000, "EdgeResponseStatus": 200,
        "EdgeResponseBodyBytes": size, "RayID": format!("{number:08x}{:x}", start.unwrap_or_default()),
        "ResponseHeaders": {"content-length": size.to_string()},
    });
    if let Some(start) = start {
        line["EdgeResponseStatus"] = json!(206);
        line["RequestHeaders"] = json!({"range": format!("bytes={start}-")});
        line["ResponseHeaders"] = json!({"content-range": format!("bytes {start}-{}/{size}", size - 1)});
    }
    line.to_string()
}

/// Pulls of clients one after the other; where it is broken, Amazon Linux machines resume again and again.
fn body(first: u32, is_broken: bool) -> String {
    let pull = |number: u32| {
        let mut lines = vec![line(number, None)];
        if is_broken && client(number).0 == "amzn2" {
            lines.extend((1..4).map(|part| line(number, Some(part * 1_000_000))));
        }
        lines.join("\n")
    };
    let pulls: Vec<String> = (first..first + BODY).map(pull).collect();
    pulls.join("\n")
}

#[track_caller]
fn push_body(stage: &Stage, next: &AtomicU32, is_broken: bool) {
    let first = next.fetch_add(BODY, Ordering::Relaxed);
    let pushed = push(stage, "cloudflare", bearer(PUSHER), gzip(&body(first, is_broken)));
    assert_eq!(pushed.status(), 202, "{}", pushed.text());
    assert_eq!(pushed.json()["faults"], 0);
}

fn anomaly(stage: &Stage) -> Option<Value> {
    stage.api().items("/anomalies?status=open").into_iter().next()
}

#[test]
fn a_fault_is_found_named_and_reported_without_a_request_through_us() {
    let mut stage = stage();
    let next = AtomicU32::new(0);
    (0..3).for_each(|_| push_body(&stage, &next, false));
    let records = stage.records("limit=1000", 3 * BODY as usize);
    assert!(
        records
            .iter()
            .all(|record| record["seen"] == false && record["os"] != Value::Null)
    );
    an_hour_of_health(&mut stage, &records);
    let over = AtomicBool::new(false);
    scope(|scope| {
        let _ends = Until(&over);
        let (pushed, next, over) = (&stage, &next, &over);
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                push_body(pushed, next, true);
                pass(PACE);
            }
        });
        let found = eventually("the fault is found", || anomaly(&stage));
        assert_eq!(found["cohort"][0]["attribute"], "os", "{found}");
        for id in found["evidence"].as_array().unwrap() {
            let path = format!("/requests/{}", id.as_str().unwrap());
            let record = stage.api().get(&path);
            assert_eq!(record["record"]["os"], "amzn2", "{record}");
        }
        let report = stage
            .api()
            .try_get(&format!("/anomalies/{}/report", found["id"].as_str().unwrap()));
        assert_eq!(report.status(), 200);
        assert!(report.text().contains("resumes"), "{}", report.text());
    });
    let source = &stage.api().items("/ingest")[0];
    assert_eq!(
        (&source["faults"], &source["silent_since"]),
        (&json!(0), &Value::Null)
    );
}
