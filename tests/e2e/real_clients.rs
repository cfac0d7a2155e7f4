//! The clients that people have, pulling through Blobwatch from a registry, and what the fire log then says of them.

use std::fs::{metadata, read};

use serde_json::{Value, json};

use crate::harness::clients::{
    Containerd, Home, curl, has_pulled, podman, skopeo, skopeo_push, version, wget,
};
use crate::harness::head::Head;
use crate::harness::http::Request;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::{Fault, Relay};
use crate::harness::stage::{Stage, front};

/// An Amazon network, as the fire log is to say.
fn amazon() -> Place {
    Place::colo("NRT").with("asn", 16509).with("country", "JP")
}

fn large(stage: &Stage) -> String {
    stage.registry.image.large().digest.clone()
}

fn url(front: &Relay, stage: &Stage) -> String {
    format!("{}/v2/{REPOSITORY}/blobs/{}", front.url(), large(stage))
}

/// One record for each blob of the image, by this client, from where it was.
#[track_caller]
fn is_recorded(stage: &Stage, family: &str, version: &str) {
    let blobs = stage.registry.image.blobs().count();
    let records = stage.records(&format!("family={family}&colo=NRT"), blobs);
    for blob in stage.registry.image.blobs() {
        let of_blob = |record: &&Value| record["digest"] == blob.digest && record["method"] == "GET";
        let record = records
            .iter()
            .find(of_blob)
            .unwrap_or_else(|| panic!("{}: {records:#?}", blob.digest));
        let expected = json!({
            "route": "default", "repository": REPOSITORY, "status": 200, "version": version,
            "size": blob.bytes.len(), "promised": blob.bytes.len(), "asn": 16509, "country": "JP",
            "range": {"kind": "none", "start": null, "end": null, "honoured": null}, "verdict": "none",
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&record[name], value, "{name}: {record:#}");
        }
        assert!(
            record["fingerprint"].as_str().unwrap().starts_with("bw1-"),
            "{record:#}"
        );
    }
}

/// The resumed request of the large blob, answered with the rest of it.
#[track_caller]
fn is_recorded_resume(stage: &Stage, family: &str, start: u64) {
    let records = stage.records(&format!("family={family}&range=resume"), 1);
    let range = json!({"kind": "resume", "start": start, "end": null, "honoured": true});
    assert_eq!(records[0]["range"], range);
    assert_eq!(
        (&records[0]["status"], &records[0]["digest"]),
        (&json!(206), &json!(large(stage)))
    );
    let first = stage.records(&format!("family={family}&range=none&digest={}", large(stage)), 1);
    assert_eq!(
        (&first[0]["status"], &first[0]["client"]),
        (&json!(200), &records[0]["client"])
    );
}

/// Where the only resume began.
#[track_caller]
fn resumed_at(stage: &Stage) -> u64 {
    let ranges = stage.origin.ranges();
    let [range] = ranges.as_slice() else {
        panic!("one resume: {ranges:?}")
    };
    range
        .trim_start_matches("bytes=")
        .trim_end_matches('-')
        .parse()
        .unwrap()
}

#[test]
fn skopeo_pulls() {
    let (stage, home) = (Stage::new(), Home::new());
    let front = front(stage.edge.addr(), &amazon());
    skopeo(&home, front.addr(), REPOSITORY).success();
    has_pulled(&home, &stage.registry.image);
    is_recorded(&stage, "skopeo", &version("skopeo"));
}

#[test]
fn skopeo_pushes() {
    let (stage, home) = (Stage::new(), Home::new());
    let front = front(stage.edge.addr(), &amazon());
    skopeo(&home, stage.registry.addr(), REPOSITORY).success();
    skopeo_push(&home, front.addr(), "pushed/by-skopeo").success();
    for blob in stage.registry.image.blobs() {
        let target = format!("/v2/pushed/by-skopeo/blobs/{}", blob.digest);
        assert!(stage.straight(&Request::get(&target)).body == blob.bytes);
    }
}

#[test]
fn podman_pulls() {
    let (stage, home) = (Stage::new(), Home::new());
    let front = front(stage.edge.addr(), &amazon());
    assert_eq!(
        podman(&home, front.addr(), REPOSITORY),
        stage.registry.image.manifest.digest
    );
    // What podman says of itself changed over time: Debian's 4.3 sends the name of its library.
    let seen = stage.origin.seen();
    let agent = seen[0].get("user-agent").unwrap().split(' ').next().unwrap();
    let (family, version) = match agent.split_once('/').unwrap() {
        ("containers", version) => ("containers-image", version),
        ("libpod", version) => ("podman", version),
        other => panic!("{other:?}"),
    };
    is_recorded(&stage, family, version);
}

#[test]
fn containerd_pulls() {
    let (stage, containerd) = (Stage::new(), Containerd::start());
    let front = front(stage.edge.addr(), &amazon());
    containerd.pull(front.addr(), REPOSITORY).success();
    containerd.has_pulled(&stage.registry.image);
    is_recorded(&stage, "containerd", &containerd.version());
}

/// A body that ends early makes containerd ask for the rest at once (`httpReadSeeker`, since 1.6).
#[test]
fn containerd_resumes() {
    let (stage, containerd) = (Stage::new(), Containerd::start());
    let front = front(stage.edge.addr(), &amazon());
    let digest = large(&stage);
    let is_first = move |r: &Head| r.target().contains(&digest) && r.get("range").is_none();
    stage.origin.arm(Fault::Cut(20_000_000), is_first);
    containerd.pull(front.addr(), REPOSITORY).success();
    containerd.has_pulled(&stage.registry.image);
    is_recorded_resume(&stage, "containerd", resumed_at(&stage));
}

#[test]
fn curl_resumes() {
    let (stage, home) = (Stage::new(), Home::new());
    let front = front(stage.edge.addr(), &amazon());
    let file = home.path("blob");
    stage.origin.arm(Fault::Cut(20_000_000), |_| true);
    let cut = curl(&url(&front, &stage), &file, &[]);
    assert_eq!(
        cut.status.code(),
        Some(18),
        "curl knows that the file is partial: {cut:?}"
    );
    stage.origin.disarm();
    let had = metadata(&file).unwrap().len();
    curl(&url(&front, &stage), &file, &["--continue-at", "-"]).success();
    assert!(read(&file).unwrap() == stage.registry.image.large().bytes);
    assert_eq!(resumed_at(&stage), had);
    is_recorded_resume(&stage, "curl", had);
}

#[test]
fn wget_resumes() {
    let (stage, home) = (Stage::new(), Home::new());
    let front = front(stage.edge.addr(), &amazon());
    let file = home.path("blob");
    stage
        .origin
        .arm(Fault::Cut(20_000_000), |request| request.get("range").is_none());
    wget(&url(&front, &stage), &file).success();
    assert!(read(&file).unwrap() == stage.registry.image.large().bytes);
    is_recorded_resume(&stage, "wget", resumed_at(&stage));
}
