//! What is counted over time, as numbers of each step by name.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::store::is_upstream;
use blobwatch_pull::RangeKind;
use blobwatch_records::{CellCounts, CellKey};

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Series {
    pub(super) by: BTreeMap<&'static str, String>,
    pub(super) requests: Vec<u64>,
    pub(super) starts: Vec<u64>,
    pub(super) kinds: NamedSeries,
    pub(super) refused: Vec<u64>,
    pub(super) denied: Vec<u64>,
    pub(super) aborted: Vec<u64>,
    /// By class: `none`, `2xx` to `5xx`.
    pub(super) answers: NamedSeries,
    /// By what a rule did: `block`, `throttle`, `detour`, `tag`, `allow`.
    pub(super) acted: NamedSeries,
    /// By what rules of other parties did, by their own events: `acted`, `logged`.
    pub(super) upstream: NamedSeries,
    /// What goes wrong, by its name.
    pub(super) events: NamedSeries,
}

/// Series by name; one that is 0 throughout is absent.
pub(super) type NamedSeries = BTreeMap<&'static str, Vec<u64>>;

const CLASSES: [&str; 5] = ["none", "2xx", "3xx", "4xx", "5xx"];

const KINDS: [RangeKind; 12] = [
    RangeKind::None,
    RangeKind::Whole,
    RangeKind::Probe,
    RangeKind::Tile,
    RangeKind::Chunk,
    RangeKind::Scatter,
    RangeKind::Multi,
    RangeKind::Suffix,
    RangeKind::Resume,
    RangeKind::Repeat,
    RangeKind::Restart,
    RangeKind::Invalid,
];

/// What cells of one time count.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) all: CellCounts,
    /// Blobs that rules of other parties refused.
    refused_upstream: u32,
    /// Of requests that other parties told of and that never came to us: those that were refused or not answered, and the others.
    pub(super) stopped: [u32; 2],
}

impl Sums {
    /// Of requests with no attributes.
    pub(super) fn of(all: CellCounts) -> Self {
        Self {
            all,
            ..Self::default()
        }
    }

    pub(super) fn take(&mut self, key: &CellKey, counts: &CellCounts) {
        self.all.add(counts);
        if is_upstream(key) {
            self.refused_upstream = self.refused_upstream.saturating_add(counts.turned_away);
            for (sum, more) in self.stopped.iter_mut().zip(stopped(counts)) {
                *sum = sum.saturating_add(more);
            }
        }
    }
}

impl Series {
    pub(super) fn new(points: usize) -> Self {
        Self {
            by: BTreeMap::new(),
            requests: vec![0; points],
            starts: vec![0; points],
            kinds: BTreeMap::new(),
            refused: vec![0; points],
            denied: vec![0; points],
            aborted: vec![0; points],
            answers: BTreeMap::new(),
            acted: BTreeMap::new(),
            upstream: BTreeMap::new(),
            events: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, place: usize, sums: &Sums) {
        let (points, counts) = (self.requests.len(), &sums.all);
        for (series, count) in [
            (&mut self.requests, counts.requests),
            (&mut self.starts, counts.starts),
            (&mut self.refused, counts.refused),
            (&mut self.denied, counts.denied),
            (&mut self.aborted, counts.aborted),
        ] {
            if let Some(point) = series.get_mut(place) {
                *point += u64::from(count);
            }
        }
        let kinds = KINDS.map(|kind| (kind.as_str(), counts.kind(kind)));
        note(&mut self.kinds, points, place, kinds);
        let answers = CLASSES.into_iter().zip(counts.answered());
        note(&mut self.answers, points, place, answers);
        note(&mut self.acted, points, place, acted(counts));
        note(&mut self.events, points, place, events(sums));
    }

    pub(super) fn tell(&mut self, place: usize, [acted, logged]: [u32; 2]) {
        let points = self.requests.len();
        let told = [("acted", acted), ("logged", logged)];
        note(&mut self.upstream, points, place, told);
    }

    /// Other numbers in the place of those of each name.
    pub(super) fn map(self, of: impl Fn(&[u64]) -> Vec<u64>) -> Self {
        let all = |named: NamedSeries| {
            named
                .into_iter()
                .map(|(name, counts)| (name, of(&counts)))
                .collect()
        };
        Self {
            by: self.by,
            requests: of(&self.requests),
            starts: of(&self.starts),
            kinds: all(self.kinds),
            refused: of(&self.refused),
            denied: of(&self.denied),
            aborted: of(&self.aborted),
            answers: all(self.answers),
            acted: all(self.acted),
            upstream: all(self.upstream),
            events: all(self.events),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let add = |into: &mut Vec<u64>, from: &[u64]| {
            for (into, from) in into.iter_mut().zip(from) {
                *into += from;
            }
        };
        add(&mut self.requests, &other.requests);
        add(&mut self.starts, &other.starts);
        add(&mut self.refused, &other.refused);
        add(&mut self.denied, &other.denied);
        add(&mut self.aborted, &other.aborted);
        for (all, other) in [
            (&mut self.kinds, &other.kinds),
            (&mut self.answers, &other.answers),
            (&mut self.acted, &other.acted),
            (&mut self.upstream, &other.upstream),
            (&mut self.events, &other.events),
        ] {
            for (name, from) in other {
                let into = all.entry(name).or_insert_with(|| vec![0; from.len()]);
                add(into, from);
            }
        }
    }
}

/// Adds to one step of the series of these names.
fn note(
    named: &mut NamedSeries,
    points: usize,
    place: usize,
    counts: impl IntoIterator<Item = (&'static str, u32)>,
) {
    for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        let series = named.entry(name).or_insert_with(|| vec![0; points]);
        if let Some(point) = series.get_mut(place) {
            *point += u64::from(count);
        }
    }
}

/// As [`Sums::stopped`].
fn stopped(counts: &CellCounts) -> [u32; 2] {
    let [none, _, _, client_error, server_error] = counts.answered();
    let acted = none.saturating_add(client_error).saturating_add(server_error);
    [acted, counts.requests.saturating_sub(acted)]
}

fn acted(counts: &CellCounts) -> [(&'static str, u32); 5] {
    [
        ("block", counts.blocked),
        ("throttle", counts.denied.saturating_sub(counts.blocked)),
        ("detour", counts.detoured),
        ("tag", counts.tagged),
        ("allow", counts.allowed),
    ]
}

fn events(sums: &Sums) -> [(&'static str, u32); 10] {
    let counts = &sums.all;
    [
        ("start_refused_upstream", sums.refused_upstream),
        ("start_failed", counts.failed),
        ("start_refused", counts.turned_away),
        ("target_unreached", counts.unreached),
        ("range_loop", counts.looped),
        ("slow", counts.slow),
        ("content_suspect", counts.suspect),
        ("restart_after_cut", counts.again_cut),
        ("restart_after_whole", counts.again_whole),
        ("multi_range_refused", counts.multi_refused),
    ]
}
