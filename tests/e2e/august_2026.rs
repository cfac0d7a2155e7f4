//! August 2026, played: a route is moved to another CDN, which answers ranged reconnects with 400 (kubernetes/
//! registry.k8s.io#333). Who begins again from the first byte gets the blob, who does not fails.
//!
//! The pulls are real, over the real worker and a real registry, and nobody asked for a range before.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::clock::{eventually, pass};
use crate::harness::http::Request;
use crate::harness::past::an_hour_of_health;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::{Fault, Relay};
use crate::harness::stage::Stage;

const CONTAINERD: &str = "containerd/1.6.20";
const SKOPEO: &str = "skopeo/1.14.2";

const COLOS: [&str; 3] = ["FRA", "NRT", "IAD"];

/// Between two rounds of pulls.
const PACE: Duration = Duration::from_millis(300);

/// A layer of 5 MiB.
fn layer(stage: &Stage) -> Request {
    let digest = &stage.registry.image.layers[2].digest;
    Request::get(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
}

/// One client of each program in each colo, each in a network of its own. Where they are cut they ask for the rest, and
/// containerd begins again when that is refused.
fn everybody_pulls(stage: &Stage, number: u32, are_cut: bool) {
    for (at, colo) in COLOS.into_iter().enumerate() {
        for (agent, asn) in [(CONTAINERD, 15169), (SKOPEO, 7922)] {
            let place = Place::colo(colo).with("asn", asn).address(&format!(
                "10.{}.{}.{}",
                10 * at + number as usize / 250,
                number % 250,
                asn % 250
            ));
            let whole = layer(stage).header("User-Agent", agent);
            let start = 100_000 + 1_001 * number as usize;
            drop(stage.open(&place, &whole).take(start).unwrap());
            if !are_cut {
                continue;
            }
            let rest = whole.clone().header("Range", &format!("bytes={start}-"));
            let refused = stage.from(&place, &rest).status() == 400;
            if refused && agent == CONTAINERD {
                drop(stage.open(&place, &whole).take(start).unwrap());
            }
        }
    }
}

#[test]
fn refused_ranges_are_told_with_the_route_that_was_moved_and_who_goes_round_them() {
    let mut stage = Stage::new();
    everybody_pulls(&stage, 0, false);
    let records = stage.records("limit=100", 6);
    an_hour_of_health(&mut stage, &records);

    let cdn = Relay::before(stage.registry.addr());
    cdn.arm(Fault::bad_request(), |head| head.get("range").is_some());
    let moved = json!({"repository": "**", "origin": cdn.url()});
    stage.api().put("/routes/default", &moved);
    stage.until(&layer(&stage).header("Range", "bytes=9-"), |answer| {
        answer.status() == 400
    });

    let mut number = 0;
    let told = eventually("refused ranges are told with the route", || {
        number += 1;
        everybody_pulls(&stage, number, true);
        pass(PACE);
        let open = stage.api().items("/anomalies?status=open&kind=range_refused");
        let is_explained = |anomaly: &Value| !anomaly["routes"].as_array().unwrap().is_empty();
        open.into_iter().find(is_explained)
    });
    let sentence = told["sentence"].as_str().unwrap();
    assert_eq!(told["routes"][0]["route"], "default", "{sentence}");
    let text = told["routes"][0]["text"].as_str().unwrap();
    assert!(text.contains(&cdn.url()) && text.ends_with(", by olga"), "{text}");

    let id = told["id"].as_str().unwrap();
    let report = stage.api().try_get(&format!("/anomalies/{id}/report")).text();
    let begun_again = |family: &str| -> u64 {
        let line = report
            .lines()
            .find(|line| line.starts_with(&format!("| {family} |")))
            .unwrap_or_else(|| panic!("no line of {family} in\n{report}"));
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        cells[4].parse().unwrap()
    };
    assert!(begun_again("containerd") > 0, "{report}");
    assert_eq!(begun_again("skopeo"), 0, "{report}");
}
