//! Real clients whose pulls are cut, reset, stalled and refused: what their requests are seen as beside each other.

use std::fs::metadata;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::clients::{
    Containerd, Dockerd, Home, aria2, curl, curl_started, podman_pull, skopeo, wget,
};
use crate::harness::clock::eventually;
use crate::harness::head::Head;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::{Fault, Gate, Relay};
use crate::harness::stage::{Stage, front};
use crate::harness::trace::Story;

const CUT: u64 = 20_000_000;

/// Blobwatch, and the edge before it.
fn stage() -> (Stage, Relay) {
    let stage = Stage::new();
    let front = front(stage.edge.addr(), &Place::colo("IAD"));
    (stage, front)
}

fn url(stage: &Stage, front: &Relay) -> String {
    let digest = &stage.registry.image.large().digest;
    format!("{}/v2/{REPOSITORY}/blobs/{digest}", front.url())
}

/// Requests for the large blob, from its beginning or from further on.
fn asks(stage: &Stage, further_on: bool) -> impl Fn(&Head) -> bool + Send + 'static {
    let digest = stage.registry.image.large().digest.clone();
    move |request| {
        let range = request.get("range");
        let is_further_on = range.is_some_and(|range| !range.starts_with("bytes=0-"));
        request.target().contains(&digest) && is_further_on == further_on
    }
}

#[test]
fn containerd_without_progress() {
    let ((stage, front), containerd) = (stage(), Containerd::start());
    stage.origin.arm(Fault::Cut(CUT), asks(&stage, false));
    stage.origin.arm(Fault::Cut(0), asks(&stage, true));
    assert!(!containerd.pull(front.addr(), REPOSITORY).status.success());
    let story = Story {
        name: "containerd-zero-progress",
        healthy: false,
        shows: &["resume", "repeat"],
        note: "cut after 20,000,000 bytes, then after none: three tries at once",
    };
    story.is(&stage, &["none", "resume", "repeat", "repeat"]);
}

/// Equal spacing is no parallel fetch.
#[test]
fn containerd_cut_at_equal_distances() {
    let ((stage, front), containerd) = (stage(), Containerd::start());
    let digest = stage.registry.image.large().digest.clone();
    stage
        .origin
        .arm(Fault::Cut(16 << 20), move |r| r.target().contains(&digest));
    containerd.pull(front.addr(), REPOSITORY).success();
    let story = Story {
        name: "containerd-cut-equally",
        healthy: false,
        shows: &["resume"],
        note: "each body is cut after 16 MiB",
    };
    story.is(&stage, &["none", "resume", "resume", "resume", "resume"]);
}

#[test]
fn containerd_reset() {
    let ((stage, front), containerd) = (stage(), Containerd::start());
    stage.origin.arm(Fault::Reset(CUT), asks(&stage, false));
    let first = containerd.pull(front.addr(), REPOSITORY).status.success();
    stage.origin.disarm();
    if !first {
        containerd.pull(front.addr(), REPOSITORY).success();
    }
    // The worker sees the origin's reset and ends its body early; containerd takes that for an early end.
    let story = Story {
        name: "containerd-reset",
        healthy: false,
        shows: &["resume"],
        note: "the origin resets after 20,000,000 bytes",
    };
    story.is(&stage, &["none", "resume"]);
}

#[test]
fn docker_resumes() {
    let ((stage, front), dockerd) = (stage(), Dockerd::start());
    stage.origin.arm(Fault::Cut(CUT), asks(&stage, false));
    dockerd.pull(front.addr(), REPOSITORY).success();
    let story = Story {
        name: "docker-cut",
        healthy: false,
        shows: &["resume"],
        note: "cut after 20,000,000 bytes: 5 s later it goes on",
    };
    story.is(&stage, &["none", "resume"]);
}

#[test]
fn docker_without_progress() {
    let ((stage, front), dockerd) = (stage(), Dockerd::start());
    stage.origin.arm(Fault::Cut(CUT), asks(&stage, false));
    let (is_further_on, tries) = (asks(&stage, true), AtomicUsize::new(0));
    stage.origin.arm(Fault::Cut(0), move |request| {
        is_further_on(request) && tries.fetch_add(1, Ordering::Relaxed) < 2
    });
    dockerd.pull(front.addr(), REPOSITORY).success();
    let story = Story {
        name: "docker-zero-progress",
        healthy: false,
        shows: &["resume", "repeat"],
        note: "nothing after 20,000,000 bytes at +5 and +15 s, all of it at +30 s",
    };
    story.is(&stage, &["none", "resume", "repeat", "repeat"]);
}

/// Debian's skopeo cannot resume; whoever runs it again begins again.
#[test]
fn skopeo_runs_again() {
    let ((stage, front), home) = (stage(), Home::new());
    stage.origin.arm(Fault::Cut(CUT), asks(&stage, false));
    assert!(!skopeo(&home, front.addr(), REPOSITORY).status.success());
    stage.origin.disarm();
    skopeo(&home, front.addr(), REPOSITORY).success();
    let story = Story {
        name: "skopeo-again",
        healthy: false,
        shows: &["restart"],
        note: "cut after 20,000,000 bytes, run again by hand",
    };
    story.is(&stage, &["none", "restart"]);
}

/// So it is with Debian's podman.
#[test]
fn podman_runs_again() {
    let ((stage, front), home) = (stage(), Home::new());
    stage.origin.arm(Fault::Reset(CUT), asks(&stage, false));
    assert!(!podman_pull(&home, front.addr(), REPOSITORY).status.success());
    stage.origin.disarm();
    podman_pull(&home, front.addr(), REPOSITORY).success();
    let story = Story {
        name: "podman-again",
        healthy: false,
        shows: &["restart"],
        note: "reset after 20,000,000 bytes, run again by hand",
    };
    story.is(&stage, &["none", "restart"]);
}

#[test]
fn curl_begins_again() {
    let ((stage, front), home) = (stage(), Home::new());
    stage.origin.arm(Fault::Cut(CUT), asks(&stage, false));
    let retry = ["--retry", "2", "--retry-all-errors", "--retry-delay", "1"];
    assert!(
        !curl(&url(&stage, &front), &home.path("blob"), &retry)
            .status
            .success()
    );
    let story = Story {
        name: "curl-retry",
        healthy: false,
        shows: &["restart"],
        note: "each try is cut after 20,000,000 bytes",
    };
    story.is(&stage, &["none", "restart", "restart"]);
}

#[test]
fn curl_is_interrupted_in_a_stall_and_goes_on() {
    let ((stage, front), home) = (stage(), Home::new());
    let gate = Gate::default();
    stage
        .origin
        .arm(Fault::Hold(CUT, gate.clone()), asks(&stage, false));
    let file = home.path("blob");
    let mut stalled = curl_started(&url(&stage, &front), &file);
    eventually("it has what came before the stall", || {
        (metadata(&file).ok()?.len() == CUT).then_some(())
    });
    stalled.kill();
    gate.open();
    stage.origin.disarm();
    curl(&url(&stage, &front), &file, &["--continue-at", "-"]).success();
    let story = Story {
        name: "curl-stalled",
        healthy: false,
        shows: &["resume"],
        note: "stalled after 20,000,000 bytes, interrupted, run again with -C -",
    };
    story.is(&stage, &["none", "resume"]);
}

#[test]
fn wget_without_progress() {
    let ((stage, front), home) = (stage(), Home::new());
    stage.origin.arm(Fault::Cut(CUT), asks(&stage, false));
    stage.origin.arm(Fault::Cut(0), asks(&stage, true));
    assert!(!wget(&url(&stage, &front), &home.path("blob")).status.success());
    let story = Story {
        name: "wget-zero-progress",
        healthy: false,
        shows: &["resume", "repeat"],
        note: "nothing after 20,000,000 bytes, four tries",
    };
    story.is(&stage, &["none", "resume", "repeat", "repeat"]);
}

/// August 2026: after a move to another CDN, ranged requests got 400.
#[test]
fn wget_is_refused_the_rest() {
    let ((stage, front), home) = (stage(), Home::new());
    stage.origin.arm(Fault::Cut(CUT), asks(&stage, false));
    stage.origin.arm(Fault::bad_request(), asks(&stage, true));
    assert!(!wget(&url(&stage, &front), &home.path("blob")).status.success());
    let story = Story {
        name: "wget-refused",
        healthy: false,
        shows: &["resume", "refused"],
        note: "400 to the rest",
    };
    story.is(&stage, &["none", "resume"]);
}

#[test]
fn curl_gets_everything_for_the_rest() {
    let ((stage, front), home) = (stage(), Home::new());
    stage.origin.arm(Fault::Cut(CUT), asks(&stage, false));
    let file = home.path("blob");
    assert!(!curl(&url(&stage, &front), &file, &[]).status.success());
    stage.origin.disarm();
    stage.origin.arm(Fault::IgnoreRange, |_| true);
    assert_eq!(
        curl(&url(&stage, &front), &file, &["--continue-at", "-"])
            .status
            .code(),
        Some(33)
    );
    let story = Story {
        name: "curl-range-ignored",
        healthy: false,
        shows: &["resume", "refused"],
        note: "200 to the rest",
    };
    story.is(&stage, &["none", "resume"]);
}

/// It divides what is left among its connections: the end stays, the start moves, and nothing is wrong.
#[test]
fn aria2_takes_segments() {
    let ((stage, front), home) = (stage(), Home::new());
    aria2(&url(&stage, &front), &home.path("blob")).success();
    let story = Story {
        name: "aria2-segments",
        healthy: true,
        shows: &[],
        note: "-s4 -x4 -k1M",
    };
    story.holds(&stage, 4, |kinds| {
        kinds[0] == "none" && kinds[1..].iter().all(|kind| kind == "tile" || kind == "scatter")
    });
}

#[test]
fn aria2_takes_up_a_segment() {
    let ((stage, front), home) = (stage(), Home::new());
    let is_second = |request: &Head| {
        request
            .get("range")
            .is_some_and(|range| range.starts_with("bytes=17825792-"))
    };
    stage.origin.arm(Fault::Cut(3_000_000), is_second);
    aria2(&url(&stage, &front), &home.path("blob")).success();
    let story = Story {
        name: "aria2-cut",
        healthy: false,
        shows: &["resume"],
        note: "-s4 -x4 -k1M, the second segment cut after 3,000,000 bytes",
    };
    // Now and then its first connection, which was promised everything, is there before the segment is taken up: then
    // nothing is asked again. What the taking up looks like is pinned by the recorded trace of this name.
    story.holds(&stage, 5, |kinds| {
        let resumes = kinds.iter().filter(|kind| *kind == "resume").count();
        let others = kinds[1..].iter().filter(|kind| *kind != "resume");
        let are_segments = others.into_iter().all(|kind| kind == "tile" || kind == "scatter");
        kinds[0] == "none" && resumes <= 1 && are_segments
    });
}
