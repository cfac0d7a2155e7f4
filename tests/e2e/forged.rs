//! What a client says of itself is a claim. Facts come from the platform, trust from the deployment's secrets, and
//! secrets do not travel on to the origin.

use serde_json::Value;

use crate::harness::http::{Answer, Request};
use crate::harness::place::Place;
use crate::harness::registry::{REPOSITORY, TAG};
use crate::harness::stage::{OPERATOR, Stage, VIEWER};

fn blob(stage: &Stage) -> Request {
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    Request::get(&target).header("User-Agent", "curl/7.88.1")
}

#[track_caller]
fn record(stage: &Stage, answer: &Answer) -> Value {
    let id = answer.get("blobwatch-id").unwrap();
    stage.records(&format!("id={id}"), 1).remove(0)
}

#[test]
fn headers_of_the_edge_are_not_believed_from_a_client() {
    let stage = Stage::new();
    let honest = record(&stage, &stage.through(&blob(&stage)));
    let forged = blob(&stage)
        .header("CF-Connecting-IP", "203.0.113.99")
        .header("CF-Connecting-IPv6", "2001:db8::99")
        .header("True-Client-IP", "203.0.113.99")
        .header("X-Forwarded-For", "203.0.113.99")
        .header("X-Real-IP", "203.0.113.99")
        .header("CF-Ray", "f0f0f0f0f0f0f0f0-XXX")
        .header("CF-IPCountry", "XX")
        .header("CF-Visitor", "{\"scheme\":\"https\"}");
    let forged = record(&stage, &stage.through(&forged));
    for fact in ["client", "network", "ray", "country", "asn", "colo", "family"] {
        assert_eq!(forged[fact], honest[fact], "{fact}");
    }
    assert_eq!(honest["ray"], "8f00ba4bad0c0ffe");
    let another = stage.from(&Place::default().address("203.0.113.99"), &blob(&stage));
    assert_ne!(
        record(&stage, &another)["client"],
        honest["client"],
        "the platform's word does count"
    );
}

#[test]
fn our_own_headers_are_not_believed_from_a_client() {
    let stage = Stage::new();
    let id = "00000000000000000000000000";
    let forged = blob(&stage)
        .header("Blobwatch-Id", id)
        .header("Blobwatch-Fired", "forged;v=1;mode=enforce;would=block")
        .header("Blobwatch-Test-Trap", "decide");
    let answer = stage.through(&forged);
    assert_ne!(answer.get("blobwatch-id"), Some(id));
    assert_eq!(answer.get("blobwatch-fired"), None);
    assert!(answer.body == stage.registry.image.small().bytes);
}

#[test]
fn rules_that_fired_are_told_to_operators_only() {
    let stage = Stage::new();
    let rule =
        serde_json::json!({"description": "", "expression": "client.family eq \"curl\"", "action": "block"});
    stage.api().put("/rules/curls", &rule);
    let with = |token: &str| blob(&stage).header("Blobwatch-Token", token);
    let told = |answer: &Answer| answer.get("blobwatch-fired").map(str::to_owned);
    stage.until(&with(OPERATOR), |answer| told(answer).is_some());
    for token in [VIEWER, "wrong", ""] {
        assert_eq!(told(&stage.through(&with(token))), None, "{token:?}");
    }
    assert_eq!(told(&stage.through(&blob(&stage))), None);
}

#[test]
fn operators_token_never_reaches_the_origin() {
    let stage = Stage::new();
    let targets = [
        blob(&stage).head.target().to_owned(),
        format!("/v2/{REPOSITORY}/manifests/{TAG}"),
        "/v2/".to_owned(),
    ];
    for target in &targets {
        stage.through(&Request::get(target).header("Blobwatch-Token", OPERATOR));
    }
    stage.api().get("/rules");
    stage.api().try_get("/no/such/call");
    let seen = stage.origin.seen();
    assert_eq!(
        seen.len(),
        targets.len(),
        "the control plane is not forwarded: {seen:?}"
    );
    for request in seen {
        assert!(!format!("{request:?}").contains(OPERATOR), "{request:?}");
    }
}

#[test]
fn registrys_credentials_reach_the_origin_and_no_record() {
    let stage = Stage::new();
    let secret = "c2VjcmV0LXBhc3N3b3Jk";
    let answer = stage.through(&blob(&stage).header("Authorization", &format!("Basic {secret}")));
    let seen = stage.origin.seen();
    assert_eq!(
        seen[0].get("authorization"),
        Some(format!("Basic {secret}").as_str())
    );
    let record = record(&stage, &answer);
    assert!(!record.to_string().contains(secret), "{record}");
    assert!(
        !record.to_string().contains("192.0.2.10"),
        "no address is stored: {record}"
    );
}

#[test]
fn text_that_tries_to_break_out_of_its_field_stays_in_it() {
    let stage = Stage::new();
    let target = blob(&stage).head.target().to_owned();
    let strange = [
        Request::get(&format!("{target}?a=%0AGET&b=%0D%0Ahost:x"))
            .header("User-Agent", "curl/7 \u{e9}\t;\"\\"),
        Request::get(&target).header("User-Agent", &"docker/".repeat(2_000)),
        Request::get(&target)
            .header("User-Agent", "")
            .header("X-Empty", ""),
        (0..100).fold(Request::get(&target), |r, n| {
            r.header(&format!("X-{n}"), "a: b\u{85}c")
        }),
    ];
    for request in strange {
        let (through, straight) = (stage.through(&request), stage.straight(&request));
        assert_eq!(through.status(), straight.status(), "{request:?}");
        assert!(through.body == straight.body, "{request:?}");
        assert_eq!(
            record(&stage, &through)["digest"],
            stage.registry.image.small().digest
        );
    }
}
