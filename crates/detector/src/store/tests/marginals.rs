use super::*;
use crate::MinuteSample;
use crate::store::Marginals;
use crate::tests::traffic::key_of_network;
use blobwatch_records::CellCounts;
use blobwatch_sql::Row;

fn rows(detector: &Detector<Native>, statement: &str) -> Vec<Row> {
    detector.sql.run(statement, &[]).unwrap()
}

fn played() -> Detector<Native> {
    let mut detector = open();
    for batch in &story()[..400] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    detector
}

const WITHOUT: &str = "SELECT minute FROM minute WHERE minute NOT IN (SELECT minute FROM minute_marginal)";
const ORPHANS: &str = "SELECT minute FROM minute_marginal WHERE minute NOT IN (SELECT minute FROM minute)";

#[test]
fn every_minute_and_hour_gets_its_marginals() {
    let mut detector = played();
    let now_ms = START_MS + 75 * 60_000;
    assert!(!rows(&detector, WITHOUT).is_empty());
    keep_all_sums(&mut detector, now_ms);
    // What an alarm could not do the next one does.
    keep_all_sums(&mut detector, now_ms);
    assert_eq!(rows(&detector, WITHOUT), []);
    let times = |table: &str| rows(&detector, &format!("SELECT hour FROM {table}"));
    assert_eq!(times("hour"), times("hour_marginal"));
    assert_eq!(times("hour").len(), 1);
}

#[test]
fn a_damaged_minute_does_not_keep_later_ones_from_theirs() {
    let mut detector = played();
    let damaged = NOON / 6 + 3;
    rows(
        &detector,
        &format!("UPDATE minute SET bytes = x'ffffffff' WHERE minute = {damaged}"),
    );
    let now_ms = START_MS + 75 * 60_000;
    keep_all_sums(&mut detector, now_ms);
    keep_all_sums(&mut detector, now_ms);
    let without = rows(&detector, WITHOUT);
    assert_eq!(without.len(), 1);
    assert_eq!(without[0].integer(0, "minute"), Ok(damaged));
}

#[test]
fn what_goes_takes_its_marginals_with_it() {
    let mut detector = played();
    keep_all_sums(&mut detector, START_MS + 65 * 60_000);
    let before = rows(&detector, "SELECT minute FROM minute_marginal").len();
    rows(
        &detector,
        &format!("DELETE FROM minute WHERE minute < {}", NOON / 6 + 20),
    );
    assert_eq!(rows(&detector, ORPHANS).len(), 20);
    detector.tick(START_MS + 80 * 60_000).unwrap();
    assert_eq!(rows(&detector, ORPHANS), []);
    let after = rows(&detector, "SELECT minute FROM minute_marginal").len();
    assert_eq!(after, before - 20);
}

/// Its marginals are those of what is there, never of what was.
#[test]
fn a_row_that_is_replaced_meanwhile_gets_no_marginals_of_the_one_before() {
    let detector = played();
    let minute = NOON / 6;
    let mut row = detector
        .rollup_from(Unit::Minute, minute, minute + 1)
        .unwrap()
        .unwrap();
    let marginals = at_once(Marginals::of(&mut row, &Unpaced)).unwrap().unwrap();
    detector.put_marginals(&row, &marginals).unwrap();
    let made = format!("SELECT minute FROM minute_marginal WHERE minute = {minute}");
    assert_eq!(rows(&detector, &made).len(), 1);
    let another = minutes(&detector, minute + 1, minute + 2).remove(0);
    detector.keep_minutes(&[Rollup { minute, ..another }]).unwrap();
    assert_eq!(rows(&detector, &made), []);
    detector.put_marginals(&row, &marginals).unwrap();
    assert_eq!(rows(&detector, &made), []);
}

/// An attribute with next to as many values as there are combinations is read from these.
#[test]
fn too_many_values_of_an_attribute_are_no_marginal() {
    let detector = open();
    let cell = |asn: u32| {
        let counts = CellCounts {
            requests: 1 + asn,
            ..CellCounts::default()
        };
        (key_of_network(asn), counts)
    };
    let minute = NOON / 6;
    let other = CellCounts::default();
    let cells = (0..2_001).map(cell).collect();
    let sample = MinuteSample::default();
    detector
        .keep_minutes(&[Rollup {
            minute,
            cells,
            other,
            sample,
        }])
        .unwrap();
    let mut row = detector
        .rollup_from(Unit::Minute, minute, minute + 1)
        .unwrap()
        .unwrap();
    let marginals = at_once(Marginals::of(&mut row, &Unpaced)).unwrap().unwrap();
    detector.put_marginals(&row, &marginals).unwrap();
    let counts = |attribute| match detector.marginal_from(Unit::Minute, attribute, minute, minute + 1) {
        Ok(Some(StoredMarginal::Counts(row))) => {
            whole(row).iter().map(|part| part.cells.len()).sum::<usize>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(["asn", "colo", "route"].map(counts), [2_001, 1, 1]);
}
