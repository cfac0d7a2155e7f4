//! What a preview says is what enforcement then does.

use super::*;
use crate::report::NotJudged;
use blobwatch_pull::sample::Numbers;

pub(super) struct Request {
    pub(super) time_ms: u64,
    pub(super) facts: String,
    pub(super) status: u16,
}

fn pick<'a>(numbers: &mut Numbers, values: &[&'a str]) -> &'a str {
    values[numbers.below(values.len() as u64) as usize]
}

/// Pulls by clients that differ in all that the rules below read.
pub(super) fn traffic(seed: u64, requests: u64) -> Vec<Request> {
    let mut numbers = Numbers(seed);
    (0..requests)
        .map(|n| {
            let numbers = &mut numbers;
            let who = numbers.below(60);
            let agent = pick(
                &mut Numbers(who),
                &[
                    "docker/19.03.6-ce go/go1.13.4 kernel/4.14.181-140.257.amzn2.x86_64 os/linux arch/amd64",
                    "docker/20.10.7 go/go1.13.15 kernel/5.4.0-1045-aws os/linux arch/arm64",
                    "containerd/v1.4.4",
                    "skopeo/1.9.3",
                    "",
                ],
            );
            let time_ms = NOW + n * 40;
            let repository = pick(numbers, &["library/alpine", "library/x/y", "team/app"]);
            let digest = format!("sha256:{:064x}", numbers.below(30));
            let lines = [
                &time_ms.to_string(),
                pick(numbers, &["GET", "GET", "GET", "HEAD"]),
                pick(&mut Numbers(who + 1), &["https", "http"]),
                pick(numbers, &["registry.example", "mirror.example"]),
                &format!("/v2/{repository}/blobs/{digest}"),
                "",
                pick(&mut Numbers(who + 2), &["HTTP/1.1", "HTTP/2"]),
                &format!("192.0.{}.{who}", who % 7),
                "5ae0123456789abc",
                pick(&mut Numbers(who + 3), &["IAD", "FRA"]),
                pick(&mut Numbers(who + 4), &["US", "DE", ""]),
                "NA",
                pick(&mut Numbers(who + 5), &["16509", "3320", ""]),
                "TLSv1.2",
                "AES",
                "c",
                "e",
                "l",
                pick(&mut Numbers(who + 6), &["508", "517", ""]),
                "gzip",
                "",
                "",
                "",
                "",
                "",
                "",
            ];
            let mut facts = lines.join("\n");
            if !agent.is_empty() {
                facts.push_str(&format!("\nuser-agent:{agent}"));
            }
            let range = pick(
                numbers,
                &[
                    "",
                    "",
                    "bytes=0-",
                    "bytes=500-",
                    "bytes=0-1",
                    "bytes=-5",
                    "nonsense",
                    "bytes=1-2,5-9",
                ],
            );
            if !range.is_empty() {
                facts.push_str(&format!("\nrange:{range}"));
            }
            Request {
                time_ms,
                facts,
                status: [200, 200, 206, 307, 404][numbers.below(5) as usize],
            }
        })
        .collect()
}

const EXPRESSIONS: [&str; 16] = [
    "client.family eq \"docker\" and client.os eq \"amzn2\"",
    "http.user_agent contains \"docker/\" or ip.src.asnum in {3320}",
    "not ssl and cf.tls_client_hello_length ne 508",
    "oci.repository wildcard \"library/*\" xor ip.src.country eq \"US\"",
    "range.start ge 400 xor http.request.method eq \"HEAD\"",
    "range.start ge 1 and http.request.method eq \"GET\"",
    "not range.present",
    "cf.colo.name eq \"IAD\"",
    "oci.digest contains \"1f\" or http.host eq \"mirror.example\"",
    "starts_with(client.key, \"0\") or ends_with(client.network, \"a\")",
    "http.user_agent eq \"\"",
    "lower(cf.ray_id) contains \"9abc\"",
    "len(http.request.uri.path) gt 90",
    "any(http.request.headers[\"user-agent\"][*] contains \"skopeo\")",
    "fingerprint.http ne \"x\" and oci.digest.algorithm eq \"sha256\" and http.request.version eq \"HTTP/2\"",
    "range.end le 9 or client.kernel contains \"aws\"",
];

const ACTIONS: [Action; 4] = [Action::Block, Action::Throttle, Action::Tag, Action::Detour];

/// A rulebook with a candidate among others of every mode.
fn rulebook(numbers: &mut Numbers, route: &str) -> Rulebook {
    let mut rules = Vec::new();
    let mut modes = Vec::new();
    let candidate = numbers.below(5);
    for n in 0..5 {
        let id = if n == candidate {
            CANDIDATE.to_owned()
        } else {
            format!("rule-{n}")
        };
        let expression = EXPRESSIONS[numbers.below(EXPRESSIONS.len() as u64) as usize];
        // Only the route `library` has a detour.
        let actions = if route == "library" { 4 } else { 3 };
        let action = ACTIONS[numbers.below(actions) as usize];
        rules.push(rule(&id, expression, action));
        if n != candidate {
            let set = [Mode::Off, Mode::Monitor, Mode::Enforce, Mode::Enforce][numbers.below(4) as usize];
            let percent = (set == Mode::Enforce && numbers.below(2) == 0).then_some(40.0);
            modes.push(mode(&id, route, set, percent));
        }
    }
    book(rules, modes)
}

#[derive(Debug, PartialEq, Eq, Default)]
struct Truth {
    requests: u64,
    matched: u64,
    clients: usize,
    networks: usize,
    decided: u64,
}

/// What an isolate does that enforces the candidate on the route.
fn enforced(mut document: Rulebook, route: &str, traffic: &[Request]) -> Truth {
    document.revision += 1;
    document.modes.push(mode(CANDIDATE, route, Mode::Enforce, None));
    let mut edge = Edge::new(document);
    let mut truth = Truth::default();
    let (mut clients, mut networks) = (Vec::new(), Vec::new());
    for request in traffic {
        let plan = edge.decide(&request.facts);
        edge.isolate
            .settle(plan.id, &said(request.time_ms, request.status));
    }
    let mut records = Vec::new();
    while let Some(outgoing) = edge.isolate.next_flush(NOW + 100_000_000) {
        records.extend(flushed(&outgoing.body));
        let reply = Reply {
            ack: Flush::decode(&outgoing.body).unwrap().seq,
            ..Reply::default()
        };
        edge.isolate.learn(&outgoing.to, &reply.encode(), NOW).unwrap();
    }
    assert_eq!(records.len(), traffic.len(), "none is lost on the way");
    for record in records.iter().filter(|record| *record.route == *route) {
        truth.requests += 1;
        let own = record.fired.iter().find(|fired| *fired.rule == *CANDIDATE);
        if let Some(fired) = own {
            truth.matched += 1;
            clients.push(record.client);
            networks.push(record.network);
            truth.decided += u64::from(fired.applied != Action::None);
        }
    }
    for (keys, count) in [
        (
            clients.iter().map(|key| key.0).collect::<Vec<_>>(),
            &mut truth.clients,
        ),
        (networks.iter().map(|key| key.0).collect(), &mut truth.networks),
    ] {
        let mut keys = keys;
        keys.sort_unstable();
        keys.dedup();
        *count = keys.len();
    }
    truth
}

/// Issue 4, part 8: a preview over recorded traffic equals what enforcement then does on the same traffic.
#[test]
fn a_preview_is_what_enforcement_then_does() {
    let mut hits = 0;
    for seed in 0..40 {
        let mut numbers = Numbers(seed * 7919 + 1);
        let route = pick(&mut numbers, &["default", "library", "mirror"]);
        let document = rulebook(&mut numbers, route);
        let requests = traffic(seed, 250);
        let mut edge = Edge::new(document.clone());
        for request in &requests {
            edge.pull(&request.facts, &said(request.time_ms, request.status));
        }
        edge.flush(NOW + 100_000_000);
        let plan = plan(&document, CANDIDATE, route);
        let (report, scanned) = edge.preview(&plan, 64);
        let found = Truth {
            requests: report.requests,
            matched: report.matched_requests,
            clients: report.matched_clients as usize,
            networks: report.matched_networks as usize,
            decided: report.decided_requests,
        };
        assert_eq!(scanned, 250);
        assert_eq!(report.not_judged, NotJudged::default());
        assert_eq!(
            found,
            enforced(document, route, &requests),
            "seed {seed}: {plan:#?}"
        );
        hits += report.matched_requests;
    }
    assert!(hits > 500, "{hits}: the rules have to match something");
}

/// The part that others deny is what they deny while the candidate is off.
#[test]
fn what_others_deny_already_is_told_apart() {
    let rules = vec![
        rule("skopeo", "client.family eq \"skopeo\"", Action::Throttle),
        rule(
            CANDIDATE,
            "client.family in {\"skopeo\" \"containerd\"}",
            Action::Block,
        ),
        rule("tags", "ssl or not ssl", Action::Tag),
    ];
    let modes = vec![
        mode("skopeo", "default", Mode::Enforce, None),
        mode("tags", "default", Mode::Enforce, None),
    ];
    let document = book(rules, modes);
    let requests = traffic(3, 400);
    let mut edge = Edge::new(document.clone());
    let mut refused = 0;
    for request in &requests {
        refused += u64::from(edge.pull(&request.facts, &said(request.time_ms, 200)).is_some());
    }
    let (report, _) = edge.preview(&plan(&document, CANDIDATE, "default"), 1_000);
    edge.flush(NOW + 100_000_000);
    assert!(refused > 0);
    assert_eq!(report.already_denied_requests, refused);
    assert_eq!(report.decided_requests, report.matched_requests - refused);
    assert!(
        report.sentence.contains("other rules already deny"),
        "{}",
        report.sentence
    );
}
