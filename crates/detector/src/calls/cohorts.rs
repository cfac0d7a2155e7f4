//! Events against what was expected of them, by two attributes and by each one alone.
//!
//! Cells count by seven attributes. By the others, and of those alone that have some value of them, it is estimated from the
//! requests that are sampled of each minute.

mod counted;
mod sampled;

use serde::Serialize;

use super::SharedDetector;
use super::anomalies::read_kind;
use super::counts::{CountsQuery, FILTERS, one_of};
use super::saturation::{Saturated, saturation};
use crate::engine::{self, RatesOf};
use crate::normal::Rates;
use crate::{ATTRIBUTES, AnomalyKind};
use blobwatch_records::{CellKey, FURTHER, slot_of};
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::{Parameters, Place, Problem};
use counted::Counted;
use sampled::Sampled;

/// Unless `since` is given.
const DEFAULT_MS: u64 = 3_600_000;

/// Values of one axis: those with most events, then trials.
const MAX_VALUES: usize = 40;

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Cohorts {
    kind: AnomalyKind,
    x: Axis,
    y: Axis,
    cells: Vec<Cell>,
    attributes: Vec<Attribute>,
    saturation: Vec<Saturated>,
    /// What estimates are from; `null` if nothing was sampled in this time.
    sample: Option<Sample>,
}

/// A time of which requests were sampled, and how many.
#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "CohortSample")
)]
struct Sample {
    since: String,
    until: String,
    trials: Share,
    events: Share,
}

/// Requests that were sampled of all.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "CohortSampleShare")
)]
struct Share {
    sampled: u64,
    of: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Axis {
    attribute: &'static str,
    values: Vec<String>,
}

/// Places on both axes and what was counted there.
#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "CohortCell")
)]
struct Cell {
    x: usize,
    y: usize,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "CohortAttribute")
)]
struct Attribute {
    attribute: &'static str,
    values: Vec<Value>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "CohortValue")
)]
struct Value {
    value: String,
    #[serde(flatten)]
    sums: Sums,
    /// Events over what was expected.
    ratio: f64,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "CohortSums")
)]
struct Sums {
    trials: u64,
    events: u64,
    expected: f64,
    /// One standard error of `events`, if they are an estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    events_error: Option<f64>,
}

impl Sums {
    fn rounded(self) -> Self {
        Self {
            expected: rounded(self.expected),
            events_error: self.events_error.map(rounded),
            ..self
        }
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// An attribute's values with most events, with what was counted of each.
type Values = (&'static str, Vec<(String, Sums)>);

/// Who may be asked about: attributes of cells, then those that sampled requests have beside them.
fn attributes() -> Vec<&'static str> {
    ATTRIBUTES.into_iter().chain(FURTHER).collect()
}

/// What is asked.
struct Question {
    kind: AnomalyKind,
    asked: CountsQuery,
    axes: [&'static str; 2],
    /// By place in [`FURTHER`].
    further: Vec<(usize, Vec<String>)>,
}

impl Question {
    fn read(query: &str, now_ms: u64) -> Result<Self, Problem> {
        let names = FILTERS.into_iter().chain(FURTHER).chain(["kind", "x", "y"]);
        let parameters = Parameters::parse(query, &names.collect::<Vec<_>>())?;
        let kind = read_kind(parameters.get("kind").unwrap_or("resume_surge"))?;
        if !AnomalyKind::RATES.contains(&kind) {
            let names = AnomalyKind::RATES.map(AnomalyKind::as_str).join(", ");
            let message = format!("expected one of {names}");
            return Err(Problem::bad_parameter(Place::new("query.kind", message)));
        }
        let axis = |name: &str, default| {
            let chosen = parameters.get(name).unwrap_or(default);
            one_of(&attributes(), &format!("query.{name}"), chosen)
        };
        let further = FURTHER.into_iter().enumerate().filter_map(|(place, name)| {
            let text = parameters.get(name)?;
            // Signatures have commas.
            let values = match name {
                "tcp" => vec![text.to_owned()],
                _ => text.split(',').map(str::to_owned).collect(),
            };
            Some((place, values))
        });
        Ok(Self {
            kind,
            asked: CountsQuery::read(&parameters, now_ms, DEFAULT_MS)?,
            axes: [axis("x", "colo")?, axis("y", "os")?],
            further: further.collect(),
        })
    }

    /// Whether cells cannot answer it.
    fn is_sampled(&self) -> bool {
        !self.further.is_empty() || self.axes.iter().any(|axis| FURTHER.contains(axis))
    }
}

pub(crate) async fn answer<S: Sql>(
    shared: &impl SharedDetector<S>,
    query: &str,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<Cohorts, Problem> {
    let question = Question::read(query, now_ms)?;
    let rates = rates(shared, question.kind, question.asked.since_ms, pace).await?;
    let mut sampled = Sampled::read(shared, &question, &rates, pace).await?;
    let counted = Counted::read(shared, &question, sampled.since(), pace).await?;
    sampled.hold_against(counted.totals());
    let known = if question.is_sampled() {
        Vec::new()
    } else {
        counted.attributes(&rates, pace).await
    };
    let estimated = sampled.attributes(known.len());
    let attributes: Vec<Values> = known.into_iter().chain(estimated).collect();
    let [x, y] = question.axes.map(|axis| along(&attributes, axis));
    let cells = if question.is_sampled() {
        sampled.cells(&x, &y)
    } else {
        counted.cells(&x, &y, &rates, pace).await
    };
    Ok(Cohorts {
        kind: question.kind,
        cells,
        x,
        y,
        attributes: attributes.into_iter().map(attribute).collect(),
        saturation: shared.read(|store| Ok(saturation(store)))?,
        sample: sampled.sample(question.asked.until_ms),
    })
}

fn along(attributes: &[Values], name: &'static str) -> Axis {
    let of = attributes.iter().filter(|(attribute, _)| *attribute == name);
    let values = of.flat_map(|(_, values)| values.iter().map(|(value, _)| value.clone()));
    Axis {
        attribute: name,
        values: values.collect(),
    }
}

fn attribute((attribute, values): Values) -> Attribute {
    Attribute {
        attribute,
        values: values.into_iter().map(valued).collect(),
    }
}

fn valued((value, sums): (String, Sums)) -> Value {
    let ratio = sums.events as f64 / sums.expected.max(1e-6);
    Value {
        value,
        sums: sums.rounded(),
        ratio: rounded(ratio),
    }
}

/// Minutes that were not learned say nothing of what is expected: a young deployment has none before the window.
async fn rates<S: Sql>(
    shared: &impl SharedDetector<S>,
    kind: AnomalyKind,
    since_ms: u64,
    pace: &impl Pace,
) -> Result<Rates, Problem> {
    let rates = rates_of(shared, kind, RatesOf::Before(slot_of(since_ms)), pace).await?;
    if rates.are_known() {
        return Ok(rates);
    }
    rates_of(shared, kind, RatesOf::WhenWell, pace).await
}

async fn rates_of<S: Sql>(
    shared: &impl SharedDetector<S>,
    kind: AnomalyKind,
    of: RatesOf,
    pace: &impl Pace,
) -> Result<Rates, Problem> {
    let learned =
        |after: Option<&CellKey>| shared.read(|store| Ok(store.engine().normal().part(kind, after)));
    let recent = |from| shared.read(|store| Ok(store.engine().recent_part(kind, of, from)));
    engine::rates(learned, recent, pace).await
}
