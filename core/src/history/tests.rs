//! Every client's trace, and the rules that no single trace shows.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::*;
use crate::cell::{Event, Tally};
use crate::range::Asked;
use crate::record::{Method, Outcome, sample};
use crate::settle::{Pending, Said};

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
        let asked = Asked::read(self.range.as_deref());
        let status = self
            .status
            .unwrap_or(if self.range.is_some() { 206 } else { 200 });
        let part = match &asked {
            Asked::One(range) if status == 206 => range.within(size),
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
                verdict: crate::rulebook::Action::None,
                ..sample::full()
            },
            asked,
            conditional: false,
        };
        pending.settle(&Said {
            status,
            content_range: self.content_range.as_deref().or(content_range.as_deref()),
            content_length: Some(part.map_or(size, |(first, last)| last - first + 1)),
            content_type: Some("multipart/byteranges; boundary=x"),
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
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/clients");
    let path = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().path();
    let named = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, read(&path))
    };
    std::fs::read_dir(folder).unwrap().map(path).map(named).collect()
}

/// What the records of a trace are in the end, when they come in this order.
fn judged(records: &[Record], order: &[usize]) -> Vec<Judged> {
    let mut history = History::default();
    for place in order {
        history.take(&records[*place]);
    }
    records.iter().map(|record| history.recall(record)).collect()
}

fn shown(records: &[Record], judged: &[Judged]) -> BTreeSet<Event> {
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
