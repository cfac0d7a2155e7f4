//! Series for plots.

use serde::Serialize;

use super::counts::{CountsQuery, FILTERS, attribute, number};
use super::plotted::{Plot, all_series};
use super::series::Series;
use super::{MAX_MARKS, SharedDetector};
use crate::store::{Detector, Mark, MarkKind};
use crate::{Engine, Switch};
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::{Parameters, Place, Problem, rfc3339};

/// Unless `since` is given.
const DEFAULT_MS: u64 = 6 * 3_600_000;

/// Points of one series.
const MAX_POINTS: u64 = 2_000;

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Timeline {
    since: String,
    until: String,
    step_s: u64,
    /// Unix seconds at which each step begins.
    times: Vec<u64>,
    series: Vec<Series>,
    /// From when on `upstream` has all that was told; before it, only what never came to us. `null` before
    /// anything was counted.
    upstream_since: Option<String>,
    marks: Vec<Mark>,
    /// Empty: the Detector is one object and has everything that arrived.
    incomplete: Vec<String>,
}

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
        told_from: shared.read(|store| Ok(told_from(store.engine(), &asked)))?,
    };
    let upstream_since = plot.told_from.map(|minute| rfc3339(minute * 60_000));
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
        upstream_since,
        marks: shared.read(|store| marks(store, &asked))?,
        incomplete: Vec::new(),
    })
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

/// From which minute on other parties' rules are counted as they were told: a whole hour where hours are read.
fn told_from(engine: &Engine, asked: &CountsQuery) -> Option<u64> {
    let from = engine.upstream().complete_from(engine.ticked()?);
    let first = asked.since_ms / 60_000;
    Some(from.next_multiple_of(asked.unit_s() / 60).max(first))
}
