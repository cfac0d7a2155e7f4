//! Records for tests: one with everything, one with nothing, and as many as wanted that look like traffic.

use std::sync::Arc;

use super::{Fired, Method, Outcome, Profile, RangeRecord, Record, RecordId};
use crate::client::{ClientKey, NetworkKey};
use crate::range::RangeKind;
use crate::rulebook::{Action, Mode};
use crate::user_agent::Family;

pub(crate) const JULY_2020_MS: u64 = 1_593_975_600_000;

pub(crate) fn fired(rule: &str, version: u32, mode: Mode, would: Action, applied: Action) -> Fired {
    Fired {
        rule: Arc::from(rule),
        version,
        mode,
        would,
        applied,
    }
}

pub(crate) fn full() -> Record {
    Record {
        id: RecordId::from_parts(JULY_2020_MS + 7, 0x1234_5678_9abc, 42),
        ray: "5ae0123456789abc-IAD".to_owned(),
        route: Arc::from("library"),
        repository: "library/alpine".to_owned(),
        digest: format!("sha256:{}", "0123456789abcdef".repeat(4)),
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
        client: ClientKey(0x0123_4567_89ab_cdef),
        network: NetworkKey(0xfedc_ba98_7654_3210),
        asn: Some(16509),
        country: "US".to_owned(),
        colo: "IAD".to_owned(),
        family: Family::Docker,
        version: "19.03.6-ce".to_owned(),
        os: "amzn2".to_owned(),
        arch: "amd64".to_owned(),
        fingerprint: "bw1-0a1b2c3d4e5f-6a7b8c9d".to_owned(),
        ja4: "t13d1516h2_8daaf6152771_b186095e22b6".to_owned(),
        fired: vec![
            fired("botnet-sig", 3, Mode::Monitor, Action::Block, Action::None),
            fired("note-amzn", 1, Mode::Enforce, Action::Tag, Action::Tag),
        ],
        verdict: Action::Tag,
        revision: 17,
        degraded: false,
        weight: 1,
        profile: Profile {
            host: "registry.example".to_owned(),
            scheme: "https".to_owned(),
            protocol: "HTTP/1.1".to_owned(),
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

pub(crate) fn sparse() -> Record {
    Record {
        id: RecordId::from_parts(JULY_2020_MS, 1, 0),
        ray: String::new(),
        route: Arc::from("default"),
        repository: "a".to_owned(),
        digest: "x:y".to_owned(),
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
        client: ClientKey(0),
        network: NetworkKey(0),
        asn: None,
        country: String::new(),
        colo: String::new(),
        family: Family::Empty,
        version: String::new(),
        os: String::new(),
        arch: String::new(),
        fingerprint: String::new(),
        ja4: String::new(),
        fired: Vec::new(),
        verdict: Action::None,
        revision: 0,
        degraded: true,
        weight: 1,
        profile: Profile::default(),
    }
}
