//! Events against what was expected of them, by two attributes and by each one alone.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::SharedDetector;
use super::anomalies::read_kind;
use super::counts::{CountsQuery, FILTERS, attribute};
use super::saturation::{Saturated, saturation};
use crate::engine::{self, RatesOf};
use crate::key_table::KeyTable;
use crate::normal::{MAX_COMBINATIONS, Rates, combination};
use crate::{ATTRIBUTES, AnomalyKind, Rollup, value};
use blobwatch_records::{CellKey, slot_of};
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::{Parameters, Place, Problem};

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
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.trials += other.trials;
        self.events += other.events;
        self.expected += other.expected;
    }

    fn rounded(self) -> Self {
        Self {
            expected: (self.expected * 100.0).round() / 100.0,
            ..self
        }
    }
}

pub(crate) async fn answer<S: Sql>(
    shared: &impl SharedDetector<S>,
    query: &str,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<Cohorts, Problem> {
    let known: Vec<&str> = FILTERS.into_iter().chain(["kind", "x", "y"]).collect();
    let parameters = Parameters::parse(query, &known)?;
    let kind = read_kind(parameters.get("kind").unwrap_or("resume_surge"))?;
    if !AnomalyKind::RATES.contains(&kind) {
        let names = AnomalyKind::RATES.map(AnomalyKind::as_str).join(", ");
        let message = format!("expected one of {names}");
        return Err(Problem::bad_parameter(Place::new("query.kind", message)));
    }
    let axis = |name, default| attribute(&format!("query.{name}"), parameters.get(name).unwrap_or(default));
    let (x, y) = (axis("x", "colo")?, axis("y", "os")?);
    let asked = CountsQuery::read(&parameters, now_ms, DEFAULT_MS)?;
    let mut sums = sums(shared, &asked, kind, pace).await?;
    let rates = rates(shared, kind, asked.since_ms, pace).await?;
    for (key, sums) in sums.iter_mut() {
        sums.expected = sums.trials as f64 * rates.of(key);
        pace.spent(1).await;
    }
    let mut attributes = Vec::with_capacity(ATTRIBUTES.len());
    for attribute in ATTRIBUTES {
        let values = totals(&sums, attribute, pace).await;
        attributes.push((attribute, values));
    }
    let along = |attribute: &'static str| {
        let mut all = attributes.iter().filter(|(of, _)| *of == attribute);
        let values = all
            .next()
            .map(|(_, values)| values.as_slice())
            .unwrap_or_default();
        Axis {
            attribute,
            values: values.iter().map(|(value, _)| value.clone()).collect(),
        }
    };
    let (x, y) = (along(x), along(y));
    let attribute = |(attribute, values): (&'static str, Vec<(String, Sums)>)| Attribute {
        attribute,
        values: values.into_iter().map(valued).collect(),
    };
    Ok(Cohorts {
        kind,
        cells: cells(&sums, &x, &y, pace).await,
        x,
        y,
        attributes: attributes.into_iter().map(attribute).collect(),
        saturation: shared.read(|store| Ok(saturation(store)))?,
    })
}

/// What every combination counted, its rules left out. Where there are more than are told apart, those with the fewest trials
/// go.
async fn sums<S: Sql>(
    shared: &impl SharedDetector<S>,
    asked: &CountsQuery,
    kind: AnomalyKind,
    pace: &impl Pace,
) -> Result<KeyTable<Sums>, Problem> {
    let mut sums: KeyTable<Sums> = KeyTable::default();
    let add = |part: &Rollup| {
        for (key, counts) in asked.of(part) {
            let counts = kind.counts(counts);
            if counts.trials > 0 {
                let more = Sums {
                    trials: counts.trials,
                    events: counts.events,
                    expected: 0.0,
                };
                sums.add(combination(key), |sums| sums.add(more));
                if sums.len() > MAX_COMBINATIONS {
                    sums.drop_lightest(MAX_COMBINATIONS / 4, |sums| sums.trials);
                }
            }
        }
    };
    asked.each_part(shared, pace, add).await?;
    Ok(sums)
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

fn valued((value, sums): (String, Sums)) -> Value {
    let ratio = sums.events as f64 / sums.expected.max(1e-6);
    Value {
        value,
        sums: sums.rounded(),
        ratio: (ratio * 100.0).round() / 100.0,
    }
}

/// The values of an attribute with most events.
async fn totals(sums: &KeyTable<Sums>, attribute: &str, pace: &impl Pace) -> Vec<(String, Sums)> {
    let mut totals: BTreeMap<Cow<'_, str>, Sums> = BTreeMap::new();
    for (key, sums) in sums.iter() {
        let value = value(key, attribute).unwrap_or_default();
        totals.entry(value).or_default().add(*sums);
        pace.spent(1).await;
    }
    let mut totals: Vec<(Cow<'_, str>, Sums)> = totals.into_iter().collect();
    totals.sort_by_key(|(_, sums)| std::cmp::Reverse((sums.events, sums.trials)));
    let largest = totals.into_iter().take(MAX_VALUES);
    largest.map(|(value, sums)| (value.into_owned(), sums)).collect()
}

async fn cells(sums: &KeyTable<Sums>, x: &Axis, y: &Axis, pace: &impl Pace) -> Vec<Cell> {
    let mut cells: BTreeMap<(usize, usize), Sums> = BTreeMap::new();
    let place = |axis: &Axis, key: &CellKey| {
        let own = value(key, axis.attribute)?;
        axis.values.iter().position(|value| *value == own)
    };
    for (key, sums) in sums.iter() {
        if let (Some(x), Some(y)) = (place(x, key), place(y, key)) {
            cells.entry((x, y)).or_default().add(*sums);
        }
        pace.spent(1).await;
    }
    let cell = |((x, y), sums): ((usize, usize), Sums)| Cell {
        x,
        y,
        sums: sums.rounded(),
    };
    cells.into_iter().map(cell).collect()
}
