//! 5 July 2020 as it was: the registry redirects blobs to a CDN, whose mechanism against a botnet hits Amazon Linux machines.
//! In part of the data centres it mostly drops their connections before the CDN's worker, in the others it mostly stalls bodies.
//! One data centre is sent to the bucket and is healthy.
//!
//! Blobwatch stands before the registry (127.0.0.1) and at the CDN (localhost) behind the CDN's front; the bucket has none.

use std::io::{ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::scope;

use serde_json::{Value, json};

use crate::harness::clock::{eventually, pass, unix_ms};
use crate::harness::head::Head;
use crate::harness::http::{Answer, Ended, Request};
use crate::harness::past::an_hour_of_health;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::{Fault, Relay};
use crate::harness::stage::{OPERATOR, Stage};
use crate::ingest::{bearer, gzip, push};
use crate::july_2020::{BUILDS, BrokenPath, COLOS, HANDS, PACE, TRIES, TRY, Until, attempt, client, place};
use crate::redirects::{of_registry, stored};

/// Its clients are sent to the bucket.
const NEAR: &str = COLOS[0];

/// Where most of those that are hit are dropped.
const EARLY: [&str; 2] = ["SJC", "DUB"];

/// The mechanism, as the CDN's own events call it.
const MECHANISM: &str = "cloudflare:botnet-sig";

const KINDS: [&str; 2] = ["target_unreached", "resume_surge"];

/// Every build in every data centre, often enough to be known.
const KNOWN: u32 = 320;

/// What the mechanism does to all connections of a client.
#[derive(PartialEq)]
enum Treatment {
    Pass,
    Drop,
    Stall,
}

/// To one client in four nothing, whoever it is.
fn treatment(number: u32) -> Treatment {
    let (build, colo) = client(number);
    let is_early = EARLY.contains(&colo);
    let turn = number as usize / (BUILDS.len() * COLOS.len()) % 4;
    match turn {
        _ if build.agent != BUILDS[0].agent => Treatment::Pass,
        0 => Treatment::Drop,
        1 if is_early => Treatment::Drop,
        1 | 2 => Treatment::Stall,
        _ => Treatment::Pass,
    }
}

/// The number of a client and of its try.
fn numbers(request: &Head) -> Option<(u32, u32)> {
    let (client, again) = request.get(TRY)?.split_once('-')?;
    Some((client.parse().ok()?, again.parse().ok()?))
}

struct Night {
    stage: Stage,
    /// What clients of the CDN connect to; the mechanism is here.
    front: Relay,
    /// From the CDN's worker to the bucket.
    cdn: BrokenPath,
    _bucket: Relay,
    _to_bucket: Relay,
    is_active: Arc<AtomicBool>,
    /// What the CDN has to tell of what it dropped.
    events: Arc<Mutex<Vec<String>>>,
}

/// As Logpush writes it.
fn event(request: &Head) -> Option<String> {
    let client: Value = serde_json::from_str(request.get("CF-Blob")?).ok()?;
    let event = json!({
        "Action": "block", "ClientASN": client["asn"], "ClientCountry": client["country"], "ClientIP": client["clientIp"],
        "ClientRequestHost": "localhost", "ClientRequestMethod": "GET", "ClientRequestPath": request.target(),
        "ClientRequestUserAgent": request.get("User-Agent")?, "Datetime": unix_ms(), "Description": "a botnet",
        "EdgeColoCode": client["colo"], "EdgeResponseStatus": 0, "RayID": request.get(TRY)?, "RuleID": "botnet-sig",
        "Source": "l7ddos",
    });
    Some(event.to_string())
}

impl Night {
    fn new() -> Self {
        let stage = Stage::new();
        let is_active = Arc::new(AtomicBool::new(false));
        let storage = || {
            Relay::editing(stage.registry.addr(), |request| {
                request.start = of_registry(&request.start)
            })
        };
        let front = Relay::before(stage.edge.addr());
        let (active, events) = (Arc::clone(&is_active), Arc::default());
        let told: Arc<Mutex<Vec<String>>> = Arc::clone(&events);
        front.arm(Fault::Refuse, move |request| {
            let hits = |(number, _)| treatment(number) == Treatment::Drop;
            let is_hit = active.load(Ordering::Relaxed) && numbers(request).is_some_and(hits);
            if is_hit {
                told.lock().unwrap().extend(event(request));
            }
            is_hit
        });
        let active = Arc::clone(&is_active);
        let cdn = BrokenPath::on(storage(), move |request| {
            let hits = |(number, again)| treatment(number) == Treatment::Stall && again < 2;
            active.load(Ordering::Relaxed) && numbers(request).is_some_and(hits)
        });
        let (bucket, to_bucket) = (storage(), Relay::before(stage.registry.addr()));
        redirect(
            &stage,
            &stage.origin,
            &format!("localhost:{}", front.addr().port()),
        );
        redirect(
            &stage,
            &to_bucket,
            &format!("bucket.example:{}", bucket.addr().port()),
        );
        let api = stage.api();
        api.put(
            "/routes/cdn",
            &json!({"host": "localhost", "origin": cdn.relay.url()}),
        );
        api.put(
            "/routes/default",
            &json!({"repository": "**", "detour": to_bucket.url()}),
        );
        detour_by(&stage, "bucket-near", &format!("cf.colo.name eq \"{NEAR}\""));
        Self {
            stage,
            front,
            cdn,
            _bucket: bucket,
            _to_bucket: to_bucket,
            is_active,
            events,
        }
    }

    /// The CDN tells of what it dropped since it told last.
    fn tell(&self) {
        let events = std::mem::take(&mut *self.events.lock().unwrap());
        if !events.is_empty() {
            let pushed = push(
                &self.stage,
                "cloudflare",
                bearer(OPERATOR),
                gzip(&events.join("\n")),
            );
            assert_eq!(pushed.status(), 202, "{}", pushed.text());
        }
    }

    /// One try: the redirect, and as much of the rest as the client gets before it gives up.
    fn attempt(&self, number: u32, again: u32, have: usize) -> Result<Answer> {
        let blob = self.stage.registry.image.medium();
        let place = place(number, 0x6440_0000 + (number << 8));
        let ask = |target: &str| {
            let whole = Request::get(target).header("User-Agent", client(number).0.agent);
            place.ask(&match have {
                0 => whole.header("Accept-Encoding", "gzip"),
                _ => whole.header("Range", &format!("bytes={have}-")),
            })
        };
        let redirect =
            ask(&format!("/v2/{REPOSITORY}/blobs/{}", blob.digest)).send(self.stage.edge.addr())?;
        let (host, target) = location(&redirect).ok_or(ErrorKind::InvalidData)?;
        let port = host.split(':').next_back().and_then(|port| port.parse().ok());
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port.ok_or(ErrorKind::InvalidData)?));
        let fetch = ask(&target).header("Host", &host);
        attempt(
            to,
            &self.cdn,
            &fetch,
            &format!("{number}-{again}"),
            blob.bytes.len() - have,
        )
    }

    /// The client of that number; whether it got the blob. Nobody comes twice.
    fn pull(&self, number: u32) -> bool {
        let mut have = 0;
        (0..TRIES).any(|again| {
            let answer = self.attempt(number, again, have);
            let ended = answer.map(|answer| {
                have += answer.body.len();
                answer.ended
            });
            ended.is_ok_and(|ended| ended == Ended::Complete)
        })
    }

    fn go_on(&self, next: &AtomicU32, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            self.pull(next.fetch_add(1, Ordering::Relaxed));
            pass(PACE);
        }
    }
}

/// Redirects the blob to the path of its storage at a host.
fn redirect(stage: &Stage, registry: &Relay, host: &str) {
    let digest = stage.registry.image.medium().digest.clone();
    let to = format!("http://{host}{}", stored(&digest));
    registry.arm(Fault::redirect(&to), move |request| {
        request.target().ends_with(&digest)
    });
}

/// Host and path to which an answer leads.
fn location(answer: &Answer) -> Option<(String, String)> {
    let (host, target) = answer.get("location")?.strip_prefix("http://")?.split_once('/')?;
    Some((host.to_owned(), format!("/{target}")))
}

/// Whom an expression holds for is sent to the bucket from now on.
fn detour_by(stage: &Stage, rule: &str, expression: &str) {
    let body = json!({"description": "past the CDN", "expression": expression, "action": "detour"});
    stage.api().put(&format!("/rules/{rule}"), &body);
    let mode = json!({"mode": "enforce", "reason": "past the CDN", "force": true, "guard": "off"});
    stage.api().put(&format!("/rules/{rule}/modes/default"), &mode);
}

/// Whether a cohort is who is hit, of these records: not the near data centre's, as soon as that many are hit elsewhere that some
/// would be there.
fn names(anomaly: &Value, records: &[Value]) -> bool {
    let is_hit = |record: &Value| record["os"] == "amzn2" && record["colo"] != NEAR;
    let mut redirects = records.iter().filter(|record| record["route"] == "default");
    redirects.all(|record| holds(anomaly, record) == is_hit(record))
}

fn holds(anomaly: &Value, record: &Value) -> bool {
    let holds = |part: &Value| {
        let own = &record[part["attribute"].as_str().unwrap()];
        let own = own.as_str().map_or_else(|| own.to_string(), str::to_owned);
        let is_absent = matches!(own.as_str(), "" | "null");
        let own = if is_absent { "unknown".to_owned() } else { own };
        let values = part["values"].as_array().unwrap();
        values.contains(&json!(own)) != (part["not"] == true)
    };
    let cohort = anomaly["cohort"].as_array().unwrap();
    !cohort.is_empty() && cohort.iter().all(holds)
}

#[test]
fn july_2020_as_it_was_is_named_from_both_hosts() {
    let mut night = Night::new();
    eventually("the near data centre is sent to the bucket", || {
        let redirect = night.attempt(0, 0, 0).ok()?;
        let near = night.stage.records("sent_to=bucket.example&limit=1", 0);
        (redirect.status() == 200 && !near.is_empty()).then_some(())
    });
    scope(|scope| {
        for hand in 0..HANDS {
            let night = &night;
            scope.spawn(move || {
                (hand..KNOWN)
                    .step_by(HANDS as usize)
                    .for_each(|number| assert!(night.pull(number), "{number} is served"))
            });
        }
    });
    // A redirect each, and a fetch each but of those at the bucket.
    let known = KNOWN as usize + KNOWN as usize * (COLOS.len() - 1) / COLOS.len();
    let records = night.stage.records("limit=1000", known);
    an_hour_of_health(&mut night.stage, &records);

    night.is_active.store(true, Ordering::Relaxed);
    let (next, over) = (AtomicU32::new(KNOWN), AtomicBool::new(false));
    scope(|scope| {
        let _ends = Until(&over);
        for _ in 0..HANDS {
            scope.spawn(|| night.go_on(&next, &over));
        }
        let open = || night.stage.api().items("/anomalies?status=open");
        let named = eventually("both kinds are named, and who is hit", || {
            let open = open();
            let of = |kind: &&str| {
                let is_of = |anomaly: &&Value| anomaly["kinds"].as_array().unwrap().contains(&json!(kind));
                open.iter()
                    .filter(is_of)
                    .find(|anomaly| names(anomaly, &records))
                    .cloned()
            };
            KINDS.iter().map(of).collect::<Option<Vec<Value>>>()
        });
        for anomaly in &named {
            println!("{} {}", anomaly["kinds"], anomaly["sentence"]);
        }
        // Dropped before the CDN's worker: nothing of them came to it.
        let evidence = named[0]["evidence"].as_array().unwrap();
        let lost = evidence.iter().any(|id| {
            let explained = night
                .stage
                .api()
                .get(&format!("/requests/{}", id.as_str().unwrap()));
            explained.get("followed") == Some(&Value::Null)
        });
        assert!(lost, "{evidence:?}");
        // The anomalies are open by our own sight; the CDN's events come later.
        let rule = eventually("the mechanism is named once its events arrive", || {
            night.tell();
            let open = open();
            let rules = open
                .iter()
                .flat_map(|anomaly| anomaly["rules"].as_array().unwrap());
            rules.into_iter().find(|rule| rule["rule"] == MECHANISM).cloned()
        });
        assert_eq!(
            (&rule["origin"], &rule["contrast"]),
            (&json!("upstream"), &json!("reach")),
            "{rule}"
        );
    });

    // Sent to the bucket, they are served while the mechanism is active.
    detour_by(&night.stage, "bucket-amzn2", "client.os eq \"amzn2\"");
    let dropped = (next.load(Ordering::Relaxed)..)
        .find(|number| treatment(*number) == Treatment::Drop && client(*number).1 != NEAR);
    let dropped = dropped.unwrap();
    eventually("a client that was dropped is served", || {
        night.pull(dropped).then_some(())
    });
    assert!(!night.front.seen().is_empty());
    night.cdn.gate.open();
}
