//! Sums of requests: each record once by its weight, and bounded whatever clients and rulebooks are called.

use super::{flush, open};
use crate::store::FireLog;
use crate::store::request_sums::{MAX_ROUTES, RequestSums};
use blobwatch_pull::{Action, Family, Outcome, RangeKind, Record, RecordId, sample};
use blobwatch_sql::Native;

const NOW: u64 = sample::JULY_2020_MS;

fn merged(records: &[Record]) -> FireLog<Native> {
    let mut log = open();
    for (seq, batch) in (1..).zip(records.chunks(100)) {
        log.accept(&flush(7, seq, batch).encode(), NOW + seq).unwrap();
    }
    while log.tend(NOW + 200_000).unwrap().more {}
    log
}

/// As many as there are, each a bit different.
fn all(records: Vec<Record>) -> Vec<Record> {
    let numbered = (0..).zip(records);
    numbered
        .map(|(counter, record)| Record {
            id: RecordId::from_parts(NOW, 1, counter),
            ..record
        })
        .collect()
}

fn answered(status: u16, outcome: Outcome, duration_ms: u32) -> Record {
    let mut record = Record {
        route: "hub".into(),
        status,
        outcome,
        duration_ms,
        weight: 10,
        family: Family::Docker,
        verdict: Action::None,
        fired: Vec::new(),
        promised: Some(1 << 20),
        size: Some(1 << 20),
        seen: true,
        ..sample::full()
    };
    record.range.kind = RangeKind::None;
    (record.range.start, record.range.end) = (None, None);
    record
}

fn of_hub(records: Vec<Record>) -> RequestSums {
    merged(&all(records)).request_sums().unwrap()["hub"].clone()
}

#[test]
fn requests_are_counted_by_kind_and_family_by_their_weight() {
    let named = |family: Family| Record {
        family,
        ..answered(200, Outcome::NotObserved, 7)
    };
    let own = Family::of_name("my-program").unwrap();
    let sums = of_hub(vec![
        named(Family::Docker),
        named(own),
        named(Family::of_name("yours").unwrap()),
    ]);
    assert_eq!(sums.kinds, [("none".to_owned(), 30)].into());
    assert_eq!(
        sums.families,
        [("docker".to_owned(), 10), ("other".to_owned(), 20)].into()
    );
}

#[test]
fn a_time_is_that_until_headers_or_until_the_end_and_none_where_nothing_behind_us_answered() {
    let denied = Record {
        verdict: Action::Block,
        ..answered(403, Outcome::NotObserved, 1)
    };
    let told = Record {
        seen: false,
        ..answered(200, Outcome::NotObserved, 0)
    };
    let sums = of_hub(vec![
        answered(200, Outcome::NotObserved, 5),
        answered(200, Outcome::NotObserved, 6),
        answered(503, Outcome::NotObserved, 31_000),
        answered(206, Outcome::Completed, 900_000),
        answered(200, Outcome::ClientClosed, 3),
        answered(0, Outcome::NotObserved, 3),
        denied,
        told,
    ]);
    assert_eq!(sums.headers_ms.counts, [10, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]);
    assert_eq!(sums.headers_ms.sum, 310_110);
    assert_eq!(sums.downloads_ms.counts, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0]);
    assert_eq!(
        sums.sizes.counts,
        [0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0, 0],
        "answers with a body"
    );
}

#[test]
fn routes_beyond_the_bound_are_one() {
    let routed = |n: usize| Record {
        route: format!("r{n:03}").into(),
        ..answered(200, Outcome::NotObserved, 5)
    };
    let log = merged(&all((0..2 * MAX_ROUTES).map(routed).collect()));
    let sums = log.request_sums().unwrap();
    assert!(sums.len() <= MAX_ROUTES + 1 && sums.contains_key("other"));
    let counted: u64 = sums.values().flat_map(|sums| sums.kinds.values()).sum();
    assert_eq!(counted, 20 * MAX_ROUTES as u64);
}
