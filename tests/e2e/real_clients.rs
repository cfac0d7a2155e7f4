//! The clients that people have, pulling through Blobwatch from a registry.

use std::fs::{metadata, read};

use crate::harness::clients::{Containerd, Home, curl, has_pulled, podman, skopeo, skopeo_push, wget};
use crate::harness::http::Request;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::{Fault, Relay};
use crate::harness::stage::{Stage, front};

fn url(front: &Relay, stage: &Stage) -> String {
    format!(
        "{}/v2/{REPOSITORY}/blobs/{}",
        front.url(),
        stage.registry.image.large().digest
    )
}

#[test]
fn skopeo_pulls() {
    let (stage, home) = (Stage::new(), Home::new());
    let front = front(stage.edge.addr(), &Place::default());
    skopeo(&home, front.addr(), REPOSITORY).success();
    has_pulled(&home, &stage.registry.image);
}

#[test]
fn skopeo_pushes() {
    let (stage, home) = (Stage::new(), Home::new());
    let front = front(stage.edge.addr(), &Place::default());
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
    let front = front(stage.edge.addr(), &Place::default());
    assert_eq!(
        podman(&home, front.addr(), REPOSITORY),
        stage.registry.image.manifest.digest
    );
}

#[test]
fn containerd_pulls() {
    let (stage, containerd) = (Stage::new(), Containerd::start());
    let front = front(stage.edge.addr(), &Place::default());
    containerd.pull(front.addr(), REPOSITORY).success();
    containerd.has_pulled(&stage.registry.image);
}

/// A body that ends early makes containerd ask for the rest at once (`httpReadSeeker`, since 1.6).
#[test]
fn containerd_resumes() {
    let (stage, containerd) = (Stage::new(), Containerd::start());
    let front = front(stage.edge.addr(), &Place::default());
    let digest = stage.registry.image.large().digest.clone();
    let is_first =
        move |r: &crate::harness::head::Head| r.target().contains(&digest) && r.get("range").is_none();
    stage.origin.arm(Fault::Cut(20_000_000), is_first);
    containerd.pull(front.addr(), REPOSITORY).success();
    containerd.has_pulled(&stage.registry.image);
    let ranges = stage.origin.ranges();
    assert!(
        ranges
            .iter()
            .any(|range| range.starts_with("bytes=") && range.ends_with('-')),
        "{ranges:?}"
    );
}

#[test]
fn curl_resumes() {
    let (stage, home) = (Stage::new(), Home::new());
    let front = front(stage.edge.addr(), &Place::default());
    let file = home.path("blob");
    stage.origin.arm(Fault::Cut(20_000_000), |_| true);
    let cut = curl(&url(&front, &stage), &file, &[]);
    assert_eq!(
        cut.status.code(),
        Some(18),
        "curl knows that the file is partial: {cut:?}"
    );
    let had = metadata(&file).unwrap().len();
    stage.origin.disarm();
    curl(&url(&front, &stage), &file, &["--continue-at", "-"]).success();
    assert!(read(&file).unwrap() == stage.registry.image.large().bytes);
    assert_eq!(stage.origin.ranges(), [format!("bytes={had}-")]);
}

#[test]
fn wget_resumes() {
    let (stage, home) = (Stage::new(), Home::new());
    let front = front(stage.edge.addr(), &Place::default());
    let file = home.path("blob");
    stage
        .origin
        .arm(Fault::Cut(20_000_000), |request| request.get("range").is_none());
    wget(&url(&front, &stage), &file).success();
    assert!(read(&file).unwrap() == stage.registry.image.large().bytes);
}
