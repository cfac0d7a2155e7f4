//! What is different about a selection of requests: the cohorts that explain it, and each attribute's values in it and in the
//! rest. Every FireLog counts both; what they count is put together and searched here.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Serialize;

use super::{FireLogs, Gathered, waves};
use crate::query::{CompareQuery, Dimension, Summary, TABLES};
use crate::{BEFORE, CellsOfCall};
use blobwatch_detect::localize::{Cause, Cohort, CrossSection, Options, localize};
use blobwatch_wire::{Problem, percent, visible};

/// Values of one attribute: those that differ most.
const MAX_VALUES: usize = 12;

/// Cohorts that are named.
const MAX_COHORTS: usize = 8;

/// What `localize` calls a value that requests do not have.
const ABSENT: &str = "unknown";

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Comparison {
    /// Requests.
    selection: u64,
    rest: u64,
    cohorts: Vec<Explanation>,
    attributes: Vec<Attribute>,
    /// Requests of combinations for which there was no room; they are in no cohort and no attribute.
    other: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "DifferentCohort")
)]
struct Explanation {
    cohort: Vec<Literal>,
    /// Share of the selection that is in it, and of the rest.
    selection: f64,
    rest: f64,
    sentence: String,
    #[serde(skip)]
    score: f64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ComparedCohortPart")
)]
struct Literal {
    attribute: String,
    values: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    not: bool,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ComparedAttribute")
)]
struct Attribute {
    attribute: &'static str,
    /// Whether the selection was made by it.
    chosen: bool,
    /// Share of the selection that would have to have other values to look like the rest.
    difference: f64,
    values: Vec<Bar>,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ComparedValue")
)]
struct Bar {
    value: Option<String>,
    selection: f64,
    rest: f64,
}

/// Requests in the selection, and in all that it is part of.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    selected: u64,
    all: u64,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.selected += other.selected;
        self.all += other.all;
    }

    /// While a call runs requests come that only one of the counts has.
    fn rest(self) -> u64 {
        self.all.saturating_sub(self.selected)
    }

    /// Shares of the selection and of the rest.
    fn shares(self, of: Self) -> (f64, f64) {
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        (share(self.selected, of.selected), share(self.rest(), of.rest()))
    }
}

/// Counts by the values of one table.
type Cells = BTreeMap<Vec<Option<String>>, Sums>;

/// Compares what all FireLogs have. One that does not answer has counted as far as it came.
pub async fn compare_all(
    fire_logs: &impl FireLogs,
    names: &[String],
    query: &CompareQuery,
) -> impl Serialize {
    let [selected, all] = [&query.selection, &query.within].map(|_| RefCell::new(Summary::of_tables()));
    let (selected_of, all_of) = (&selected, &all);
    let counted = waves::each(fire_logs, names, async |name| {
        count(fire_logs, name, &query.selection, selected_of).await?;
        count(fire_logs, name, &query.within, all_of).await
    });
    let gathered = Gathered::of(names, counted.await);
    Comparison {
        incomplete: gathered.incomplete,
        ..compared(selected.into_inner(), all.into_inner(), &query.chosen)
    }
}

/// Everything that one FireLog counts, stretch by stretch.
async fn count(
    fire_logs: &impl FireLogs,
    name: &str,
    pairs: &[(String, String)],
    summary: &RefCell<Summary>,
) -> Result<(), Problem> {
    let mut before: Option<String> = None;
    loop {
        let mut asked: Vec<(&str, &str)> = before.iter().map(|id| (BEFORE, id.as_str())).collect();
        asked.extend(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let mut part = fire_logs.ask(name, &CellsOfCall(&asked)).await?;
        before = part.before.take();
        summary.borrow_mut().absorb(part);
        if before.is_none() {
            return Ok(());
        }
    }
}

fn compared(selected: Summary, all: Summary, chosen: &[Dimension]) -> Comparison {
    let (selection, selected, _) = selected.cells();
    let (within, all, other) = all.cells();
    let total = Sums {
        selected: selection,
        all: within.max(selection),
    };
    let mut tables: Vec<Cells> = TABLES.map(|_| Cells::new()).to_vec();
    for (cells, is_selected) in [(selected, true), (all, false)] {
        for (mut key, requests) in cells {
            let number: Option<usize> = key
                .first()
                .cloned()
                .flatten()
                .and_then(|first| first.parse().ok());
            if let Some(cells) = number.and_then(|number| tables.get_mut(number)) {
                key.remove(0);
                let sums = cells.entry(key).or_default();
                match is_selected {
                    true => sums.selected += requests,
                    false => sums.all += requests,
                }
            }
        }
    }
    let (mut cohorts, mut attributes) = (Vec::new(), Vec::new());
    for (cells, by) in tables.iter().zip(TABLES) {
        cohorts.extend(explanations(cells, by, chosen, total));
        let each = by.iter().enumerate();
        attributes.extend(each.map(|(place, of)| attribute(cells, place, *of, chosen.contains(of), total)));
    }
    cohorts.sort_by(|a, b| b.score.total_cmp(&a.score));
    cohorts.truncate(MAX_COHORTS);
    attributes.sort_by(|a, b| b.difference.total_cmp(&a.difference));
    Comparison {
        selection,
        rest: total.rest(),
        cohorts,
        attributes,
        other,
        incomplete: Vec::new(),
    }
}

/// What is in the selection more often than if it were drawn by chance, by the attributes that were not chosen.
fn explanations(cells: &Cells, by: &[Dimension], chosen: &[Dimension], total: Sums) -> Vec<Explanation> {
    // A request on which two rules fired is in two cells of their table: sums of them are no requests.
    let is_searched = |of: &&Dimension| !chosen.contains(of) && **of != Dimension::Rule;
    let names: Vec<&str> = by.iter().filter(is_searched).map(|of| of.name()).collect();
    let Ok(mut section) = CrossSection::new(&names) else {
        return Vec::new();
    };
    let share = total.selected as f64 / total.all.max(1) as f64;
    for (key, sums) in cells {
        let valued = by.iter().zip(key).filter(|(of, _)| is_searched(of));
        let values: Vec<&str> = valued
            .map(|(_, value)| value.as_deref().unwrap_or(ABSENT))
            .collect();
        // Refused only beyond 4,096 values of one attribute: what is left out then is small.
        let _ = section.push(&values, sums.selected as f64, sums.all as f64 * share);
    }
    let causes = localize(&section, &Options::default());
    causes
        .iter()
        .map(|cause| explanation(cause, cells, by, total))
        .collect()
}

fn explanation(cause: &Cause, cells: &Cells, by: &[Dimension], total: Sums) -> Explanation {
    let mut inside = Sums::default();
    for (key, sums) in cells {
        let value_of = |name: &str| {
            let place = by.iter().position(|of| of.name() == name);
            let value = place.and_then(|place| key.get(place)).and_then(Option::as_deref);
            value.unwrap_or(ABSENT)
        };
        if cause.cohort.contains(value_of) {
            inside.add(*sums);
        }
    }
    let (selection, rest) = inside.shares(total);
    let sentence = format!(
        "{}: {} of the selection, {} of the rest",
        cause.cohort,
        percent(selection),
        percent(rest)
    );
    Explanation {
        cohort: literals(&cause.cohort),
        selection,
        rest,
        sentence: visible(&sentence).into_owned(),
        score: cause.score,
    }
}

/// The shorter side of each.
fn literals(cohort: &Cohort) -> Vec<Literal> {
    let literal = |literal: &blobwatch_detect::localize::Literal| {
        let not = literal.others.len() < literal.values.len();
        Literal {
            attribute: literal.attribute.clone(),
            values: match not {
                true => literal.others.clone(),
                false => literal.values.clone(),
            },
            not,
        }
    };
    cohort.literals.iter().map(literal).collect()
}

fn attribute(cells: &Cells, place: usize, of: Dimension, chosen: bool, total: Sums) -> Attribute {
    let mut sums: BTreeMap<&Option<String>, Sums> = BTreeMap::new();
    for (key, more) in cells {
        if let Some(value) = key.get(place) {
            sums.entry(value).or_default().add(*more);
        }
    }
    let bar = |(value, sums): (&Option<String>, Sums)| {
        let (selection, rest) = sums.shares(total);
        Bar {
            value: value.clone(),
            selection,
            rest,
        }
    };
    let mut bars: Vec<Bar> = sums.into_iter().map(bar).collect();
    let apart = |bar: &Bar| (bar.selection - bar.rest).abs();
    let difference = bars.iter().map(apart).sum::<f64>() / 2.0;
    bars.sort_by(|a, b| apart(b).total_cmp(&apart(a)));
    bars.truncate(MAX_VALUES);
    bars.sort_by(|a, b| b.selection.total_cmp(&a.selection));
    Attribute {
        attribute: of.name(),
        chosen,
        difference,
        values: bars,
    }
}
