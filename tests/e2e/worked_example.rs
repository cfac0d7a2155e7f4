//! The example of docs/safe-enforcement.md, from the preview to the explanation, with real pulls. With `--nocapture` it prints
//! the answers that the page shows; the export of the audit log stays in the folder of the tests.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::clients::{Home, podman, skopeo};
use crate::harness::clock::eventually;
use crate::harness::http::{Answer, Request};
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::Relay;
use crate::harness::stage::{Stage, front};

const MODE: &str = "/rules/no-skopeo/modes/default";

fn fleet(stage: &Stage, network: &str, machines: u8) -> Vec<Relay> {
    let place = |n: u8| Place::colo(["AMS", "FRA"][usize::from(n % 2)]).address(&format!("{network}.{n}.1"));
    (1..=machines)
        .map(|n| front(stage.edge.addr(), &place(n)))
        .collect()
}

fn show(what: &str, value: &Value) {
    println!("--- {what}\n{value}");
}

fn previewed(stage: &Stage) -> Value {
    let body = json!({"rule": {"id": "no-skopeo"}, "route": "default"});
    let post = Request::new("POST", "/_blobwatch/api/v1/previews");
    let begun: Answer = stage.api().send(post.body("application/json", body.to_string()));
    let path = format!("/previews/{}", begun.json()["id"].as_str().unwrap());
    eventually("the preview ends", || {
        Some(stage.api().get(&path)).filter(|item| item["status"] == "done")
    })
}

/// The status of one download by a machine of another network.
fn probe(stage: &Stage, machine: u8) -> u16 {
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    let place = Place::colo("AMS").address(&format!("192.0.2.{machine}"));
    stage
        .from(
            &place,
            &Request::get(&target).header("User-Agent", "skopeo/1.9.3"),
        )
        .status()
}

#[test]
fn a_rule_goes_from_its_preview_by_steps_to_its_guard_and_every_answer_says_so() {
    let stage = Stage::new();
    let (skopeos, podmans) = (fleet(&stage, "203.0", 12), fleet(&stage, "198.51", 2));
    let pull = |machine: &Relay| skopeo(&Home::new(), machine.addr(), REPOSITORY);
    for machine in &skopeos {
        pull(machine).success();
    }
    for machine in &podmans {
        podman(&Home::new(), machine.addr(), REPOSITORY);
    }
    let rule = json!({"description": "", "expression": "client.family eq \"skopeo\"", "action": "block"});
    stage.api().put("/rules/no-skopeo", &rule);
    let blobs = stage.registry.image.blobs().count();
    stage.records("", 14 * blobs);
    let preview = previewed(&stage);
    show("preview", &preview);
    let sentence = preview["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("100 % completed their pulls: 12 clients"),
        "{sentence}"
    );

    let set = json!({"mode": "enforce", "preview": preview["id"], "reason": "three in four first",
        "stages": [{"percent": 75, "minutes": 5}, {"percent": 100}]});
    show("mode, set", &stage.api().put(MODE, &set));
    // By machines that have no past here: one that fetched a digest twice within half an hour would not pull cleanly.
    eventually("it is enforced", || {
        (1..=8).any(|n| probe(&stage, n) == 403).then_some(())
    });
    let pulled: Vec<_> = skopeos.iter().map(pull).collect();
    let is_refused = |at: &usize| !pulled[*at].status.success();
    let refused: Vec<usize> = (0..pulled.len()).filter(is_refused).collect();
    println!(
        "--- {} of 12 are refused\n{}",
        refused.len(),
        pulled[refused[0]].stderr
    );
    let taken_back = eventually("the guard takes it back", || {
        Some(stage.api().get(MODE)).filter(|mode| mode["mode"] == "monitor")
    });
    assert_eq!(taken_back["guard"]["state"], "demoted");
    show("mode, taken back", &taken_back);
    eventually("they pull again", || {
        let mut each = refused.iter().map(|at| pull(&skopeos[*at]));
        each.all(|pulled| pulled.status.success()).then_some(())
    });
    show("audit", &stage.api().get("/audit?limit=1")["items"][0]);
    let anomaly = eventually("the anomaly is told", || stage.api().items("/anomalies").pop());
    show("anomaly", &anomaly);
    let denied = &stage.records("verdict=block", 1)[0];
    let explained = stage
        .api()
        .get(&format!("/fires/{}", denied["id"].as_str().unwrap()));
    let rules = explained["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["rule"] == "no-skopeo").unwrap();
    assert!(rule["mode"]["guard"]["state"].is_string(), "{rule:#}");
    show("explain, why", &explained["why"]);
    show("explain, rule", rule);
    let export = stage.api().try_get("/audit?format=ndjson").text();
    std::fs::write(
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("worked-example.ndjson"),
        export,
    )
    .unwrap();
    assert_eq!(stage.api().get("/audit/verify")["ok"], true);
}
