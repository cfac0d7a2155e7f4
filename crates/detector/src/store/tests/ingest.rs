use blobwatch_records::{Cell, CellKey};
use blobwatch_upstream::{Counts, IngestReport, PacketCounts, PacketOutcome, PacketRow, UpstreamWindow};

use super::*;
use crate::packets::tests::{counts, row};

fn report(source: &str, received_ms: u64, windows: Vec<UpstreamWindow>) -> IngestReport {
    IngestReport {
        source: source.to_owned(),
        received_ms,
        counts: Counts {
            lines: 3,
            events: 2,
            faults: 1,
            ..Counts::default()
        },
        windows,
        ..IngestReport::default()
    }
}

fn window(id: &str, from_ms: u64, until_ms: Option<u64>) -> UpstreamWindow {
    UpstreamWindow {
        source: "cloudflare".to_owned(),
        id: id.to_owned(),
        from_ms,
        until_ms,
        target: "hub.example".to_owned(),
        routes: Some(vec!["hub".to_owned()]),
        rule: "cloudflare:r9".to_owned(),
        system: "l7ddos".to_owned(),
        words: "HTTP flood".to_owned(),
        rate: "70 requests/s".to_owned(),
    }
}

#[test]
fn figures_of_a_source_add_up_over_restarts() {
    let mut detector = open();
    for at in 0..3 {
        detector
            .ingested(&report("cloudflare", START_MS + at, Vec::new()))
            .unwrap();
    }
    detector
        .ingested(&report("aws-waf", START_MS, Vec::new()))
        .unwrap();
    let detector = Detector::open(detector.sql, START_MS).unwrap();
    let sources = detector.ingest_sources().unwrap();
    let names: Vec<(&str, u64)> = sources
        .iter()
        .map(|(name, state)| (name.as_str(), state.counts.lines))
        .collect();
    assert_eq!(names, [("aws-waf", 3), ("cloudflare", 9)]);
}

#[test]
fn sources_and_windows_are_bounded() {
    let mut detector = open();
    for at in 0..70 {
        detector
            .ingested(&report(&format!("s{at}"), START_MS + at, Vec::new()))
            .unwrap();
    }
    assert_eq!(detector.ingest_sources().unwrap().len(), 64);
    let windows = (0..1_100)
        .map(|at| window(&at.to_string(), START_MS + at, None))
        .collect();
    detector
        .ingested(&report("cloudflare", START_MS + 99, windows))
        .unwrap();
    let kept = detector.upstream_windows(0, u64::MAX >> 1, 5_000).unwrap();
    assert_eq!((kept.len(), kept[0].id.as_str()), (1_000, "100"));
}

#[test]
fn beginning_and_end_of_a_window_meet_in_any_order() {
    let (begun, ended) = (
        window("c", START_MS, None),
        window("c", START_MS + 500, Some(START_MS + 900)),
    );
    for told in [[&begun, &ended], [&ended, &begun]] {
        let mut detector = open();
        for window in told {
            detector
                .ingested(&report("cloudflare", START_MS, vec![window.clone()]))
                .unwrap();
        }
        let kept = detector
            .upstream_windows(START_MS + 899, START_MS + 1_000, 10)
            .unwrap();
        assert_eq!(kept, [window("c", START_MS, Some(START_MS + 900))]);
        assert!(
            detector
                .upstream_windows(START_MS + 901, START_MS + 1_000, 10)
                .unwrap()
                .is_empty()
        );
        let marks = detector.window_marks(START_MS, START_MS + 901, 10).unwrap();
        let texts: Vec<&str> = marks.iter().map(|mark| mark.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "cloudflare began mitigating: HTTP flood at hub.example, 70 requests/s",
                "cloudflare ended mitigating: HTTP flood at hub.example, 70 requests/s"
            ]
        );
        assert_eq!(
            detector.window_marks(START_MS + 1, START_MS + 900, 10).unwrap(),
            []
        );
    }
}

fn packets(body: u64, rows: Vec<PacketRow>) -> IngestReport {
    IngestReport {
        packets: PacketCounts { body, ..counts(rows) },
        ..report("cloudflare", START_MS, Vec::new())
    }
}

#[test]
fn packets_add_up_by_minute_and_a_body_that_comes_again_changes_nothing() {
    let minute = START_MS / 60_000;
    let mut detector = open();
    let first = packets(
        2,
        vec![
            row(minute, PacketOutcome::Dropped, 3, &[]),
            row(minute + 1, PacketOutcome::Passed, 1, &[]),
        ],
    );
    let second = packets(4, vec![row(minute, PacketOutcome::Dropped, 2, &[])]);
    for body in [&first, &second, &first, &second] {
        detector.ingested(body).unwrap();
    }
    let samples = |at| {
        detector
            .packets_from(at, at + 1)
            .unwrap()
            .map(|(_, sums)| sums.rows.values().next().unwrap().samples)
    };
    assert_eq!(
        [samples(minute), samples(minute + 1), samples(minute + 2)],
        [Some(5), Some(1), None]
    );
}

#[test]
fn packets_are_kept_for_a_day() {
    let minute = START_MS / 60_000;
    let mut detector = open();
    let old = row(minute - 1_441, PacketOutcome::Passed, 1, &[]);
    detector.ingested(&packets(2, vec![old])).unwrap();
    assert_eq!(detector.packets_from(0, u64::MAX >> 1).unwrap(), None);
}

fn key() -> CellKey {
    CellKey {
        route: "hub".into(),
        colo: "FRA".into(),
        country: "US".into(),
        asn: None,
        family: Family::Docker,
        os: "amzn2".into(),
        fingerprint: "".into(),
        rules: Vec::new(),
    }
}

/// Bodies of half a minute each, whose requests come 200 to 260 s late.
#[test]
fn requests_that_are_only_told_of_count_in_the_slot_in_which_they_were_made() {
    let mut detector = open();
    let first = START_MS / 10_000;
    let mut seq = 0;
    for now in (first..first + 360).step_by(3) {
        for late in [20, 21, 22, 26] {
            let mut cell = Cell::new(key());
            cell.counts.requests = 10;
            cell.counts.starts = 10;
            seq += 1;
            let batch = CellBatch {
                source: "fl1-fra-0".to_owned(),
                epoch: 1,
                seq,
                slot: now - late,
                cells: vec![cell],
                ..CellBatch::default()
            };
            detector
                .accept(&batch.encode(), batch, now * 10_000 + 9_000)
                .unwrap();
        }
    }
    let ticked = detector.engine().ticked().unwrap();
    assert_eq!(ticked, first + 357 - 26 - 1);
    assert_eq!(detector.engine().uncounted().out_of_time, 0);
    let last = ticked / 6 - 1;
    let rollups = minutes(&detector, last - 20, last);
    let requests = |rollup: &Rollup| {
        rollup
            .cells
            .iter()
            .map(|(_, counts)| counts.requests)
            .sum::<u32>()
    };
    assert!(!rollups.is_empty());
    assert!(
        rollups.iter().all(|rollup| requests(rollup) == 80),
        "every minute has its own"
    );
}
