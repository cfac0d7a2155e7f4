use super::*;

#[test]
fn minutes_and_hours_are_rows() {
    let mut detector = open();
    let batches = story();
    for batch in &batches {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let first = NOON / 6;
    let minutes = minutes(&detector, first, first + 60);
    assert_eq!(minutes.len(), 60);
    let now_ms = arrival(batches.last().unwrap());
    keep_all_sums(&mut detector, now_ms);
    let hour = detector
        .rollup_from(Unit::Hour, first / 60, first / 60 + 1)
        .unwrap()
        .unwrap();
    let requests = |rollups: &[Rollup]| -> u64 {
        let cells = rollups.iter().flat_map(|rollup| &rollup.cells);
        cells.map(|(_, counts)| u64::from(counts.requests)).sum()
    };
    assert_eq!(requests(&whole(hour)), requests(&minutes));
    let sent: u64 = batches
        .iter()
        .filter(|batch| (first..first + 60).contains(&(batch.slot / 6)))
        .flat_map(|batch| &batch.cells)
        .map(|cell| u64::from(cell.counts.requests))
        .sum();
    assert_eq!(requests(&minutes), sent);
}

/// The hour lacks what could not be read, and is kept.
#[test]
fn a_damaged_minute_does_not_stop_the_hours() {
    let first = NOON / 6;
    for damaged in ["zeroblob(3)", "x'ffffffff'", "x''", "substr(bytes, 1, 40)"] {
        let mut detector = open();
        for batch in &story()[..400] {
            accept(&mut detector, batch, arrival(batch)).unwrap();
        }
        let statement = format!("UPDATE minute SET bytes = {damaged} WHERE minute = {}", first + 3);
        detector.sql.run(&statement, &[]).unwrap();
        keep_all_sums(&mut detector, START_MS + 70 * 60_000);
        let hour = detector
            .rollup_from(Unit::Hour, first / 60, first / 60 + 1)
            .unwrap()
            .unwrap();
        assert!(!whole(hour).is_empty(), "{damaged}");
    }
}

/// Nobody came in the hour's last minute; and where nobody comes at all any more, the next alarm finds it.
#[test]
fn an_hour_with_a_quiet_end_is_a_row() {
    for (quiet, last) in [(354..360, 500), (330..372, 500), (300..500, 300)] {
        let mut detector = open();
        let batches: Vec<CellBatch> = story()
            .into_iter()
            .take(last)
            .filter(|batch| !quiet.contains(&(batch.slot - NOON)))
            .collect();
        for batch in &batches {
            accept(&mut detector, batch, arrival(batch)).unwrap();
        }
        let later = START_MS + 80 * 60_000;
        detector.tick(later).unwrap();
        keep_all_sums(&mut detector, later);
        let hour = detector
            .rollup_from(Unit::Hour, NOON / 360, NOON / 360 + 1)
            .unwrap()
            .unwrap();
        let counted = |rollups: Vec<Rollup>| -> u64 {
            let cells = rollups.into_iter().flat_map(|rollup| rollup.cells);
            cells.map(|(_, counts)| u64::from(counts.requests)).sum()
        };
        let first = NOON / 6;
        assert_eq!(
            counted(whole(hour)),
            counted(minutes(&detector, first, first + 60)),
            "{quiet:?}"
        );
    }
}
