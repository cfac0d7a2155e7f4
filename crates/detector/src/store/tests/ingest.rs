use blobwatch_upstream::{Counts, IngestReport, UpstreamWindow};

use super::*;

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
        rule: "cloudflare:r9".to_owned(),
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
