//! When the alarm is due, and what a woken object knows.

use super::{CUT, NOW, flush, held, merged, open, record, sent};
use crate::store::FireLog;
use crate::store::merge::{MERGE_AFTER_MS, MERGE_AT_ROWS};
use blobwatch_records::SLOT_S;

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
