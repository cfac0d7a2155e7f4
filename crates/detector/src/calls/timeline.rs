//! Series for plots.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::counts::{CountsQuery, FILTERS, attribute, number};
use super::{MAX_MARKS, SharedDetector};
use crate::store::{Detector, Mark, MarkKind};
use crate::{Engine, Rollup, Switch, value};
use blobwatch_pull::{Origin, RangeKind};
use blobwatch_records::{CellCounts, CellKey};
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::{Parameters, Place, Problem, rfc3339};

/// Unless `since` is given.
const DEFAULT_MS: u64 = 6 * 3_600_000;

/// Points of one series.
const MAX_POINTS: u64 = 2_000;

/// Series by one attribute: those with most requests; the rest is one.
const MAX_SERIES: usize = 20;

/// Values that are given series while they are counted: at 2,000 points and some thirty numbers 30 MB.
const MAX_TRIED: usize = 64;

/// What the rest is called.
const REST: &str = "other";

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Timeline {
    since: String,
    until: String,
    step_s: u64,
    /// Unix seconds at which each step begins.
    times: Vec<u64>,
    series: Vec<Series>,
    marks: Vec<Mark>,
    /// Empty: the Detector is one object and has everything that arrived.
    incomplete: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Series {
    by: BTreeMap<&'static str, String>,
    requests: Vec<u64>,
    starts: Vec<u64>,
    kinds: Named,
    refused: Vec<u64>,
    denied: Vec<u64>,
    aborted: Vec<u64>,
    /// By class: `none`, `2xx` to `5xx`.
    answers: Named,
    /// By what a rule did: `block`, `throttle`, `detour`, `tag`, `allow`.
    acted: Named,
    /// What goes wrong, by its name.
    events: Named,
}

/// Series by name; one that is 0 throughout is absent.
type Named = BTreeMap<&'static str, Vec<u64>>;

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

pub(crate) async fn answer<S: Sql>(
    shared: &impl SharedDetector<S>,
    query: &str,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<Timeline, Problem> {
    let known: Vec<&str> = FILTERS.into_iter().chain(["step", "by"]).collect();
    let parameters = Parameters::parse(query, &known)?;
    let asked = CountsQuery::read(&parameters, now_ms, DEFAULT_MS)?;
    let unit_s = asked.unit_s();
    let step_s = number(&parameters, "step", 10..=86_400 * 7)?
        .unwrap_or(unit_s)
        .next_multiple_of(unit_s);
    let by = parameters
        .get("by")
        .map(|name| attribute("query.by", name))
        .transpose()?;
    let points = (asked.until_ms - asked.since_ms).div_ceil(step_s * 1000);
    if points > MAX_POINTS {
        let message =
            format!("expected a step that gives at most {MAX_POINTS} points; this one gives {points}");
        return Err(Problem::bad_parameter(Place::new("query.step", message)));
    }
    let plot = Plot {
        by,
        step_s,
        points: usize::try_from(points).unwrap_or(0),
        own: None,
    };
    let series = all_series(shared, &asked, plot, pace).await?;
    let (since, until) = (rfc3339(asked.since_ms), rfc3339(asked.until_ms));
    Ok(Timeline {
        times: (0..points)
            .map(|point| asked.since_ms / 1000 + point * step_s)
            .collect(),
        since,
        until,
        step_s,
        series,
        marks: shared.read(|store| marks(store, &asked))?,
        incomplete: Vec::new(),
    })
}

/// What is plotted.
struct Plot {
    by: Option<&'static str>,
    step_s: u64,
    points: usize,
    /// The values that have a series of their own; unless it is known which, all have one while they are few.
    own: Option<BTreeSet<String>>,
}

/// Series by value.
#[derive(Default)]
struct Plotted {
    series: BTreeMap<String, Series>,
    /// Values that had no room for a series.
    is_full: bool,
    /// Of every value.
    requests: BTreeMap<String, u64>,
}

/// Reads the counts once, and where there are many values once more, when it is known which have most requests.
async fn all_series<S: Sql>(
    shared: &impl SharedDetector<S>,
    asked: &CountsQuery,
    mut plot: Plot,
    pace: &impl Pace,
) -> Result<Vec<Series>, Problem> {
    let mut plotted = Plotted::default();
    asked
        .each_part(shared, pace, |part| plotted.take(asked, &plot, part))
        .await?;
    if plotted.is_full {
        plot.own = Some(plotted.largest());
        plotted = Plotted::default();
        asked
            .each_part(shared, pace, |part| plotted.take(asked, &plot, part))
            .await?;
    }
    if plot.by.is_none() {
        plotted.series_of(&plot, String::new());
    }
    Ok(largest(plotted.series, &plot))
}

impl Plotted {
    fn take(&mut self, asked: &CountsQuery, plot: &Plot, part: &Rollup) {
        let place = (part.minute * 60_000).saturating_sub(asked.since_ms) / (plot.step_s * 1000);
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        for (key, counts) in asked.of(part) {
            let name = plot.by.and_then(|by| value(key, by)).unwrap_or_default();
            if plot.by.is_some() && plot.own.is_none() {
                *self.requests.entry(name.clone().into_owned()).or_default() += u64::from(counts.requests);
            }
            if let Some(series) = self.series_of(plot, name.into_owned()) {
                series.add(place, counts, is_upstream(key));
            }
        }
        // What had no room has no attributes either: it is in the sum of everything.
        if plot.by.is_none()
            && asked.is_everything()
            && let Some(series) = self.series_of(plot, String::new())
        {
            series.add(place, &part.other, false);
        }
    }

    /// The series of a value; none where there is no room for one more.
    fn series_of(&mut self, plot: &Plot, name: String) -> Option<&mut Series> {
        let name = match &plot.own {
            Some(own) if !own.contains(&name) => REST.to_owned(),
            Some(_) => name,
            None if self.series.len() >= MAX_TRIED && !self.series.contains_key(&name) => {
                self.is_full = true;
                return None;
            }
            None => name,
        };
        let points = plot.points;
        Some(self.series.entry(name).or_insert_with(|| Series::new(points)))
    }

    /// The values with most requests.
    fn largest(&self) -> BTreeSet<String> {
        let of_clients = |(name, _): &(&String, &u64)| name.as_str() != REST;
        let mut values: Vec<(&String, &u64)> = self.requests.iter().filter(of_clients).collect();
        values.sort_by_key(|(_, requests)| std::cmp::Reverse(**requests));
        let largest = values.into_iter().take(MAX_SERIES - 1);
        largest.map(|(name, _)| name.clone()).collect()
    }
}

/// Anomalies and what is worth a note, and changes of the rulebook; oldest first.
fn marks<S: Sql>(store: &Detector<S>, asked: &CountsQuery) -> Result<Vec<Mark>, Problem> {
    let mut marks = store.change_marks(asked.since_ms, asked.until_ms, MAX_MARKS)?;
    marks.extend(upstream_marks(store.engine(), asked.since_ms, asked.until_ms));
    marks.extend(store.marks(asked.since_ms, asked.until_ms, MAX_MARKS)?);
    marks.extend(store.window_marks(asked.since_ms, asked.until_ms, MAX_MARKS)?);
    marks.sort_by(|a, b| a.time.cmp(&b.time));
    Ok(marks)
}

/// When other parties' rules began to act, by their own events.
pub(super) fn upstream_marks(engine: &Engine, since_ms: u64, until_ms: u64) -> Vec<Mark> {
    let switches = engine.upstream().switches();
    let within = switches.filter(|switch| (since_ms..until_ms).contains(&switch.time_ms));
    let mark = |switch: Switch| Mark {
        time: rfc3339(switch.time_ms),
        kind: MarkKind::Upstream,
        id: switch.rule.unwrap_or_default(),
        text: format!("upstream {}", switch.text),
    };
    within.map(mark).take(MAX_MARKS).collect()
}

/// Those with most requests, and the rest as one, which is the last.
fn largest(series: BTreeMap<String, Series>, plot: &Plot) -> Vec<Series> {
    let mut series: Vec<(String, Series)> = series.into_iter().collect();
    let is_rest = |name: &str| plot.own.as_ref().is_some_and(|own| !own.contains(name));
    series.sort_by_key(|(name, series)| {
        let requests = series.requests.iter().sum::<u64>();
        (is_rest(name), std::cmp::Reverse(requests))
    });
    let mut rest = Series::new(plot.points);
    if series.len() > MAX_SERIES {
        for (_, one) in series.split_off(MAX_SERIES - 1) {
            rest.merge(&one);
        }
        series.push((REST.to_owned(), rest));
    }
    let named = |(name, mut series): (String, Series)| {
        series.by = plot.by.map(|by| (by, name)).into_iter().collect();
        series
    };
    series.into_iter().map(named).collect()
}

impl Series {
    fn new(points: usize) -> Self {
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
            events: BTreeMap::new(),
        }
    }

    /// `is_upstream`: rules of other parties fired on them.
    fn add(&mut self, place: usize, counts: &CellCounts, is_upstream: bool) {
        let points = self.requests.len();
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
        let answers = CLASSES.into_iter().zip(counts.answered());
        for (named, all) in [
            (&mut self.kinds, kinds.to_vec()),
            (&mut self.answers, answers.collect()),
            (&mut self.acted, acted(counts).to_vec()),
            (&mut self.events, events(counts, is_upstream).to_vec()),
        ] {
            for (name, count) in all.into_iter().filter(|(_, count)| *count > 0) {
                let series = named.entry(name).or_insert_with(|| vec![0; points]);
                if let Some(point) = series.get_mut(place) {
                    *point += u64::from(count);
                }
            }
        }
    }

    fn merge(&mut self, other: &Self) {
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
            (&mut self.events, &other.events),
        ] {
            for (name, from) in other {
                let into = all.entry(name).or_insert_with(|| vec![0; from.len()]);
                add(into, from);
            }
        }
    }
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

/// Whether another party's rule fired on these requests, none of which reached us: see [`CellKey::of`].
fn is_upstream(key: &CellKey) -> bool {
    key.rules.iter().any(|rule| Origin::of(rule) == Origin::Upstream)
}

fn events(counts: &CellCounts, is_upstream: bool) -> [(&'static str, u32); 10] {
    let upstream = if is_upstream { counts.turned_away } else { 0 };
    [
        ("start_refused_upstream", upstream),
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
