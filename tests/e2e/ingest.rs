//! What other parties push: who may, what is answered, and where it is found afterwards.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::net::sockopt::set_socket_linger;
use serde_json::{Value, json};

use crate::api::is_problem;
use crate::harness::api::Api;
use crate::harness::clock::{eventually, unix_ms};
use crate::harness::deployment::Bundle;
use crate::harness::head::Head;
use crate::harness::http::{Answer, Request};
use crate::harness::image::digest;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::{OPERATOR, Stage, VIEWER, tokens};
use crate::push_only::line;

pub(crate) const PUSHER: &str = "token-of-logpush";

pub(crate) const DIGEST: &str = "sha256:4abcf20661432fb2d719aaf90656f55c287f8ca915dc1c92ec14ff61e67fbaf8";

pub(crate) fn stage() -> Stage {
    let mut all: Vec<Value> = serde_json::from_str(&tokens()).unwrap();
    let sha256 = digest(PUSHER.as_bytes());
    all.push(json!({"name": "logpush", "role": "ingest", "sha256": sha256.trim_start_matches("sha256:")}));
    Stage::with(Bundle::Release, |deployment| {
        let mut deployment = deployment;
        deployment.vars.retain(|(name, _)| *name != "BLOBWATCH_TOKENS");
        deployment.var("BLOBWATCH_TOKENS", json!(all).to_string())
    })
}

pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

pub(crate) fn bearer(token: &str) -> (&'static str, String) {
    ("Authorization", format!("Bearer {token}"))
}

#[track_caller]
pub(crate) fn push(stage: &Stage, source: &str, header: (&str, String), body: impl Into<Vec<u8>>) -> Answer {
    let request = Request::new("POST", &format!("/_blobwatch/ingest/v1/{source}"));
    let request = request.header(header.0, &header.1).body("application/json", body);
    request.send(stage.edge.addr()).unwrap()
}

/// Of a minute ago: our own batches of that time have come.
fn firewall_event(ray: &str, action: &str) -> String {
    let time = unix_ms() - 60_000;
    json!({
        "Action": action, "ClientASN": 16509, "ClientCountry": "us", "ClientIP": "198.51.100.7",
        "ClientRequestHost": "hub.example", "ClientRequestMethod": "GET",
        "ClientRequestPath": format!("/v2/library/alpine/blobs/{DIGEST}"),
        "ClientRequestUserAgent": "docker/19.03.12 go/go1.13.10 kernel/4.14.181-140.257.amzn2.x86_64 os/linux arch/amd64",
        "Datetime": time, "Description": "botnet", "EdgeColoCode": "FRA", "EdgeResponseStatus": 403,
        "RayID": ray, "RuleID": "botnet-sig", "Source": "l7ddos",
    })
    .to_string()
}

#[test]
fn a_pusher_pushes_and_does_nothing_else() {
    let stage = stage();
    let trial = gzip("{\"content\":\"tests\"}\n");
    assert_eq!(
        push(&stage, "cloudflare", bearer(PUSHER), trial.clone()).status(),
        200
    );
    assert_eq!(
        push(
            &stage,
            "cloudflare",
            ("cf-webhook-auth", PUSHER.to_owned()),
            trial.clone()
        )
        .status(),
        200
    );
    assert_eq!(
        push(&stage, "cloudflare", bearer(OPERATOR), trial.clone()).status(),
        200
    );
    is_problem(
        &push(&stage, "cloudflare", bearer(VIEWER), trial.clone()),
        403,
        "",
    );
    is_problem(
        &push(&stage, "cloudflare", bearer("wrong"), trial.clone()),
        401,
        "",
    );
    is_problem(&push(&stage, "nobody", bearer(PUSHER), trial), 404, "");
    for path in ["/rules", "/requests", "/ingest", "/settings"] {
        is_problem(&Api::new(stage.edge.addr(), PUSHER).try_get(path), 403, "");
    }
    let body = json!({"token": PUSHER}).to_string();
    let session = Request::new("POST", "/_blobwatch/session").body("application/json", body);
    assert_ne!(session.send(stage.edge.addr()).unwrap().status(), 200);
    let health = stage.health("").json();
    assert_eq!(health["revision"], Value::Null);
}

#[test]
fn events_are_stored_once_and_found_as_fires() {
    let stage = stage();
    let lines = [
        firewall_event("a1", "block"),
        "oops".to_owned(),
        firewall_event("a2", "log"),
    ]
    .join("\n");
    let pushed = push(&stage, "cloudflare", bearer(PUSHER), gzip(&lines));
    assert_eq!(pushed.status(), 202, "{}", pushed.text());
    let pushed = pushed.json();
    assert_eq!(
        (&pushed["events"], &pushed["new"], &pushed["faults"]),
        (&json!(2), &json!(2), &json!(1))
    );
    let again = push(&stage, "cloudflare", bearer(PUSHER), lines).json();
    assert_eq!((&again["new"], &again["repeats"]), (&json!(0), &json!(2)));
    let fires = eventually("the block stands alone", || {
        Some(stage.api().items("/fires?rule=cloudflare:botnet-sig")).filter(|fires| !fires.is_empty())
    });
    let fire = fires.iter().find(|fire| fire["ray"] == "a1").unwrap();
    assert_eq!(
        (&fire["seen"], &fire["os"], &fire["status"]),
        (&json!(false), &json!("amzn2"), &json!(403))
    );
    assert_eq!(fire["fired"][0]["applied"], "block");
    let source = &stage.api().items("/ingest")[0];
    assert_eq!(
        (&source["source"], &source["lines"], &source["faults"]),
        (&json!("cloudflare"), &json!(6), &json!(2))
    );
    assert_eq!(source["last_faults"][0]["line"], 2);
    let metrics = Request::get("/_blobwatch/metrics").header("Authorization", &bearer(VIEWER).1);
    let metrics = metrics.send(stage.edge.addr()).unwrap().text();
    assert!(
        metrics.contains("blobwatch_ingest_events_total{source=\"cloudflare\",result=\"repeat\"} 2"),
        "{metrics}"
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let stage = stage();
    let answer = push(&stage, "cloudflare", bearer(PUSHER), "oops\n{}");
    let problem = is_problem(&answer, 400, "body.line.1");
    assert_eq!(problem["errors"][0]["message"], "expected an object");
    let cut = &gzip(&firewall_event("a1", "block"))[..50];
    is_problem(&push(&stage, "cloudflare", bearer(PUSHER), cut), 400, "body");
    let bomb = gzip(&" ".repeat(65 << 20));
    is_problem(&push(&stage, "cloudflare", bearer(PUSHER), bomb), 413, "");
}

#[test]
fn firehose_gets_the_answer_that_it_waits_for() {
    let stage = stage();
    let send = |token: &str, body: &str| {
        let request = Request::new("POST", "/_blobwatch/ingest/v1/aws-waf")
            .header("X-Amz-Firehose-Access-Key", token)
            .header("X-Amz-Firehose-Request-Id", "req-1");
        request
            .body("application/json", body)
            .send(stage.edge.addr())
            .unwrap()
    };
    let empty = send(PUSHER, r#"{"requestId":"req-1","timestamp":1,"records":[]}"#);
    assert_eq!(
        (empty.status(), &empty.json()["requestId"]),
        (200, &json!("req-1"))
    );
    assert!(empty.json()["timestamp"].as_u64().unwrap() > 1_600_000_000_000);
    let refused = send("wrong", "{}");
    assert_eq!(
        (refused.status(), &refused.json()["requestId"]),
        (401, &json!("req-1"))
    );
    assert!(refused.json()["errorMessage"].is_string());
}

#[test]
fn a_source_of_ones_own_is_read_by_a_mapping_of_the_settings() {
    let stage = stage();
    let api = stage.api();
    let mut settings = api.get("/settings");
    let mapping = json!({"time": "/at", "rule": "/rule", "action": "/did", "address": "/ip", "path": "/url", "ray": "/id"});
    settings["ingest"] = json!({"own-cdn": mapping});
    settings.as_object_mut().unwrap().remove("revision");
    api.put("/settings", &settings);
    let line = json!({"at": unix_ms(), "rule": "limit", "did": "block", "ip": "198.51.100.9", "id": "x",
        "url": format!("https://hub.example/v2/a/blobs/{DIGEST}")});
    let pushed = eventually("the mapping is known", || {
        Some(push(&stage, "own-cdn", bearer(PUSHER), line.to_string()))
            .filter(|answer| answer.status() != 404)
    });
    assert_eq!(
        (pushed.status(), &pushed.json()["events"]),
        (202, &json!(1)),
        "{}",
        pushed.text()
    );
    settings["ingest"]["own-cdn"]["rule"] = json!("rule");
    let refused = api.try_put("/settings", &settings);
    assert_eq!(refused.status(), 422, "{}", refused.text());
}

/// A request that AWS WAF blocked a minute ago.
fn waf_event() -> String {
    json!({
        "timestamp": unix_ms() - 60_000, "formatVersion": 1, "action": "BLOCK",
        "webaclId": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/0a1b",
        "terminatingRuleId": "rate", "terminatingRuleType": "RATE_BASED",
        "httpRequest": {
            "clientIp": "198.51.100.8", "country": "US", "httpMethod": "GET", "httpVersion": "HTTP/1.1", "requestId": "waf-1",
            "uri": format!("/v2/library/alpine/blobs/{DIGEST}"), "args": "",
            "headers": [{"name": "Host", "value": "hub.example"}, {"name": "User-Agent", "value": "skopeo/1.9.3"}],
        },
    })
    .to_string()
}

/// A file of requests is sent twice, as Logpush does when it had no answer; another party tells of the same minute, and a notification
/// says what was mitigated without a request.
#[test]
fn what_two_sources_tell_of_one_minute_is_kept_once_and_apart() {
    let stage = stage();
    let told = |source: &str, body: Vec<u8>| {
        let pushed = push(&stage, source, bearer(PUSHER), body);
        assert!(pushed.status() < 300, "{}", pushed.text());
        pushed.json()
    };
    let requests: Vec<String> = (0..40).map(|number| line(number, None)).collect();
    let file = gzip(&requests.join("\n"));
    let (first, again) = (told("cloudflare", file.clone()), told("cloudflare", file));
    assert_eq!(
        (&first["new"], &again["new"]),
        (&json!(40), &json!(0)),
        "{first} {again}"
    );
    assert_eq!(again["repeats"], 40);
    assert_eq!(told("aws-waf", waf_event().into())["new"], 1);
    let records = stage.records("limit=1000", 41);
    assert_eq!(records.len(), 41);
    let blocked: Vec<&Value> = records
        .iter()
        .filter(|record| record["fired"] != json!([]))
        .collect();
    assert_eq!(blocked.len(), 1, "{blocked:?}");
    assert_eq!(blocked[0]["family"], "skopeo");

    let attack = json!({
        "alert_type": "advanced_ddos_attack_l4_alert", "alert_event": "ALERT_STATE_EVENT_START", "alert_correlation_id": "c1",
        "ts": unix_ms() / 1000 - 60, "text": "L4 attack",
        "data": {"attack_id": "9", "rule_id": "3b64", "packets_per_second": 12_000, "target_hostname": "hub.example"},
    });
    told("cloudflare", attack.to_string().into());
    let mark = eventually("the window is a mark", || {
        let timeline = stage.api().get("/timeline?since=-1h");
        let marks = timeline["marks"].as_array().unwrap();
        let window = marks.iter().find(|mark| mark["type"] == "upstream_window");
        window.cloned()
    });
    assert!(mark["text"].as_str().unwrap().contains("hub.example"), "{mark}");
    let sources = stage.api().items("/ingest");
    let of = |name: &str| {
        let source = sources.iter().find(|source| source["source"] == name);
        source.map(|source| (source["lines"].clone(), source["faults"].clone()))
    };
    assert_eq!(of("cloudflare"), Some((json!(81), json!(0))));
    assert_eq!(of("aws-waf"), Some((json!(1), json!(0))));
}

/// A packet that Cloudflare sampled.
fn packet(outcome: &str, colo: &str, ttl: u32, window: u32) -> String {
    json!({
        "ColoCode": colo, "Datetime": unix_ms() - 60_000, "DestinationPort": 443, "Direction": "ingress",
        "IPDestinationAddress": "192.0.2.1", "IPProtocolName": "TCP", "IPSourceAddress": "198.51.100.7", "IPTTL": ttl, "IPTotalLength": 60,
        "MitigationSystem": "dosd", "Outcome": outcome, "RuleID": if outcome == "drop" { "3b64" } else { "" }, "SampleInterval": 100,
        "SourceASN": 16509, "SourceCountry": "us", "SourcePort": 41234, "TCPFlagsString": "SYN", "TCPMSS": 1460,
        "TCPOptions": "2,4,8,1,3", "TCPWindowScale": 7, "TCPWindowSize": window, "Verdict": outcome,
    })
    .to_string()
}

#[test]
fn what_dropped_packets_share_is_named_from_samples() {
    let stage = stage();
    let mut lines = Vec::new();
    for _ in 0..30 {
        lines.extend(["FRA", "GRU"].map(|colo| packet("drop", colo, 255, 26_883)));
        for colo in ["FRA", "GRU", "IAD"] {
            lines.extend(
                [(52, 64_240), (112, 8_192), (240, 65_535)]
                    .map(|(ttl, window)| packet("pass", colo, ttl, window)),
            );
        }
    }
    let body = gzip(&lines.join("\n"));
    for _ in 0..2 {
        let pushed = push(&stage, "cloudflare", bearer(PUSHER), body.clone());
        assert_eq!(
            (pushed.status(), &pushed.json()["packets"]),
            (202, &json!(330)),
            "{}",
            pushed.text()
        );
    }
    let packets = stage.api().get("/packets?since=-10m");
    let rule = &packets["rules"][0];
    assert_eq!(
        (&rule["rule"], &rule["samples"], &rule["colos"]),
        (&json!("cloudflare:3b64"), &json!(60), &json!(["FRA", "GRU"]))
    );
    assert!(
        rule["sentence"]
            .as_str()
            .unwrap()
            .starts_with("100 % of what cloudflare:3b64 (upstream) drops at FRA, GRU has "),
        "{rule}"
    );
    assert_eq!(packets["passed_samples"], 270);
    is_problem(&stage.api().try_get("/packets?since=-3h"), 400, "query.since");
}

#[test]
fn a_rule_reads_the_tcp_signature_that_a_front_proxy_tells() {
    let stage = stage();
    let body = json!({"description": "", "expression": "client.tcp wildcard \"4:255:*\"", "action": "block"});
    stage.api().put("/rules/tcp-sig", &body);
    let mode = json!({"mode": "enforce", "reason": "test", "force": true, "guard": "off"});
    stage.api().put("/rules/tcp-sig/modes/default", &mode);
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    let status = |signature: &str| {
        let place = Place::default().with("clientTcp", signature);
        stage.from(&place, &Request::get(&target)).status()
    };
    eventually("the rule is everywhere", || {
        (status("4:255:0:1460:26883,0:mss:df:0") == 403).then_some(())
    });
    assert_eq!(status("4:64:0:1460:64240,7:mss:df:0"), 200);
}

/// Some of a body, on a connection of its own.
fn begin_to_push(stage: &Stage) -> TcpStream {
    let mut stream = TcpStream::connect(stage.edge.addr()).unwrap();
    let (name, token) = bearer(PUSHER);
    let head =
        format!("POST /_blobwatch/ingest/v1/cloudflare HTTP/1.1\r\nHost: hub.example\r\n{name}: {token}");
    write!(stream, "{head}\r\nContent-Length: 100000\r\n\r\n{{").unwrap();
    stream
}

/// However a sender goes: the places that it held are others' again.
#[test]
fn bodies_that_are_never_finished_leave_room_for_others() {
    let stage = stage();
    let trial = || push(&stage, "cloudflare", bearer(PUSHER), "{\"content\":\"tests\"}\n").status();
    let begin = || {
        let streams: Vec<TcpStream> = (0..3).map(|_| begin_to_push(&stage)).collect();
        let refused = eventually("all places are taken", || {
            let answer = push(&stage, "cloudflare", bearer(PUSHER), "{\"content\":\"tests\"}\n");
            (answer.status() == 429).then_some(answer)
        });
        let after: u32 = refused.get("retry-after").unwrap().parse().unwrap();
        assert!(after > 0, "a sender is told when to come again");
        streams
    };
    for stream in begin() {
        set_socket_linger(&stream, Some(Duration::ZERO)).unwrap(); // RST
    }
    eventually("senders whose connection was reset leave room", || {
        (trial() == 200).then_some(())
    });
    drop(begin());
    eventually("senders that ended their connection leave room", || {
        (trial() == 200).then_some(())
    });
    let mut silent = begin();
    eventually("senders that say nothing leave room", || {
        (trial() == 200).then_some(())
    });
    let head = Head::read(&mut BufReader::new(silent.pop().unwrap()))
        .unwrap()
        .unwrap();
    assert_eq!(head.status(), 408, "{head:?}");
}
