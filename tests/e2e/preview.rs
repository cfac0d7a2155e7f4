//! Whom a rule would hit, before it is enforced: what a preview says is what is then denied.

use serde_json::{Value, json};

use crate::harness::clients::{Home, has_pulled, podman, skopeo};
use crate::harness::clock::eventually;
use crate::harness::http::{Answer, Request};
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::{Stage, front};

const RULE: &str = "no-skopeo";

fn put_rule(stage: &Stage) {
    let rule = json!({"description": "", "expression": "client.family eq \"skopeo\"", "action": "block"});
    stage.api().put(&format!("/rules/{RULE}"), &rule);
}

#[track_caller]
fn post(stage: &Stage, path: &str, body: &Value) -> Answer {
    let post = Request::new("POST", &format!("/_blobwatch/api/v1{path}"));
    stage.api().send(post.body("application/json", body.to_string()))
}

/// Asks for a preview of the rule as it is stored.
#[track_caller]
fn begin(stage: &Stage) -> String {
    let answer = post(
        stage,
        "/previews",
        &json!({"rule": {"id": RULE}, "route": "default"}),
    );
    assert_eq!(answer.status(), 202, "{}", answer.text());
    let item = answer.json();
    assert_eq!(item["status"], "running");
    item["id"].as_str().unwrap().to_owned()
}

#[track_caller]
fn done(stage: &Stage, id: &str) -> Value {
    let path = format!("/previews/{id}");
    let item = eventually("the preview ends", || {
        Some(stage.api().get(&path)).filter(|item| item["status"] != "running")
    });
    assert_eq!(item["status"], "done", "{item:#}");
    item
}

fn enforce(stage: &Stage, permit: Value) -> Answer {
    let mut body = json!({"mode": "enforce", "reason": "the end-to-end test"});
    for (name, value) in permit.as_object().unwrap() {
        body[name] = value.clone();
    }
    stage
        .api()
        .try_put(&format!("/rules/{RULE}/modes/default"), &body)
}

fn pull(agent: &str) -> impl Fn(&Stage, u8) -> Answer {
    move |stage, client| {
        let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
        let place =
            Place::colo(["AMS", "FRA"][usize::from(client % 2)]).address(&format!("192.0.2.{client}"));
        stage.from(&place, &Request::get(&target).header("User-Agent", agent))
    }
}

#[test]
fn a_preview_says_what_is_then_denied() {
    let stage = Stage::new();
    put_rule(&stage);
    let agents = [
        "skopeo/1.9.3",
        "containerd/v1.6.20",
        "docker/20.10.7 os/linux",
        "skopeo/1.4.0",
    ];
    let pulls = |expected: fn(&str) -> u16| {
        for client in 0..20 {
            let agent = agents[usize::from(client % 4)];
            assert_eq!(pull(agent)(&stage, client).status(), expected(agent), "{agent}");
        }
    };
    pulls(|_| 200);
    stage.records("", 20);

    let item = done(&stage, &begin(&stage));
    let count = |name: &str| item[name].as_u64().unwrap();
    assert_eq!(
        (
            count("requests"),
            count("matched_requests"),
            count("decided_requests")
        ),
        (20, 10, 10)
    );
    assert_eq!(
        (
            count("matched_clients"),
            count("matched_networks"),
            count("matched_pulls")
        ),
        (10, 1, 10)
    );
    assert_eq!(
        count("matched_bytes"),
        10 * stage.registry.image.small().bytes.len() as u64
    );
    assert_eq!((&item["stale"], &item["incomplete"]), (&json!(false), &json!([])));
    assert_eq!(item["progress"], json!({"scanned": 20, "total": 20}));
    assert_eq!(
        item["sentence"],
        "would deny 100 % of skopeo in 2 colos, of which 100 % completed their pulls: 10 clients in 1 network"
    );
    assert_eq!(item["evidence"].as_array().unwrap().len(), 10);

    let permit = json!({"preview": item["id"]});
    assert_eq!(enforce(&stage, permit).status(), 201);
    stage.until(&blob(&stage).header("User-Agent", "skopeo/1.9.3"), |answer| {
        answer.status() == 403
    });
    eventually("the other colo knows too", || {
        (pull("skopeo/1.9.3")(&stage, 1).status() == 403).then_some(())
    });
    pulls(|agent| if agent.starts_with("skopeo") { 403 } else { 200 });
    let entry = &stage.api().get("/audit?limit=1")["items"][0];
    assert_eq!(entry["after"]["preview"], item["id"]);
}

/// So many that a FireLog of four, with a quarter of the clients, would not see the volume before a test hangs.
const VOLUME: u64 = 1_000;

/// One pull of each of many clients: whichever FireLog their records go to, their number is the colo's.
#[test]
fn a_volume_is_counted_over_all_fire_logs_of_a_colo() {
    let stage = Stage::new();
    stage.api().put("/settings", &json!({"fire_logs": {"AMS": 4}}));
    let volume = json!({"by": "asn", "requests": VOLUME, "seconds": 3600});
    let rule = json!({"description": "", "expression": "client.family eq \"skopeo\"", "action": "throttle", "volume": volume});
    stage.api().put(&format!("/rules/{RULE}"), &rule);
    let enforced = stage.api().put(
        &format!("/rules/{RULE}/modes/default"),
        &json!({"mode": "enforce", "force": true, "reason": "the end-to-end test"}),
    );
    let in_force = enforced["revision"].as_u64().unwrap();
    let mut others: u64 = 0;
    eventually("the rule is in force", || {
        others += 1;
        stage.through(&blob(&stage));
        let newest = &stage.api().items("/requests?limit=1");
        let revision = newest.first().and_then(|record| record["revision"].as_u64());
        (revision >= Some(in_force)).then_some(())
    });

    let mut sent: u64 = 0;
    let mut pull = || {
        let address = format!("198.51.{}.{}", sent / 250, sent % 250 + 1);
        sent += 1;
        let asked = blob(&stage).header("User-Agent", "skopeo/1.9.3");
        stage.from(&Place::default().address(&address), &asked).status()
    };
    for _ in 0..=VOLUME {
        assert_eq!(pull(), 200);
    }
    eventually("the volume is exceeded", || (pull() == 429).then_some(()));

    for _ in 0..50 {
        pull();
    }
    // A preview first counts what matches and then judges it: what comes in between would be judged and not counted.
    eventually("all requests are stored", || {
        let summary = stage.api().get("/requests/summary?by=route");
        (summary["requests"] == sent + others).then_some(())
    });
    let item = done(&stage, &begin(&stage));
    assert_eq!(item["requests"], sent + others);
    let (matched, above) = (item["matched_requests"].as_u64().unwrap(), sent - VOLUME - 1);
    // Matches of one millisecond do not know of each other, and a new window forgets some of the old one.
    assert!(
        (above - 20..=above).contains(&matched),
        "{matched} of {above}: {item:#}"
    );
}

fn blob(stage: &Stage) -> Request {
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    Request::get(&target)
}

#[test]
fn real_clients_are_previewed_as_they_are_then_refused() {
    let stage = Stage::new();
    put_rule(&stage);
    // Two machines: one that fetches a digest twice is no healthy one.
    let front_of = |address: &str| front(stage.edge.addr(), &Place::default().address(address));
    let (of_skopeo, of_podman) = (front_of("192.0.2.10"), front_of("192.0.2.11"));
    let home = Home::new();
    skopeo(&home, of_skopeo.addr(), REPOSITORY).success();
    has_pulled(&home, &stage.registry.image);
    assert_eq!(
        podman(&Home::new(), of_podman.addr(), REPOSITORY),
        stage.registry.image.manifest.digest
    );
    let blobs = stage.registry.image.blobs().count();
    let by_skopeo = stage.records("family=skopeo", blobs).len();
    stage.records("", 2 * blobs);

    let item = done(&stage, &begin(&stage));
    assert_eq!(item["matched_requests"], by_skopeo);
    assert_eq!(item["matched_pulls"], blobs);
    assert_eq!(item["cohorts"].as_array().unwrap().len(), 1, "{item:#}");
    let cohort = &item["cohorts"][0];
    assert_eq!(
        (&cohort["share_of_cohort"], &cohort["healthy"]),
        (&json!(1.0), &json!(1.0)),
        "{item:#}"
    );
    let family = json!({"attribute": "family", "values": ["skopeo"]});
    assert!(cohort["cohort"].as_array().unwrap().contains(&family), "{item:#}");

    assert_eq!(enforce(&stage, json!({"preview": item["id"]})).status(), 201);
    stage.until(&blob(&stage).header("User-Agent", "skopeo/1.9.3"), |answer| {
        answer.status() == 403
    });
    let refused = skopeo(&Home::new(), of_skopeo.addr(), REPOSITORY);
    assert!(
        !refused.status.success() && refused.stderr.contains("403"),
        "{refused:?}"
    );
    assert_eq!(
        podman(&Home::new(), of_podman.addr(), REPOSITORY),
        stage.registry.image.manifest.digest
    );
}

#[test]
fn enforcement_without_a_fresh_preview_is_refused_and_force_is_on_record() {
    let stage = Stage::new();
    put_rule(&stage);
    let refused = |permit: Value, says: &str| {
        let answer = enforce(&stage, permit);
        assert_eq!(answer.status(), 409, "{}", answer.text());
        assert!(
            answer.text().contains("POST previews") && answer.text().contains(says),
            "{}",
            answer.text()
        );
    };
    refused(json!({}), "no preview is named");
    refused(json!({"preview": "pv-000009"}), "less than an hour old");
    let id = begin(&stage);
    assert_eq!(done(&stage, &id)["matched_requests"], 0);
    let moved = json!({"description": "", "expression": "client.family eq \"podman\"", "action": "block"});
    stage.api().put(&format!("/rules/{RULE}"), &moved);
    refused(json!({"preview": id}), "version 1");
    let stale = stage.api().get(&format!("/previews/{id}"));
    assert_eq!(stale["stale"], true);
    assert!(
        stale["stale_because"].as_str().unwrap().contains("version 1"),
        "{stale:#}"
    );

    assert_eq!(enforce(&stage, json!({"force": true})).status(), 201);
    let entry = &stage.api().get("/audit?limit=1")["items"][0];
    assert_eq!(
        (&entry["after"]["forced"], &entry["reason"]),
        (&json!(true), &json!("the end-to-end test"))
    );
    let verified = stage.api().get("/audit/verify");
    assert_eq!(
        (&verified["ok"], &verified["broken"]),
        (&json!(true), &Value::Null)
    );
    let export = stage.api().try_get("/audit?format=ndjson");
    let lines = export.text().lines().count();
    assert_eq!(verified["entries"], lines);
    assert!(
        export
            .text()
            .lines()
            .last()
            .unwrap()
            .contains(verified["head"].as_str().unwrap())
    );
}

#[test]
fn a_preview_goes_on_after_the_end_of_the_process() {
    let mut stage = Stage::new();
    put_rule(&stage);
    for client in 0..6 {
        assert_eq!(pull("skopeo/1.9.3")(&stage, client).status(), 200);
    }
    stage.records("", 6);
    stage.edge.sabotage(&json!({"FireLog": "hold"}));
    let id = begin(&stage);
    assert_eq!(stage.api().get(&format!("/previews/{id}"))["status"], "running");
    stage.edge.restart();
    let item = done(&stage, &id);
    assert_eq!(
        (&item["matched_requests"], &item["incomplete"]),
        (&json!(6), &json!([]))
    );
    assert_eq!(enforce(&stage, json!({"preview": id})).status(), 201);
    assert_eq!(stage.api().get("/audit/verify")["ok"], true);
}

#[test]
fn a_preview_can_be_cancelled_and_names_who_did_not_answer() {
    let stage = Stage::new();
    put_rule(&stage);
    assert_eq!(pull("skopeo/1.9.3")(&stage, 1).status(), 200);
    assert_eq!(pull("skopeo/1.9.3")(&stage, 2).status(), 200);
    stage.records("", 2);
    stage.edge.sabotage(&json!({"FireLog": "hold"}));
    let id = begin(&stage);
    stage.api().delete(&format!("/previews/{id}"));
    let cancelled = stage.api().get(&format!("/previews/{id}"));
    assert_eq!(cancelled["status"], "cancelled");
    assert!(cancelled.get("matched_requests").is_none());
    stage.edge.sabotage(&json!({"FireLog": "refuse"}));
    let id = begin(&stage);
    let failed = eventually("the preview fails", || {
        Some(stage.api().get(&format!("/previews/{id}"))).filter(|item| item["status"] != "running")
    });
    assert_eq!(
        (&failed["status"], &failed["error"]),
        (&json!("failed"), &json!("no FireLog answered"))
    );
    let listed: Vec<Value> = stage.api().items("/previews?limit=1");
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["id"], id.as_str());
}
