//! Batches: kept once, whole, and with few rows.

use std::collections::BTreeMap;

use super::{NOW, all, count, flush, merged, open, record, refused};
use crate::query::find;
use crate::store::enforced::MAX_OWN_ROWS_PER_MINUTE;
use crate::store::merge::MERGE_AFTER_MS;
use crate::store::{FireLog, FireLogError, enforced};
use blobwatch_pull::{Record, RecordId};
use blobwatch_records::Flush;
use blobwatch_sql::{Native, Sql, Unpaced, at_once};
use blobwatch_wire::DecodeError;

fn found(log: &FireLog<Native>, id: RecordId) -> Option<Record> {
    at_once(find(log.sql(), id, &Unpaced)).unwrap().unwrap()
}

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
        FireLogError::from(DecodeError::Truncated)
    );
    assert_eq!((all(&log).len(), log.losses().unwrap().len()), (0, 0));
}

#[test]
fn a_record_of_an_applied_enforcement_has_a_row_and_a_tag_has_none() {
    let mut log = open();
    log.accept(&flush(7, 1, &[refused(7, 0), record(7, 1, NOW)]).encode(), NOW)
        .unwrap();
    assert_eq!(count(&log, "enforced"), 1);
    let own = enforced::find(log.sql(), refused(7, 0).id).unwrap();
    assert_eq!(own, Some(refused(7, 0)));
    assert_eq!(found(&log, record(7, 1, NOW).id), Some(record(7, 1, NOW)));
    assert_eq!(found(&log, RecordId(1)), None);
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
    assert_eq!(found(&log, refused(7, 1599).id), Some(refused(7, 1599)));
}
