//! What is counted for guards is reported until it is heard, and nothing of it is lost with an object that sleeps or a
//! process that is killed.

use std::collections::BTreeMap;

use super::{CUT, NOW, count, merged};
use crate::store::FireLog;
use crate::store::guards::{AGAIN_MS, KEEP_PASTS_MS, NEWS_MS};
use crate::store::merge::MERGE_AFTER_MS;
use blobwatch_guard::{Report, WINDOW_MS};
use blobwatch_pull::{Action, ClientKey, Mode, NetworkKey, Outcome, RangeKind, Record, RecordId, sample};
use blobwatch_records::{Builder, Flush, RulebookVersion};
use blobwatch_sql::{Native, Sql, SqlValue};

fn log() -> FireLog<Native> {
    let mut log = FireLog::open(Native::in_memory().unwrap()).unwrap();
    log.be_named("fl1-IAD-0").unwrap();
    guarded(&mut log, 5);
    log
}

fn guarded(log: &mut FireLog<Native>, revision: u64) {
    let document = format!(
        r#"{{"schema":2,"revision":{revision},"rules":[],"modes":[
            {{"rule":"sweep","route":"library","mode":"enforce","percent":1.0,"guard":{revision}}},
            {{"rule":"other","route":"library","mode":"monitor"}}]}}"#
    );
    log.keep_rulebook(0, &document).unwrap();
}

/// A download that went through, or was denied by the guarded rule; each client has a network of its own.
fn record(at: u32, client: u64, denied: bool) -> Record {
    let mut record = sample::full();
    record.id = RecordId::from_parts(NOW, 7, at);
    record.client = ClientKey(client);
    record.network = NetworkKey(client);
    record.digest = format!("sha256:{at:064x}");
    record.range.kind = RangeKind::None;
    (record.range.start, record.range.end, record.range.honoured) = (None, None, None);
    record.outcome = Outcome::NotObserved;
    let (status, verdict) = if denied {
        (403, Action::Block)
    } else {
        (200, Action::None)
    };
    (record.status, record.verdict) = (status, verdict);
    record.fired = vec![sample::fired("sweep", 1, Mode::Enforce, Action::Block, verdict)];
    record.revision = 5;
    record
}

/// A download from before the rule was enforced.
fn before(at: u32, client: u64) -> Record {
    Record {
        id: RecordId::from_parts(NOW - 10_000, 7, at),
        revision: 4,
        fired: Vec::new(),
        ..record(at, client, false)
    }
}

fn accept(log: &mut FireLog<Native>, seq: u64, records: Vec<Record>, now_ms: u64) {
    let mut builder = Builder::default();
    records.into_iter().for_each(|record| builder.push(record));
    let flush = Flush {
        addresses: Vec::new(),
        isolate: 7,
        seq,
        held: RulebookVersion {
            epoch: 0,
            revision: 5,
        },
        losses: BTreeMap::new(),
        volumes: Vec::new(),
        segment: builder.encode(),
    };
    log.accept(&flush.encode(), now_ms).unwrap();
}

#[track_caller]
fn arms(report: &Report) -> (u32, u32, u32, u32) {
    let counts = report.watches[0].cohorts[0].counts;
    (
        counts.enforced.clients,
        counts.enforced.healthy,
        counts.held_out.clients,
        counts.held_out.healthy,
    )
}

#[test]
fn what_was_counted_is_reported_soon_and_again_until_it_is_heard() {
    let mut log = log();
    assert_eq!(log.guard_report(NOW).unwrap(), None, "nothing came");
    accept(
        &mut log,
        1,
        vec![before(10, 1), record(0, 1, false), record(1, 1, false)],
        NOW,
    );
    accept(
        &mut log,
        2,
        vec![record(2, 2, true), record(3, 3, true), record(4, 3, true)],
        NOW,
    );
    assert_eq!(log.guard_report(NOW).unwrap(), None);
    assert!(log.next_alarm_ms(NOW) <= NOW + NEWS_MS);
    let first = log.guard_report(NOW + NEWS_MS).unwrap().unwrap();
    assert_eq!((first.source.as_str(), arms(&first)), ("fl1-IAD-0", (2, 0, 0, 0)));
    let again = log.guard_report(NOW + NEWS_MS + AGAIN_MS).unwrap().unwrap();
    assert_eq!(again, first, "nobody said that it was heard");
    let heard = NOW + NEWS_MS + AGAIN_MS;
    log.guard_reported(&again.watches, 10_000, heard);
    accept(&mut log, 3, vec![record(5, 4, true)], heard);
    assert_eq!(log.guard_report(heard + 9_999).unwrap(), None);
    let next = log.guard_report(NOW + WINDOW_MS + 10_000).unwrap().unwrap();
    assert_eq!(
        arms(&next),
        (3, 0, 1, 1),
        "and who was let through, after its first minute"
    );
}

#[test]
fn counts_and_pasts_survive_a_restart() {
    let mut log = log();
    let pasts = vec![before(0, 1), before(1, 1)];
    accept(&mut log, 1, pasts, NOW);
    accept(&mut log, 2, vec![record(2, 1, false), record(3, 2, true)], NOW);
    log.guard_report(NOW + NEWS_MS).unwrap().unwrap();
    let mut log = restarted(log);
    accept(
        &mut log,
        3,
        vec![record(4, 2, true), record(5, 1, true)],
        NOW + 2_000,
    );
    let report = log.guard_report(NOW + WINDOW_MS + 10_000).unwrap().unwrap();
    assert_eq!(
        arms(&report),
        (1, 0, 1, 1),
        "each client once, in the arm that it was seen in first"
    );
    guarded(&mut log, 6);
    let mut denied = record(6, 1, true);
    denied.revision = 6;
    accept(&mut log, 4, vec![denied], NOW + WINDOW_MS + 20_000);
    let report = log.guard_report(NOW + WINDOW_MS + 30_000).unwrap().unwrap();
    assert_eq!(
        arms(&report),
        (1, 1, 0, 0),
        "the next guard counts anew, and knows who pulls cleanly"
    );
    assert_eq!(report.watches[0].evidence.len(), 1);
}

fn restarted(log: FireLog<Native>) -> FireLog<Native> {
    let FireLog { sql, .. } = log;
    FireLog::open(sql).unwrap()
}

/// What happens to a FireLog until eight clean clients and one that nobody knows are denied.
const STEPS: [fn(&mut FireLog<Native>); 9] = [
    |log| accept(log, 1, (0..8).map(|n| before(n, n.into())).collect(), NOW - 9_000),
    |log| {
        accept(
            log,
            2,
            (8..16).map(|n| before(n, u64::from(n) - 8)).collect(),
            NOW - 8_000,
        )
    },
    |log| alarm(log, CUT),
    |log| alarm(log, NOW + MERGE_AFTER_MS + 10_000),
    |log| alarm(log, NOW + 2 * MERGE_AFTER_MS + 10_000),
    |log| guarded(log, 5),
    |log| {
        accept(
            log,
            3,
            (20..24).map(|n| denial(n, u64::from(n) - 20)).collect(),
            LATER,
        )
    },
    |log| {
        accept(
            log,
            4,
            (24..29).map(|n| denial(n, u64::from(n) - 20)).collect(),
            LATER + 500,
        )
    },
    |log| alarm(log, LATER + 600),
];

const LATER: u64 = NOW + 3 * MERGE_AFTER_MS;

fn denial(at: u32, client: u64) -> Record {
    Record {
        id: RecordId::from_parts(LATER, 7, at),
        ..record(at, client, true)
    }
}

fn alarm(log: &mut FireLog<Native>, now_ms: u64) {
    merged(log, now_ms);
    log.guard_report(now_ms).unwrap();
}

/// An idle object sleeps after a minute, and a process may be killed at any time.
#[test]
fn who_pulled_cleanly_is_known_whenever_the_object_slept() {
    let all = 1_u32 << STEPS.len();
    for restarts in (0..all).filter(|mask| mask.count_ones() <= 2 || *mask == all - 1) {
        let mut log = FireLog::open(Native::in_memory().unwrap()).unwrap();
        log.be_named("fl1-IAD-0").unwrap();
        for (at, step) in STEPS.iter().enumerate() {
            step(&mut log);
            if restarts >> at & 1 == 1 {
                log = restarted(log);
            }
        }
        let report = log.guard_report(LATER + NEWS_MS + AGAIN_MS).unwrap().unwrap();
        let counts = report.watches[0].cohorts[0].counts.enforced;
        assert_eq!(
            (counts.clients, counts.healthy, counts.unknown),
            (9, 8, 1),
            "{restarts:b}"
        );
    }
}

/// A busy FireLog merges more often than pasts are kept.
#[test]
fn pasts_that_were_merged_are_kept_within_a_minute() {
    let mut log = log();
    let two = |at: u32, client| vec![before(at, client), before(at + 1, client)];
    accept(&mut log, 1, two(0, 1), NOW);
    alarm(&mut log, CUT);
    let first = CUT + MERGE_AFTER_MS;
    alarm(&mut log, first);
    accept(&mut log, 2, two(2, 2), first);
    alarm(&mut log, first + 20_000);
    (3..=101).for_each(|seq| accept(&mut log, seq, two(seq as u32 * 2, seq), first + 20_000 + seq));
    merged(&mut log, first + 40_000);
    let report = log.guard_report(first + 40_000).unwrap().unwrap();
    log.guard_reported(&report.watches, AGAIN_MS, first + 40_000);
    assert_eq!(count(&log, "inbox"), 0);
    assert_eq!(log.next_alarm_ms(first + 40_000), first + KEEP_PASTS_MS);
    alarm(&mut log, first + KEEP_PASTS_MS);
    let mut log = restarted(log);
    accept(
        &mut log,
        102,
        vec![record(1_000, 2, true), record(1_001, 101, true)],
        first + 61_000,
    );
    let report = log.guard_report(first + 70_000).unwrap().unwrap();
    assert_eq!(arms(&report), (2, 2, 0, 0));
}

/// Rows of version 1, as an older build left them.
#[test]
fn pasts_and_counts_of_an_older_build_are_read() {
    let log = log();
    let blob = |hex: &str| {
        let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        SqlValue::Blob(hex.trim().as_bytes().chunks(2).map(byte).collect())
    };
    let pasts = blob(include_str!("../../../../guard/tests/data/health-v1.hex"));
    let counts = blob(include_str!("../../../../guard/tests/data/guard-v1.hex"));
    let sql = log.sql();
    sql.run("INSERT INTO health (one, clients) VALUES (1, ?)", &[pasts])
        .unwrap();
    sql.run("INSERT INTO guard VALUES ('sweep', 'library', 5, ?)", &[counts])
        .unwrap();
    let mut log = restarted(log);
    let denied = vec![record(0, 1, true), record(1, 2, true), record(2, 4, true)];
    accept(&mut log, 1, denied, NOW + 2 * WINDOW_MS);
    let report = log.guard_report(NOW + 3 * WINDOW_MS).unwrap().unwrap();
    assert_eq!(arms(&report).0, 2, "1 was counted as denied, 2 as held out");
    log = FireLog::open(Native::in_memory().unwrap()).unwrap();
    guarded(&mut log, 5);
    log.sql()
        .run(
            "INSERT INTO health (one, clients) VALUES (1, ?)",
            &[blob(include_str!("../../../../guard/tests/data/health-v1.hex"))],
        )
        .unwrap();
    let mut log = restarted(log);
    accept(&mut log, 1, vec![denial(0, 1), denial(1, 2), denial(2, 3)], LATER);
    let report = log.guard_report(LATER + NEWS_MS).unwrap().unwrap();
    let arm = report.watches[0].cohorts[0].counts.enforced;
    assert_eq!((arm.clients, arm.healthy, arm.unknown), (3, 1, 1));
}

#[test]
fn counts_of_an_enforcement_that_is_over_are_deleted() {
    let mut log = log();
    accept(&mut log, 1, vec![record(0, 1, true)], NOW);
    log.guard_report(NOW + NEWS_MS).unwrap().unwrap();
    let guards = |log: &FireLog<Native>| -> Vec<u64> {
        let rows = log.sql().run("SELECT guard FROM guard", &[]).unwrap();
        rows.iter().map(|row| row.integer(0, "guard").unwrap()).collect()
    };
    assert_eq!(guards(&log), [5]);
    guarded(&mut log, 6);
    let next = Record {
        revision: 6,
        ..record(1, 2, true)
    };
    accept(&mut log, 2, vec![next], NOW + 2_000);
    log.guard_report(NOW + 10_000).unwrap().unwrap();
    assert_eq!(guards(&log), [6], "the next step takes the row over");
    let ended = r#"{"schema":2,"revision":7,"rules":[],"modes":[]}"#;
    log.keep_rulebook(0, ended).unwrap();
    assert_eq!(guards(&log), [0; 0]);
}

#[test]
fn a_report_costs_a_row() {
    let mut log = log();
    accept(&mut log, 1, vec![record(0, 1, true)], NOW);
    log.guard_report(NOW + NEWS_MS).unwrap();
    accept(&mut log, 2, vec![record(1, 2, true)], NOW + 2_000);
    let before = log.sql().rows_written();
    log.guard_report(NOW + 10_000).unwrap().unwrap();
    assert_eq!(log.sql().rows_written() - before, 1);
    log.guard_report(NOW + 20_000).unwrap();
    assert_eq!(log.sql().rows_written() - before, 1, "nothing new");
}
