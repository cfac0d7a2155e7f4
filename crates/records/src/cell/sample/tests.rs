use super::*;
use crate::history::Again;
use blobwatch_pull::{BlobKey, ClientKey, NetworkKey, RangeKind, RecordId, SizeClass, sample};

fn trials_of(event: Event) -> Strata {
    Strata(bit(EVENTS + place(event)))
}

/// Requests of so many clients in a slot, one each, which stand for the place of their client.
fn offered(clients: std::ops::Range<u64>, bounds: Bounds) -> Sampler<u64> {
    let mut sampler = Sampler::new(bounds);
    for client in clients {
        let asked = SampleKey {
            client: ClientKey(client),
            network: NetworkKey(client),
            blob: BlobKey::Object(client),
            slot: 7,
        };
        sampler.offer(&asked, trials_of(Event::Failed), || client);
    }
    sampler
}

/// Nothing but their place.
fn untold(place: u64) -> (u64, Further) {
    (place, Further::default())
}

const SMALL: Bounds = Bounds {
    with_event: 4,
    trials: 50,
};

#[test]
fn samples_of_parts_merge_to_the_sample_of_all() {
    let (mut all, all_cuts) = offered(0..3_000, SMALL).finish(usize::MAX, untold);
    let (mut both, mut cuts) = offered(0..700, SMALL).finish(usize::MAX, untold);
    let (other, other_cuts) = offered(700..3_000, SMALL).finish(usize::MAX, untold);
    both.extend(other);
    cuts.merge(&other_cuts);
    cuts.trim(&mut both, SMALL);
    all.sort_by_key(|(client, _)| *client);
    both.sort_by_key(|(client, _)| *client);
    assert_eq!((both, cuts), (all, all_cuts));
}

#[test]
fn a_cut_says_how_many_each_request_stands_for() {
    let (sample, cuts) = offered(0..3_000, SMALL).finish(usize::MAX, untold);
    assert_eq!(sample.len(), 50);
    let estimate = 50.0 * f64::from(u32::MAX) / f64::from(cuts.trials(Event::Failed));
    assert!((2_000.0..4_500.0).contains(&estimate), "{estimate}");
    let (sample, cuts) = offered(0..50, SMALL).finish(usize::MAX, untold);
    assert_eq!((sample.len(), cuts), (50, Cuts::default()));
}

#[test]
fn a_loud_client_is_four_requests_at_most() {
    let mut sampler = Sampler::new(SMALL);
    for blob in 0..10_000 {
        let asked = SampleKey {
            client: ClientKey(1),
            network: NetworkKey(1),
            blob: BlobKey::Object(blob),
            slot: 7,
        };
        sampler.offer(&asked, trials_of(Event::Failed), || blob);
    }
    assert_eq!(sampler.finish(usize::MAX, untold).0.len(), 4);
}

#[test]
fn long_texts_make_the_sample_smaller() {
    let mut sampler = Sampler::new(SMALL);
    for client in 0..50 {
        let asked = SampleKey {
            client: ClientKey(client),
            network: NetworkKey(1),
            blob: BlobKey::Digest("sha256:00"),
            slot: 7,
        };
        sampler.offer(&asked, trials_of(Event::Failed), || client);
    }
    let long = |client| {
        let further = Further {
            repository: "a".repeat(900).into(),
            ..Further::default()
        };
        (client, further)
    };
    let (sample, cuts) = sampler.finish(20_000, long);
    assert!((5..20).contains(&sample.len()), "{}", sample.len());
    assert!(cuts.trials(Event::Failed) < u32::MAX);
}

/// Events and trials are those of the counts, whatever the record.
#[test]
fn strata_are_what_the_counts_count() {
    use crate::cell::CellCounts;
    let mut seen = 0;
    for status in [0, 200, 206, 307, 401, 403, 404, 416, 429, 503] {
        for kind in [
            RangeKind::None,
            RangeKind::Resume,
            RangeKind::Repeat,
            RangeKind::Restart,
            RangeKind::Multi,
        ] {
            for (size, start) in [
                (None, false),
                (None, true),
                (Some(500), true),
                (Some(9 << 20), false),
                (Some(9 << 20), true),
            ] {
                let mut record = sample::full();
                (record.status, record.size, record.id) = (status, size, RecordId(4));
                record.range.kind = kind;
                let judged = Classification {
                    kind,
                    start,
                    origin_known: true,
                    known_client: true,
                    stuck: true,
                    again: Again::AfterACut,
                    ..Classification::alone(&record)
                };
                seen += u32::from(case(&record, &judged));
            }
        }
    }
    assert!(seen > 50, "{seen}");

    #[track_caller]
    fn case(record: &Record, judged: &Classification) -> bool {
        let counts = CellCounts::of(record, judged);
        let asked = counts.asked();
        let expected = [
            (counts.large_starts + counts.large_resumes, counts.large_resumes),
            (counts.resumes, counts.repeats),
            (counts.known_starts, counts.restarts),
            (counts.ranged, counts.refused),
            (counts.observed, counts.aborted),
            (asked, counts.failed),
            (asked, counts.turned_away),
            (counts.redirected, counts.unreached),
            (asked + counts.behind, counts.looped),
            (counts.paced, counts.slow),
            (counts.fetched, counts.suspect),
        ];
        let strata = Strata::of(record, judged).0;
        for (event, (trials, events)) in Event::ALL.into_iter().zip(expected) {
            let shown = strata & bit(place(event)) != 0;
            let tried = strata & bit(EVENTS + place(event)) != 0;
            assert_eq!(
                (tried, shown),
                (trials > 0, events > 0),
                "{event:?} of {record:?}"
            );
        }
        strata != 0
    }
}

#[test]
fn what_a_record_says_beyond_its_cell_is_kept() {
    let values = Further::from(&sample::full());
    let record = sample::full();
    assert_eq!(&*values.repository, record.repository);
    assert_eq!(
        &*values.version,
        format!("{}/{}", record.family.as_str(), record.version)
    );
    let values: [Arc<str>; FURTHER.len()] = values.into();
    assert_eq!(&*values[DIGEST], record.digest);
    assert_eq!(
        Some(&*values[SIZE]),
        record.size.map(|size| SizeClass::of(size).as_str())
    );
    assert_eq!(&*values[super::TCP], "");
    let tcp = "4:64:0:*:64240,7:mss:df:0".to_owned();
    let signed: [Arc<str>; FURTHER.len()] = Further::from(&Record {
        tcp: tcp.clone(),
        ..record.clone()
    })
    .into();
    assert_eq!(&*signed[super::TCP], tcp);
    let unknown: [Arc<str>; FURTHER.len()] = Further::from(&Record { size: None, ..record }).into();
    assert_eq!(&*unknown[SIZE], "");
}
