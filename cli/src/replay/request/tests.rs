use std::borrow::Cow;

use blobwatch_pull::{ClientKey, Family, Method, NetworkKey, Outcome, RangeKind, RangeRecord, RecordId};

use super::{Cohort, Reader, Request};
use crate::replay::log::id_of;
use crate::replay::shown::resolve;
use crate::replay::sizes::Sizes;
use blobwatch_logs::{Field, Lengths, LogEntry, NO_RANGE, Shown};

const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";

/// A request of one client for one blob.
pub(in crate::replay) fn request(time_ms: u64, line: u64) -> Request {
    Request {
        id: id_of(time_ms, 0, line),
        client: ClientKey(1),
        network: NetworkKey(1),
        digest: 1,
        range: NO_RANGE,
        shown: Shown::All,
        size: None,
        lengths: Lengths::default(),
        duration_ms: 0,
        weight: 1,
        status: 200,
        method: Method::Get,
        outcome: Outcome::NotObserved,
        is_denied: false,
        cohort: Cohort {
            asn: None,
            route: 0,
            colo: 0,
            country: 0,
            os: 0,
            fingerprint: 0,
            rules: 0,
            family: Family::Unknown,
        },
        further: super::Further::default(),
    }
}

/// A reader, and the sizes that it has learned.
struct Lines(Reader, Sizes);

fn reader() -> Lines {
    Lines(Reader::new(None), Sizes::default())
}

fn read(Lines(reader, sizes): &mut Lines, fields: &[(Field, &str)]) -> Result<Option<Request>, &'static str> {
    let path = format!("/v2/library/alpine/blobs/{DIGEST}");
    let mut entry = LogEntry::default();
    let usual = [
        (Field::Time, "1593975600"),
        (Field::Status, "200"),
        (Field::Path, path.as_str()),
    ];
    for (field, value) in usual.iter().chain(fields) {
        entry.set(*field, Cow::Owned((*value).to_owned()))?;
    }
    let mut read = reader.read(&mut entry, |time_ms, _| id_of(time_ms, 0, 1))?;
    if let Some(request) = &mut read {
        resolve(request, sizes);
    }
    Ok(read)
}

fn one(fields: &[(Field, &str)]) -> Request {
    read(&mut reader(), fields).unwrap().unwrap()
}

#[test]
fn only_blobs_are_taken() {
    let is_blob = |path: &str| read(&mut reader(), &[(Field::Path, path)]).unwrap().is_some();
    let hex = DIGEST.trim_start_matches("sha256:");
    assert!(is_blob(&format!("/v2/a/blobs/{DIGEST}?ns=docker.io")));
    assert!(is_blob(&format!("https://hub.example.com/v2/a/blobs/{DIGEST}")));
    assert!(is_blob(&format!("/v2/a/blobs/{}", DIGEST.replace(':', "%3A"))));
    assert!(is_blob(&format!(
        "/registry-v2/docker/registry/v2/blobs/sha256/00/{hex}/data?verify=1"
    )));
    assert!(is_blob(&format!("/artifactory/hub/library/alpine/sha256__{hex}")));
    assert!(is_blob(&format!(
        "v2%2Fa%2Fblobs%2F{}",
        DIGEST.replace(':', "%3A")
    )));
    assert!(is_blob(&format!("/ghcr1/blobs/{DIGEST}?sig=x")));
    // As a deployment does: some origins serve what is against the grammar of digests.
    assert!(is_blob("/v2/a/blobs/sha256:00"));
    for path in [
        "/",
        "/v2/",
        "/v2/a/manifests/latest",
        "/v2/a/blobs/uploads/",
        "https://hub.example.com",
        "/blobs/sha256/00/data",
    ] {
        assert!(!is_blob(path), "{path}");
    }
    assert_eq!(
        read(
            &mut reader(),
            &[(Field::Request, "POST /v2/a/blobs/uploads/ HTTP/1.1")]
        ),
        Ok(None)
    );
}

#[test]
fn behind_a_proxy_the_client_is_whom_it_names() {
    let client = |address: &str, forwarded: &str| {
        one(&[(Field::Address, address), (Field::Forwarded, forwarded)]).client
    };
    let plain = |address: &str| one(&[(Field::Address, address)]).client;
    assert_eq!(client("10.0.0.1", "192.0.2.7, 10.0.0.2"), plain("192.0.2.7"));
    assert_eq!(client("", "192.0.2.7"), plain("192.0.2.7"));
    // A client from outside can write anything there.
    assert_eq!(client("198.51.100.1", "192.0.2.7"), plain("198.51.100.1"));
    assert_eq!(client("10.0.0.1", "unknown"), plain("10.0.0.1"));
}

#[test]
fn the_same_blob_by_any_path_is_one() {
    let hex = DIGEST.trim_start_matches("sha256:");
    let digest = |path: &str| one(&[(Field::Path, path)]).digest;
    assert_eq!(
        digest(&format!("/v2/a/blobs/{DIGEST}")),
        digest(&format!("/v2/b/c/blobs/{}", DIGEST.replace(':', "%3a")))
    );
    assert_eq!(
        digest(&format!("/x/blobs/sha256/00/{hex}/data")),
        digest(&format!("/y/z/blobs/sha256/00/{hex}/data"))
    );
}

#[test]
fn a_client_is_an_address_or_a_64_whatever_it_says_of_itself() {
    let mut reader = reader();
    let mut keys = |address: &str, agent: &str| {
        let read = read(
            &mut reader,
            &[(Field::Address, address), (Field::UserAgent, agent)],
        );
        let request = read.unwrap().unwrap();
        (request.client, request.network)
    };
    let usual = keys("192.0.2.7", "docker/20");
    assert_eq!(usual, keys("192.0.2.7:5000", "docker/20"));
    assert_eq!(usual, keys("192.0.2.7, 198.51.100.1", "docker/20"));
    assert_eq!(usual, keys("[::ffff:192.0.2.7]:5000", "docker/20"));
    assert_eq!(usual.1, keys("192.0.2.200", "docker/20").1);
    assert_ne!(usual.0, keys("192.0.2.8", "docker/20").0);
    assert_eq!(usual, keys("192.0.2.7", "docker/21"));
    let usual_v6 = keys("2001:db8:0:1::1", "docker/20");
    assert_eq!(usual_v6, keys("[2001:db8:0:1:ffff::2]:5000", "curl/8"));
    assert_eq!(usual_v6.1, keys("2001:db8:0:2::1", "docker/20").1);
    assert_ne!(usual_v6.0, keys("2001:db8:0:2::1", "docker/20").0);
    assert_ne!(usual_v6.1, keys("2001:db8:1:1::1", "docker/20").1);
    assert_ne!(usual.1, keys("192.0.3.7", "docker/20").1);
    assert_ne!(keys("build-1.example.com", ""), keys("build-2.example.com", ""));
}

#[track_caller]
fn kind(fields: &[(Field, &str)], expected: (RangeKind, Option<u64>, Option<bool>)) {
    let RangeRecord {
        kind,
        start,
        honoured,
        ..
    } = one(fields).range;
    assert_eq!((kind, start, honoured), expected, "{fields:?}");
}

#[test]
fn with_the_range_everything_is_known() {
    let ranged = |range, status| [(Field::Range, range), (Field::Status, status)];
    kind(
        &ranged("bytes=5-", "206"),
        (RangeKind::Resume, Some(5), Some(true)),
    );
    kind(
        &ranged("bytes=5-", "200"),
        (RangeKind::Resume, Some(5), Some(false)),
    );
    kind(&ranged("bytes=5-", "416"), (RangeKind::Resume, Some(5), None));
    kind(
        &ranged("bytes=0-", "206"),
        (RangeKind::Whole, Some(0), Some(true)),
    );
    kind(
        &ranged("bytes=0-1", "206"),
        (RangeKind::Probe, Some(0), Some(true)),
    );
    kind(
        &ranged("bytes=5-", "400"),
        (RangeKind::Resume, Some(5), Some(false)),
    );
    kind(&ranged("bytes=5-", "307"), (RangeKind::Resume, Some(5), None));
    kind(
        &[
            (Field::Range, "bytes=5-"),
            (Field::Status, "206"),
            (Field::ContentRange, "bytes 0-9/10"),
        ],
        (RangeKind::Resume, Some(5), Some(false)),
    );
}

#[test]
fn with_the_content_range_a_part_that_reaches_the_end_is_a_resume() {
    let part = |range| [(Field::ContentRange, range), (Field::Status, "206")];
    kind(&part("bytes 5-9/10"), (RangeKind::Resume, Some(5), Some(true)));
    kind(&part("bytes 5-7/10"), (RangeKind::Scatter, Some(5), Some(true)));
    kind(&part("bytes 0-9/10"), (RangeKind::Whole, Some(0), Some(true)));
    kind(
        &part("bytes 8388608-16777215/99999999"),
        (RangeKind::Tile, Some(8_388_608), Some(true)),
    );
    let ends = [(Field::RangeStart, "5"), (Field::Status, "206")];
    kind(&ends, (RangeKind::Resume, Some(5), Some(true)));
}

#[test]
fn by_length_alone_the_last_bytes_are_a_resume() {
    let mut reader = reader();
    let mut kind = |status: &str, bytes: &str| {
        let read = read(&mut reader, &[(Field::Status, status), (Field::Bytes, bytes)]);
        let range = read.unwrap().unwrap().range;
        (range.kind, range.start, range.honoured)
    };
    assert_eq!(kind("206", "400"), (RangeKind::Scatter, None, None));
    assert_eq!(kind("200", "3000000"), (RangeKind::None, None, None));
    assert_eq!(kind("206", "400"), (RangeKind::Resume, Some(2_999_600), None));
    assert_eq!(kind("206", "1048576"), (RangeKind::Tile, None, None));
    assert_eq!(kind("206", "2"), (RangeKind::Probe, None, None));
    assert_eq!(kind("206", "3000000"), (RangeKind::Whole, Some(0), None));
}

#[test]
fn a_body_shorter_than_the_blob_was_cut() {
    let mut reader = reader();
    let mut outcome = |bytes: &str| {
        let read = read(&mut reader, &[(Field::Bytes, bytes)]);
        read.unwrap().unwrap().outcome
    };
    assert_eq!(outcome("3000000"), Outcome::Completed);
    assert_eq!(outcome("1200000"), Outcome::ClientClosed);
    assert_eq!(one(&[]).outcome, Outcome::NotObserved);
    assert_eq!(
        one(&[(Field::Bytes, "700"), (Field::Promised, "900")]).outcome,
        Outcome::ClientClosed
    );
    assert_eq!(
        one(&[(Field::Outcome, "origin_failed")]).outcome,
        Outcome::OriginFailed
    );
}

#[test]
fn a_record_of_ours_is_taken_as_it_is() {
    let request = one(&[
        (Field::Digest, DIGEST),
        (Field::Kind, "repeat"),
        (Field::Start, "5"),
        (Field::Honoured, "true"),
        (Field::Client, "00000000000000ff"),
        (Field::Network, "000000000000000a"),
        (Field::Family, "cri-o"),
        (Field::Os, "el8"),
        (Field::Weight, "10"),
        (Field::Verdict, "block"),
    ]);
    assert_eq!(request.range.kind, RangeKind::Repeat);
    assert_eq!(
        (request.client, request.network),
        (ClientKey(255), NetworkKey(10))
    );
    assert_eq!(
        (request.cohort.family, request.weight, request.is_denied),
        (Family::CriO, 10, true)
    );
}

#[test]
fn a_line_without_time_or_status_says_so() {
    assert_eq!(read(&mut reader(), &[(Field::Status, "ok")]), Err("a status"));
    let mut entry = LogEntry::default();
    entry.path = format!("/v2/a/blobs/{DIGEST}").into();
    let id = |_: u64, _: &str| RecordId(0);
    assert_eq!(reader().0.read(&mut entry, id), Err("a time"));
    entry.time_ms = Some(1);
    assert_eq!(reader().0.read(&mut entry, id), Err("a status"));
}
