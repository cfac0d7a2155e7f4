//! The rules that no single trace shows.

mod again;
mod challenges;
mod invented;
mod parts;
mod traces;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::*;
use crate::cell::{Event, Tally};
use blobwatch_pull::{Method, ObservedAnswer, Outcome, Pending, RequestedRange, sample};

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

/// What the records of a trace are in the end, when they come in this order.
fn judged(records: &[Record], order: &[usize]) -> Vec<Classification> {
    let mut history = History::default();
    for place in order {
        history.take(&records[*place]);
    }
    records.iter().map(|record| history.recall(record)).collect()
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

/// Of 250,000 addresses with a blob, a range, a program and a system each.
#[test]
fn whatever_is_remembered_is_bounded_when_everything_is_new() {
    let mut history = History::default();
    for n in 0..250_000 {
        let mut record = of(n, ask(n, Some(&format!("{n}-"))));
        record.digest = format!("sha256:{n:064x}");
        (record.os, record.version) = (format!("os{n}"), format!("1.{n}"));
        history.take(&record);
        history.paces.judge(&Record {
            outcome: Outcome::Completed,
            duration_ms: 900,
            ..record
        });
    }
    assert!(history.len() <= MAX_ASKS, "{}", history.len());
    assert!(history.chains.len() <= MAX_ASKS);
    assert!(history.take_evicted() > 250_000, "it is said");
    let sizes = [history.clients.size(), history.paces.size()];
    assert!(sizes[0] <= 65_536 && sizes[1] <= 4_096, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size > 1_000), "{sizes:?}");
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
