//! Everything of ours breaks, one thing at a time, and every pull still gets its bytes: the one that met the fault
//! and all that were in flight. What was lost is counted, and the count can be read.

use std::sync::Arc;
use std::thread::{scope, spawn};
use std::time::Duration;

use blobwatch_records::Flush;
use serde_json::{Value, json};

use crate::harness::clock::{eventually, pass};
use crate::harness::deployment::Bundle;
use crate::harness::head::Head;
use crate::harness::http::{Answer, Ended, Request};
use crate::harness::image::{Blob, MANIFEST_TYPE};
use crate::harness::place::Place;
use crate::harness::registry::{REPOSITORY, TAG};
use crate::harness::relay::{Fault, Gate};
use crate::harness::stage::Stage;

fn pull(blob: &Blob) -> Request {
    let target = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
    Request::get(&target).header("User-Agent", "containerd/1.7.20")
}

#[track_caller]
fn is_whole(answer: &Answer, blob: &Blob) {
    assert_eq!(
        (answer.status(), answer.ended),
        (200, Ended::Complete),
        "{:?}",
        answer.head
    );
    assert!(answer.body == blob.bytes, "other bytes");
}

/// Breaks something while a large pull is in flight; both end whole.
#[track_caller]
fn while_pulling<T>(stage: &Stage, breaking: impl FnOnce() -> T) -> T {
    let (gate, registry) = (Gate::default(), Arc::clone(&stage.registry));
    let digest = registry.image.large().digest.clone();
    stage.origin.arm(Fault::Hold(1_000_000, gate.clone()), move |r| {
        r.target().contains(&digest)
    });
    let (edge, request) = (
        stage.edge.addr(),
        Place::default().ask(&pull(registry.image.large())),
    );
    let in_flight = spawn(move || request.send(edge).unwrap());
    eventually("the large pull is in flight", || {
        (stage.origin.open() == 1).then_some(())
    });
    let result = breaking();
    all_small_ones(stage);
    gate.open();
    is_whole(&in_flight.join().unwrap(), registry.image.large());
    result
}

#[track_caller]
fn all_small_ones(stage: &Stage) {
    for blob in stage
        .registry
        .image
        .blobs()
        .filter(|blob| blob.bytes.len() < 10_000_000)
    {
        is_whole(&stage.through(&pull(blob)), blob);
    }
}

/// Losses of one kind travel with several flushes: waits until so many have arrived.
#[track_caller]
fn wait_for_losses(stage: &Stage, kind: &str, at_least: u64) {
    eventually(&format!("{kind} is counted {at_least} times"), || {
        // Losses travel with the next flush: there must be one.
        stage.through(&pull(stage.registry.image.small()));
        (count(&stage.api().get("/losses"), kind) >= at_least).then_some(())
    });
}

fn count(losses: &Value, kind: &str) -> u64 {
    let items = losses["items"].as_array().unwrap();
    items
        .iter()
        .filter(|item| item["name"] == kind)
        .filter_map(|item| item["count"].as_u64())
        .sum()
}

fn trapping(blob: &Blob, call: &str) -> Request {
    pull(blob).header("Blobwatch-Test-Trap", call)
}

/// What the worker logged of it.
#[track_caller]
fn trap(call: &str) -> String {
    let stage = Stage::serving(Bundle::Hooks);
    let small = stage.registry.image.small();
    all_small_ones(&stage);
    while_pulling(&stage, || {
        for _ in 0..3 {
            is_whole(&stage.through(&trapping(small, call)), small);
        }
    });
    let loss = format!("{call}_trap");
    wait_for_losses(&stage, &loss, 3);
    let answer = stage.through(&pull(small));
    let id = answer
        .get("blobwatch-id")
        .expect("the instance made anew watches again");
    stage.records(&format!("id={id}"), 1);
    stage.edge.log()
}

/// The trigger is a panic: a trap alone says nothing.
#[test]
fn wasm_trap_in_decide() {
    let log = trap("decide");
    assert!(log.contains("told to by a test"), "what it says: {log}");
    assert!(log.contains("Stack:"), "where it was: {log}");
}

#[test]
fn wasm_trap_in_settle() {
    trap("settle");
}

/// What a front proxy says of one client is that request's affair: it passes, and nobody's record is lost.
#[test]
fn malformed_facts_cost_nobody_a_record() {
    let stage = Stage::new();
    let small = stage.registry.image.small();
    all_small_ones(&stage);
    let blobs = [
        "not json",
        "{",
        "[]",
        "5",
        "true",
        "\"text\"",
        "{\"colo\":",
        "{\"colo\":{}}",
        "{\"colo\":[\"AMS\"]}",
        "{\"colo\":5}",
        "{\"clientIp\":\"192.0.2.7\\n192.0.2.8\"}",
        "{\"asn\":{}}",
        "{\"asn\":1e99}",
        "{\"botManagement\":null}",
        "{\"clientIp\":null}",
        "{\"tlsVersion\":\"\\ud800\"}",
        "{}",
    ];
    let manifest = Request::get(&format!("/v2/{REPOSITORY}/manifests/{TAG}")).header("Accept", MANIFEST_TYPE);
    let upload = Request::new("POST", &format!("/v2/{REPOSITORY}/blobs/uploads/")).body("text/plain", "");
    for blob in blobs {
        let ask = |request: &Request| {
            request
                .clone()
                .header("CF-Blob", blob)
                .send(stage.edge.addr())
                .unwrap()
        };
        let answer = ask(&pull(small));
        is_whole(&answer, small);
        let id = answer.get("blobwatch-id").expect("watched");
        stage.records(&format!("id={id}"), 1);
        assert_eq!(ask(&manifest).status(), 200, "{blob}");
        assert_eq!(ask(&upload).status(), 202, "{blob}");
    }
    assert_eq!(stage.api().get("/losses")["items"], json!([]));
}

/// The trigger is compiled out of what is deployed.
#[test]
fn release_has_no_trigger() {
    let stage = Stage::new();
    let small = stage.registry.image.small();
    for call in ["decide", "settle"] {
        let answer = stage.through(&trapping(small, call));
        is_whole(&answer, small);
        stage.records(&format!("id={}", answer.get("blobwatch-id").unwrap()), 1);
    }
    assert_eq!(count(&stage.api().get("/losses"), "decide_trap"), 0);
    assert_eq!(count(&stage.api().get("/losses"), "settle_trap"), 0);
}

/// Every blob request that the origin saw is in the log or counted as lost under one of these names; each once.
#[track_caller]
fn nothing_is_lost_uncounted(stage: &Stage, names: &[&str]) {
    let mut gap = Duration::from_secs(2);
    eventually("every request is recorded or counted", || {
        // What waits is sent with what comes next, which is then waited for, on a busy machine for longer.
        stage.through(&pull(stage.registry.image.small()));
        pass(gap);
        gap += Duration::from_secs(1);
        let asked = stage.origin.seen().len() as u64;
        let recorded = stage.api().get("/requests/summary?by=family")["requests"]
            .as_u64()
            .unwrap();
        let losses = stage.api().get("/losses");
        let lost: u64 = names.iter().map(|name| count(&losses, name)).sum();
        println!("{recorded} recorded and {lost} lost of {asked}: {losses}");
        (recorded + lost == asked).then_some(())
    });
}

#[test]
fn trap_loses_nothing_uncounted() {
    let stage = Stage::serving(Bundle::Hooks);
    let small = stage.registry.image.small();
    let slow = |request: &Head| request.get("x-slow").is_some();
    let gate = Gate::default();
    stage.origin.arm(Fault::Await(gate.clone()), slow);
    let (edge, request) = (
        stage.edge.addr(),
        Place::default().ask(&pull(small).header("X-Slow", "1")),
    );
    let unanswered = spawn(move || request.send(edge).unwrap());
    eventually("the slow pull waits", || (stage.origin.open() == 1).then_some(()));
    for call in [
        "none", "decide", "settle", "none", "decide", "none", "none", "settle", "none",
    ] {
        is_whole(&stage.through(&trapping(small, call)), small);
    }
    gate.open();
    is_whole(&unanswered.join().unwrap(), small);
    nothing_is_lost_uncounted(&stage, &["decide_trap", "settle_trap", "records_lost"]);
}

/// What an instance of Wasm was told, or counted itself, goes on to its successor.
#[test]
fn losses_outlive_the_instance_that_was_told() {
    let stage = Stage::serving(Bundle::Hooks);
    let small = stage.registry.image.small();
    is_whole(&stage.through(&pull(small)), small);
    let flushes = || -> u64 {
        let calls = stage.edge.calls();
        let counts = calls.as_object().unwrap().iter();
        let of_flushes =
            counts.filter(|(call, _)| call.starts_with("FireLog POST") && call.ends_with("/flush"));
        of_flushes.filter_map(|(_, count)| count.as_u64()).sum()
    };
    eventually("the first record is sent", || (flushes() > 0).then_some(()));
    stage.edge.sabotage(&json!({"FireLog": "refuse"}));
    for call in ["decide", "settle", "none"] {
        is_whole(&stage.through(&trapping(small, call)), small);
        let before = flushes();
        eventually("a flush that tells of it is refused", || {
            is_whole(&stage.through(&pull(small)), small);
            (flushes() > before).then_some(())
        });
    }
    stage.edge.sabotage(&json!({}));
    nothing_is_lost_uncounted(&stage, &["decide_trap", "settle_trap", "records_lost"]);
}

/// With a fault on every call to the class, from the first request of a fresh isolate on.
#[track_caller]
fn sabotaged(class: &str, fault: &str) -> Stage {
    let stage = Stage::new();
    stage.edge.sabotage(&json!({class: fault}));
    while_pulling(&stage, || all_small_ones(&stage));
    let calls = stage.edge.calls();
    let met = calls
        .as_object()
        .unwrap()
        .keys()
        .any(|call| call.starts_with(class));
    assert!(met, "nothing met the fault: {calls}");
    stage
}

#[track_caller]
fn recovers(stage: &Stage) {
    stage.edge.sabotage(&json!({}));
    eventually("all is well", || {
        stage.through(&pull(stage.registry.image.small()));
        (stage.health("?ready").status() == 200).then_some(())
    });
    assert_eq!(stage.health("").json()["status"], "ok");
    let small = stage.registry.image.small();
    let answer = stage.through(&pull(small));
    is_whole(&answer, small);
    stage.records(&format!("id={}", answer.get("blobwatch-id").unwrap()), 1);
}

/// Whoever asks is told that nothing is stored, and why; `losses` counts it while no FireLog can be told.
#[track_caller]
fn stores_nothing(stage: &Stage, why: &str) {
    let health = eventually("nothing is stored, and that is said", || {
        stage.through(&pull(stage.registry.image.small()));
        assert_eq!(stage.health("").status(), 200, "alive");
        let is_counted = count(&stage.api().get("/losses"), "flush_failed") > 0;
        let ready = stage.health("?ready");
        (is_counted && ready.status() == 503).then(|| ready.json())
    });
    assert_eq!(health["status"], "degraded");
    let reasons = health["reasons"].to_string();
    assert!(
        reasons.contains("FireLog fl1-ams-0 stores nothing since") && reasons.contains(why),
        "{reasons}"
    );
}

#[test]
fn fire_log_that_refuses() {
    let stage = sabotaged("FireLog", "refuse");
    stores_nothing(&stage, "status 503");
    recovers(&stage);
    wait_for_losses(&stage, "rulebook_unread", 1);
}

#[test]
fn fire_log_that_throws() {
    let stage = sabotaged("FireLog", "throw");
    stores_nothing(&stage, "thrown on purpose");
    recovers(&stage);
}

#[test]
fn fire_log_that_is_full() {
    let stage = sabotaged("FireLog", "full");
    stores_nothing(&stage, "status 507");
    recovers(&stage);
}

#[test]
fn fire_log_that_answers_nonsense() {
    recovers(&sabotaged("FireLog", "garbage"));
}

/// An isolate gives up what a FireLog does not answer, after ten seconds, and says so; a pull does not wait for that. On a
/// machine that stands still for so long it may come in between: then the next pull is looked at. `bench promises` says what
/// a pull waits.
#[track_caller]
fn is_not_waited_for(stage: &Stage) {
    let calls = stage.edge.calls();
    let reads = |calls: &Value| calls[READ].as_u64().unwrap_or(0);
    let given_up = || stage.edge.log().matches("failed to read the rulebook").count();
    let mut asked = reads(&calls);
    eventually(
        "a pull that asked is answered before the answer is given up",
        || {
            pass(ASKED_AGAIN);
            let before = given_up();
            let small = stage.registry.image.small();
            is_whole(&stage.through(&pull(small)), small);
            let is_answered_first = given_up() == before;
            let has_asked = reads(&stage.edge.calls()) > asked;
            asked = reads(&stage.edge.calls());
            (has_asked && is_answered_first).then_some(())
        },
    );
}

/// The colo of [`Place::default`].
const READ: &str = "FireLog GET /fl1-ams-0/rulebook";

/// A rulebook that could not be read is asked for again after this (`REFRESH_RETRY_MS` in `src/data_plane/flusher.js`).
const ASKED_AGAIN: Duration = Duration::from_millis(1_100);

/// The answer comes when the isolate has given up and sent the batch again: both arrive, one counts.
#[test]
fn fire_log_that_is_slow() {
    let stage = sabotaged("FireLog", "hold");
    is_not_waited_for(&stage);
    eventually("a batch is sent again", || {
        let flushes = stage.edge.flushes("fl1-ams-0");
        let is_again = |pair: &[Flush]| (pair[0].isolate, pair[0].seq) == (pair[1].isolate, pair[1].seq);
        stage.through(&pull(stage.registry.image.small()));
        flushes.windows(2).any(is_again).then_some(())
    });
    recovers(&stage);
    let small = stage.registry.image.small().digest.clone();
    let records = eventually("what was kept arrives", || {
        stage.through(&pull(stage.registry.image.small()));
        let records = stage.api().items(&format!("/requests?digest={small}"));
        (records.len() >= 3).then_some(records)
    });
    let mut ids: Vec<_> = records
        .iter()
        .map(|record| record["id"].as_str().unwrap())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), records.len(), "a batch that arrived twice counts once");
}

#[test]
fn rulebook_object_that_refuses() {
    recovers(&sabotaged("RuleBook", "refuse"));
}

#[test]
fn rulebook_object_that_answers_nonsense() {
    recovers(&sabotaged("RuleBook", "garbage"));
}

#[test]
fn rulebook_object_that_is_slow() {
    let stage = sabotaged("RuleBook", "hold");
    is_not_waited_for(&stage);
    recovers(&stage);
}

/// Room for records is bounded: with nowhere to send them, new ones are dropped, and counted.
#[test]
fn buffer_that_overflows() {
    let stage = Stage::new();
    all_small_ones(&stage);
    stage.edge.sabotage(&json!({"FireLog": "refuse"}));
    let head = Request::new("HEAD", pull(stage.registry.image.small()).head.target());
    scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..OVERFLOW / 8).for_each(|_| assert_eq!(stage.through(&head).status(), 200)));
        }
    });
    while_pulling(&stage, || {});
    stage.edge.sabotage(&json!({}));
    nothing_is_lost_uncounted(&stage, &["records_dropped"]);
    wait_for_losses(&stage, "records_dropped", 1);
}

/// More than `MAX_BUFFERED_RECORDS` of an isolate.
const OVERFLOW: usize = 4_800;
