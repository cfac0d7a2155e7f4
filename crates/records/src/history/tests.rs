//! Every client's trace, and the rules that no single trace shows.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::*;
use crate::cell::{Event, Tally};
use blobwatch_pull::{Method, ObservedAnswer, Outcome, Pending, RequestedRange, sample};

/// First line of `tests/data/clients/*.jsonl`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trace {
    #[expect(dead_code, reason = "for people")]
    client: String,
    /// `recorded` from a real run, or written from the `facts` of docs and source.
    source: String,
    /// Bytes of every blob.
    size: u64,
    /// Nothing is wrong: no client of it is stuck.
    healthy: bool,
    /// Events that are counted, those of resumes of unknown origin left out.
    shows: BTreeSet<Event>,
    #[expect(dead_code, reason = "for people")]
    note: String,
}

/// Each other line: a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Milliseconds since the trace began.
    at: u64,
    /// Milliseconds until the headers, or the end of an observed body.
    #[serde(default = "twenty")]
    took: u64,
    #[serde(default = "get")]
    method: Method,
    range: Option<String>,
    status: Option<u16>,
    content_range: Option<String>,
    #[serde(default)]
    digest: String,
    #[serde(default = "not_observed")]
    outcome: Outcome,
    /// The kind that the record must have in the end.
    kind: RangeKind,
}

fn twenty() -> u64 {
    20
}

fn get() -> Method {
    Method::Get
}

fn not_observed() -> Outcome {
    Outcome::NotObserved
}

impl Line {
    fn record(&self, number: u32, size: u64) -> Record {
        let asked = RequestedRange::read(self.range.as_deref());
        let status = self
            .status
            .unwrap_or(if self.range.is_some() { 206 } else { 200 });
        let part = match &asked {
            RequestedRange::One(range) if status == 206 => range.within(size),
            _ => None,
        };
        let content_range = part.map(|(first, last)| format!("bytes {first}-{last}/{size}"));
        let pending = Pending {
            record: Record {
                id: RecordId::from_parts(sample::JULY_2020_MS + self.at, 7, number),
                digest: format!(
                    "sha256:{:0>64}",
                    self.digest.bytes().fold(0, |n, b| n * 131 + u64::from(b))
                ),
                method: self.method,
                verdict: blobwatch_pull::Action::None,
                ..sample::full()
            },
            asked,
            conditional: false,
        };
        pending.settle(&ObservedAnswer {
            status,
            content_range: self.content_range.as_deref().or(content_range.as_deref()),
            content_length: Some(part.map_or(size, |(first, last)| last - first + 1)),
            content_type: Some("multipart/byteranges; boundary=x"),
            location: None,
            followed_to: None,
            cache: None,
            outcome: self.outcome,
            time_ms: sample::JULY_2020_MS + self.at + self.took,
        })
    }
}

fn read(path: &std::path::Path) -> (Trace, Vec<Line>) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let trace = serde_json::from_str(lines.next().unwrap()).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    let line = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    (trace, lines.map(line).collect())
}

fn traces() -> BTreeMap<String, (Trace, Vec<Line>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/clients");
    let path = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().path();
    let named = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, read(&path))
    };
    std::fs::read_dir(folder).unwrap().map(path).map(named).collect()
}

/// What the records of a trace are in the end, when they come in this order.
fn judged(records: &[Record], order: &[usize]) -> Vec<Classification> {
    let mut history = History::default();
    for place in order {
        history.take(&records[*place]);
    }
    records.iter().map(|record| history.recall(record)).collect()
}

fn shown(records: &[Record], judged: &[Classification]) -> BTreeSet<Event> {
    let mut tally = Tally::default();
    for (record, judged) in records.iter().zip(judged) {
        if judged.kind != RangeKind::Resume || judged.origin_known {
            tally.count(record, judged);
        }
    }
    let batches = tally.into_batches("", 1, 1);
    let cells = batches.iter().flat_map(|batch| &batch.cells);
    cells
        .flat_map(|cell| cell.evidence.iter().map(|evidence| evidence.event))
        .collect()
}

#[test]
fn every_client_is_seen_as_what_it_is() {
    let traces = traces();
    assert!(traces.len() >= 45, "{}", traces.len());
    let mut wrong = Vec::new();
    for (name, (trace, lines)) in &traces {
        assert!(matches!(&*trace.source, "facts" | "recorded"), "{name}");
        let records: Vec<Record> = (0..)
            .zip(lines)
            .map(|(n, line)| line.record(n, trace.size))
            .collect();
        let order: Vec<usize> = (0..records.len()).collect();
        let found = judged(&records, &order);
        let kinds = |kinds: &mut dyn Iterator<Item = RangeKind>| {
            kinds.map(RangeKind::as_str).collect::<Vec<_>>().join(" ")
        };
        let expected = kinds(&mut lines.iter().map(|line| line.kind));
        let found_kinds = kinds(&mut found.iter().map(|judged| judged.kind));
        if expected != found_kinds {
            wrong.push(format!(
                "{name}: expected {expected}\n{name}:    found {found_kinds}"
            ));
        }
        let shows = shown(&records, &found);
        if shows != trace.shows {
            wrong.push(format!("{name}: shows {shows:?}, not {:?}", trace.shows));
        }
        let stuck = [Event::Repeat, Event::Refused, Event::Aborted];
        assert!(
            !trace.healthy || stuck.iter().all(|event| !shows.contains(event)),
            "{name}"
        );
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The same pulls before a registry whose blobs are elsewhere: each request is answered with a redirect and asked again at
/// another host.
fn redirected(records: &[Record]) -> Vec<Record> {
    let halves = |record: &Record| {
        let at = |after_ms: u64, host: &str| Record {
            id: RecordId(record.id.0 + (u128::from(after_ms) << 80)),
            profile: blobwatch_pull::Profile {
                host: host.to_owned(),
                ..record.profile.clone()
            },
            ..record.clone()
        };
        let redirect = Record {
            status: 307,
            size: None,
            outcome: Outcome::NotObserved,
            duration_ms: 0,
            sent_to: "cdn.example".to_owned(),
            range: blobwatch_pull::RangeRecord {
                honoured: None,
                ..record.range
            },
            ..at(0, "registry.example")
        };
        [redirect, at(1, "cdn.example")]
    };
    records.iter().flat_map(halves).collect()
}

/// What is counted of records: starts, and events.
fn counted(records: &[Record]) -> Vec<(&'static str, u32)> {
    let mut history = History::default();
    for record in records {
        history.take(record);
    }
    let counts = records
        .iter()
        .fold(crate::CellCounts::default(), |mut sum, record| {
            sum.add(&crate::CellCounts::of(record, &history.recall(record)));
            sum
        });
    vec![
        ("starts", counts.starts),
        ("resumes", counts.resumes),
        ("repeats", counts.repeats),
        ("restarts", counts.restarts),
        ("begun again", counts.begun_again),
        ("refused", counts.refused),
        ("aborted", counts.aborted),
    ]
}

#[test]
fn a_pull_in_two_halves_counts_as_one() {
    let mut wrong = Vec::new();
    for (name, (trace, lines)) in traces() {
        let lines: Vec<&Line> = lines.iter().filter(|line| line.method == Method::Get).collect();
        let records: Vec<Record> = (0..)
            .zip(&lines)
            .map(|(n, line)| line.record(n, trace.size))
            .collect();
        if records.iter().any(|record| !matches!(record.status, 200 | 206)) {
            continue;
        }
        let (direct, pairs) = (counted(&records), counted(&redirected(&records)));
        if direct != pairs {
            wrong.push(format!("{name}:\n  direct {direct:?}\n  pairs  {pairs:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_redirected_digest_that_is_pulled_again_is_a_restart_once_and_stuck_only_if_it_did_not_arrive() {
    #[track_caller]
    fn case(outcome: Outcome, stuck: bool) {
        let pull = |at_s: u128| Record {
            id: RecordId(sample::full().id.0 + ((at_s * 1_000) << 80)),
            status: 200,
            outcome,
            duration_ms: 500,
            verdict: blobwatch_pull::Action::None,
            range: blobwatch_pull::RangeRecord {
                kind: RangeKind::None,
                start: None,
                end: None,
                honoured: None,
            },
            ..sample::full()
        };
        let records = redirected(&[pull(0), pull(100)]);
        let found = judged(&records, &[0, 1, 2, 3]);
        let kinds: Vec<RangeKind> = found.iter().map(|judged| judged.kind).collect();
        let (none, restart) = (RangeKind::None, RangeKind::Restart);
        assert_eq!(kinds, [none, none, restart, none], "{outcome:?}");
        let starts: Vec<bool> = found.iter().map(|judged| judged.start).collect();
        assert_eq!(starts, [true, false, true, false]);
        assert_eq!(
            (found[2].stuck, found[3].second_half),
            (stuck, true),
            "{outcome:?}"
        );
    }
    case(Outcome::Completed, false);
    case(Outcome::ClientClosed, true);
    case(Outcome::NotObserved, true);
}

/// Isolates send their batches when they like, one a second.
#[test]
fn the_order_in_which_a_second_s_records_come_changes_nothing() {
    let mut wrong = Vec::new();
    for (name, (trace, lines)) in traces() {
        let records: Vec<Record> = (0..)
            .zip(&lines)
            .map(|(n, line)| line.record(n, trace.size))
            .collect();
        let mut order: Vec<usize> = (0..records.len()).collect();
        order.sort_by_key(|place| (lines[*place].at / 1000, std::cmp::Reverse(lines[*place].at)));
        for (line, judged) in lines.iter().zip(judged(&records, &order)) {
            if judged.kind != line.kind {
                wrong.push(format!(
                    "{name} at {}: {:?}, not {:?}",
                    line.at, judged.kind, line.kind
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn ask(at_ms: u64, range: Option<&str>) -> Record {
    let line = Line {
        at: at_ms,
        took: 20,
        method: Method::Get,
        range: range.map(|range| format!("bytes={range}")),
        status: None,
        content_range: None,
        digest: String::new(),
        outcome: Outcome::NotObserved,
        kind: RangeKind::None,
    };
    line.record(at_ms as u32, 1 << 32)
}

fn of(client: u64, record: Record) -> Record {
    Record {
        client: ClientKey(client),
        ..record
    }
}

#[test]
fn asks_are_bounded_whatever_comes() {
    let mut history = History::with_room(1000);
    for n in 0..20_000 {
        history.take(&of(n, ask(n, None)));
    }
    assert!(history.len() <= 1000, "{}", history.len());
    for n in 0..5000 {
        history.take(&of(1, ask(100_000 + n, Some(&format!("{}-", 1000 + n * n)))));
    }
    assert!(history.len() <= 1000, "{}", history.len());
    assert!(history.chain(&of(1, ask(0, None))).unwrap().len() <= MAX_CHAIN_ASKS);
    assert!(history.corrections().len() <= MAX_CORRECTIONS);
}

#[test]
fn a_parallel_fetch_of_many_chunks_stays_one_when_its_beginning_is_forgotten() {
    let mut history = History::default();
    let mib = 1u64 << 20;
    history.take(&ask(0, Some("0-")));
    for n in 1..300 {
        let record = ask(30 + n / 3 * 700 + n, Some(&format!("{}-", n * 8 * mib)));
        let judged = history.take(&record);
        assert!(n < 2 || judged.kind == RangeKind::Chunk, "chunk {n}: {judged:?}");
        assert!(!judged.start, "the first one was the start");
    }
    let corrections = history.corrections();
    assert_eq!(
        corrections.len(),
        1,
        "only the second ask was taken for another: {corrections:?}"
    );
}

#[test]
fn a_client_s_next_parallel_fetch_is_known_from_its_second_start() {
    let mut history = History::default();
    for (n, start) in ["0-", "8388608-", "16777216-"].into_iter().enumerate() {
        history.take(&ask(n as u64 * 2, Some(start)));
    }
    history.corrections();
    let other = |record: Record| Record {
        digest: format!("sha256:{:064}", 7),
        ..record
    };
    history.take(&other(ask(5000, Some("0-"))));
    assert_eq!(
        history.take(&other(ask(5040, Some("8388608-")))).kind,
        RangeKind::Chunk
    );
}

#[test]
fn a_record_that_comes_again_says_nothing_new() {
    let mut history = History::default();
    let (first, second) = (ask(0, None), ask(9000, Some("777-")));
    history.take(&first);
    let judged = history.take(&second);
    // With the kind that it was stored with.
    let stored = Record {
        range: blobwatch_pull::RangeRecord {
            kind: judged.kind,
            ..second.range
        },
        ..second
    };
    assert_eq!(history.take(&stored), judged);
    assert_eq!((history.len(), history.corrections()), (2, Vec::new()));
}

#[test]
fn half_an_hour_later_nothing_is_a_restart_or_a_repeat() {
    for (range, expected) in [(None, RangeKind::None), (Some("777-"), RangeKind::Resume)] {
        let mut history = History::default();
        history.take(&ask(0, range));
        let judged = history.take(&ask(WINDOW_MS + 1, range));
        assert_eq!((judged.kind, judged.origin_known), (expected, false));
    }
}

#[test]
fn what_has_arrived_is_no_reason_to_be_stuck() {
    for (outcome, stuck) in [
        (Outcome::Completed, false),
        (Outcome::ClientClosed, true),
        (Outcome::NotObserved, true),
    ] {
        let mut history = History::default();
        history.take(&Record {
            outcome,
            ..ask(0, None)
        });
        let judged = history.take(&ask(60_000, None));
        assert_eq!(
            (judged.kind, judged.stuck),
            (RangeKind::Restart, stuck),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_start_after_the_rest_was_refused_begins_again() {
    let refused = |at_ms| {
        let mut record = ask(at_ms, Some("777-"));
        record.status = 400;
        record.range.honoured = Some(false);
        record
    };
    let records = [
        ask(0, None),
        refused(5_000),
        refused(5_100),
        ask(6_000, None),
        ask(60_000, None),
        of(99, ask(61_000, None)),
    ];
    for order in [[0, 1, 2, 3, 4, 5], [0, 3, 4, 5, 2, 1], [5, 0, 1, 3, 2, 4]] {
        let judged = judged(&records, &order);
        let again: Vec<bool> = judged.iter().map(|judged| judged.begun_again).collect();
        assert_eq!(again, [false, false, false, true, false, false], "{order:?}");
    }
    let late = [ask(0, None), refused(5_000), ask(5_001 + WINDOW_MS, None)];
    assert!(
        !judged(&late, &[0, 1, 2])[2].begun_again,
        "half an hour later it is another pull"
    );
}

#[test]
fn progress_is_what_was_accepted_between_two_starts() {
    let mut history = History::default();
    history.take(&ask(0, None));
    assert_eq!(
        history.take(&ask(4000, Some("777-"))).progress,
        Some(Progress { bytes: 777, ms: 4000 })
    );
    assert_eq!(
        history.take(&ask(9000, Some("1000-"))).progress,
        Some(Progress { bytes: 223, ms: 5000 })
    );
    assert_eq!(
        history.take(&ask(9500, Some("1000-"))).progress,
        Some(Progress { bytes: 0, ms: 500 })
    );
}

#[test]
fn a_client_is_known_from_its_second_ask_on_and_the_digest_is_the_key() {
    let mut history = History::default();
    assert!(!history.take(&ask(0, None)).known_client);
    let elsewhere = Record {
        repository: "mirror/of-it".to_owned(),
        ..ask(60_000, None)
    };
    let judged = history.take(&elsewhere);
    assert_eq!((judged.known_client, judged.kind), (true, RangeKind::Restart));
    assert!(!history.take(&of(99, ask(61_000, None))).known_client);
}

/// Kinds that a kind by itself may turn out to be.
fn may_become(base: RangeKind, kind: RangeKind) -> bool {
    use RangeKind::{Chunk, None, Repeat, Restart, Resume, Scatter, Tile, Whole};
    base == kind
        || match base {
            None | Whole => kind == Restart,
            Resume => matches!(kind, Chunk | Repeat | Tile | Scatter),
            Tile | Scatter => matches!(kind, Repeat | Resume),
            _ => false,
        }
}

#[test]
fn whatever_comes_in_whatever_order_a_kind_becomes_only_what_it_may() {
    bolero::check!()
        .with_type::<Vec<(u8, u8, u8, u8)>>()
        .for_each(|asks| {
            let mut history = History::with_room(200);
            let mut records = Vec::new();
            for (n, (at, start, length, how)) in asks.iter().take(120).enumerate() {
                let start = u64::from(*start % 8) << (10 + how % 12);
                let range = match length % 5 {
                    0 => std::option::Option::None,
                    1 | 2 => Some(format!("{start}-")),
                    3 => Some(format!("{start}-{}", start + 1023)),
                    _ => Some(format!("{start}-{}", (1u64 << 32) - 1)),
                };
                let outcomes = [Outcome::NotObserved, Outcome::Completed, Outcome::ClientClosed];
                let mut record = ask(u64::from(*at) * 977, range.as_deref());
                record.id = RecordId::from_parts(record.id.time_ms(), 7, n as u32);
                record.outcome = outcomes[usize::from(how % 3)];
                let record = of(u64::from(how % 2), record);
                let base = record.range.kind;
                assert!(may_become(base, history.take(&record).kind));
                records.push(record);
            }
            for record in &records {
                let kind = history.recall(record).kind;
                assert!(
                    may_become(record.range.kind, kind),
                    "{:?} became {kind:?}",
                    record.range
                );
                let mut refined = record.clone();
                refined.range.kind = kind;
                assert_eq!(refined.range.without_history(refined.size), record.range.kind);
            }
        });
}

/// A fetch of exactly two chunks, with the times that a log has: of the request, of its end, or rounded to seconds.
#[test]
fn two_chunks_are_a_parallel_fetch_in_whatever_order_they_come() {
    let mib = 1u64 << 20;
    for (size, second, first_ms, second_ms) in [
        (12 * mib, 8 * mib, 0, 0),
        (12 * mib, 8 * mib, 0, 3),
        (16 * mib, 8 * mib, 3, 0),
        (9 * mib, 8 * mib, 4_000, 1_000),
        (9 * mib, 8 * mib, 1_000, 4_000),
        (30 * mib, 16 * mib, 0, 20_000),
        (3 * mib / 2, mib, 0, 1_000),
    ] {
        // Two pulls of two hosts behind one address, a minute apart.
        let mut records = Vec::new();
        for pull in 0..2u32 {
            let at = u64::from(pull) * 70_000;
            let parts = [("0-".to_owned(), first_ms), (format!("{second}-"), second_ms)];
            for (n, (range, ms)) in (0..).zip(parts) {
                let mut record = ask(at + ms, Some(&range));
                record.id = RecordId::from_parts(record.id.time_ms(), 7, pull * 2 + n);
                record.size = Some(size);
                records.push(record);
            }
        }
        for order in [[0, 1, 2, 3], [1, 0, 3, 2], [3, 2, 1, 0]] {
            let judged = judged(&records, &order);
            let kinds: Vec<RangeKind> = [1, 3].map(|place: usize| judged[place].kind).to_vec();
            assert_eq!(
                kinds,
                [RangeKind::Chunk; 2],
                "{size} {first_ms} {second_ms} {order:?}"
            );
        }
    }
}

#[test]
fn what_is_no_fetch_of_two_chunks_stays_a_resume() {
    let mib = 1u64 << 20;
    #[track_caller]
    fn case(size: u64, start: u64, later_ms: u64, why: &str) {
        let record = |at, range: &str| Record {
            size: Some(size),
            ..ask(at, Some(range))
        };
        let records = [record(0, "0-"), record(later_ms, &format!("{start}-"))];
        assert_eq!(judged(&records, &[0, 1])[1].kind, RangeKind::Resume, "{why}");
    }
    case(40 * mib, 8 * mib, 1_000, "a third chunk is missing");
    case(12 * mib, 8 * mib + 17, 1_000, "clients stop anywhere");
    case(12 * mib, 8 * mib, 120_000, "too late to be of the same fetch");
}

#[test]
fn a_chunk_that_is_asked_for_again_in_one_pull_is_no_progress() {
    let mib = 1u64 << 20;
    let record = |at, range: &str| Record {
        size: Some(12 * mib),
        ..ask(at, Some(range))
    };
    let records = [record(0, "0-"), record(1, "8388608-"), record(70_000, "8388608-")];
    assert_eq!(judged(&records, &[0, 1, 2])[2].kind, RangeKind::Repeat);
}

#[test]
fn what_three_clients_of_a_build_do_is_known_of_the_fourth() {
    let mut history = History::default();
    let build = |client, record: Record| Record {
        fingerprint: "bw1-chunks".to_owned(),
        digest: format!("sha256:{client:064}"),
        ..of(client, record)
    };
    for client in 1..=3 {
        for (n, start) in ["0-", "8388608-", "16777216-"].into_iter().enumerate() {
            history.take(&build(client, ask(n as u64 * 2, Some(start))));
        }
    }
    history.take(&build(4, ask(5000, Some("0-"))));
    assert_eq!(
        history.take(&build(4, ask(5900, Some("8388608-")))).kind,
        RangeKind::Chunk
    );
    let other = |record: Record| Record {
        fingerprint: "bw1-other".to_owned(),
        ..build(5, record)
    };
    history.take(&other(ask(5000, Some("0-"))));
    assert_eq!(
        history.take(&other(ask(5900, Some("8388608-")))).kind,
        RangeKind::Resume
    );
}

/// ollama: sixteen parts of a large blob at a time, each cut after a while.
#[test]
fn parts_that_are_cut_and_asked_for_again_are_repeats() {
    let part = 268_000_000u64;
    let mut records = Vec::new();
    for (round, at) in [0u64, 1_000, 3_000, 7_000].into_iter().enumerate() {
        for n in 0..16u64 {
            let range = format!("{}-{}", n * part, (n + 1) * part - 1);
            let mut record = ask(at, Some(&range));
            record.id = RecordId::from_parts(record.id.time_ms(), 7, (round * 16) as u32 + n as u32);
            record.size = Some(16 * part);
            record.outcome = Outcome::ClientClosed;
            records.push(record);
        }
    }
    let mut history = History::default();
    let kinds: Vec<RangeKind> = records.iter().map(|record| history.take(record).kind).collect();
    let (first, again) = kinds.split_at(16);
    assert!(!first.contains(&RangeKind::Repeat), "{first:?}");
    assert!(again.iter().all(|kind| *kind == RangeKind::Repeat), "{again:?}");
    let whole = records.into_iter().map(|record| Record {
        outcome: Outcome::Completed,
        ..record
    });
    let mut history = History::default();
    assert!(
        whole
            .take(32)
            .all(|record| history.take(&record).kind != RangeKind::Repeat),
        "hosts behind one address take the same parts"
    );
}

fn redirected_at(at_ms: u64) -> Record {
    Record {
        status: 307,
        ..ask(at_ms, None)
    }
}

#[test]
fn a_redirect_that_leads_nowhere_is_asked_for_again_and_again() {
    let unreached = |records: &[Record]| -> Vec<bool> {
        let order: Vec<usize> = (0..records.len()).collect();
        judged(records, &order)
            .iter()
            .map(|judged| judged.unreached)
            .collect()
    };
    let lost = [0, 5_000, 15_000, 45_000].map(redirected_at);
    assert_eq!(unreached(&lost), [false, false, true, true]);
    let late = [0, 200_000, 400_000].map(redirected_at);
    assert_eq!(unreached(&late), [false; 3], "a job that pulls again");
    let arrived = [
        redirected_at(0),
        ask(50, None),
        redirected_at(9_000),
        ask(9_050, None),
        redirected_at(18_000),
    ];
    assert_eq!(
        unreached(&arrived),
        [false; 5],
        "where we stand at the target too"
    );
}

#[test]
fn a_blob_that_arrives_and_is_asked_for_again_and_again_is_suspect() {
    let suspect = |outcomes: &[Outcome]| -> Vec<bool> {
        let record = |(n, outcome): (usize, &Outcome)| Record {
            outcome: *outcome,
            ..ask(n as u64 * 6_000, None)
        };
        let records: Vec<Record> = outcomes.iter().enumerate().map(record).collect();
        let order: Vec<usize> = (0..records.len()).collect();
        judged(&records, &order)
            .iter()
            .map(|judged| judged.suspect)
            .collect()
    };
    assert_eq!(
        suspect(&[Outcome::Completed; 5]),
        [false, false, true, true, true]
    );
    assert_eq!(suspect(&[Outcome::NotObserved; 4]), [false; 4]);
    let cut = [
        Outcome::Completed,
        Outcome::ClientClosed,
        Outcome::Completed,
        Outcome::Completed,
    ];
    assert_eq!(suspect(&cut), [false; 4]);
}

#[test]
fn a_restart_says_what_became_of_the_body_before() {
    for (outcome, again) in [
        (Outcome::Completed, Again::AfterAWhole),
        (Outcome::ClientClosed, Again::AfterACut),
        (Outcome::OriginFailed, Again::AfterACut),
        (Outcome::NotObserved, Again::Unknown),
    ] {
        let records = [
            Record {
                outcome,
                ..ask(0, None)
            },
            ask(60_000, None),
        ];
        assert_eq!(judged(&records, &[0, 1])[1].again, again, "{outcome:?}");
    }
}

#[test]
fn whoever_has_all_of_a_blob_and_asks_again_loops() {
    let behind = |at_ms, start: u64| {
        let mut record = ask(at_ms, Some(&format!("{start}-")));
        (record.status, record.size, record.range.honoured) = (416, Some(1 << 32), None);
        record
    };
    let end = 1 << 32;
    let looped = |records: &[Record], order: &[usize]| -> Vec<bool> {
        judged(records, order)
            .iter()
            .map(|judged| judged.looped)
            .collect()
    };
    let records = [behind(0, end), behind(2_000, end), behind(4_000, end)];
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        assert_eq!(
            looped(&records, &order),
            [false, true, false],
            "once, however often it goes round"
        );
    }
    let hourly = [behind(0, end), behind(3_600_000, end)];
    assert_eq!(
        looped(&hourly, &[0, 1]),
        [false, false],
        "a job that finds its file complete"
    );
    let inside = [behind(0, 777), behind(2_000, 777)];
    assert_eq!(looped(&inside, &[0, 1]), [false, false], "a refused range");
}

#[test]
fn a_challenge_is_unanswered_after_a_minute_without_success() {
    let challenged = |client, at_ms| {
        let mut record = of(client, ask(at_ms, None));
        record.status = 401;
        record
    };
    let mut challenges = Challenges::default();
    let records = [
        challenged(1, 0),
        challenged(2, 0),
        challenged(1, 10_000),
        of(2, ask(30_000, None)),
        of(3, ask(30_000, None)),
        challenged(3, 31_000),
    ];
    for record in &records {
        challenges.see(record, || record.client);
    }
    let began = records[0].id.time_ms();
    let due = |after: u64, until: u64| -> Vec<u64> {
        let kept = challenges.unanswered(began + after, began + until);
        kept.map(|(_, client)| client.0).collect()
    };
    assert_eq!(due(0, 64_999), Vec::<u64>::new());
    assert_eq!(due(0, 65_000), [1], "once, however often it is asked for");
    assert_eq!(due(65_000, 120_000), [3], "what came before does not answer it");
}

#[test]
fn challenges_are_bounded_and_no_client_takes_all_the_room() {
    let mut challenges = Challenges::default();
    let challenge = |client, n: u64| {
        let mut record = of(client, ask(n, None));
        (record.status, record.digest) = (401, format!("sha256:{n}"));
        record
    };
    challenges.see(&challenge(7, 0), || "quiet");
    for n in 0..10_000 {
        challenges.see(&challenge(1, n), || "loud");
    }
    assert!(challenges.len() <= 10);
    for n in 0..20_000 {
        challenges.see(&challenge(n, n), || "many");
    }
    assert!(challenges.len() <= 4096);
    challenges.forget(u64::MAX);
    assert!(challenges.is_empty());
}
