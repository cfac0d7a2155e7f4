//! Records that look like a registry's: 600 client builds, 100,000 clients, 5,000 blobs, popularity falling off.

use blobwatch_pull::{
    Action, ClientKey, Family, Fired, Method, Mode, NetworkKey, Outcome, PathShape, Profile, RangeKind,
    RangeRecord, Record, RecordId,
};
use fastrand::Rng;
use std::sync::Arc;

/// 2020-07-05T19:00:00Z.
pub(crate) const START_MS: u64 = 1_593_975_600_000;

/// Seven days.
pub(crate) const SPAN_MS: u64 = 7 * 86_400_000;

/// Fires on one record in 100,000.
pub(crate) const RARE_RULE: &str = "rule-rare";

pub(crate) const ROUTES: [&str; 3] = ["default", "library", "partners"];

/// The same records in every run, from its time on.
pub(crate) struct Traffic {
    rng: Rng,
    start_ms: u64,
    records: u32,
    made: u32,
    rules: Vec<Arc<str>>,
    routes: [Arc<str>; 3],
}

impl Traffic {
    pub(crate) fn new(records: u32, start_ms: u64) -> Self {
        let rules = (0..4)
            .map(|rule| Arc::from(format!("rule-{rule}")))
            .chain([Arc::from(RARE_RULE)]);
        let routes = ROUTES.map(Arc::from);
        Self {
            rng: Rng::with_seed(7),
            start_ms,
            records,
            made: 0,
            rules: rules.collect(),
            routes,
        }
    }

    /// Small numbers far more often than large ones.
    fn popular(&mut self, bound: u32) -> u32 {
        (f64::from(bound).powf(self.rng.f64()) as u32 - 1).min(bound - 1)
    }

    fn fired(&mut self) -> Vec<Fired> {
        let set = self.popular(16);
        let rare = self.rng.u32(..100_000) == 0;
        let fires = |(place, _): &(usize, &Arc<str>)| if *place == 4 { rare } else { set >> place & 1 == 1 };
        let fired = |(_, rule): (usize, &Arc<str>)| Fired {
            rule: Arc::clone(rule),
            version: 2,
            mode: Mode::Monitor,
            would: Action::Block,
            applied: Action::None,
        };
        self.rules.iter().enumerate().filter(fires).map(fired).collect()
    }
}

#[expect(clippy::indexing_slicing, reason = "the remainder is below the length")]
fn pick<T: Clone>(values: &[T], place: u32) -> T {
    values[place as usize % values.len()].clone()
}

/// The key of a client.
pub(crate) fn client(who: u32) -> u64 {
    hash(u64::from(who))
}

fn hash(value: u64) -> u64 {
    Rng::with_seed(value).u64(..)
}

impl Iterator for Traffic {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.made == self.records {
            return None;
        }
        let time_ms = self.start_ms + SPAN_MS * u64::from(self.made) / u64::from(self.records);
        let id = RecordId::from_parts(time_ms, 0xabcd_0000 + self.rng.u64(..6), self.made);
        self.made += 1;
        let who = self.popular(100_000);
        let blob = self.popular(5_000);
        let build = (hash(u64::from(who)) % 600) as u32;
        let os = pick(&["amzn2", "", "el8", "linuxkit", "gke"], build);
        let size = 1_000 + hash(u64::from(blob)) % 80_000_000;
        let ranged = self.rng.u32(..8) == 0;
        let start = self.rng.u64(..size);
        Some(Record {
            id,
            ray: format!("{:016x}-IAD", self.rng.u64(..)),
            route: pick(&self.routes, blob),
            repository: format!("library/image-{}", blob % 700),
            digest: format!("sha256:{}", format!("{:016x}", hash(u64::from(blob))).repeat(4)),
            object: 0,
            shape: PathShape::Oci,
            joined: false,
            odd_path: false,
            method: if self.rng.u32(..20) == 0 {
                Method::Head
            } else {
                Method::Get
            },
            status: if ranged {
                206
            } else {
                pick(&[200, 200, 200, 307, 404], self.popular(5))
            },
            range: RangeRecord {
                kind: if ranged {
                    RangeKind::Resume
                } else {
                    RangeKind::None
                },
                start: ranged.then_some(start),
                end: None,
                honoured: ranged.then_some(true),
            },
            size: Some(size),
            promised: Some(if ranged { size - start } else { size }),
            outcome: if self.rng.u32(..10) == 0 {
                Outcome::Completed
            } else {
                Outcome::NotObserved
            },
            duration_ms: self.popular(4_000),
            sent_to: String::new(),
            sent_object: 0,
            served_by: "origin:origin.example".to_owned(),
            cache: None,
            client: ClientKey(client(who)),
            network: NetworkKey(client(who / 4 + 1_000_000)),
            asn: Some(pick(&[16509, 14618, 15169, 8075, 3320, 701], who)),
            country: pick(&["US", "DE", "JP", "BR"], who).to_owned(),
            colo: "IAD".to_owned(),
            cloud: String::new(),
            cloud_region: String::new(),
            ip_version: Some(4),
            protocol: "HTTP/1.1".to_owned(),
            rtt_ms: None,
            delivery_rate: None,
            family: pick(
                &[Family::Docker, Family::Containerd, Family::Podman, Family::Skopeo],
                build,
            ),
            version: format!("20.10.{}", build % 25),
            os: os.to_owned(),
            arch: "amd64".to_owned(),
            fingerprint: format!("bw1-{:012x}-{:08x}", hash(u64::from(build / 40)) >> 16, build % 7),
            ja4: String::new(),
            tcp: String::new(),
            fired: self.fired(),
            verdict: Action::None,
            revision: 17,
            degraded: false,
            weight: 1,
            seen: true,
            profile: profile(build, os),
        })
    }
}

fn profile(build: u32, os: &str) -> Profile {
    let sha1 = |part: u32| format!("{:028x}", hash(u64::from(part)));
    Profile {
        host: "registry.example".to_owned(),
        scheme: "https".to_owned(),
        user_agent: format!(
            "docker/20.10.{0} go/go1.19.{1} git-commit/{2:07x} kernel/5.10.{build}-{3}.{os}.x86_64 os/linux \
             arch/amd64 UpstreamClient(Docker-Client/20.10.{0} \\(linux\\))",
            build % 25,
            build % 9,
            build % 25 * 7919,
            100 + build % 60,
        ),
        accept_encoding: "gzip".to_owned(),
        continent: "NA".to_owned(),
        tls_version: "TLSv1.3".to_owned(),
        tls_cipher: "AEAD-AES128-GCM-SHA256".to_owned(),
        tls_ciphers_sha1: sha1(build / 40),
        tls_extensions_sha1: sha1(build / 20 + 1_000),
        tls_extensions_sha1_le: sha1(build / 40 + 2_000),
        tls_hello_length: Some(500 + build % 12),
        ja3: String::new(),
    }
}
