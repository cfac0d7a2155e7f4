use super::*;

fn judged(kind: RangeKind) -> Classification {
    let mut judged = Classification::alone(&Record {
        method: Method::Head,
        ..sample::full()
    });
    judged.kind = kind;
    judged.origin_known = true;
    judged
}

fn counted(record: &Record, judged: &Classification) -> CellCounts {
    CellCounts::of(record, judged)
}

#[test]
fn a_resume_of_unknown_origin_counts_one_time_in_four() {
    let unknown = Classification {
        origin_known: false,
        ..judged(RangeKind::Resume)
    };
    let count = |n| {
        let record = Record {
            id: RecordId::from_parts(1, 0x1234_5678_9abc, n),
            ..sample::full()
        };
        assert_eq!(counted(&record, &judged(RangeKind::Resume)).resumes, 1);
        counted(&record, &unknown).resumes
    };
    let counted: u32 = (0..4000).map(count).sum();
    assert!((900..1100).contains(&counted), "{counted}");
}

#[test]
fn a_record_counts_as_often_as_it_stands_for() {
    let record = Record {
        weight: 5,
        ..sample::full()
    };
    let counts = counted(&record, &judged(RangeKind::Repeat));
    assert_eq!(
        (
            counts.requests,
            counts.resumes,
            counts.large_resumes,
            counts.repeats
        ),
        (5, 5, 5, 5)
    );
    assert_eq!(
        (counts.ranged, counts.refused, counts.observed, counts.aborted),
        (5, 0, 5, 5)
    );
}

#[test]
fn a_body_taken_with_others_is_not_cut_short() {
    let parallel = Classification {
        parallel: true,
        ..judged(RangeKind::Whole)
    };
    let counts = counted(&sample::full(), &parallel);
    assert_eq!((counts.observed, counts.aborted), (0, 0));
}

#[test]
fn a_refusal_of_ours_is_denied_and_nothing_else() {
    let mut record = sample::full();
    record.verdict = Action::Block;
    record.status = 403;
    record.range.honoured = None;
    let counts = counted(&record, &judged(RangeKind::Resume));
    assert_eq!(
        (counts.denied, counts.resumes, counts.ranged, counts.observed),
        (1, 0, 0, 0)
    );
}

/// A quiet cohort of four clients, beside one client, or the clients of one network, that look like many builds and
/// resume with each.
#[test]
fn one_client_or_network_crowds_nobody_out() {
    #[track_caller]
    fn case(client_of: fn(u64) -> u64, most: usize) {
        let mut tally = Tally::default();
        for n in 0..20_000 {
            let forged = Record {
                os: format!("os{n}"),
                fingerprint: format!("bw1-{n}"),
                client: ClientKey(client_of(n)),
                network: NetworkKey(1),
                ..sample::full()
            };
            tally.count(&forged, &judged(RangeKind::Repeat));
        }
        for client in 10..14 {
            let quiet = Record {
                os: "quiet".to_owned(),
                client: ClientKey(client),
                network: NetworkKey(client / 2),
                ..sample::full()
            };
            tally.count(&quiet, &judged(RangeKind::None));
        }
        let [batch] = &*tally.into_batches("fl1-iad-0", 9, 3) else {
            panic!()
        };
        let quiet = batch.cells.iter().find(|cell| &*cell.key.os == "quiet").unwrap();
        assert_eq!((quiet.counts.requests, quiet.networks.count()), (4, 2));
        assert!(batch.cells.len() <= most + 2, "{}", batch.cells.len());
        let requests: u32 = batch.cells.iter().map(|cell| cell.counts.requests).sum();
        assert_eq!((requests, batch.other.requests), (20_004, 0), "all are counted");
    }
    case(|_| 1, 8);
    case(|n| n, 64);
}

#[test]
fn cells_of_several_networks_stay_before_those_of_one() {
    let mut tally = Tally::default();
    for n in 0..2 * MAX_CELLS as u64 {
        let alone = Record {
            os: format!("os{n}"),
            client: ClientKey(n),
            network: NetworkKey(n),
            ..sample::full()
        };
        tally.count(&alone, &judged(RangeKind::Repeat));
    }
    for n in 0..2 {
        let broad = Record {
            os: "broad".to_owned(),
            client: ClientKey(n),
            network: NetworkKey(n),
            ..sample::full()
        };
        tally.count(&broad, &judged(RangeKind::None));
    }
    let [batch] = &*tally.into_batches("fl1-iad-0", 9, 3) else {
        panic!()
    };
    assert!(batch.cells.iter().any(|cell| &*cell.key.os == "broad"));
}

#[test]
fn what_does_not_fit_a_batch_is_other_and_events_go_first() {
    let mut tally = Tally::default();
    let place = |n: usize| Record {
        country: format!("{n}"),
        client: ClientKey(n as u64),
        network: NetworkKey(n as u64),
        ..sample::full()
    };
    for n in 0..MAX_CELLS + 50 {
        let kind = if n < 10 {
            RangeKind::Repeat
        } else {
            RangeKind::None
        };
        tally.count(
            &place(n),
            &Classification {
                parallel: true,
                ..judged(kind)
            },
        );
    }
    let [batch] = &*tally.into_batches("fl1-iad-0", 9, 3) else {
        panic!()
    };
    assert_eq!(
        (batch.cells.len(), batch.other.requests, batch.seq),
        (MAX_CELLS, 50, 3)
    );
    let repeats: u32 = batch.cells.iter().map(|cell| cell.counts.repeats).sum();
    assert_eq!((repeats, batch.other.repeats), (10, 0));
    assert!(batch.cells.is_sorted_by(|a, b| a.key < b.key));
}

fn answered(status: u16) -> Record {
    let mut record = sample::full();
    record.range = blobwatch_pull::RangeRecord {
        kind: RangeKind::None,
        start: None,
        end: None,
        honoured: None,
    };
    record.status = status;
    record.verdict = Action::None;
    record
}

#[test]
fn a_start_fails_is_turned_away_or_neither_by_its_status() {
    #[track_caller]
    fn case(status: u16, asked: u32, failed: u32, turned_away: u32) {
        let record = answered(status);
        let counts = counted(&record, &Classification::alone(&record));
        assert_eq!(
            (counts.asked(), counts.failed, counts.turned_away),
            (asked, failed, turned_away),
            "{status}"
        );
        assert_eq!(counts.answered().iter().sum::<u32>(), 1, "{status}");
    }
    for status in [0, 500, 502, 503, 504, 520, 530] {
        case(status, 1, 1, 0);
    }
    for status in [400, 403, 429, 444, 451] {
        case(status, 1, 0, 1);
    }
    // A challenge is judged a minute later; what is not there, is empty, or was given up says nothing.
    for status in [401, 404, 416, 499] {
        case(status, 0, 0, 0);
    }
}

#[test]
fn neither_a_rule_of_ours_nor_a_push_nor_a_part_fails_or_is_turned_away() {
    let head = Record {
        method: Method::Head,
        ..answered(403)
    };
    let ours = Record {
        verdict: Action::Block,
        ..answered(403)
    };
    let slowed = Record {
        verdict: Action::Throttle,
        ..answered(429)
    };
    let mut part = answered(503);
    part.range.kind = RangeKind::Resume;
    part.range.start = Some(777);
    for record in [head, ours, slowed, part] {
        let counts = counted(&record, &Classification::alone(&record));
        assert_eq!((counts.asked(), counts.failed, counts.turned_away), (0, 0, 0));
    }
    let elsewhere = Record {
        verdict: Action::Detour,
        ..answered(403)
    };
    let counts = counted(&elsewhere, &Classification::alone(&elsewhere));
    assert_eq!((counts.turned_away, counts.detoured), (1, 1));
}

#[test]
fn several_ranges_that_are_refused_are_told_apart() {
    let mut record = answered(416);
    record.range.kind = RangeKind::Multi;
    record.range.honoured = Some(false);
    let counts = counted(&record, &Classification::alone(&record));
    assert_eq!((counts.ranged, counts.refused, counts.multi_refused), (1, 1, 1));
}
