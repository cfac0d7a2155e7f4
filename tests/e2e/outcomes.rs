//! How an observed body ended: the client sees the same bytes, the record says which side ended it.

use serde_json::{Value, json};

use crate::harness::http::{Answer, Ended, Request};
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::Fault;
use crate::harness::stage::Stage;

/// Every body of the default route is observed, and the isolate knows it.
fn observing() -> Stage {
    let stage = Stage::new();
    stage.api().put("/routes/default", &json!({"observe": 1}));
    let small = request(&stage, stage.registry.image.small().digest.as_str());
    stage.until(&small, |answer| outcome(&stage, answer) == "completed");
    stage
}

fn request(stage: &Stage, digest: &str) -> Request {
    assert!(stage.registry.image.blobs().any(|blob| blob.digest == digest));
    Request::get(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
}

fn large(stage: &Stage) -> Request {
    request(stage, &stage.registry.image.large().digest)
}

#[track_caller]
fn outcome(stage: &Stage, answer: &Answer) -> Value {
    of_id(stage, answer.get("blobwatch-id").unwrap())
}

#[track_caller]
fn of_id(stage: &Stage, id: &str) -> Value {
    stage.records(&format!("id={id}"), 1)[0]["outcome"].take()
}

#[test]
fn completed() {
    let stage = observing();
    for range in ["bytes=0-", "bytes=1000-1999", "bytes=-500"] {
        let asked = large(&stage).header("Range", range);
        let (through, straight) = (stage.through(&asked), stage.straight(&asked));
        assert!(
            through.body == straight.body && through.ended == Ended::Complete,
            "{range}"
        );
        assert_eq!(
            through.get("content-length"),
            straight.get("content-length"),
            "{range}"
        );
        assert_eq!(outcome(&stage, &through), "completed", "{range}");
    }
}

/// RFC 9112, section 6.3: what Transfer-Encoding codes has no other length, whatever Content-Length says. The client would
/// take the rest of such a body for the next answer on its connection.
#[test]
fn a_length_beside_a_transfer_coding_is_none() {
    let stage = observing();
    for length in [0, 3, 5, 4_000] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked");
        let answer = format!("{head}\r\nConnection: close\r\n\r\n5\r\nwhole\r\n0\r\n\r\n");
        stage.origin.arm(Fault::Answer(answer.into()), |_| true);
        let through = stage.through(&large(&stage));
        let found = (through.ended, through.text(), through.get("content-length"));
        assert_eq!(found, (Ended::Complete, "whole".to_owned(), None), "{length}");
        assert_eq!(outcome(&stage, &through), "completed", "{length}");
    }
}

#[test]
fn ended_by_the_client() {
    let stage = observing();
    let mut answer = stage.open(&Place::default(), &large(&stage));
    answer.take(100_000).unwrap();
    let id = answer.head.get("blobwatch-id").unwrap().to_owned();
    drop(answer);
    assert_eq!(of_id(&stage, &id), "client_closed");
}

#[test]
fn ended_by_the_origin() {
    let stage = observing();
    for fault in [Fault::Cut(3_000_000), Fault::Reset(3_000_000)] {
        stage.origin.arm(fault, |_| true);
        let answer = stage.through(&large(&stage));
        assert_eq!(answer.ended, Ended::Cut, "never a clean end");
        assert!(stage.registry.image.large().bytes.starts_with(&answer.body));
        assert_eq!(outcome(&stage, &answer), "origin_failed");
    }
}

/// Nothing observed means nothing touched, and nothing said.
#[test]
fn unobserved() {
    let stage = Stage::new();
    let answer = stage.through(&large(&stage));
    assert_eq!(outcome(&stage, &answer), "not_observed");
}
