//! 5 July 2020, played for somebody at the page: a signature that was in monitor is enforced and leads the pulls of Amazon
//! Linux machines over a path on which they hang. `dashboard/test/browser/july_2020.test.ts` is that somebody.
//!
//! The pulls are real, over the real worker and a real registry; what the Detector knows of the hour before was put in.

use std::collections::HashSet;
use std::io::Result;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::scope;
use std::time::Duration;

use serde_json::json;

use crate::harness::browser::browser_tests;
use crate::harness::clock::pass;
use crate::harness::head::Head;
use crate::harness::http::{Answer, Ended, Request};
use crate::harness::past::an_hour_of_health;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::{Fault, Gate, Relay};
use crate::harness::stage::{OPERATOR, Stage};

/// As in `xtask/src/demo/cast.rs`.
pub(crate) struct Build {
    pub(crate) agent: &'static str,
    asn: u32,
    tls: &'static str,
    /// Bytes of its ClientHello, which the signature looks at.
    hello: &'static str,
}

pub(crate) const BUILDS: [Build; 4] = [
    Build {
        agent: "docker/19.03.6-ce go/go1.13.4 git-commit/369ce74 kernel/4.14.181-140.257.amzn2.x86_64 os/linux \
                arch/amd64 UpstreamClient(Docker-Client/19.03.6-ce \\(linux\\))",
        asn: 16509,
        tls: "a1",
        hello: "508",
    },
    Build {
        agent: "docker/19.03.8 go/go1.12.17 git-commit/afacb8b kernel/4.19.76-linuxkit os/linux arch/amd64 \
                UpstreamClient(Docker-Client/19.03.8 \\(darwin\\))",
        asn: 7018,
        tls: "c3",
        hello: "226",
    },
    Build {
        agent: "containerd/1.6.21",
        asn: 15169,
        tls: "d4",
        hello: "240",
    },
    Build {
        agent: "skopeo/1.14.2",
        asn: 16509,
        tls: "f6",
        hello: "252",
    },
];

pub(crate) const COLOS: [&str; 4] = ["IAD", "SJC", "DUB", "NRT"];

/// Clients at a time; one that hangs holds up the others for a second.
pub(crate) const HANDS: u32 = 12;

/// Between two pulls of a hand: sixteen of them a second, a quarter of the cohort. A busy machine plays a slower night.
pub(crate) const PACE: Duration = Duration::from_millis(750);

/// After this much silence a client gives a connection up and asks for the rest: minutes in truth.
const PATIENCE: Duration = Duration::from_secs(1);

/// Then it fails.
pub(crate) const TRIES: u32 = 6;

/// Carries the name of a try to the path.
pub(crate) const TRY: &str = "X-Try";

/// Bytes after which a body hangs, of one in so many.
const HANGS_AFTER: u64 = 40_000;
const HANGS_ONE_IN: u32 = 3;

/// The path that pulls are led over by the signature.
pub(crate) struct BrokenPath {
    pub(crate) relay: Relay,
    pub(crate) gate: Gate,
    /// Tries whose body it holds. Their clients know that they wait in vain: on a busy machine others are silent, too.
    hanging: Arc<Mutex<HashSet<String>>>,
}

impl BrokenPath {
    /// One body in [`HANGS_ONE_IN`] hangs.
    fn before(registry: SocketAddr) -> Self {
        let passed = AtomicU32::new(0);
        Self::on(Relay::before(registry), move |_| {
            passed
                .fetch_add(1, Ordering::Relaxed)
                .is_multiple_of(HANGS_ONE_IN)
        })
    }

    /// Bodies of some requests hang.
    pub(crate) fn on(relay: Relay, hangs: impl Fn(&Head) -> bool + Send + 'static) -> Self {
        let gate = Gate::default();
        let hanging = Arc::new(Mutex::new(HashSet::new()));
        let held = Arc::clone(&hanging);
        relay.arm(Fault::Hold(HANGS_AFTER, gate.clone()), move |request| {
            let hangs = hangs(request);
            if hangs {
                held.lock().unwrap().extend(request.get(TRY).map(str::to_owned));
            }
            hangs
        });
        Self { relay, gate, hanging }
    }

    fn holds(&self, attempt: &str) -> bool {
        self.hanging.lock().unwrap().contains(attempt)
    }
}

/// One try of a pull: as much of the rest as its client gets before it gives up.
pub(crate) fn attempt(
    to: SocketAddr,
    broken: &BrokenPath,
    asked: &Request,
    name: &str,
    left: usize,
) -> Result<Answer> {
    let mut incoming = asked.clone().header(TRY, name).open(to)?;
    let held = usize::try_from(HANGS_AFTER).unwrap();
    if left <= held || !broken.holds(name) {
        return incoming.finish();
    }
    let body = incoming.take(held)?;
    pass(PATIENCE);
    let (head, ended) = (incoming.head.clone(), Ended::Stalled);
    Ok(Answer { head, body, ended })
}

/// Build and data centre of the client of that number.
pub(crate) fn client(number: u32) -> (&'static Build, &'static str) {
    let build = &BUILDS[number as usize % BUILDS.len()];
    (build, COLOS[number as usize / BUILDS.len() % COLOS.len()])
}

/// Where it is.
pub(crate) fn place(number: u32, address: u32) -> Place {
    let (build, colo) = client(number);
    Place::colo(colo)
        .with("asn", build.asn)
        .with("httpProtocol", "HTTP/1.1")
        .with("tlsClientCiphersSha1", format!("{}ciphers", build.tls))
        .with("tlsClientExtensionsSha1Le", format!("{}extensions", build.tls))
        .with("tlsClientHelloLength", build.hello)
        .address(&std::net::Ipv4Addr::from(address).to_string())
}

/// The client of that number; nobody comes twice.
fn pull(stage: &Stage, broken: &BrokenPath, number: u32) {
    let (build, _) = client(number);
    let place = place(number, 0x6440_0000 + number);
    let blob = stage.registry.image.medium();
    let whole =
        Request::get(&format!("/v2/{REPOSITORY}/blobs/{}", blob.digest)).header("User-Agent", build.agent);
    let mut have = 0;
    for again in 0..TRIES {
        let request = match have {
            0 => whole.clone().header("Accept-Encoding", "gzip"),
            _ => whole.clone().header("Range", &format!("bytes={have}-")),
        };
        // A machine this busy may refuse a connection: the client tries again, as it does when a body hangs.
        let (asked, name) = (place.ask(&request), format!("{number}-{again}"));
        let answer = attempt(stage.edge.addr(), broken, &asked, &name, blob.bytes.len() - have);
        let Ok(answer) = answer else { continue };
        have += answer.body.len();
        if answer.ended == Ended::Complete {
            return;
        }
    }
}

/// The signature of the demo, in monitor: Amazon's networks, one length of ClientHello, a volume of one fingerprint in one
/// data centre; what it does is lead the pull over another path, as the CDN's mitigation did.
fn write_signature(stage: &Stage, detour: &str) {
    let api = stage.api();
    api.put("/routes/default", &json!({"repository": "**", "detour": detour}));
    let signature = json!({
        "description": "The July 2020 signature, as an example: do not enforce it.",
        "expression": "ip.src.asnum in {14618 16509} and cf.tls_client_hello_length eq 508",
        "action": "detour",
        "volume": {"by": "fingerprint", "requests": 5, "seconds": 600},
    });
    api.put("/rules/botnet-sig", &signature);
}

/// Pulls that go on beside the test, which may fail: then they end too.
pub(crate) struct Until<'a>(pub(crate) &'a AtomicBool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn go_on(stage: &Stage, broken: &BrokenPath, next: &AtomicU32, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        pull(stage, broken, next.fetch_add(1, Ordering::Relaxed));
        pass(PACE);
    }
}

#[test]
fn july_2020_is_found_shown_and_ended_from_the_page() {
    let mut stage = Stage::new();
    let broken = BrokenPath::before(stage.registry.addr());
    write_signature(&stage, &broken.relay.url());
    // Every build in every data centre, often enough that the signature has its volume.
    let known = 320;
    scope(|scope| {
        for hand in 0..HANDS {
            let (stage, broken) = (&stage, &broken);
            scope.spawn(move || {
                (hand..known)
                    .step_by(HANDS as usize)
                    .for_each(|number| pull(stage, broken, number))
            });
        }
    });
    let records = stage.records("limit=1000", known as usize);
    an_hour_of_health(&mut stage, &records);

    let (next, over) = (AtomicU32::new(known), AtomicBool::new(false));
    scope(|scope| {
        let _ends = Until(&over);
        for _ in 0..HANDS {
            scope.spawn(|| go_on(&stage, &broken, &next, &over));
        }
        browser_tests(
            &["browser/july_2020.test.ts"],
            &[
                ("EDGE", &format!("http://{}", stage.edge.addr())),
                ("OPERATOR", OPERATOR),
            ],
        );
    });
    broken.gate.open();
}
