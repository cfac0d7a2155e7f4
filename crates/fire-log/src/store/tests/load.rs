//! What a FireLog says of its load, and when.

use super::*;
use blobwatch_rulebook::{FULL, LoadReport};

const MINUTE_MS: u64 = 60_000;
/// A minute's begin.
const BEGIN: u64 = NOW - NOW % MINUTE_MS;

/// With the rulebook of a colo that has so many FireLogs, and may have one.
fn log(count: u32) -> FireLog<Native> {
    let mut log = open();
    log.be_named("fl1-fra-1").unwrap();
    let layouts = match count {
        1 => String::from("[]"),
        _ => format!(r#"[{{"colo": "FRA", "count": {count}, "since_ms": 1}}]"#),
    };
    let book = format!(
        r#"{{"schema": 6, "revision": 1, "routes": [{{"name": "default"}}], "rules": [], "modes": [], "layouts": {layouts}}}"#
    );
    log.keep_rulebook(1, &book).unwrap();
    log
}

/// A flush of one record, which took so long.
fn asked(log: &mut FireLog<Native>, seq: u64, took_ms: u64, now_ms: u64) {
    let records = [record(7, u32::try_from(seq).unwrap(), now_ms - 700)];
    log.accept(&flush(7, seq, &records).encode(), now_ms).unwrap();
    log.flush_took(now_ms, now_ms + took_ms);
}

fn report(log: &mut FireLog<Native>, minute: u64) -> Option<LoadReport> {
    log.load_report(BEGIN + minute * MINUTE_MS)
}

#[test]
fn the_load_is_that_of_the_last_whole_minute() {
    let mut log = log(1);
    asked(&mut log, 1, 30, BEGIN + 1_000);
    asked(&mut log, 2, 50, BEGIN + 2_000);
    assert_eq!(log.load(BEGIN + 59_999).flushes, 0);
    let load = log.load(BEGIN + MINUTE_MS);
    assert_eq!(
        (load.flushes, load.records, load.busy_ms, load.longest_ms),
        (2, 2, 80, 50)
    );
    assert_eq!((load.flush_ms(), load.lag_ms()), (40.0, 700.0));
    assert!(load.bytes > 200 && load.size_bytes > 4_096, "{load:?}");
    let next = log.load(BEGIN + 2 * MINUTE_MS);
    assert_eq!((next.flushes, next.size_bytes), (0, load.size_bytes));
}

/// One minute may be a deploy; the second one is told, and every further one.
#[test]
fn too_much_is_told_after_two_minutes_in_a_row() {
    let mut log = log(1);
    for (minute, is_told) in [(0, false), (1, false), (2, true), (3, true)] {
        assert_eq!(report(&mut log, minute).is_some(), is_told, "{minute}");
        asked(&mut log, minute + 1, 30_000, BEGIN + minute * MINUTE_MS + 1_000);
        assert_eq!(report(&mut log, minute), None, "told once");
    }
    let told = report(&mut log, 4).unwrap();
    assert_eq!((told.colo.as_str(), told.place), ("FRA", 1));
    assert_eq!((told.sustained, told.peak), (FULL, FULL));
    assert_eq!(report(&mut log, 5), None, "a minute without");
}

/// Only where there are more FireLogs than need be; the alarm rings for it.
#[test]
fn little_is_told_every_ten_minutes_where_fire_logs_may_become_fewer() {
    let mut one = log(1);
    asked(&mut one, 1, 600, BEGIN);
    assert_eq!(report(&mut one, 11), None);
    let mut two = log(2);
    asked(&mut two, 1, 600, BEGIN);
    assert_eq!(report(&mut two, 9), None);
    while two.next_alarm_ms(BEGIN) < BEGIN + 10 * MINUTE_MS {
        let now_ms = two.next_alarm_ms(BEGIN);
        merged(&mut two, now_ms);
        assert_eq!(two.load_report(now_ms), None);
    }
    let told = report(&mut two, 10).unwrap();
    assert_eq!((told.sustained, told.peak), (0, 20));
    assert_eq!(report(&mut two, 11), None);
    assert_eq!(report(&mut two, 20).unwrap().peak, 0);
}
