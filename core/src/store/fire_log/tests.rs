//! The FireLog on SQLite in memory: what is kept, how often, in how many rows, and for how long.

use std::collections::BTreeMap;

use bolero::TypeGenerator;

use super::{
    CUT_AFTER_SLOT_MS, FireLog, FireLogError, MAX_OWN_ROWS_PER_MINUTE, MAX_WAITING, MERGE_AFTER_MS,
    MERGE_AT_ROWS, TARGET_RECORDS, accept, enforced, merge, outbox, read, retain,
};
use crate::bytes::DecodeError;
use crate::cell::{CellBatch, SLOT_S, slot_of};
use crate::flush::{Flush, Held as HeldBook, VolumeCount};
use crate::query::{Budget, Filter, find, scan_page};
use crate::range::RangeKind;
use crate::record::{Outcome, RangeRecord, Record, RecordId, sample};
use crate::rulebook::{Action, Program, STARTER};
use crate::segment::Builder;
use crate::store::{Native, Sql, SqlError, SqlValue};

const NOW: u64 = sample::JULY_2020_MS;

fn open() -> FireLog<Native> {
    FireLog::open(Native::in_memory().unwrap()).unwrap()
}

fn block(records: &[Record]) -> Vec<u8> {
    let mut builder = Builder::default();
    records.iter().cloned().for_each(|record| builder.push(record));
    builder.encode()
}

fn flush(isolate: u64, seq: u64, records: &[Record]) -> Flush {
    let segment = if records.is_empty() {
        Vec::new()
    } else {
        block(records)
    };
    Flush {
        isolate,
        seq,
        held: HeldBook::default(),
        losses: BTreeMap::new(),
        volumes: Vec::new(),
        segment,
    }
}

fn record(isolate: u64, counter: u32, time_ms: u64) -> Record {
    Record {
        id: RecordId::from_parts(time_ms, isolate, counter),
        ..sample::full()
    }
}

fn refused(isolate: u64, counter: u32) -> Record {
    Record {
        verdict: Action::Block,
        ..record(isolate, counter, NOW)
    }
}

fn all(log: &FireLog<Native>) -> Vec<RecordId> {
    let page = scan_page(
        log.sql(),
        &Filter::default(),
        RecordId(u128::MAX),
        1_000_000,
        Budget::default(),
    )
    .unwrap();
    page.records.into_iter().map(|record| record.id).collect()
}

fn count(log: &FireLog<Native>, table: &str) -> u64 {
    let rows = log
        .sql()
        .run(&format!("SELECT count(*) FROM {table}"), &[])
        .unwrap();
    super::integer(&rows[0], 0)
}

fn merged(log: &mut FireLog<Native>, now_ms: u64) {
    while log.tend(now_ms).unwrap().more {}
    sent(log);
}

/// What the Detector gets, and acknowledges.
fn sent<S: Sql>(log: &mut FireLog<S>) -> Vec<CellBatch> {
    let mut batches = Vec::new();
    loop {
        let unsent = log.due_cells(u64::MAX).unwrap();
        let Some(last) = unsent.last() else { return batches };
        log.cells_acknowledged(last.seq);
        for unsent in unsent {
            let batch = CellBatch::decode(&unsent.body).unwrap();
            assert_eq!(batch.seq, unsent.seq);
            batches.push(batch);
        }
    }
}

/// Requests in a batch of cells.
fn requests(batch: &CellBatch) -> u64 {
    let cells = batch.cells.iter().map(|cell| &cell.counts);
    cells
        .chain([&batch.other])
        .map(|counts| u64::from(counts.requests))
        .sum()
}

/// When the cells of `NOW`'s slot are counted.
const CUT: u64 = NOW + SLOT_S * 1000 + CUT_AFTER_SLOT_MS;

#[test]
fn a_batch_costs_one_row() {
    let mut log = open();
    let before = log.sql().rows_written();
    log.accept(&flush(7, 1, &[record(7, 0, NOW)]).encode(), NOW)
        .unwrap();
    assert_eq!(log.sql().rows_written() - before, 1);
    let indexes = log.sql().run(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'inbox' AND sql IS NOT NULL",
        &[],
    );
    assert!(
        indexes.unwrap().is_empty(),
        "an index of the inbox would be a second entry for each batch"
    );
}

#[test]
fn merging_a_hundred_batches_costs_a_row_each_and_a_few() {
    let mut log = open();
    for seq in 1..=100 {
        log.accept(
            &flush(seq % 5, seq, &[record(seq % 5, seq as u32, NOW + seq)]).encode(),
            NOW,
        )
        .unwrap();
    }
    let before = log.sql().rows_written();
    assert_eq!(log.tend(CUT).unwrap().merged, 100);
    // 100 deleted, one segment, five isolates, one row of cells, and the database's number, once.
    assert_eq!(log.sql().rows_written() - before, 108);
}

#[test]
fn a_repeat_is_acknowledged_and_kept_once_also_after_merging() {
    let mut log = open();
    let body = flush(7, 1, &[record(7, 0, NOW)]).encode();
    for _ in 0..2 {
        assert_eq!(log.accept(&body, NOW).unwrap().ack, 1);
        assert_eq!(all(&log).len(), 1);
    }
    merged(&mut log, NOW + MERGE_AFTER_MS);
    assert_eq!((count(&log, "inbox"), count(&log, "segment")), (0, 1));
    assert_eq!(log.accept(&body, NOW).unwrap().ack, 1);
    assert_eq!(all(&log).len(), 1);
    log.accept(&flush(8, 1, &[record(8, 0, NOW)]).encode(), NOW)
        .unwrap();
    assert_eq!(all(&log).len(), 2, "another isolate's numbers are its own");
}

#[test]
fn a_batch_without_records_counts_once_too() {
    let mut log = open();
    let losses = BTreeMap::from([("decide_trap".to_owned(), 3)]);
    let body = Flush {
        losses,
        ..flush(7, 1, &[])
    }
    .encode();
    log.accept(&body, NOW).unwrap();
    log.accept(&body, NOW).unwrap();
    let losses = log.losses().unwrap();
    assert_eq!(
        (losses[0].name.as_str(), losses[0].count, losses[0].last_ms),
        ("decide_trap", 3, NOW)
    );
}

#[test]
fn losses_add_up_and_unknown_names_are_bounded() {
    let mut log = open();
    for seq in 0..100 {
        let losses = BTreeMap::from([(format!("loss-{seq}"), 1), ("flush_failed".to_owned(), 2)]);
        log.accept(
            &Flush {
                losses,
                ..flush(7, seq + 1, &[])
            }
            .encode(),
            NOW,
        )
        .unwrap();
    }
    let losses = log.losses().unwrap();
    assert!(losses.len() <= 66, "{}", losses.len());
    assert_eq!(losses.iter().map(|loss| loss.count).sum::<u64>(), 300);
}

#[test]
fn a_corrupt_batch_is_refused_whole() {
    let mut log = open();
    let mut body = Flush {
        losses: [("x".to_owned(), 1)].into(),
        ..flush(7, 1, &[record(7, 0, NOW)])
    };
    let end = body.segment.len() - 1;
    body.segment.truncate(end);
    assert_eq!(
        log.accept(&body.encode(), NOW).unwrap_err(),
        FireLogError::Decode(DecodeError::Truncated)
    );
    assert_eq!((all(&log).len(), log.losses().unwrap().len()), (0, 0));
}

#[test]
fn a_record_of_an_applied_enforcement_has_a_row_and_a_tag_has_none() {
    let mut log = open();
    log.accept(&flush(7, 1, &[refused(7, 0), record(7, 1, NOW)]).encode(), NOW)
        .unwrap();
    assert_eq!(count(&log, "enforced"), 1);
    let found = enforced::find(log.sql(), refused(7, 0).id).unwrap();
    assert_eq!(found, Some(refused(7, 0)));
    assert_eq!(
        find(log.sql(), record(7, 1, NOW).id).unwrap(),
        Some(record(7, 1, NOW))
    );
    assert_eq!(find(log.sql(), RecordId(1)).unwrap(), None);
}

#[test]
fn an_attack_that_is_refused_does_not_pay_a_row_for_each_request() {
    let mut log = open();
    for seq in 0..8 {
        let records: Vec<Record> = (0..200).map(|n| refused(7, seq * 200 + n)).collect();
        log.accept(&flush(7, u64::from(seq) + 1, &records).encode(), NOW)
            .unwrap();
    }
    assert_eq!(
        (count(&log, "enforced"), all(&log).len()),
        (MAX_OWN_ROWS_PER_MINUTE, 1600)
    );
    assert_eq!(
        find(log.sql(), refused(7, 1599).id).unwrap(),
        Some(refused(7, 1599))
    );
}

#[test]
fn quiet_hours_fill_one_segment_and_busy_ones_several() {
    let mut log = open();
    for minute in 0..30u32 {
        let now = NOW + u64::from(minute) * MERGE_AFTER_MS * 2;
        log.accept(
            &flush(7, u64::from(minute) + 1, &[record(7, minute, now)]).encode(),
            now,
        )
        .unwrap();
        merged(&mut log, now + MERGE_AFTER_MS);
    }
    assert_eq!((count(&log, "segment"), all(&log).len()), (1, 30));
    let busy = sample::traffic(3, 20_000);
    for (seq, records) in (1..).zip(busy.chunks(200)) {
        log.accept(&flush(9, seq, records).encode(), NOW).unwrap();
    }
    merged(&mut log, NOW + 10 * 3_600_000);
    assert_eq!((count(&log, "inbox"), all(&log).len()), (0, 20_030));
    assert!(
        (3..=4).contains(&count(&log, "segment")),
        "{}",
        count(&log, "segment")
    );
    let most = log.sql().run("SELECT max(records) FROM segment", &[]).unwrap();
    assert!(super::integer(&most[0], 0) <= TARGET_RECORDS as u64);
}

#[test]
fn a_segment_does_not_span_more_than_retention_can_tell_apart() {
    let mut log = open();
    for (seq, hours) in [(1, 0), (2, 5), (3, 30)] {
        let now = NOW + hours * 3_600_000;
        log.accept(&flush(7, seq, &[record(7, seq as u32, now)]).encode(), now)
            .unwrap();
        merged(&mut log, now + MERGE_AFTER_MS);
    }
    assert_eq!(count(&log, "segment"), 2);
}

#[test]
fn the_alarm_is_for_what_is_due() {
    let mut log = open();
    log.tend(NOW).unwrap();
    assert_eq!(log.next_alarm_ms(NOW), NOW + 3_600_000);
    log.accept(&flush(7, 1, &[record(7, 0, NOW)]).encode(), NOW)
        .unwrap();
    assert_eq!(log.next_alarm_ms(NOW), CUT, "cells first");
    log.tend(CUT).unwrap();
    assert_eq!(log.next_alarm_ms(CUT), CUT, "cells are sent at once");
    log.cells_tried(CUT);
    assert_eq!(log.next_alarm_ms(CUT), CUT + 10_000, "and again later");
    log.cells_tried(CUT + 10_000);
    assert_eq!(log.next_alarm_ms(CUT), CUT + 30_000, "and later still");
    sent(&mut log);
    assert_eq!(log.next_alarm_ms(CUT), NOW + MERGE_AFTER_MS);
    for seq in 2..=MERGE_AT_ROWS {
        log.accept(&flush(7, seq, &[record(7, seq as u32, NOW)]).encode(), CUT)
            .unwrap();
    }
    merged(&mut log, CUT + SLOT_S * 1000);
    assert_eq!(log.next_alarm_ms(CUT), NOW + 3_600_000);
}

#[test]
fn an_alarm_that_finds_nothing_due_puts_nothing_off() {
    let mut log = open();
    log.cells_tried(NOW);
    log.accept(&flush(7, 1, &[record(7, 0, NOW)]).encode(), NOW)
        .unwrap();
    log.tend(CUT).unwrap();
    assert_eq!(log.next_alarm_ms(CUT), CUT, "nothing waited then");
    log.cells_tried(CUT);
    for later in 1..10 {
        log.cells_tried(CUT + later * 1_000);
    }
    assert_eq!(log.next_alarm_ms(CUT), CUT + 10_000, "nothing was due then");
    assert!(log.due_cells(CUT + 9_999).unwrap().is_empty());
    assert_eq!(log.due_cells(CUT + 10_000).unwrap().len(), 1);
}

#[test]
fn an_object_that_wakes_again_knows_what_it_kept() {
    let mut log = open();
    log.keep_rulebook(
        0,
        "{\"schema\":1,\"revision\":5,\"routes\":[],\"rules\":[],\"modes\":[]}",
    )
    .unwrap();
    log.accept(&flush(7, 1, &[record(7, 0, NOW)]).encode(), NOW)
        .unwrap();
    let FireLog { sql, .. } = log;
    let mut log = FireLog::open(sql).unwrap();
    assert_eq!((log.held(), log.next_alarm_ms(NOW)), (held(0, 5), NOW));
    log.tend(NOW).unwrap();
    assert_eq!(log.next_alarm_ms(NOW), CUT);
}

#[test]
fn a_rulebook_goes_compiled_to_who_has_an_older_one() {
    let mut log = open();
    let document = |revision| STARTER.replace("\"revision\": 0", &format!("\"revision\": {revision}"));
    assert_eq!(log.keep_rulebook(0, &document(5)), Ok(true));
    assert_eq!(log.keep_rulebook(0, &document(4)), Ok(false));
    assert_eq!(log.keep_rulebook(0, &document(5)), Ok(false));
    assert!(matches!(
        log.keep_rulebook(0, "{"),
        Err(FireLogError::Rulebook(_))
    ));
    let told = |revision| {
        let reply = log.reply(held(0, revision), NOW);
        reply
            .rulebook
            .map(|program| Program::decode(&program).unwrap().revision())
    };
    assert_eq!(told(4), Some(5));
    assert_eq!((told(5), told(6)), (None, None));
}

/// The RuleBook may be of a newer build: isolates are told that there is a rulebook, and that they cannot have it.
#[test]
fn a_rulebook_that_cannot_be_compiled_is_told_of() {
    let mut log = open();
    let document = "{\"schema\":9,\"revision\":5,\"unheard_of\":true}";
    assert_eq!(log.keep_rulebook(0, document), Ok(true));
    let reply = log.reply(held(0, 4), NOW);
    assert_eq!((reply.held, reply.rulebook), (held(0, 5), Some(Vec::new())));
    assert_eq!(log.reply(held(0, 5), NOW).rulebook, None);
}

#[test]
fn a_rulebook_of_another_epoch_replaces_one_of_a_higher_revision() {
    let mut log = open();
    let document = |revision| format!("{{\"schema\":1,\"revision\":{revision}}}");
    assert_eq!(log.keep_rulebook(7, &document(50)), Ok(true));
    assert_eq!(log.keep_rulebook(8, &document(1)), Ok(true));
    assert_eq!(log.held(), held(8, 1));
    let FireLog { sql, .. } = log;
    let log = FireLog::open(sql).unwrap();
    assert_eq!(log.held(), held(8, 1), "an object that wakes again knows it");
    let told = |epoch, revision| log.reply(held(epoch, revision), NOW).rulebook.is_some();
    assert_eq!((told(7, 50), told(8, 1), told(0, 0)), (true, false, true));
}

fn held(epoch: u64, revision: u64) -> HeldBook {
    HeldBook { epoch, revision }
}

#[test]
fn a_volume_is_counted_once_and_told_with_every_reply() {
    let mut log = open();
    let rule = "{\"id\":\"a\",\"version\":2,\"expression\":\"x\",\"action\":\"block\",\
        \"volume\":{\"by\":\"client\",\"requests\":10,\"seconds\":10}}";
    log.keep_rulebook(0, &format!("{{\"schema\":1,\"revision\":1,\"rules\":[{rule}]}}"))
        .unwrap();
    let volumes = vec![VolumeCount {
        rule: "a".to_owned(),
        version: 2,
        key: 7,
        requests: 6,
    }];
    let body = Flush {
        volumes,
        ..flush(7, 1, &[])
    }
    .encode();
    for _ in 0..5 {
        assert!(log.accept(&body, NOW).unwrap().hot.is_empty());
    }
    let volumes = vec![VolumeCount {
        rule: "a".to_owned(),
        version: 2,
        key: 7,
        requests: 6,
    }];
    let reply = log
        .accept(
            &Flush {
                volumes,
                ..flush(8, 1, &[])
            }
            .encode(),
            NOW,
        )
        .unwrap();
    assert_eq!((reply.hot.len(), reply.hot[0].key), (1, 7));
}

#[test]
fn the_old_are_forgotten_by_age() {
    let mut log = open();
    log.accept(&flush(7, 1, &[refused(7, 0)]).encode(), NOW).unwrap();
    merged(&mut log, NOW + MERGE_AFTER_MS);
    let week = 7 * 24 * 3_600_000;
    merged(&mut log, NOW + week - 1);
    assert_eq!((all(&log).len(), count(&log, "enforced")), (1, 1));
    merged(&mut log, NOW + week + 3_600_001);
    assert_eq!(
        (all(&log).len(), count(&log, "enforced"), count(&log, "isolate")),
        (0, 0, 0)
    );
}

#[test]
fn the_oldest_are_forgotten_above_the_size() {
    let mut log = open();
    let rulebook = "{\"schema\":1,\"revision\":1,\"settings\":{\"retention_bytes\":1000000}}";
    log.keep_rulebook(0, rulebook).unwrap();
    let records = sample::traffic(1, 40_000);
    for (seq, records) in (1..).zip(records.chunks(250)) {
        log.accept(&flush(7, seq, records).encode(), NOW).unwrap();
    }
    merged(&mut log, NOW + 60_000);
    merged(&mut log, NOW + 2 * 3_600_000);
    let kept = all(&log);
    assert!(log.sql().size_bytes() <= 1_000_000, "{}", log.sql().size_bytes());
    assert!(kept.len() > 10_000 && kept.len() < 40_000, "{}", kept.len());
    assert_eq!(
        kept.first(),
        records.last().map(|record| record.id).as_ref(),
        "the newest stay"
    );
}

/// A database as version 1 wrote it.
#[test]
fn an_older_database_is_brought_forward() {
    let sql = Native::in_memory().unwrap();
    sql.script(include_str!("../../../tests/data/fire_log-v1.sql"))
        .unwrap();
    let log = FireLog::open(sql).unwrap();
    assert_eq!(all(&log), vec![sample::full().id, sample::sparse().id]);
    let row = log.sql().run("SELECT records, bytes FROM segment", &[]).unwrap();
    assert_eq!((super::integer(&row[0], 0), super::integer(&row[0], 1)), (2, 678));
    let FireLog { sql, .. } = log;
    assert_eq!(
        all(&FireLog::open(sql).unwrap()).len(),
        2,
        "opening again changes nothing"
    );
}

/// A database as version 2 wrote it: its batches were never counted, and are now.
#[test]
fn a_database_without_an_outbox_gets_one() {
    let sql = Native::in_memory().unwrap();
    sql.script(include_str!("../../../tests/data/fire_log-v2.sql"))
        .unwrap();
    let mut log = FireLog::open(sql).unwrap();
    assert_eq!(all(&log).len(), 4, "two of a segment, and again two that wait");
    log.tend(CUT).unwrap();
    assert_eq!(sent(&mut log).iter().map(requests).sum::<u64>(), 2);
    merged(&mut log, NOW + 2 * MERGE_AFTER_MS);
    assert_eq!((all(&log).len(), count(&log, "inbox")), (4, 0));
}

#[test]
fn a_newer_database_is_refused_by_its_number() {
    let FireLog { sql, .. } = open();
    sql.run("UPDATE meta SET value = 5 WHERE key = 'schema'", &[])
        .unwrap();
    assert_eq!(FireLog::open(sql).unwrap_err(), FireLogError::Schema { found: 5 });
}

#[track_caller]
fn plan(statement: &str, parameters: usize, expected: &str) {
    let log = open();
    let rows = log.sql().run(
        &format!("EXPLAIN QUERY PLAN {statement}"),
        &vec![SqlValue::Integer(1); parameters],
    );
    let steps: Vec<String> = rows
        .unwrap()
        .iter()
        .map(|row| super::text(row, 3).to_owned())
        .collect();
    assert!(steps.iter().any(|step| step.contains(expected)), "{steps:?}");
    assert!(
        !steps.iter().any(|step| step.contains("TEMP B-TREE")),
        "{steps:?}"
    );
}

#[test]
fn every_statement_finds_its_rows_by_an_index() {
    plan(
        accept::NEWEST_WAITING,
        1,
        "SEARCH inbox USING PRIMARY KEY (isolate=?)",
    );
    plan(
        accept::NEWEST_MERGED,
        1,
        "SEARCH isolate USING INTEGER PRIMARY KEY",
    );
    plan(
        enforced::OF_LAST_MINUTE,
        2,
        "SEARCH enforced USING PRIMARY KEY (id>?)",
    );
    plan(enforced::BY_ID, 1, "SEARCH enforced USING PRIMARY KEY (id=?)");
    plan(
        merge::NEWEST,
        1,
        "SEARCH segment USING INDEX segment_time (last_ms>?)",
    );
    plan(
        read::NEWEST_FIRST,
        6,
        "SEARCH segment USING INDEX segment_time (last_ms>? AND (last_ms,first_ms)<(?,?))",
    );
    plan(
        read::FRONT_OF_SEGMENT,
        1,
        "SEARCH segment USING INTEGER PRIMARY KEY",
    );
    plan(
        read::FRONT_OF_INBOX,
        2,
        "SEARCH inbox USING PRIMARY KEY (isolate=? AND seq=?)",
    );
    plan(
        retain::OLDER,
        2,
        "SEARCH segment USING INDEX segment_time (last_ms<?)",
    );
    plan(outbox::ONE, 1, "SEARCH outbox USING INTEGER PRIMARY KEY");
    plan(retain::OLDEST, 1, "SCAN segment USING INDEX segment_time");
    plan(
        retain::ENFORCED_OLDER,
        2,
        "SEARCH enforced USING PRIMARY KEY (id<?)",
    );
}

/// SQLite that refuses every so-and-so-many-th statement.
struct Flaky<'a> {
    sql: &'a Native,
    left: std::cell::Cell<u32>,
}

impl Sql for Flaky<'_> {
    fn run(&self, statement: &str, parameters: &[SqlValue]) -> Result<Vec<super::Row>, SqlError> {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        if left == 0 {
            Err(SqlError("full".to_owned()))
        } else {
            self.sql.run(statement, parameters)
        }
    }

    fn transaction<T, E: From<SqlError>>(&self, body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.sql.transaction(body)
    }

    fn size_bytes(&self) -> u64 {
        self.sql.size_bytes()
    }
}

#[derive(Debug, TypeGenerator)]
enum Event {
    Flush {
        isolate: bool,
        records: u8,
        fails_after: Option<u8>,
    },
    Repeat {
        which: u8,
    },
    Tend {
        fails_after: Option<u8>,
    },
    /// Cells go to the Detector; its answer may be lost.
    Send {
        heard: bool,
    },
}

/// What a Detector holds: batches by their number, each once.
#[derive(Default)]
struct Held(BTreeMap<(u64, u64), CellBatch>);

impl Held {
    fn take(&mut self, log: &mut FireLog<Flaky<'_>>, heard: bool) -> bool {
        let unsent = log.due_cells(u64::MAX).unwrap();
        for unsent in &unsent {
            let batch = CellBatch::decode(&unsent.body).unwrap();
            let key = (batch.epoch, batch.seq);
            let known = self.0.insert(key, batch.clone());
            assert!(
                known.is_none_or(|known| known == batch),
                "a number is one batch's"
            );
            if heard {
                log.cells_acknowledged(unsent.seq);
            }
        }
        !unsent.is_empty() && heard
    }
}

/// Whatever fails in the middle and whatever is sent again: acknowledged records are there, each once, and counted in
/// one cell.
#[test]
fn acknowledged_records_are_kept_exactly_once() {
    bolero::check!().with_type::<Vec<Event>>().for_each(|events| {
        let sql = Native::in_memory().unwrap();
        FireLog::open(Flaky {
            sql: &sql,
            left: u32::MAX.into(),
        })
        .unwrap();
        let (mut seqs, mut sent, mut kept) = ([0u64; 2], Vec::new(), Vec::new());
        let mut held = Held::default();
        let mut now = NOW;
        for event in events.iter().take(40) {
            now += 61_000;
            match event {
                Event::Flush {
                    isolate,
                    records,
                    fails_after,
                } => {
                    let isolate = usize::from(*isolate);
                    seqs[isolate] += 1;
                    let seq = seqs[isolate];
                    let records: Vec<Record> = (0..u32::from(*records % 40))
                        .map(|n| record(isolate as u64, seq as u32 * 100 + n, now - u64::from(n % 7) * 900))
                        .collect();
                    let body = flush(isolate as u64, seq, &records).encode();
                    let mut log = flaky(&sql, *fails_after);
                    if log.accept(&body, now).is_err() {
                        // As the isolate does: the same again, before anything newer.
                        flaky(&sql, None).accept(&body, now).unwrap();
                    }
                    kept.extend(records.iter().map(|record| record.id));
                    sent.push(body);
                }
                Event::Repeat { which } => {
                    if let Some(body) = sent.get(usize::from(*which) % sent.len().max(1)) {
                        flaky(&sql, None).accept(body, now).unwrap();
                    }
                }
                Event::Tend { fails_after } => {
                    let _ = flaky(&sql, *fails_after).tend(now);
                }
                Event::Send { heard } => {
                    held.take(&mut flaky(&sql, None), *heard);
                }
            }
        }
        let mut log = flaky(&sql, None);
        while log.tend(now + 61_000).unwrap().more {}
        while held.take(&mut log, true) {}
        assert_eq!(held.0.values().map(requests).sum::<u64>(), kept.len() as u64);
        kept.sort_unstable_by(|a, b| b.cmp(a));
        let page = scan_page(
            &sql,
            &Filter::default(),
            RecordId(u128::MAX),
            100_000,
            Budget::default(),
        )
        .unwrap();
        assert_eq!(
            page.records.iter().map(|record| record.id).collect::<Vec<_>>(),
            kept
        );
    });
}

fn flaky(sql: &Native, fails_after: Option<u8>) -> FireLog<Flaky<'_>> {
    let log = FireLog::open(Flaky {
        sql,
        left: u32::MAX.into(),
    })
    .unwrap();
    log.sql
        .left
        .set(fails_after.map_or(u32::MAX, |n| u32::from(n % 12)));
    log
}

#[test]
fn a_stored_batch_that_cannot_be_read_does_not_stop_the_others() {
    let mut log = open();
    for seq in 1..=2 {
        log.accept(&flush(7, seq, &[record(7, seq as u32, NOW)]).encode(), NOW)
            .unwrap();
    }
    log.sql()
        .run("UPDATE inbox SET back = x'00' WHERE seq = 1", &[])
        .unwrap();
    merged(&mut log, NOW + MERGE_AFTER_MS);
    assert_eq!(all(&log), vec![record(7, 2, NOW).id]);
    assert_eq!(log.losses().unwrap()[0].name, "records_unreadable");
}

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
    let most = RecordId(u128::MAX);
    let page = scan_page(log.sql(), &Filter::default(), most, 1000, Budget::default()).unwrap();
    page.records
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
    log.tend(CUT).unwrap();
    let batches = sent(&mut log);
    let slots: Vec<u64> = batches.iter().map(|batch| batch.slot).collect();
    assert_eq!(slots, [slot_of(NOW) - 10, slot_of(NOW)]);
    assert!(
        batches
            .iter()
            .all(|batch| batch.source == "fl1-iad-0" && batch.epoch > 0)
    );
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
