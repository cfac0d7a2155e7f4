//! Calls that read counts in slices: what comes in their pauses, and how much is in memory.

use std::cell::{Cell as Counter, RefCell};
use std::future::{Ready, ready};

use super::night;
use crate::calls::{SharedDetector, answer, report_facts};
use crate::store::Detector;
use crate::store::keep_sums;
use crate::store::tests::{START_MS, accept, arrival, open, story};
use crate::tests::traffic::{NOON, key_of_network};
use crate::webhook::AllowedAddresses;
use blobwatch_records::{Cell, CellBatch, CellCounts};
use blobwatch_sql::{Native, Slices, Unpaced, at_once};
use blobwatch_wire::{ApiRequest, Problem};
use serde_json::{Value, json};

/// A Detector whose every pause is somebody else's turn.
struct Busy {
    detector: RefCell<Detector<Native>>,
    batches: RefCell<Vec<CellBatch>>,
    pauses: Counter<usize>,
}

impl SharedDetector<Native> for Busy {
    fn read<T>(&self, body: impl FnOnce(&Detector<Native>) -> Result<T, Problem>) -> Result<T, Problem> {
        body(&self.detector.borrow())
    }
}

impl Busy {
    fn new(detector: Detector<Native>, mut batches: Vec<CellBatch>) -> Self {
        batches.reverse();
        Self {
            detector: RefCell::new(detector),
            batches: RefCell::new(batches),
            pauses: Counter::new(0),
        }
    }

    /// Batches come, so that minutes leave the window, and hours are added up.
    fn pause(&self) -> Ready<()> {
        self.pauses.set(self.pauses.get() + 1);
        let mut detector = self.detector.borrow_mut();
        for _ in 0..3 {
            let Some(batch) = self.batches.borrow_mut().pop() else {
                break;
            };
            accept(&mut detector, &batch, arrival(&batch)).unwrap();
            let shared = RefCell::new(&mut *detector);
            at_once(keep_sums(&shared, arrival(&batch), &Unpaced))
                .unwrap()
                .unwrap();
        }
        ready(())
    }

    #[track_caller]
    fn get(&self, slice: usize, now_ms: u64, path: &str) -> Value {
        let (path, query) = path.split_once('?').unwrap();
        let call = ApiRequest {
            method: "GET",
            path,
            query,
            body: "",
            actor: "olga",
            now_ms,
            if_match: None,
        };
        let slices = Slices::of(slice, || self.pause());
        let reply = at_once(answer(self, &call, AllowedAddresses::Public, &slices))
            .unwrap()
            .unwrap();
        assert_eq!(reply.status, 200);
        serde_json::from_str(&reply.body).unwrap()
    }
}

fn requests(timeline: &Value) -> Vec<u64> {
    let requests = |one: &Value| serde_json::from_value::<Vec<u64>>(one["requests"].clone()).unwrap();
    timeline["series"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(requests)
        .collect()
}

const CALLS: [&str; 6] = [
    "timeline?since=-1h",
    "timeline?since=-40h",
    "timeline?since=-1h&by=fingerprint&step=300",
    "timeline?since=-1h&os=amzn2&by=colo",
    "cohorts?since=-30m",
    "cohorts?since=-40h&x=asn&y=family&kind=abort_surge",
];

#[test]
fn answers_are_the_same_in_slices_of_any_size() {
    let (detector, now) = night();
    let quiet = Busy::new(detector, Vec::new());
    for call in CALLS {
        let whole = quiet.get(usize::MAX, now, call);
        let before = quiet.pauses.get();
        assert_eq!(before, 0, "{call}");
        for slice in [1, 30] {
            assert_eq!(quiet.get(slice, now, call), whole, "{call}");
        }
        assert!(quiet.pauses.take() > 60, "one after each minute: {call}");
    }
    let facts = |slice| {
        let slices = Slices::of(slice, || quiet.pause());
        let facts = at_once(report_facts(&quiet, "an-000001", now, &slices));
        serde_json::to_value(facts.unwrap().unwrap()).unwrap()
    };
    assert_eq!(facts(1), facts(usize::MAX));
    assert!(quiet.pauses.get() > 3, "one after each minute");
}

/// What is tested, rolled up and added up meanwhile is neither missed nor counted twice.
#[test]
fn each_minute_is_counted_once_whatever_comes_in_the_pauses() {
    let batches = story();
    for (here, slice) in [(40, 5), (355, 11), (430, 90)] {
        let mut detector = open();
        for batch in &batches[..here] {
            accept(&mut detector, batch, arrival(batch)).unwrap();
        }
        let busy = Busy::new(detector, batches[here..].to_vec());
        let now = arrival(&batches[499]);
        for span in ["timeline?since=-90m", "timeline?since=-26h"] {
            let before = requests(&busy.get(usize::MAX, now, span));
            let during = requests(&busy.get(slice, now, span));
            let after = requests(&busy.get(usize::MAX, now, span));
            let is_between = |((before, during), after)| (before..=after).contains(&during);
            let mut points = before.iter().zip(&during).zip(&after);
            assert!(points.all(is_between), "{here} {slice} {span}");
        }
    }
}

/// One batch a minute, with a network of its own for each cell; the last networks have most requests.
fn many_networks(minute: u64, networks: std::ops::Range<u32>) -> Vec<CellBatch> {
    let cell = |asn: u32| Cell {
        counts: CellCounts {
            requests: 1 + asn,
            starts: 1 + asn,
            ..CellCounts::default()
        },
        ..Cell::new(key_of_network(asn))
    };
    let networks: Vec<u32> = networks.collect();
    let batches = networks
        .chunks(384)
        .enumerate()
        .map(|(number, networks)| CellBatch {
            source: format!("FRA-{number}"),
            epoch: 1,
            seq: minute + 1,
            slot: NOON + minute * 6,
            cells: networks.iter().map(|asn| cell(*asn)).collect(),
            ..CellBatch::default()
        });
    batches.collect()
}

#[test]
fn of_many_values_the_largest_have_a_series_and_the_rest_is_one() {
    let mut detector = open();
    for minute in 0..20 {
        for batch in many_networks(minute, 0..300) {
            accept(&mut detector, &batch, arrival(&batch)).unwrap();
        }
    }
    let now = START_MS + 20 * 60_000;
    detector.tick(now).unwrap();
    let busy = Busy::new(detector, Vec::new());
    let timeline = busy.get(usize::MAX, now, "timeline?since=-30m&by=asn");
    let series = timeline["series"].as_array().unwrap();
    let names: Vec<&str> = series
        .iter()
        .map(|one| one["by"]["asn"].as_str().unwrap())
        .collect();
    let largest: Vec<String> = (281..300).rev().map(|asn| asn.to_string()).collect();
    assert_eq!(names[..19], largest);
    assert_eq!(names[19..], ["other"]);
    let (all, sum): (u64, u64) = ((1..=300).sum(), requests(&timeline).iter().sum());
    assert_eq!(sum, 20 * all);
    let rest: u64 = requests(&json!({"series": [series[19]]})).iter().sum();
    assert_eq!(rest, 20 * (1..=281).sum::<u64>());
}
