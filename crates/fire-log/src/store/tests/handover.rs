//! What FireLogs know of clients goes with them when their number changes.

use std::collections::BTreeMap;

use super::{NOW, flush, merged, newest};
use crate::store::FireLog;
use crate::store::handover::{Handover, handover};
use blobwatch_guard::CohortCounts;
use blobwatch_pull::{Action, ClientKey, Mode, NetworkKey, Outcome, RangeKind, Record, RecordId, sample};
use blobwatch_sql::{Native, Unpaced, at_once};
use std::cell::RefCell;

/// When the number changes.
const SPLIT: u64 = NOW + 60_000;

/// The FireLogs of a colo.
#[derive(Default)]
struct Colo {
    logs: BTreeMap<u64, FireLog<Native>>,
    count: u64,
    revision: u64,
    seq: u64,
    /// To see what would be without.
    keeps_to_itself: bool,
}

impl Colo {
    fn new(count: u64) -> Self {
        let mut colo = Self::default();
        colo.change(count, 0);
        colo
    }

    /// The new FireLogs take over at their first batch, as the object does.
    fn change(&mut self, count: u64, now_ms: u64) {
        let earlier = match self.count {
            0 => String::new(),
            before => format!(r#"{{"count":{before},"since_ms":0,"until_ms":0}}"#),
        };
        (self.count, self.revision) = (count, self.revision + 1);
        let document = format!(
            r#"{{"schema":6,"revision":{},"rules":[],"modes":[
                {{"rule":"sweep","route":"library","mode":"enforce","percent":1.0,"guard":5}}],
                "layouts":[{{"colo":"FRA","count":{count},"since_ms":{now_ms},"earlier":[{earlier}]}}]}}"#,
            self.revision
        );
        for place in 0..count {
            self.logs.entry(place).or_insert_with(|| {
                let mut log = FireLog::open(Native::in_memory().unwrap()).unwrap();
                log.be_named(&format!("fl1-fra-{place}")).unwrap();
                log
            });
        }
        for log in self.logs.values_mut() {
            log.keep_rulebook(0, &document).unwrap();
        }
    }

    fn take_over(&mut self, place: u64, now_ms: u64) {
        if self.keeps_to_itself {
            return;
        }
        let log = self.logs.get_mut(&place).unwrap();
        let Some((fire_logs, place_, names)) = log.predecessors(now_ms) else {
            return;
        };
        log.takes_over(now_ms);
        for name in names {
            let before = name.strip_prefix("fl1-fra-").unwrap().parse().unwrap();
            let asked = RefCell::new(self.logs.get_mut(&before).unwrap());
            let handed = at_once(handover(&asked, (fire_logs, place_), &Unpaced))
                .unwrap()
                .unwrap();
            let log = self.logs.get_mut(&place).unwrap();
            log.take_handover(&handed.encode(), (fire_logs, place_)).unwrap();
            assert_eq!(Handover::decode(&handed.encode()), Ok(handed));
        }
    }

    /// One batch a FireLog.
    fn accept(&mut self, records: &[Record], now_ms: u64) {
        self.seq += 1;
        for place in 0..self.count {
            let of = |record: &&Record| record.client.0 % self.count == place;
            let records: Vec<Record> = records.iter().filter(of).cloned().collect();
            if !records.is_empty() {
                self.take_over(place, now_ms);
                let log = self.logs.get_mut(&place).unwrap();
                log.accept(&flush(7, self.seq, &records).encode(), now_ms)
                    .unwrap();
            }
        }
    }

    /// Clients that were denied, and those of them that pulled cleanly before, over all FireLogs.
    fn denied(&mut self, now_ms: u64) -> (u32, u32) {
        let reports = self
            .logs
            .values_mut()
            .filter_map(|log| log.guard_report(now_ms).unwrap());
        let cohorts: Vec<CohortCounts> = reports
            .flat_map(|report| report.watches)
            .flat_map(|watch| watch.cohorts)
            .collect();
        let sum = |of: fn(&CohortCounts) -> u32| cohorts.iter().map(of).sum();
        (
            sum(|cohort| cohort.counts.enforced.clients),
            sum(|cohort| cohort.counts.enforced.healthy),
        )
    }

    /// Kinds of all records from that time on, by id.
    fn kinds(&mut self, since_ms: u64) -> BTreeMap<RecordId, RangeKind> {
        let mut kinds = BTreeMap::new();
        for log in self.logs.values_mut() {
            merged(log, since_ms + 3_600_000);
            let records = newest(log.sql(), 1_000_000).records;
            let late = records
                .into_iter()
                .filter(|record| record.id.time_ms() >= since_ms);
            kinds.extend(late.map(|record| (record.id, record.range.kind)));
        }
        kinds
    }
}

/// A whole download before the rule was enforced, or a denied one; each client has a network of its own.
fn pull(at: u64, client: u64, denied: bool, time_ms: u64) -> Record {
    let mut record = sample::full();
    record.id = RecordId::from_parts(time_ms, 7, u32::try_from(at).unwrap());
    (record.client, record.network) = (ClientKey(client), NetworkKey(client));
    record.digest = format!("sha256:{at:064x}");
    record.range.kind = RangeKind::None;
    (record.range.start, record.range.end, record.range.honoured) = (None, None, None);
    record.outcome = Outcome::NotObserved;
    let acted = if denied { Action::Block } else { Action::None };
    (record.status, record.verdict) = (if denied { 403 } else { 200 }, acted);
    record.revision = if denied { 5 } else { 4 };
    if denied {
        record.fired = vec![sample::fired("sweep", 1, Mode::Enforce, Action::Block, acted)];
    } else {
        record.fired = Vec::new();
    }
    record
}

/// 60 clients pull cleanly; 40 are denied before the number changes, and all 60 after it, twice.
fn denied(before: u64, after: u64, keeps_to_itself: bool) -> (u32, u32) {
    let mut colo = Colo::new(before);
    colo.keeps_to_itself = keeps_to_itself;
    let of = |at: u64, clients: u64, denied, time_ms| -> Vec<Record> {
        (0..clients)
            .map(|client| pull(at + client, client, denied, time_ms))
            .collect()
    };
    for (at, time_ms) in [(0, NOW), (1_000, NOW + 1)] {
        colo.accept(&of(at, 60, false, time_ms), NOW + 1_000);
    }
    colo.accept(&of(2_000, 40, true, NOW + 10_000), NOW + 10_000);
    colo.change(after, SPLIT);
    for (at, time_ms) in [(3_000, SPLIT + 1_000), (4_000, SPLIT + 20_000)] {
        colo.accept(&of(at, 60, true, time_ms), time_ms);
    }
    colo.denied(SPLIT + 3_600_000)
}

#[test]
fn guards_count_each_client_once_and_know_its_past() {
    for (before, after) in [(1, 2), (2, 4), (4, 2), (2, 1), (3, 2), (2, 3), (1, 16)] {
        assert_eq!(denied(before, after, false), (60, 60), "{before} to {after}");
    }
    let (clients, healthy) = denied(1, 2, true);
    assert!(clients > 60 && healthy < 60, "{clients}, {healthy}");
}

/// Against one FireLog that had it all.
#[test]
fn resumes_are_told_from_first_requests_across_a_change() {
    for (seed, (before, after)) in [(1, 2), (2, 1), (4, 2), (2, 8), (3, 2)].into_iter().enumerate() {
        let mut records = sample::traffic(seed as u64 + 1, 3_000);
        records.sort_by_key(|record| record.id);
        let split_ms = records[1_500].id.time_ms();
        let play = |counts: (u64, u64), keeps_to_itself| {
            let mut colo = Colo::new(counts.0);
            colo.keeps_to_itself = keeps_to_itself;
            for (at, batch) in records.chunks(50).enumerate() {
                if at == 30 {
                    colo.change(counts.1, split_ms);
                }
                colo.accept(batch, batch[batch.len() - 1].id.time_ms());
            }
            colo.kinds(split_ms + 1)
        };
        let expected = play((1, 1), false);
        assert!(expected.len() > 1_000, "{}", expected.len());
        assert_eq!(play((before, after), false), expected, "{before} to {after}");
        assert_ne!(play((before, after), true), expected, "{before} to {after}");
    }
}

#[test]
fn what_is_of_long_ago_is_not_asked_for() {
    let mut colo = Colo::new(1);
    colo.change(2, SPLIT);
    let log = &colo.logs[&1];
    assert_eq!(
        log.predecessors(SPLIT),
        Some((2, 1, vec!["fl1-fra-0".to_owned()]))
    );
    assert_eq!(log.predecessors(SPLIT + 30 * 60_000), None);
    colo.take_over(1, SPLIT + 1_000);
    let asked = |colo: &Colo, after_ms| colo.logs[&1].predecessors(SPLIT + after_ms).is_some();
    assert_eq!(
        [5_000, 10_000].map(|after| asked(&colo, after)),
        [false, true],
        "once more"
    );
    colo.take_over(1, SPLIT + 12_000);
    assert!(!asked(&colo, 60_000));
    let first = &colo.logs[&0];
    assert_eq!(
        first.predecessors(SPLIT),
        Some((2, 0, Vec::new())),
        "its clients were here before"
    );
}
