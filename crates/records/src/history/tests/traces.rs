//! Every client's trace, as it was recorded and as a registry with redirects would see it.

use super::*;

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
        ("large starts", counts.large_starts),
        ("resumes", counts.resumes),
        ("large resumes", counts.large_resumes),
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
        let (mut direct, mut pairs) = (counted(&records), counted(&redirected(&records)));
        if trace.size < crate::LARGE_BYTES {
            // A redirect does not say that its blob is small.
            for counts in [&mut direct, &mut pairs] {
                counts.retain(|(what, _)| !what.starts_with("large"));
            }
        }
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
