//! What other parties tell: joined once, alone where no record of ours comes, whatever the order and the batching.

use std::cell::RefCell;

use super::*;
use crate::store::merge::{MERGE_AFTER_MS, merge};
use blobwatch_pull::{Fired, Mode};
use blobwatch_sql::Pace;
use blobwatch_upstream::{
    UpstreamAnswer, UpstreamBatch, UpstreamRule, event_id, upstream_fire, upstream_rule_name,
};

const RULE: &str = "cloudflare:ddos";

/// When a block stands alone whose request came at `NOW`.
const STANDS: u64 = NOW + 30_000;

fn ray(n: u32) -> String {
    format!("{n:016x}")
}

/// A request that we saw.
fn seen(n: u32, time_ms: u64) -> Record {
    Record {
        ray: format!("{}-IAD", ray(n)),
        ..record(7, n, time_ms)
    }
}

/// What the CDN says that it did to the request.
fn event(n: u32, time_ms: u64, acted: bool) -> Record {
    let rule = if acted { "ddos" } else { "log" };
    Record {
        id: event_id(time_ms, "cloudflare", &ray(n), rule),
        ray: ray(n),
        fired: vec![upstream_fire(upstream_rule_name("cloudflare", rule), acted)],
        status: if acted { 403 } else { 200 },
        range: sample::sparse().range,
        seen: false,
        verdict: Action::None,
        method: blobwatch_pull::Method::Get,
        ..sample::full()
    }
}

fn fires(records: &[Record]) -> Vec<u8> {
    let rule = UpstreamRule {
        id: RULE.into(),
        system: "l7ddos".to_owned(),
        description: "a botnet".to_owned(),
        action: "block".to_owned(),
        acts: true,
        host: "cdn.example".to_owned(),
        first_ms: NOW,
        last_ms: NOW,
    };
    let batch = UpstreamBatch {
        fires: block(records),
        requests: Vec::new(),
        rules: vec![rule],
    };
    batch.encode().unwrap()
}

fn requests_told(records: &[Record]) -> Vec<u8> {
    let batch = UpstreamBatch {
        requests: block(records),
        ..UpstreamBatch::default()
    };
    batch.encode().unwrap()
}

fn told(log: &mut FireLog<Native>, records: &[Record], now_ms: u64) -> UpstreamAnswer {
    log.accept_upstream(&fires(records), now_ms).unwrap()
}

fn answer(new: u64, joined: u64, repeats: u64) -> UpstreamAnswer {
    UpstreamAnswer {
        new,
        joined,
        repeats,
        dropped: 0,
    }
}

fn records(log: &FireLog<Native>) -> Vec<Record> {
    newest(log.sql(), 1_000_000).records
}

/// By ray: whether we saw it, and the rules of others that fired.
fn said(log: &FireLog<Native>) -> Vec<(String, bool, Vec<String>)> {
    let upstream = |fired: &Fired| fired.rule.contains(':').then(|| fired.rule.to_string());
    let mut said: Vec<_> = records(log)
        .into_iter()
        .map(|record| {
            let mut rules: Vec<String> = record.fired.iter().filter_map(upstream).collect();
            rules.sort();
            let digits = record.ray.split('-').next().unwrap().to_owned();
            (digits, record.seen, rules)
        })
        .collect();
    said.sort();
    said
}

fn expected(n: u32, seen: bool, rules: &[&str]) -> (String, bool, Vec<String>) {
    (
        ray(n),
        seen,
        rules.iter().map(|rule| (*rule).to_owned()).collect(),
    )
}

fn accept(log: &mut FireLog<Native>, seq: u64, records: &[Record], now_ms: u64) {
    log.accept(&flush(7, seq, records).encode(), now_ms).unwrap();
}

#[test]
fn an_event_is_joined_to_the_record_of_its_request() {
    let mut log = open();
    accept(&mut log, 1, &[seen(1, NOW), seen(2, NOW)], NOW + 1_000);
    let before = records(&log);
    // The CDN's clock tells whole seconds, and is not ours.
    let event = event(2, NOW - 900, true);
    assert_eq!(
        told(&mut log, std::slice::from_ref(&event), NOW + 60_000),
        answer(0, 1, 0)
    );
    assert_eq!(said(&log), [expected(1, true, &[]), expected(2, true, &[RULE])]);
    let after = records(&log);
    for (before, mut after) in before.into_iter().zip(after) {
        after.fired.retain(|fired| !fired.rule.contains(':'));
        assert_eq!(before, after, "all else stays as it was");
    }
    assert_eq!(told(&mut log, &[event], NOW + 61_000), answer(0, 0, 1));
    assert_eq!(said(&log).len(), 2);
}

#[test]
fn an_event_is_joined_to_a_record_that_was_merged() {
    let mut log = open();
    accept(&mut log, 1, &[seen(1, NOW), seen(2, NOW)], NOW + 1_000);
    merged(&mut log, NOW + 2 * MERGE_AFTER_MS);
    assert_eq!((count(&log, "inbox"), count(&log, "segment")), (0, 1));
    let late = NOW + 15 * 60_000;
    assert_eq!(told(&mut log, &[event(1, NOW, false)], late), answer(0, 1, 0));
    assert_eq!(
        said(&log),
        [expected(1, true, &["cloudflare:log"]), expected(2, true, &[])]
    );
    let FireLog { sql, .. } = log;
    assert_eq!(
        said(&FireLog::open(sql).unwrap())[0],
        expected(1, true, &["cloudflare:log"])
    );
}

#[test]
fn the_record_of_an_enforcement_says_what_others_did() {
    let mut log = open();
    let refused = Record {
        verdict: Action::Block,
        ..seen(1, NOW)
    };
    accept(&mut log, 1, std::slice::from_ref(&refused), NOW + 1_000);
    told(&mut log, &[event(1, NOW, false)], NOW + 60_000);
    let found = super::super::find_enforced(log.sql(), refused.id)
        .unwrap()
        .unwrap();
    assert!(found.fired.iter().any(|fired| &*fired.rule == "cloudflare:log"));
}

#[test]
fn an_event_before_our_own_batch_waits_for_it() {
    let mut log = open();
    assert_eq!(
        told(&mut log, &[event(1, NOW, true)], NOW + 1_000),
        answer(1, 0, 0)
    );
    assert_eq!(said(&log), []);
    assert_eq!(
        told(&mut log, &[event(1, NOW, true)], NOW + 1_500),
        answer(0, 0, 1)
    );
    let FireLog { sql, .. } = log;
    let mut log = FireLog::open(sql).unwrap();
    accept(&mut log, 1, &[seen(1, NOW)], NOW + 2_000);
    assert!(log.next_alarm_ms(NOW) <= STANDS);
    log.tend(STANDS).unwrap();
    assert_eq!(said(&log), [expected(1, true, &[RULE])]);
    assert_eq!(count(&log, "upstream"), 0);
}

#[test]
fn a_block_without_a_record_of_ours_is_a_refused_start_by_its_rule() {
    let mut log = open();
    let blocked = [event(1, NOW, true), event(2, NOW, true)];
    assert_eq!(told(&mut log, &blocked, STANDS), answer(2, 0, 0));
    assert_eq!(
        said(&log),
        [expected(1, false, &[RULE]), expected(2, false, &[RULE])]
    );
    log.tend(STANDS + 20_000).unwrap();
    let cells: Vec<CellBatch> = sent(&mut log);
    let refused: Vec<_> = cells.iter().flat_map(|batch| &batch.cells).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(
        (refused[0].counts.turned_away, refused[0].counts.forbidden),
        (2, 2)
    );
    assert_eq!(refused[0].key.rules, [RULE.into()]);
}

#[test]
fn the_detector_is_told_what_others_did_to_requests_that_were_counted() {
    let mut log = open();
    accept(&mut log, 1, &[seen(1, NOW), seen(2, NOW)], NOW + 1_000);
    log.tend(CUT).unwrap();
    let own: u64 = sent(&mut log).iter().map(requests).sum();
    assert_eq!(own, 2);
    told(
        &mut log,
        &[event(1, NOW, true), event(9, NOW, true)],
        NOW + 60_000,
    );
    let batches = sent(&mut log);
    let [batch] = batches.as_slice() else {
        panic!("{batches:?}")
    };
    assert_eq!((batch.cells.len(), batch.upstream.rules.len()), (0, 1));
    let counts: Vec<_> = batch.upstream.counts.iter().collect();
    assert_eq!(counts.len(), 1, "one minute, rule and combination");
    let of = &counts[0];
    assert_eq!(
        (of.minute, &*of.rule, of.acted, of.logged),
        (NOW / 60_000, RULE, 2, 0)
    );
    assert_eq!(of.counts.requests, 1, "only what we saw");
    assert_eq!(
        told(&mut log, &[event(1, NOW, true)], NOW + 90_000),
        answer(0, 0, 1)
    );
    let again: u32 = sent(&mut log)
        .iter()
        .flat_map(|batch| &batch.upstream.counts)
        .map(|count| count.acted)
        .sum();
    assert_eq!(again, 0, "a repeat counts once");
}

#[test]
fn a_request_that_is_told_whole_stands_unless_we_saw_it() {
    let mut log = open();
    accept(&mut log, 1, &[seen(1, NOW)], NOW + 1_000);
    let whole = |n| Record {
        id: event_id(NOW, "cloudflare", &ray(n), ""),
        ray: ray(n),
        ..sample::full()
    };
    let batch = requests_told(&[whole(1), whole(2)]);
    let taken = log.accept_upstream(&batch, STANDS).unwrap();
    assert_eq!(taken, answer(1, 0, 1));
    assert_eq!(said(&log), [expected(1, true, &[]), expected(2, false, &[])]);
    assert_eq!(log.accept_upstream(&batch, STANDS + 1).unwrap(), answer(0, 0, 2));
}

#[test]
fn our_own_record_takes_over_the_rules_of_one_that_stands() {
    let mut log = open();
    told(&mut log, &[event(1, NOW, true)], STANDS);
    // A body that hung for two minutes.
    accept(&mut log, 1, &[seen(1, NOW)], NOW + 120_000);
    assert_eq!(
        said(&log),
        [expected(1, false, &[RULE]), expected(1, true, &[RULE])]
    );
}

/// Whatever comes in a pause of merging is neither lost nor written into what is being merged.
#[test]
fn what_comes_while_segments_are_merged_is_joined_after_it() {
    struct Telling<'a, 'l>(&'a RefCell<&'l mut FireLog<Native>>, std::cell::Cell<u32>);
    impl Pace for Telling<'_, '_> {
        async fn spent(&self, _: usize) {
            let n = self.1.get();
            if let Ok(mut log) = self.0.try_borrow_mut()
                && (1..=3).contains(&n)
            {
                told(&mut log, &[event(n, NOW, true)], NOW + 90_000);
                self.1.set(n + 1);
            }
        }
    }
    let mut log = open();
    let own: Vec<Record> = (1..=3).map(|n| seen(n, NOW)).collect();
    for (seq, record) in (1..).zip(&own) {
        accept(&mut log, seq, std::slice::from_ref(record), NOW + 1_000);
    }
    log.tend(CUT).unwrap();
    let log = RefCell::new(&mut log);
    let pace = Telling(&log, std::cell::Cell::new(1));
    at_once(merge(&log, NOW + 90_000, &pace)).unwrap().unwrap();
    let log = log.into_inner();
    log.tend(NOW + 95_000).unwrap();
    let all = [1, 2, 3].map(|n| expected(n, true, &[RULE]));
    assert_eq!(said(log), all);
}

/// The same events in any order and any batches, told any number of times, before or after our own records, lead to the same
/// records.
#[test]
fn each_event_is_one_fact_whatever_the_batching() {
    bolero::check!()
        .with_type::<(u64, Vec<u8>)>()
        .for_each(|(seed, cuts)| {
            let mut seed = *seed;
            let mut draw = |below: u64| {
                seed = blobwatch_wire::splitmix(seed);
                seed % below
            };
            let events: Vec<Record> = (0..12).map(|n| event(n, NOW + u64::from(n), n % 3 > 0)).collect();
            let own: Vec<Record> = (0..6).map(|n| seen(n, NOW + u64::from(n))).collect();
            let mut log = open();
            let mut own_sent = false;
            for cut in cuts.iter().take(8).chain([&255]) {
                if !own_sent && (draw(3) == 0 || *cut == 255) {
                    accept(&mut log, 1, &own, NOW + 1_000);
                    own_sent = true;
                }
                let from = draw(12) as usize;
                let some: Vec<Record> = events
                    .iter()
                    .cycle()
                    .skip(from)
                    .take(1 + usize::from(*cut) % 12)
                    .cloned()
                    .collect();
                told(&mut log, &some, NOW + 2_000);
            }
            told(&mut log, &events, NOW + 3_000);
            for minute in 1..=8 {
                log.tend(NOW + minute * 60_000).unwrap();
            }
            told(&mut log, &events, NOW + 9 * 60_000);
            let all: Vec<_> = (0..12)
                .map(|n| expected(n, n < 6, &[if n % 3 > 0 { RULE } else { "cloudflare:log" }]))
                .collect();
            assert_eq!(said(&log), all);
        });
}

#[test]
fn what_is_no_batch_is_refused_and_nothing_of_it_is_kept() {
    let mut log = open();
    for body in [b"BWF\x02".as_slice(), b"BWU\x09", b"BWU\x01\x03BWS\x00\x00"] {
        assert!(log.accept_upstream(body, NOW).is_err());
    }
    assert_eq!((count(&log, "upstream"), said(&log).len()), (0, 0));
    assert!(upstream_fire(RULE.into(), false).mode == Mode::Monitor);
}
