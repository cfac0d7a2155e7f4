use super::*;
use crate::cell::breadth::Kmv;
use crate::cell::counts::KINDS;
use crate::history::Classification;
use blobwatch_pull::{Action, ClientKey, Method, NetworkKey, RangeKind, Record, RecordId, sample};
use blobwatch_wire::DecodeError;

/// What `encode` wrote for [`batch`] when the format was made: it must read back for ever.
const PINNED: &[u8] = include_bytes!("../../tests/data/cell-batch-v5.bin");

/// The same batch in version 4, without the counts of failed, refused and slow downloads, and without blobs.
const VERSION_4: &[u8] = include_bytes!("../../tests/data/cell-batch-v4.bin");

/// That batch in version 3, without networks.
const VERSION_3: &[u8] = include_bytes!("../../tests/data/cell-batch-v3.bin");

/// That batch in version 2, without what was begun again.
const VERSION_2: &[u8] = include_bytes!("../../tests/data/cell-batch-v2.bin");

/// That batch in version 1, with a guard at its end.
const VERSION_1: &[u8] = include_bytes!("../../tests/data/cell-batch-v1.bin");

fn cell() -> Cell {
    let record = sample::full();
    let mut cell = Cell::new(CellKey::of(&record));
    cell.counts = CellCounts {
        requests: 300,
        starts: 200,
        large_starts: 50,
        resumes: 90,
        large_resumes: 80,
        repeats: 7,
        known_starts: 120,
        restarts: 3,
        ranged: 100,
        refused: 2,
        observed: 10,
        aborted: 4,
        denied: 1,
        kinds: [0; KINDS],
        begun_again: 2,
        failed: 20,
        turned_away: 10,
        redirected: 9,
        unreached: 8,
        behind: 6,
        looped: 5,
        paced: 40,
        slow: 30,
        fetched: 25,
        suspect: 24,
        multi_refused: 1,
        again_cut: 2,
        again_whole: 11,
        blocked: 1,
        detoured: 12,
        tagged: 13,
        answers: [7, 9, 1, 20],
        unauthorized: 4,
        limited: 3,
        forbidden: 2,
        silent: 7,
        pace_sum: 6_400,
    };
    cell.counts.count_kind(RangeKind::None, 210);
    cell.counts.count_kind(RangeKind::Resume, 83);
    cell.counts.count_kind(RangeKind::Repeat, 7);
    for client in 0..40u64 {
        let client = client.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (client, network) = (ClientKey(client), NetworkKey(client >> 60));
        cell.affected.insert(Event::Resume, client, network);
    }
    cell.affected.insert(Event::Suspect, ClientKey(7), NetworkKey(7));
    note_blob(&mut cell.blobs, "sha256:0123", 24);
    cell.note(Evidence {
        event: Event::Resume,
        id: record.id,
    });
    for network in [300, 7, 1 << 31, 70_000, 80_000] {
        cell.networks.insert(NetworkKey(network));
    }
    cell
}

fn routes() -> RouteBreadths {
    let mut routes = RouteBreadths::default();
    for client in 1..=3u64 {
        routes.insert(&"hub".into(), ClientKey(client << 40), NetworkKey(client >> 1));
    }
    routes.insert(&"default".into(), ClientKey(9), NetworkKey(9));
    routes
}

fn batch() -> CellBatch {
    let sparse = Cell::new(CellKey::of(&sample::sparse()));
    let other = CellCounts {
        requests: 5,
        ..CellCounts::default()
    };
    CellBatch {
        source: "fl1-iad-0".to_owned(),
        epoch: (1 << 53) - 1,
        seq: 300,
        slot: slot_of(sample::JULY_2020_MS),
        cells: vec![sparse, cell()],
        other,
        routes: routes().into_list(),
    }
}

#[test]
fn the_batch_is_pinned() {
    assert_eq!(CellBatch::decode(PINNED), Ok(batch()));
    assert_eq!(batch().encode(), PINNED);
}

#[test]
fn batches_of_older_versions_are_read() {
    let mut batch = batch();
    let known = batch.cells[1].counts.fields();
    let mut fields = [0; counts::FIELDS];
    fields[..26].copy_from_slice(&known[..26]);
    batch.cells[1].counts = CellCounts::of_fields(&fields);
    let mut affected = Affected::default();
    affected.merge_event(Event::Resume, batch.cells[1].affected.of(Event::Resume));
    (batch.cells[1].affected, batch.cells[1].blobs) = (affected, Vec::new());
    batch.routes = Vec::new();
    assert_eq!(CellBatch::decode(VERSION_4), Ok(batch.clone()));
    batch.cells[1].networks = FewNetworks::default();
    assert_eq!(CellBatch::decode(VERSION_3), Ok(batch.clone()));
    batch.cells[1].counts.begun_again = 0;
    assert_eq!(CellBatch::decode(VERSION_2), Ok(batch.clone()));
    assert_eq!(CellBatch::decode(VERSION_1), Ok(batch));
    let cut = VERSION_1.get(..VERSION_1.len() - 1).unwrap();
    assert_eq!(CellBatch::decode(cut), Err(DecodeError::Truncated));
}

#[test]
fn a_cell_of_one_client_build_takes_few_bytes() {
    let fields = cell().counts.fields();
    let mut healthy = [0; counts::FIELDS];
    healthy[..26].copy_from_slice(&fields[..26]);
    let healthy = CellCounts::of_fields(&healthy);
    let one = CellBatch {
        cells: vec![Cell {
            counts: healthy,
            affected: Affected::default(),
            evidence: Vec::new(),
            blobs: Vec::new(),
            networks: FewNetworks::default(),
            ..cell()
        }],
        routes: Vec::new(),
        ..batch()
    };
    assert!(one.encode().len() < 150, "{}", one.encode().len());
    let mut sent = one.clone();
    for network in 1..100u64 {
        let hash = network.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        sent.cells[0].networks.insert(NetworkKey(hash));
    }
    assert!(sent.encode().len() <= one.encode().len() + 15, "its networks");
}

#[test]
fn a_full_batch_of_the_longest_texts_fits_a_row() {
    let text =
        |n: usize, place: usize| format!("{n:03}{place}{}", "x".repeat(blobwatch_wire::MAX_TEXT_BYTES));
    let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut affected = Affected::default();
    for (event, client) in Event::ALL
        .into_iter()
        .flat_map(|event| (0..100).map(move |n| (event, n)))
    {
        affected.insert(event, ClientKey(hash(client)), NetworkKey(hash(client + 1000)));
    }
    let cells = (0..MAX_CELLS).map(|n| Cell {
        key: CellKey {
            os: text(n, 1),
            fingerprint: text(n, 2),
            ..cell().key
        },
        counts: CellCounts::of_fields(&[u32::MAX; counts::FIELDS]),
        affected: affected.clone(),
        evidence: Event::ALL
            .into_iter()
            .flat_map(|event| {
                [
                    Evidence {
                        event,
                        id: RecordId(1),
                    },
                    Evidence {
                        event,
                        id: RecordId(2),
                    },
                ]
            })
            .collect(),
        networks: cell().networks,
        blobs: (0..MAX_BLOBS)
            .map(|blob| BlobCount {
                digest: text(n, 3 + blob),
                times: u32::MAX,
            })
            .collect(),
    });
    let cells: Vec<Cell> = cells.collect();
    let encoded = |cells: Vec<Cell>| {
        let (cells, other) = tally::fit(cells);
        let full = CellBatch {
            cells,
            other,
            routes: full_routes(RouteBreadth::MAX),
            ..batch()
        };
        let bytes = full.encode();
        assert!(bytes.len() < 1_900_000, "{}", bytes.len());
        CellBatch::decode(&bytes).unwrap()
    };
    let ended = encoded(cells.clone());
    assert!(ended.cells.len() >= 200, "{}", ended.cells.len());
    assert_eq!(ended.other.requests, u32::MAX, "what does not fit is counted");
    // What any cohort shows of all this: the events of the first version.
    let mut usual = Affected::default();
    Event::ALL[..5]
        .iter()
        .for_each(|event| usual.merge_event(*event, affected.of(*event)));
    let of_few = |cell: Cell| Cell {
        affected: usual.clone(),
        blobs: Vec::new(),
        evidence: cell.evidence.into_iter().take(10).collect(),
        ..cell
    };
    let few = encoded(cells.into_iter().map(of_few).collect());
    assert_eq!(few.cells.len(), MAX_CELLS);
}

#[test]
fn a_newer_batch_is_refused_by_its_number() {
    let mut bytes = batch().encode();
    bytes[3] = 9;
    assert_eq!(
        CellBatch::decode(&bytes),
        Err(DecodeError::Newer { found: 9, known: 5 })
    );
}

#[test]
fn any_bytes_are_an_error_or_a_batch_that_reads_back() {
    let pinned = batch().encode();
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut damaged = pinned.clone();
        for (place, byte) in bytes
            .chunks_exact(2)
            .map(|pair| (usize::from(pair[0]) * 2, pair[1]))
        {
            let place = place % damaged.len();
            damaged[place] = byte;
        }
        for bytes in [
            [b"BWC\x01", bytes].concat(),
            [b"BWC\x02", bytes].concat(),
            damaged,
        ] {
            if let Ok(batch) = CellBatch::decode(&bytes) {
                assert_eq!(CellBatch::decode(&batch.encode()), Ok(batch));
            }
        }
    });
}

#[test]
fn counts_add_up_field_by_field() {
    let mut sum = cell().counts;
    sum.add(&cell().counts);
    assert_eq!(
        (sum.requests, sum.denied, sum.kind(RangeKind::Repeat)),
        (600, 2, 14)
    );
    sum.requests = u32::MAX;
    sum.add(&cell().counts);
    assert_eq!(sum.requests, u32::MAX);
    assert!(!sum.is_empty() && CellCounts::default().is_empty());
}

#[test]
fn a_sketch_is_exact_below_its_size_and_near_above() {
    let mut sketch = Kmv::default();
    let key = |n: u64| {
        let n = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (n ^ n >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    };
    (0..31).for_each(|n| sketch.insert(key(n)));
    (0..31).for_each(|n| sketch.insert(key(n)));
    assert_eq!((sketch.count(), sketch.is_exact()), (31, true));
    (0..10_000).for_each(|n| sketch.insert(key(n)));
    assert!(!sketch.is_exact());
    assert!((5_000..20_000).contains(&sketch.count()), "{}", sketch.count());
}

#[test]
fn sketches_of_parts_merge_into_that_of_the_whole() {
    bolero::check!()
        .with_type::<(Vec<u64>, Vec<u64>)>()
        .for_each(|(left, right)| {
            let sketch = |keys: &mut dyn Iterator<Item = &u64>| {
                let mut sketch = Kmv::default();
                keys.for_each(|key| sketch.insert(*key));
                sketch
            };
            let mut merged = sketch(&mut left.iter());
            merged.merge(&sketch(&mut right.iter()));
            assert_eq!(merged, sketch(&mut left.iter().chain(right)));
        });
}

#[test]
fn two_examples_of_each_event_are_kept() {
    let mut cell = Cell::new(cell().key);
    for n in 0..5 {
        cell.note(Evidence {
            event: Event::Repeat,
            id: RecordId(n),
        });
    }
    cell.note(Evidence {
        event: Event::Resume,
        id: RecordId(9),
    });
    let ids: Vec<u128> = cell.evidence.iter().map(|evidence| evidence.id.0).collect();
    assert_eq!(ids, [0, 1, 9]);
}

#[test]
fn rules_of_a_key_are_sorted_and_each_is_there_once() {
    let mut record = sample::full();
    record.fired.reverse();
    record.fired.extend(sample::full().fired);
    let rules = CellKey::of(&record).rules;
    assert_eq!(
        rules.iter().map(|rule| &**rule).collect::<Vec<_>>(),
        ["botnet-sig", "note-amzn"]
    );
}

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
        let quiet = batch.cells.iter().find(|cell| cell.key.os == "quiet").unwrap();
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
    assert!(batch.cells.iter().any(|cell| cell.key.os == "broad"));
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

#[test]
fn counts_of_a_state_are_as_long_as_they_need() {
    let bytes: Vec<u32> = CellCounts::default().into();
    assert!(bytes.is_empty());
    let counts = cell().counts;
    assert_eq!(CellCounts::from(Vec::from(counts)), counts);
    let older: Vec<u32> = counts.fields().into_iter().take(26).collect();
    assert_eq!(CellCounts::from(older).begun_again, counts.begun_again);
}

#[test]
fn a_batch_says_who_is_on_each_route_within_its_bound() {
    let mut tally = Tally::default();
    let mut record = sample::full();
    for client in 1..=12u64 {
        record.client = ClientKey(client << 33);
        record.network = NetworkKey((client / 4) << 33);
        tally.count(&record, &Classification::alone(&record));
        tally.count(&record, &Classification::alone(&record));
    }
    let [batch] = tally.into_batches("", 1, 1).try_into().unwrap();
    let [of] = batch.routes.try_into().unwrap();
    assert_eq!(of.route, record.route);
    assert_eq!((of.breadth.clients.count(), of.breadth.networks.count()), (12, 4));
    let many = full_routes(2 * RouteBreadth::MAX);
    assert_eq!(many.len(), RouteBreadth::MAX);
}

/// Routes with full sketches and names of 64 bytes.
fn full_routes(count: usize) -> Vec<RouteBreadth> {
    let mut routes = RouteBreadths::default();
    for route in 0..count {
        let name: Arc<str> = format!("{route:064}").into();
        for client in 0..100u64 {
            let hash = client.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            routes.insert(&name, ClientKey(hash), NetworkKey(hash));
        }
    }
    routes.into_list()
}
