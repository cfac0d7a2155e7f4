//! The Host header: a route with a host is not left by another spelling of it, and what is no host is refused.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::harness::clock::{HANG, eventually};
use crate::harness::head::Head;
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::Stage;

/// The answer to these lines and no others.
#[track_caller]
fn send(stage: &Stage, lines: &str) -> (Head, String) {
    let mut stream = TcpStream::connect(stage.edge.addr()).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    write!(
        stream,
        "{}\r\nConnection: close\r\n\r\n",
        lines.replace('\n', "\r\n")
    )
    .unwrap();
    let mut from = BufReader::new(stream);
    let head = Head::read(&mut from)
        .unwrap()
        .unwrap_or_else(|| panic!("no answer: {lines}"));
    let mut body = Vec::new();
    from.read_to_end(&mut body).unwrap();
    (head, String::from_utf8_lossy(&body).into_owned())
}

fn blob(stage: &Stage) -> String {
    format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest)
}

#[test]
fn other_spellings_of_a_host_take_its_route() {
    let stage = Stage::new();
    let api = stage.api();
    api.put("/routes/public", &json!({"host": "registry.example"}));
    let rule = json!({"description": "", "expression": "http.request.method eq \"GET\"", "action": "block"});
    api.put("/rules/probe", &rule);
    let mode = json!({"mode": "enforce", "force": true, "reason": "the end-to-end test"});
    api.put("/rules/probe/modes/public", &mode);
    let status = |host: &str| {
        send(&stage, &format!("GET {} HTTP/1.1\nHost: {host}", blob(&stage)))
            .0
            .status()
    };
    eventually("the block is in force", || {
        (status("registry.example") == 403).then_some(())
    });
    for host in [
        "registry.example.",
        "registry.example..",
        "REGISTRY.Example",
        "registry.example:9999",
        "Registry.Example.:80",
        "registry%2eexample",
    ] {
        assert_eq!(status(host), 403, "{host}");
    }
    assert_eq!(status("other.example"), 200, "another host has another route");
}

/// Before the control plane, the registry and the rules see anything of it.
#[test]
fn what_is_no_host_is_refused() {
    let stage = Stage::new();
    let target = blob(&stage);
    for host in [
        "h/_blobwatch/healthz?",
        "h/_blobwatch/api/v1/rules#",
        "h/v2/library/app/manifests/v1?",
        "h/",
        "h?",
        "h#",
        "h\\_blobwatch\\healthz?",
        "a@h",
        "a:b@h",
        "h h",
        "h\th",
        "h, h",
        "h%2f_blobwatch%2fhealthz%3f",
        "h:80:80",
        "",
    ] {
        for target in [
            "/v2/",
            target.as_str(),
            "/_blobwatch/healthz",
            "/x/_blobwatch/healthz",
        ] {
            let (head, body) = send(&stage, &format!("GET {target} HTTP/1.1\nHost: {host}"));
            assert_eq!(head.status(), 400, "{host:?} {target}: {body}");
            assert_eq!(head.get("blobwatch-id"), None);
        }
    }
    for lines in [
        "GET /x/_blobwatch/healthz HTTP/1.0",
        "GET /v2/ HTTP/1.1\nHost: h\nHost: h/_blobwatch/healthz?",
        "GET /x/_blobwatch/healthz HTTP/1.1",
    ] {
        let (head, body) = send(&stage, lines);
        assert!(head.status() >= 400, "{lines}: {} {body}", head.start);
        assert!(!body.contains("\"status\""), "{lines}: {body}");
    }
    assert_eq!(stage.origin.seen(), [], "none of them reaches the registry");
}
