//! Kinds that the history shows, and the cells that are cut from them.

use super::{CUT, NOW, count, flush, merged, newest, open, record, sent};
use crate::store::FireLog;
use crate::store::cut::CUT_SPREAD_MS;
use crate::store::merge::MERGE_AFTER_MS;
use crate::store::outbox::MAX_WAITING;
use blobwatch_pull::{ClientKey, Outcome, RangeKind, RangeRecord, Record, sample};
use blobwatch_records::slot_of;
use blobwatch_sql::Native;

/// A client's ask for the rest of one blob.
fn rest(isolate: u64, counter: u32, time_ms: u64, start: u64) -> Record {
    let full = sample::full();
    Record {
        range: RangeRecord {
            kind: RangeKind::Resume,
            start: Some(start),
            ..full.range
        },
        outcome: Outcome::NotObserved,
        duration_ms: 5,
        ..record(isolate, counter, time_ms)
    }
}

fn kinds(log: &FireLog<Native>) -> Vec<RangeKind> {
    newest(log.sql(), 1000)
        .records
        .iter()
        .rev()
        .map(|record| record.range.kind)
        .collect()
}

#[test]
fn a_repeat_is_stored_as_one_also_after_a_restart() {
    let mut log = open();
    log.accept(&flush(7, 1, &[rest(7, 0, NOW, 777)]).encode(), NOW + 100)
        .unwrap();
    log.accept(&flush(8, 1, &[rest(8, 0, NOW + 5000, 777)]).encode(), NOW + 5100)
        .unwrap();
    let FireLog { sql, .. } = log;
    let mut log = FireLog::open(sql).unwrap();
    log.accept(&flush(9, 1, &[rest(9, 0, NOW + 9000, 777)]).encode(), NOW + 9100)
        .unwrap();
    assert_eq!(
        kinds(&log),
        [RangeKind::Resume, RangeKind::Repeat, RangeKind::Repeat]
    );
    merged(&mut log, NOW + MERGE_AFTER_MS * 2);
    let FireLog { sql, .. } = log;
    let mut log = FireLog::open(sql).unwrap();
    log.accept(
        &flush(9, 2, &[rest(9, 1, NOW + 99_000, 777)]).encode(),
        NOW + 99_100,
    )
    .unwrap();
    assert_eq!(
        kinds(&log).last(),
        Some(&RangeKind::Repeat),
        "known from a segment"
    );
}

/// Three isolates each saw one start of a parallel fetch: until the third came, the second looked like a resume.
#[test]
fn a_kind_found_out_later_is_counted_and_stored() {
    let mut log = open();
    let mib = 1 << 20;
    for (n, start) in [(0, 8 * mib), (1, 16 * mib), (2, 24 * mib)] {
        let records = [rest(n, 0, NOW + n, start)];
        log.accept(&flush(n, 1, &records).encode(), NOW + 900).unwrap();
    }
    assert_eq!(
        kinds(&log),
        [RangeKind::Resume, RangeKind::Resume, RangeKind::Chunk]
    );
    log.tend(CUT).unwrap();
    let batches = sent(&mut log);
    let counts = batches[0].cells[0].counts;
    let by_kind = [RangeKind::Resume, RangeKind::Chunk].map(|kind| counts.kind(kind));
    assert_eq!(
        (batches.len(), by_kind),
        (1, [1, 2]),
        "a cell has what was found out before it was cut"
    );
    merged(&mut log, NOW + MERGE_AFTER_MS * 2);
    assert_eq!(
        kinds(&log),
        [RangeKind::Resume, RangeKind::Chunk, RangeKind::Chunk]
    );
}

#[test]
fn a_cell_is_of_the_slot_in_which_its_requests_came() {
    let mut log = open();
    let late = record(7, 1, NOW - 95_000);
    log.accept(&flush(7, 1, &[late, record(7, 0, NOW)]).encode(), NOW + 1000)
        .unwrap();
    log.be_named("fl1-iad-0").unwrap();
    log.tend(CUT + CUT_SPREAD_MS).unwrap();
    let batches = sent(&mut log);
    let slots: Vec<u64> = batches.iter().map(|batch| batch.slot).collect();
    assert_eq!(slots, [slot_of(NOW) - 10, slot_of(NOW)]);
    assert!(
        batches
            .iter()
            .all(|batch| batch.source == "fl1-iad-0" && batch.epoch > 0)
    );
}

/// Before the Detector tests the slot, 6 s after its end.
#[test]
fn fire_logs_of_one_process_count_at_times_of_their_own() {
    let due = |name: &str| {
        let mut log = open();
        log.be_named(name).unwrap();
        log.accept(&flush(7, 1, &[record(7, 0, NOW)]).encode(), NOW)
            .unwrap();
        log.cut_due_ms().unwrap()
    };
    let names = (0..64).map(|place| format!("fl1-fra-{place}"));
    let mut times: Vec<u64> = names.map(|name| due(&name)).collect();
    assert_eq!(times[3], due("fl1-fra-3"), "the same each time");
    times.sort_unstable();
    assert!(times[0] >= CUT && times[63] < CUT + CUT_SPREAD_MS);
    times.dedup();
    assert!(times.len() > 48, "{} times", times.len());
}

#[test]
fn a_cut_costs_one_row() {
    let mut log = open();
    for n in 0..5 {
        let now = NOW + n * 10_000;
        log.accept(&flush(7, n + 1, &[record(7, n as u32, now)]).encode(), now)
            .unwrap();
        let before = log.sql().rows_written();
        log.tend(now + 13_500).unwrap();
        sent(&mut log);
        let written = log.sql().rows_written() - before;
        assert!(written <= if n == 0 { 2 } else { 1 }, "{written} in cut {n}");
    }
    assert_eq!(count(&log, "outbox"), 1, "written over");
}

#[test]
fn an_outbox_that_nobody_empties_is_bounded_and_says_what_it_lost() {
    let mut log = open();
    for n in 0..MAX_WAITING as u64 + 20 {
        let now = NOW + n * 10_000;
        log.accept(&flush(7, n + 1, &[record(7, n as u32, now)]).encode(), now)
            .unwrap();
        while log.tend(now + 13_500).unwrap().more {}
    }
    assert_eq!(count(&log, "outbox"), MAX_WAITING as u64);
    let losses = log.losses().unwrap();
    assert_eq!((losses[0].name.as_str(), losses[0].count), ("cells_dropped", 20));
    let batches = sent(&mut log);
    assert_eq!(
        (batches.len(), batches[0].seq),
        (MAX_WAITING, 21),
        "the oldest went"
    );
    merged(&mut log, NOW + 9 * 3_600_000);
    assert_eq!(
        count(&log, "outbox"),
        1,
        "an hour later only the newest cut's row is left"
    );
}

fn challenged(isolate: u64, counter: u32, time_ms: u64, client: u64) -> Record {
    let mut record = record(isolate, counter, time_ms);
    record.range = RangeRecord {
        kind: RangeKind::None,
        start: None,
        end: None,
        honoured: None,
    };
    (record.status, record.client) = (401, ClientKey(client));
    record
}

/// One client gets its token and the blob, another one does not.
#[test]
fn a_challenge_without_success_is_counted_once_when_its_minute_is_over() {
    let mut log = open();
    let success = Record {
        status: 200,
        ..challenged(7, 2, NOW + 3000, 2)
    };
    let first = [challenged(7, 0, NOW, 1), challenged(7, 1, NOW, 2), success];
    log.accept(&flush(7, 1, &first).encode(), NOW + 4000).unwrap();
    log.tend(CUT).unwrap();
    let turned_away = |batches: &[blobwatch_records::CellBatch]| -> u32 {
        let cells = batches.iter().flat_map(|batch| &batch.cells);
        cells.map(|cell| cell.counts.turned_away).sum()
    };
    let batches = sent(&mut log);
    assert_eq!(turned_away(&batches), 0, "nobody knows yet");
    // The object is killed meanwhile.
    let FireLog { sql, .. } = log;
    let mut log = FireLog::open(sql).unwrap();
    for (seq, later_ms) in [(2, 70_000), (3, 80_000)] {
        let other = record(8, seq, NOW + later_ms);
        log.accept(&flush(7, u64::from(seq), &[other]).encode(), NOW + later_ms + 100)
            .unwrap();
        log.tend(CUT + later_ms).unwrap();
    }
    let counted: Vec<_> = sent(&mut log)
        .into_iter()
        .filter(|batch| turned_away(std::slice::from_ref(batch)) > 0)
        .collect();
    assert_eq!(counted.len(), 1, "{counted:?}");
    assert_eq!(turned_away(&counted), 1);
    assert_eq!(counted[0].slot, slot_of(NOW + 65_000));
    let FireLog { sql, .. } = log;
    let mut log = FireLog::open(sql).unwrap();
    log.accept(&flush(7, 4, &[record(8, 4, NOW + 90_000)]).encode(), NOW + 90_100)
        .unwrap();
    log.tend(CUT + 90_000).unwrap();
    let again: Vec<_> = sent(&mut log)
        .into_iter()
        .filter(|batch| batch.seq > counted[0].seq + 1)
        .collect();
    assert_eq!(turned_away(&again), 0, "and never again");
}
