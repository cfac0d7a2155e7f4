//! An origin that fails, and clients that go away: neither is made better or worse on the way through.

use std::thread::spawn;
use std::time::Duration;

use serde_json::json;

use crate::harness::clock::{eventually, pass};
use crate::harness::deployment::Bundle;
use crate::harness::http::{Answer, Ended, Request};
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::{Fault, Gate, Relay};
use crate::harness::stage::{Stage, configured};

fn large(stage: &Stage) -> Request {
    Request::get(&format!(
        "/v2/{REPOSITORY}/blobs/{}",
        stage.registry.image.large().digest
    ))
}

fn small(stage: &Stage) -> Request {
    Request::get(&format!(
        "/v2/{REPOSITORY}/blobs/{}",
        stage.registry.image.small().digest
    ))
}

/// A truncated blob must look truncated: an end that looks clean poisons whoever trusts it.
#[test]
fn body_cut_at_the_origin_is_cut_for_the_client() {
    let stage = Stage::new();
    let bytes = &stage.registry.image.large().bytes;
    let case = |fault: Fault, sent: usize| {
        stage.origin.arm(fault, |_| true);
        let answer = stage.through(&large(&stage));
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.ended, Ended::Cut);
        assert!(answer.body.len() <= sent && bytes.starts_with(&answer.body));
    };
    case(Fault::Cut(3_000_000), 3_000_000);
    case(Fault::Reset(3_000_000), 3_000_000);
    case(Fault::Cut(0), 0);
}

#[test]
fn body_without_a_length_that_is_cut_does_not_end_cleanly() {
    let stage = Stage::new();
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    stage
        .origin
        .arm(Fault::Answer(format!("{head}5\r\nfirst\r\n").into()), |_| true);
    assert_eq!(stage.through(&small(&stage)).ended, Ended::Cut);
    stage.origin.arm(
        Fault::Answer(format!("{head}5\r\nfirst\r\n0\r\n\r\n").into()),
        |_| true,
    );
    let whole = stage.through(&small(&stage));
    assert_eq!((whole.ended, whole.text().as_str()), (Ended::Complete, "first"));
}

#[test]
fn body_is_passed_on_while_it_comes() {
    let stage = Stage::new();
    let gate = Gate::default();
    stage.origin.arm(Fault::Hold(1_000_000, gate.clone()), |_| true);
    let mut answer = stage.open(&Place::default(), &large(&stage));
    let mut body = answer.take(1_000_000).unwrap();
    gate.open();
    let rest = answer.rest(body.len()).unwrap();
    body.extend(rest.body);
    assert_eq!(rest.ended, Ended::Complete);
    assert!(body == stage.registry.image.large().bytes);
}

#[test]
fn client_that_goes_away_frees_the_origin() {
    let stage = Stage::new();
    let mut answer = stage.open(&Place::default(), &large(&stage));
    answer.take(100_000).unwrap();
    assert_eq!(stage.origin.open(), 1);
    drop(answer);
    eventually("the origin's connection closes", || {
        (stage.origin.open() == 0).then_some(())
    });
    assert!(stage.through(&small(&stage)).body == stage.registry.image.small().bytes);
}

/// Many times what a pull waits for anything of ours.
const WHILE: Duration = Duration::from_secs(2);

#[test]
fn slow_origin_is_waited_for() {
    let stage = Stage::new();
    let gate = Gate::default();
    stage.origin.arm(Fault::Await(gate.clone()), |_| true);
    let (edge, request) = (stage.edge.addr(), Place::default().ask(&small(&stage)));
    let slow = spawn(move || request.send(edge).unwrap());
    eventually("the origin is asked", || {
        (!stage.origin.seen().is_empty()).then_some(())
    });
    pass(WHILE);
    assert!(!slow.is_finished(), "answered without the origin");
    gate.open();
    assert!(slow.join().unwrap().body == stage.registry.image.small().bytes);
}

#[test]
fn origin_that_ignores_ranges_is_passed_on() {
    let stage = Stage::new();
    stage.origin.arm(Fault::IgnoreRange, |_| true);
    let answer = stage.through(&small(&stage).header("Range", "bytes=1000-"));
    assert_eq!((answer.status(), answer.get("content-range")), (200, None));
    assert!(answer.body == stage.registry.image.small().bytes);
}

#[test]
fn redirect_is_passed_on() {
    let stage = Stage::new();
    let elsewhere = "https://storage.example/blob?signature=a%2Bb%3D&x=1";
    stage.origin.arm(Fault::redirect(elsewhere), |_| true);
    for method in ["GET", "HEAD"] {
        let answer = stage.through(&Request::new(method, small(&stage).head.target()));
        assert_eq!(
            (answer.status(), answer.get("location")),
            (307, Some(elsewhere)),
            "{method}"
        );
    }
}

/// `printf 'compressed by the origin' | gzip -n`
const GZIP: [u8; 44] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 75, 206, 207, 45, 40, 74, 45, 46, 78, 77, 81, 72, 170, 84, 40, 201, 72,
    85, 200, 47, 202, 76, 207, 204, 3, 0, 199, 96, 148, 185, 24, 0, 0, 0,
];

fn canned(head: &str, body: &[u8]) -> Fault {
    let head = format!(
        "{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    Fault::Answer([head.as_bytes(), body].concat())
}

#[test]
fn what_the_origin_compressed_stays_compressed() {
    let stage = Stage::new();
    stage
        .origin
        .arm(canned("HTTP/1.1 200 OK\r\nContent-Encoding: gzip", &GZIP), |_| {
            true
        });
    let case = |request: Request| {
        let answer = stage.through(&request);
        assert_eq!(answer.get("content-encoding"), Some("gzip"), "{request:?}");
        assert_eq!(answer.get("content-length"), Some("44"), "{request:?}");
        assert_eq!(answer.body, GZIP, "{request:?}");
    };
    case(small(&stage).header("Accept-Encoding", "gzip"));
    // Nobody asked, and yet it is not ours to decode.
    case(small(&stage));
    case(Request::get("/v2/library/app/manifests/v1").header("Accept-Encoding", "gzip"));
}

/// Equal lengths are one length, also where the body is observed.
#[test]
fn a_length_that_is_said_twice_reaches_the_client_once() {
    let stage = Stage::new();
    for observe in [0, 1] {
        stage.api().put("/routes/default", &json!({"observe": observe}));
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5";
        stage.origin.arm(canned(head, b"twice"), |_| true);
        let answer = stage.until(&small(&stage), |answer| answer.status() == 200);
        assert_eq!(answer.get("content-length"), Some("5"), "{observe}");
        assert_eq!(
            (answer.ended, answer.body.as_slice()),
            (Ended::Complete, b"twice".as_slice())
        );
    }
}

#[test]
fn errors_of_the_origin_are_passed_on() {
    let stage = Stage::new();
    let case = |head: &str, status: u16, fields: &[(&str, &str)]| {
        stage.origin.arm(canned(head, b"{\"errors\":[]}"), |_| true);
        let answer = stage.through(&small(&stage));
        assert_eq!(
            (answer.status(), answer.text().as_str()),
            (status, "{\"errors\":[]}"),
            "{head}"
        );
        for (name, value) in fields {
            let has = answer
                .head
                .fields
                .iter()
                .any(|(n, v)| n.eq_ignore_ascii_case(name) && v.contains(value));
            assert!(has, "{name}: {value} is missing: {:?}", answer.head);
        }
    };
    let basic = "Www-Authenticate: Basic realm=\"b\"";
    let bearer = "Www-Authenticate: Bearer realm=\"https://auth.example/token\",service=\"s\"";
    let both = [
        ("www-authenticate", "Bearer realm=\"https://auth.example/token\""),
        ("www-authenticate", "Basic"),
    ];
    case(
        &format!("HTTP/1.1 401 Unauthorized\r\n{bearer}\r\n{basic}"),
        401,
        &both,
    );
    case(
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7",
        429,
        &[("retry-after", "7")],
    );
    let proxied = "HTTP/1.1 503 Service Unavailable\r\nProxy-Status: cdn; error=destination_not_found";
    case(
        proxied,
        503,
        &[("proxy-status", "cdn; error=destination_not_found")],
    );
    case("HTTP/1.1 500 Internal Server Error", 500, &[]);
    let cookies = "HTTP/1.1 404 Not Found\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2";
    case(cookies, 404, &[("set-cookie", "a=1"), ("set-cookie", "b=2")]);
}

/// What the plain passthrough passes on reaches the client with the same status and bytes, observed or not.
#[test]
fn statuses_that_nobody_defined_are_passed_on() {
    let (stage, plain) = (Stage::new(), Stage::serving(Bundle::Passthrough));
    let heads = [
        "600 Odd",
        "666 Odd",
        "999 Odd",
        "205 Reset Content",
        "204 No Content",
        "304 Not Modified",
        "101 Switching Protocols",
        "299 Odd",
        "599 Odd",
    ];
    for observe in [0.0, 1.0] {
        let route = json!({"observe": observe});
        let revision = stage.api().put("/routes/default", &route)["revision"]
            .as_u64()
            .unwrap();
        for head in heads {
            let body = vec![7; 100_000];
            let fault = || canned(&format!("HTTP/1.1 {head}"), &body);
            stage.origin.arm(fault(), |_| true);
            plain.origin.arm(fault(), |_| true);
            let expected = plain.through(&small(&stage));
            let record = eventually("a pull under this rulebook", || {
                let answer = stage.through(&small(&stage));
                assert_eq!(
                    (answer.status(), answer.ended),
                    (expected.status(), expected.ended),
                    "{head}, {observe}"
                );
                assert!(
                    answer.body == expected.body,
                    "{head}, {observe}: {} bytes",
                    answer.body.len()
                );
                let status = expected.status();
                let mut records = stage.api().items("/requests?limit=1").into_iter();
                records.find(|record| record["status"] == status && record["revision"] == revision)
            });
            assert!(record["outcome"].is_string());
        }
    }
    let losses = stage.api().get("/losses");
    assert_eq!(losses["items"], json!([]), "each was recorded");
}

#[track_caller]
fn is_unreachable(answer: &Answer) {
    assert_eq!(answer.status(), 502, "{}", answer.text());
    assert!(
        answer.json()["errors"][0]["code"].is_string(),
        "an OCI error: {}",
        answer.text()
    );
    let status = answer.get("proxy-status").unwrap_or_default();
    assert!(status.starts_with("blobwatch;error="), "{status}");
}

#[test]
fn origin_that_is_down_is_said_to_be_down() {
    let gone = Relay::before(([127, 0, 0, 1], 1).into());
    let edge = configured(Bundle::Release, &gone.url()).start();
    drop(gone);
    let place = Place::default();
    is_unreachable(&place.ask(&Request::get("/v2/")).send(edge.addr()).unwrap());
    let blob = format!("/v2/a/blobs/sha256:{}", "0".repeat(64));
    is_unreachable(&place.ask(&Request::get(&blob)).send(edge.addr()).unwrap());
}

#[test]
fn origin_that_resets_costs_nobody_else_a_pull() {
    let stage = Stage::new();
    let (gate, large_digest) = (Gate::default(), stage.registry.image.large().digest.clone());
    stage
        .origin
        .arm(Fault::Refuse, |request| request.get("x-fail").is_some());
    let held = gate.clone();
    stage.origin.arm(Fault::Hold(1_000_000, held), move |request| {
        request.target().contains(&large_digest)
    });
    let (edge, request) = (stage.edge.addr(), Place::default().ask(&large(&stage)));
    let other = spawn(move || request.send(edge).unwrap());
    eventually("the other pull is in flight", || {
        (stage.origin.open() == 1).then_some(())
    });
    is_unreachable(&stage.through(&small(&stage).header("X-Fail", "1")));
    gate.open();
    let other = other.join().unwrap();
    assert!(other.ended == Ended::Complete && other.body == stage.registry.image.large().bytes);
}
