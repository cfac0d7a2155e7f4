//! Merging, and what is forgotten when.

use super::{CUT, NOW, all, count, flush, merged, open, record, refused};
use crate::store::merge::{MERGE_AFTER_MS, TARGET_RECORDS};
use blobwatch_pull::sample;
use blobwatch_sql::Sql;

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
    // 100 deleted, one segment, five isolates, one row of cells, one of pasts, one of what rules did, one of what was asked, and the database's number, once.
    assert_eq!(log.sql().rows_written() - before, 111);
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
    assert!(most[0].integer(0, "records").unwrap() <= TARGET_RECORDS as u64);
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
    let rulebook = "{\"schema\":1,\"revision\":1,\"settings\":{\"retention_bytes\":1500000}}";
    log.keep_rulebook(0, rulebook).unwrap();
    let records = sample::traffic(1, 40_000);
    for (seq, records) in (1..).zip(records.chunks(250)) {
        log.accept(&flush(7, seq, records).encode(), NOW).unwrap();
    }
    merged(&mut log, NOW + 60_000);
    merged(&mut log, NOW + 2 * 3_600_000);
    let kept = all(&log);
    assert!(log.sql().size_bytes() <= 1_500_000, "{}", log.sql().size_bytes());
    assert!(kept.len() > 10_000 && kept.len() < 40_000, "{}", kept.len());
    assert_eq!(
        kept.first(),
        records.last().map(|record| record.id).as_ref(),
        "the newest stay"
    );
}
