//! Records for tests: one with everything, one with nothing, and as many as wanted that look like traffic.

use std::sync::Arc;

use crate::action::{Action, Mode};
use crate::cache::Cache;
use crate::client::{ClientKey, NetworkKey};
use crate::path::PathShape;
use crate::range::RangeKind;
use crate::record::{Fired, Method, Outcome, Profile, RangeRecord, Record, RecordId};
use crate::user_agent::Family;

pub const JULY_2020_MS: u64 = 1_593_975_600_000;

pub fn fired(rule: &str, version: u32, mode: Mode, would: Action, applied: Action) -> Fired {
    Fired {
        rule: Arc::from(rule),
        version,
        mode,
        would,
        applied,
    }
}

pub fn full() -> Record {
    Record {
        id: RecordId::from_parts(JULY_2020_MS + 7, 0x1234_5678_9abc, 42),
        ray: "5ae0123456789abc-IAD".to_owned(),
        route: Arc::from("library"),
        repository: "library/alpine".to_owned(),
        digest: format!("sha256:{}", "0123456789abcdef".repeat(4)),
        object: 0,
        shape: PathShape::Oci,
        joined: false,
        odd_path: false,
        method: Method::Get,
        status: 206,
        range: RangeRecord {
            kind: RangeKind::Resume,
            start: Some(1_048_576),
            end: None,
            honoured: Some(true),
        },
        size: Some(2_811_969),
        promised: Some(1_763_393),
        outcome: Outcome::ClientClosed,
        duration_ms: 1200,
        sent_to: String::new(),
        sent_object: 0,
        served_by: String::new(),
        cache: None,
        client: ClientKey(0x0123_4567_89ab_cdef),
        network: NetworkKey(0xfedc_ba98_7654_3210),
        asn: Some(16509),
        country: "US".to_owned(),
        colo: "IAD".to_owned(),
        cloud: String::new(),
        cloud_region: String::new(),
        ip_version: None,
        protocol: "HTTP/1.1".to_owned(),
        rtt_ms: None,
        delivery_rate: None,
        family: Family::Docker,
        version: "19.03.6-ce".to_owned(),
        os: "amzn2".to_owned(),
        arch: "amd64".to_owned(),
        fingerprint: "bw1-0a1b2c3d4e5f-6a7b8c9d".to_owned(),
        ja4: "t13d1516h2_8daaf6152771_b186095e22b6".to_owned(),
        tcp: String::new(),
        fired: vec![
            fired("botnet-sig", 3, Mode::Monitor, Action::Block, Action::None),
            fired("note-amzn", 1, Mode::Enforce, Action::Tag, Action::Tag),
        ],
        verdict: Action::Tag,
        revision: 17,
        degraded: false,
        weight: 1,
        seen: true,
        profile: Profile {
            host: "registry.example".to_owned(),
            scheme: "https".to_owned(),
            user_agent:
                "docker/19.03.6-ce go/go1.13.4 git-commit/369ce74 kernel/4.14.181-140.257.amzn2.x86_64"
                    .to_owned(),
            accept_encoding: "gzip".to_owned(),
            continent: "NA".to_owned(),
            tls_version: "TLSv1.2".to_owned(),
            tls_cipher: "ECDHE-RSA-AES128-GCM-SHA256".to_owned(),
            tls_ciphers_sha1: "c".repeat(28),
            tls_extensions_sha1: "e".repeat(28),
            tls_extensions_sha1_le: "l".repeat(28),
            tls_hello_length: Some(508),
            ja3: String::new(),
        },
    }
}

pub fn sparse() -> Record {
    Record {
        id: RecordId::from_parts(JULY_2020_MS, 1, 0),
        ray: String::new(),
        route: Arc::from("default"),
        repository: "a".to_owned(),
        digest: "x:y".to_owned(),
        object: 0,
        shape: PathShape::Oci,
        joined: false,
        odd_path: false,
        method: Method::Head,
        status: 0,
        range: RangeRecord {
            kind: RangeKind::None,
            start: None,
            end: None,
            honoured: None,
        },
        size: None,
        promised: None,
        outcome: Outcome::OriginFailed,
        duration_ms: 0,
        sent_to: String::new(),
        sent_object: 0,
        served_by: String::new(),
        cache: None,
        client: ClientKey(0),
        network: NetworkKey(0),
        asn: None,
        country: String::new(),
        colo: String::new(),
        cloud: String::new(),
        cloud_region: String::new(),
        ip_version: None,
        protocol: String::new(),
        rtt_ms: None,
        delivery_rate: None,
        family: Family::Empty,
        version: String::new(),
        os: String::new(),
        arch: String::new(),
        fingerprint: String::new(),
        ja4: String::new(),
        tcp: String::new(),
        fired: Vec::new(),
        verdict: Action::None,
        revision: 0,
        degraded: true,
        weight: 1,
        seen: true,
        profile: Profile::default(),
    }
}

/// A registry's half of a pull whose blob is elsewhere.
pub fn redirected() -> Record {
    Record {
        id: RecordId::from_parts(JULY_2020_MS + 8, 0x1234_5678_9abc, 43),
        status: 307,
        range: RangeRecord {
            honoured: None,
            ..full().range
        },
        size: None,
        promised: Some(0),
        outcome: Outcome::NotObserved,
        sent_to: "cdn.example".to_owned(),
        sent_object: 0x0123_4567_89ab_cdef,
        served_by: "origin:origin.example".to_owned(),
        cache: Some(Cache::Dynamic),
        ..full()
    }
}

/// The blob's half of it, of a path that says neither repository nor digest.
pub fn object() -> Record {
    Record {
        id: RecordId::from_parts(JULY_2020_MS + 60, 0x1234_5678_9abc, 44),
        repository: String::new(),
        digest: String::new(),
        object: 0x0123_4567_89ab_cdef,
        shape: PathShape::Object,
        served_by: "detour:bucket.example".to_owned(),
        cache: Some(Cache::Hit),
        profile: Profile {
            host: "cdn.example".to_owned(),
            ..full().profile
        },
        ..full()
    }
}

/// Queries of signed addresses as each service writes them, and the parts of them that let somebody in.
pub const SIGNED: [(&str, &[&str]); 13] = [
    // S3, signature version 2.
    (
        "AWSAccessKeyId=AKIDTESTTWO&Expires=1700000000&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D",
        &["AKIDTESTTWO", "vjbyPxybdZaNmGa"],
    ),
    // S3 and R2, version 4, with a session's token.
    (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDTESTFOUR%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&\
         X-Amz-Date=20130524T000000Z&X-Amz-Expires=1200&X-Amz-SignedHeaders=host&X-Amz-Security-Token=FwoGZXtoken&\
         X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835",
        &["AKIDTESTFOUR", "FwoGZXtoken", "aeeed9bbccd4d02e"],
    ),
    (
        "x-amz-credential=r2key%2Fauto%2Fs3&x-amz-signature=0badcafe0badcafe&x-id=GetObject",
        &["r2key", "0badcafe0badcafe"],
    ),
    // Google, version 2 and version 4.
    (
        "GoogleAccessId=robot%40project.iam.gserviceaccount.com&Expires=1388534400&Signature=BClz9e4UA2MRRDXT",
        &["robot", "BClz9e4UA2MRRDXT"],
    ),
    (
        "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=robot4%40project%2F20181026%2Fauto%2Fstorage&\
         X-Goog-Date=20181026T18&X-Goog-Expires=900&X-Goog-SignedHeaders=host&X-Goog-Signature=247a2aa45f169edf",
        &["robot4", "247a2aa45f169edf"],
    ),
    // Azure's shared access signature.
    (
        "sv=2020-08-04&se=2021-01-01T00%3A00%3A00Z&sr=b&sp=r&skoid=c0ffee00&sig=Z%2FRHIX5Xcg0Mq2rqI3OlWTjEg2tYkboX",
        &["c0ffee00", "Z%2FRHIX5Xcg0", "Z/RHIX5Xcg0"],
    ),
    // CloudFront, canned and custom.
    (
        "Expires=1357034400&Signature=nitfHRCrtziwO2HwPfWw~yYDhUF5&Key-Pair-Id=K2JCJMDEHXQW5F",
        &["nitfHRCrtziwO2", "K2JCJMDEHXQW5F"],
    ),
    (
        "Policy=eyANCiAgICEXAMPLEW1lbnQiOiBbeyANCi&Signature=nitfHRCrtziwO3&Key-Pair-Id=K2JCJMDEHXQW6F&Hash-Algorithm=SHA1",
        &["eyANCiAgICEXAMPLE", "nitfHRCrtziwO3", "K2JCJMDEHXQW6F"],
    ),
    // Cloudflare and Akamai.
    ("verify=1593975600-s3cr3tHmac%2Bx%3D", &["s3cr3tHmac"]),
    (
        "hdnts=st=1593975600~exp=1593979200~acl=/*~hmac=4e6f7065",
        &["4e6f7065"],
    ),
    ("__token__=exp=1593979200~hmac=5e6f7065", &["5e6f7065"]),
    // Fastly, and whatever somebody made up.
    ("token=1593979200_ab12cd34ef", &["ab12cd34ef"]),
    (
        "access_token=gho_sEcReT&jwt=eyJhbGciOi.x.y",
        &["gho_sEcReT", "eyJhbGciOi"],
    ),
];

/// A small generator of numbers (SplitMix64): the same seed is the same traffic on every machine.
pub struct Numbers(pub u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Small numbers far more often than large ones, as popularity is.
    fn popular(&mut self, bound: u64) -> u64 {
        let share = self.below(1 << 20) as f64 / (1u64 << 20) as f64;
        (((bound as f64).powf(share)) as u64 - 1).min(bound - 1)
    }
}

/// Pulls of a registry: 600 client builds, 20,000 clients, 3,000 blobs in 400 repositories, one in eight ranged.
pub fn traffic(seed: u64, records: usize) -> Vec<Record> {
    let mut numbers = Numbers(seed);
    let mut time = JULY_2020_MS;
    let count = |record: usize| u32::try_from(record).unwrap();
    (0..records)
        .map(|record| {
            time += numbers.below(9);
            let id = RecordId::from_parts(time, 0xabcd_0000 + numbers.below(6), count(record));
            sample_record(&mut numbers, id)
        })
        .collect()
}

fn sample_record(numbers: &mut Numbers, id: RecordId) -> Record {
    let who = numbers.popular(20_000);
    let build = Numbers(who).popular(600);
    let blob = numbers.popular(3_000);
    let size = 1000 + Numbers(blob).below(80_000_000);
    let ranged = numbers.below(8) == 0;
    let start = numbers.below(size);
    let family = match build % 20 {
        7 => Family::of_name("sometool").unwrap_or_default(),
        _ => [Family::Docker, Family::Containerd, Family::Podman, Family::Skopeo][build as usize % 4],
    };
    let os = ["amzn2", "", "el8", "linuxkit", "gke"][build as usize % 5];
    let asn = [16509, 14618, 15169, 8075, 3320, 701][who as usize % 6];
    let country = ["US", "DE", "JP", "BR"][who as usize % 4];
    let completed = numbers.below(10) == 0;
    Record {
        id,
        ray: format!("{:016x}-IAD", numbers.next()),
        route: Arc::from(["default", "library", "partners"][blob as usize % 3]),
        repository: format!("library/image-{}", blob % 400),
        digest: format!("sha256:{}", format!("{:016x}", Numbers(blob).next()).repeat(4)),
        object: 0,
        shape: PathShape::Oci,
        joined: false,
        odd_path: who % 97 == 5,
        method: if numbers.below(20) == 0 {
            Method::Head
        } else {
            Method::Get
        },
        status: if ranged {
            206
        } else {
            [200, 200, 200, 307, 404][numbers.popular(5) as usize]
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
        outcome: if completed {
            Outcome::Completed
        } else {
            Outcome::NotObserved
        },
        duration_ms: numbers.popular(4000) as u32,
        sent_to: String::new(),
        sent_object: 0,
        served_by: "origin:origin.example".to_owned(),
        cache: [None, Some(Cache::Hit), Some(Cache::Miss)][blob as usize % 3],
        client: ClientKey(Numbers(who).next()),
        network: NetworkKey(Numbers(who / 4 + 1_000_000).next()),
        asn: (!who.is_multiple_of(50)).then_some(asn),
        country: country.to_owned(),
        colo: "IAD".to_owned(),
        cloud: ["aws", "", "gcp", "azure", "", ""][who as usize % 6].to_owned(),
        cloud_region: ["us-east-1", "", "europe-west4", "", "", ""][who as usize % 6].to_owned(),
        ip_version: Some(if who.is_multiple_of(5) { 6 } else { 4 }),
        protocol: ["HTTP/1.1", "HTTP/2"][build as usize % 2].to_owned(),
        rtt_ms: None,
        delivery_rate: None,
        family,
        version: format!("20.10.{}", build % 25),
        os: os.to_owned(),
        arch: "amd64".to_owned(),
        fingerprint: format!("bw1-{:012x}-{:08x}", Numbers(build / 40).next() >> 16, build % 7),
        ja4: String::new(),
        tcp: String::new(),
        fired: sample_fires(numbers.popular(16)),
        verdict: Action::None,
        revision: 17,
        degraded: false,
        weight: 1,
        seen: true,
        profile: profile(build, os),
    }
}

fn sample_fires(set: u64) -> Vec<Fired> {
    let name = |bit: &u64| {
        fired(
            &format!("rule-{bit}"),
            2,
            Mode::Monitor,
            Action::Block,
            Action::None,
        )
    };
    (0..4)
        .filter(|bit| set >> bit & 1 == 1)
        .map(|bit| name(&bit))
        .collect()
}

fn profile(build: u64, os: &str) -> Profile {
    Profile {
        user_agent: format!(
            "docker/20.10.{} go/go1.19.{} git-commit/{:07x} kernel/5.10.{}-{}.{os}.x86_64 os/linux arch/amd64 \
             UpstreamClient(Docker-Client/20.10.{0} \\(linux\\))",
            build % 25,
            build % 9,
            build % 25 * 7919,
            build,
            100 + build % 60,
        ),
        tls_ciphers_sha1: format!("{:028x}", Numbers(build / 40).next()),
        tls_extensions_sha1: format!("{:028x}", Numbers(build / 20).next()),
        tls_extensions_sha1_le: format!("{:028x}", Numbers(build / 40 + 5000).next()),
        tls_hello_length: Some(500 + build as u32 % 12),
        host: "registry.example".to_owned(),
        ..full().profile
    }
}
