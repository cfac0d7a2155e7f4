//! Everything of ours breaks, one thing at a time, and every pull still gets its bytes: the one that met the fault
//! and all that were in flight. What was lost is counted, and the count can be read.

use std::sync::Arc;
use std::thread::{scope, sleep, spawn};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::clock::{PATIENCE, eventually, now};
use crate::harness::deployment::Bundle;
use crate::harness::head::Head;
use crate::harness::http::{Answer, Ended, Request};
use crate::harness::image::Blob;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::{Fault, Gate};
use crate::harness::stage::Stage;

/// A fault of ours may cost a pull 50 ms; this machine has two cores and many tests, a slow object takes 10 s.
const PROMPT: Duration = Duration::from_secs(5);

/// A FireLog that failed is tried again after up to 30 s.
const RECOVERY: Duration = Duration::from_secs(90);

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
    eventually("the large pull is in flight", PATIENCE, || {
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
        let start = now();
        is_whole(&stage.through(&pull(blob)), blob);
        assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    }
}

/// How often something of this kind was counted, once it was.
#[track_caller]
fn losses(stage: &Stage, kind: &str) -> u64 {
    eventually(&format!("{kind} is counted"), RECOVERY, || {
        // Losses travel with the next flush: there must be one.
        stage.through(&pull(stage.registry.image.small()));
        Some(count(&stage.api().get("/losses"), kind)).filter(|count| *count > 0)
    })
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
    assert!(losses(&stage, &loss) >= 3);
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
    eventually("every request is recorded or counted", RECOVERY, || {
        // What waits is sent with what comes next.
        stage.through(&pull(stage.registry.image.small()));
        sleep(Duration::from_secs(3));
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
    stage.origin.arm(Fault::Delay(Duration::from_secs(2)), slow);
    let (edge, request) = (
        stage.edge.addr(),
        Place::default().ask(&pull(small).header("X-Slow", "1")),
    );
    let unanswered = spawn(move || request.send(edge).unwrap());
    eventually("the slow pull waits", PATIENCE, || {
        (stage.origin.open() == 1).then_some(())
    });
    for call in [
        "none", "decide", "settle", "none", "decide", "none", "none", "settle", "none",
    ] {
        is_whole(&stage.through(&trapping(small, call)), small);
    }
    is_whole(&unanswered.join().unwrap(), small);
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
    let small = stage.registry.image.small();
    let answer = stage.through(&pull(small));
    is_whole(&answer, small);
    stage.records(&format!("id={}", answer.get("blobwatch-id").unwrap()), 1);
}

#[test]
fn fire_log_that_refuses() {
    let stage = sabotaged("FireLog", "refuse");
    recovers(&stage);
    assert!(losses(&stage, "rulebook_unread") > 0);
}

#[test]
fn fire_log_that_throws() {
    recovers(&sabotaged("FireLog", "throw"));
}

#[test]
fn fire_log_that_is_full() {
    recovers(&sabotaged("FireLog", "full"));
}

#[test]
fn fire_log_that_answers_nonsense() {
    recovers(&sabotaged("FireLog", "garbage"));
}

/// The answer comes when the isolate has given up and sent the batch again: both arrive, one counts.
#[test]
fn fire_log_that_is_slow() {
    let stage = sabotaged("FireLog", "slow");
    recovers(&stage);
    let small = stage.registry.image.small().digest.clone();
    let records = eventually("what was kept arrives", RECOVERY, || {
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
    recovers(&sabotaged("RuleBook", "slow"));
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
    assert!(losses(&stage, "records_dropped") > 0);
}

/// More than `MAX_BUFFERED_RECORDS` of an isolate.
const OVERFLOW: usize = 4_800;
