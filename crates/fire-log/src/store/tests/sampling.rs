//! A sample of clients: what is left out of the records, and of nothing else.

use std::collections::BTreeMap;

use super::*;
use crate::query::{Kind, SummaryQuery, summarise};
use blobwatch_pull::{ClientKey, Mode};
use blobwatch_records::{OpenCohort, OpenCohortPart};
use blobwatch_upstream::{UpstreamBatch, event_id, upstream_fire, upstream_rule_name};

/// Later than whatever waits.
const LATER: u64 = NOW + 3_600_000;

/// Half of the clients of every route.
const HALF: &str = r#""routes":[{"name":"default","keep":0.5},{"name":"library","keep":0.5},{"name":"partners","keep":0.5}]"#;

/// A FireLog under a rulebook with these parts, whom the Detector has told that nothing is open.
fn sampling(parts: &str) -> FireLog<Native> {
    let mut log = open();
    keeps(&mut log, 1, parts);
    log.open_cohorts(Vec::new());
    log
}

fn keeps(log: &mut FireLog<Native>, revision: u64, parts: &str) {
    let document = format!(r#"{{"schema":6,"revision":{revision},{parts}}}"#);
    log.keep_rulebook(0, &document).unwrap();
}

fn traffic(count: usize) -> Vec<Record> {
    let mut records = sample::traffic(7, count);
    records.iter_mut().for_each(|record| record.weight = 1);
    records
}

/// Sends records, and merges them.
fn taken(log: &mut FireLog<Native>, records: &[Record]) -> Vec<CellBatch> {
    for (seq, batch) in (1..).zip(records.chunks(200)) {
        log.accept(&flush(7, seq, batch).encode(), NOW + seq).unwrap();
    }
    while log.tend(LATER).unwrap().more {}
    let cells = sent(log);
    assert_eq!(count(log, "inbox"), 0);
    cells
}

fn stored(log: &FireLog<Native>) -> Vec<Record> {
    newest(log.sql(), 1_000_000).records
}

#[test]
fn what_is_counted_is_the_same_with_and_without_a_sample() {
    let records = traffic(6_000);
    let (mut whole, mut half) = (sampling(r#""routes":[]"#), sampling(HALF));
    let cells = |log: &mut FireLog<Native>| {
        let batches = taken(log, &records);
        batches
            .into_iter()
            .map(|batch| CellBatch { epoch: 0, ..batch })
            .collect::<Vec<_>>()
    };
    assert_eq!(cells(&mut whole), cells(&mut half));
    assert_eq!(whole.counters().unwrap(), half.counters().unwrap());
    assert_eq!(whole.losses().unwrap(), half.losses().unwrap());
    assert_eq!(count(&whole, "enforced"), count(&half, "enforced"));
    let (all, kept) = (stored(&whole).len(), stored(&half).len());
    let left_out = |log: &mut FireLog<Native>| log.load(LATER + 60_000).left_out;
    assert_eq!(
        (left_out(&mut whole), left_out(&mut half)),
        (0, (all - kept) as u64)
    );
    assert!(kept * 4 > all && kept * 4 < all * 3, "{kept} of {all}");
}

#[test]
fn clients_are_kept_whole_and_sums_stand_for_all() {
    let records = traffic(6_000);
    let mut log = sampling(HALF);
    taken(&mut log, &records);
    let kept = stored(&log);
    let by_client = |records: &[Record]| {
        let sampled = records.iter().filter(|record| !record.verdict.intervenes());
        let mut clients: BTreeMap<ClientKey, usize> = BTreeMap::new();
        sampled.for_each(|record| *clients.entry(record.client).or_default() += 1);
        clients
    };
    let all = by_client(&records);
    for (client, requests) in by_client(&kept) {
        assert_eq!(requests, all[&client], "{client}");
    }
    let refused = |records: &[Record]| {
        records
            .iter()
            .filter(|record| record.verdict.intervenes())
            .count()
    };
    assert_eq!(refused(&kept), refused(&records));
    let query = [("by".to_owned(), "route".to_owned())];
    let query = SummaryQuery::parse(Kind::Requests, &query, LATER).unwrap();
    let most = RecordId(u128::MAX);
    let counted = summarise(
        log.sql(),
        &query.filter,
        &query.by,
        most,
        Budget::default(),
        &Unpaced,
    );
    let total = at_once(counted).unwrap().unwrap().total;
    let (requests, clients) = (total.requests as f64 / 6_000.0, total.clients.count());
    let truth = records
        .iter()
        .map(|record| record.client)
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    assert!((0.8..1.2).contains(&requests), "{requests}");
    assert!(
        (0.9..1.1).contains(&(clients as f64 / truth as f64)),
        "{clients} of {truth}"
    );
    assert!(!total.clients.is_exact());
}

/// What is merged is filled up by the next merge, and no record is left out twice.
#[test]
fn a_record_is_drawn_once() {
    let records = traffic(3_000);
    let mut log = sampling(HALF);
    for (at, part) in (1..).zip(records.chunks(500)) {
        log.accept(&flush(7, at, part).encode(), NOW + at * 60_000)
            .unwrap();
        while log.tend(NOW + at * 60_000 + 70_000).unwrap().more {}
        sent(&mut log);
    }
    let mut at_once_drawn = sampling(HALF);
    taken(&mut at_once_drawn, &records);
    assert_eq!(stored(&log), stored(&at_once_drawn));
    assert!(stored(&log).iter().all(|record| matches!(record.weight, 1 | 2)));
}

#[test]
fn everything_is_kept_until_it_is_known_what_is_open() {
    let records = traffic(1_000);
    let mut log = open();
    keeps(&mut log, 1, HALF);
    taken(&mut log, &records);
    assert_eq!(stored(&log).len(), 1_000);
}

#[test]
fn an_open_anomalys_cohort_is_kept_whole() {
    let records = traffic(2_000);
    let mut log = sampling(HALF);
    let part = OpenCohortPart {
        attribute: "os".to_owned(),
        values: vec!["amzn2".to_owned()],
        not: false,
    };
    log.open_cohorts(vec![OpenCohort(vec![part])]);
    taken(&mut log, &records);
    let of = |records: &[Record], is_in: bool| {
        records
            .iter()
            .filter(|record| (record.os == "amzn2") == is_in)
            .count()
    };
    let kept = stored(&log);
    assert_eq!(of(&kept, true), of(&records, true));
    assert!(of(&kept, false) < of(&records, false));
}

#[test]
fn a_busy_fire_log_keeps_a_share_and_a_quiet_one_all() {
    let records = traffic(4_000);
    let settings = |most: u32| format!(r#""settings":{{"max_records_per_s":{most}}}"#);
    // 4,000 within a minute are 67 a second.
    let mut quiet = sampling(&settings(100));
    taken(&mut quiet, &records);
    assert_eq!(stored(&quiet).len(), 4_000);
    let mut busy = sampling(&settings(5));
    for (seq, batch) in (1..).zip(records.chunks(200)) {
        busy.accept(&flush(7, seq, batch).encode(), NOW + seq).unwrap();
    }
    // A minute later they are merged: 21 a second in the mean.
    while busy.tend(NOW + 70_000).unwrap().more {}
    sent(&mut busy);
    let kept = stored(&busy);
    assert!(kept.iter().any(|record| record.weight == 8), "{:?}", kept.first());
    let weight: u32 = kept.iter().map(|record| record.weight).sum();
    assert!((2_000..6_000).contains(&weight), "{weight}");
}

/// An event of a request that we saw comes when its record is left out: it is counted, and is no second request.
#[test]
fn what_others_tell_of_what_is_left_out_is_no_request_of_its_own() {
    let mut log = sampling(r#""routes":[{"name":"library","keep":0.001}]"#);
    let ours = |n: u32| Record {
        ray: format!("{n:016x}-IAD"),
        client: ClientKey(u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        route: "library".into(),
        verdict: Action::None,
        fired: Vec::new(),
        weight: 1,
        ..record(7, n, NOW)
    };
    let records: Vec<Record> = (0..50).map(ours).collect();
    taken(&mut log, &records);
    assert_eq!(stored(&log), []);
    let event = |n: u32, acted: bool| {
        let rule = if acted { "ddos" } else { "log" };
        Record {
            id: event_id(NOW, "cloudflare", &format!("{n:016x}"), rule),
            ray: format!("{n:016x}"),
            fired: vec![upstream_fire(upstream_rule_name("cloudflare", rule), acted)],
            seen: false,
            ..ours(n)
        }
    };
    let mut events: Vec<Record> = (0..10).map(|n| event(n, false)).collect();
    events.extend((60..65).map(|n| event(n, true)));
    events.sort_by_key(|event| event.id);
    let batch = UpstreamBatch {
        fires: block(&events),
        requests: Vec::new(),
        rules: Vec::new(),
    };
    log.accept_upstream(&batch.encode().unwrap(), LATER).unwrap();
    while log.tend(LATER + 600_000).unwrap().more {}
    let cells = sent(&mut log);
    while log.tend(LATER + 1_200_000).unwrap().more {}
    let kept = stored(&log);
    assert!(
        kept.iter()
            .all(|record| record.fired[0].applied == Action::Block && record.fired[0].mode == Mode::Enforce)
    );
    assert_eq!(kept.len(), 5, "the requests that were stopped before us");
    let told: u64 = cells.iter().chain(&sent(&mut log)).map(requests).sum();
    assert_eq!(told, 5, "no request is counted again");
}
