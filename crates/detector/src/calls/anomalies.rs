//! Anomalies, newest first.

use serde::Serialize;
use serde_json::value::RawValue;

use super::acts::id_of;
use super::counts;
use super::coverage::{CoverageJson, coverage};
use super::saturation::{Saturated, saturation};
use crate::store::Detector;
use crate::{Anomaly, AnomalyKind, number};
use blobwatch_sql::Sql;
use blobwatch_wire::{MAX_LIMIT, Parameters, Place, Problem};

const DEFAULT_LIMIT: usize = 100;

/// Anomalies read at a time, and at most in one call: a year of them.
const PAGE: usize = 200;
const MAX_READ: usize = 5_000;

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "AnomalyList")
)]
pub(super) struct List {
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Vec<crate::anomaly::AnomalyJson<'static>>")
    )]
    items: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
    saturation: Vec<Saturated>,
    coverage: CoverageJson,
}

/// What is asked for.
struct Filter {
    is_open: Option<bool>,
    kind: Option<AnomalyKind>,
    route: Option<String>,
    since_ms: u64,
    until_ms: u64,
}

impl Filter {
    fn takes(&self, anomaly: &Anomaly) -> bool {
        let is_open = anomaly.closed_ms.is_none();
        self.is_open.is_none_or(|wanted| wanted == is_open)
            && self.kind.is_none_or(|kind| anomaly.kinds.contains(&kind))
            && self
                .route
                .as_deref()
                .is_none_or(|route| anomaly.cohort.may_hold("route", route))
            && anomaly.onset_ms < self.until_ms
            && anomaly.closed_ms.unwrap_or(u64::MAX) >= self.since_ms
    }
}

pub(super) fn list<S: Sql>(store: &Detector<S>, query: &str, now_ms: u64) -> Result<List, Problem> {
    let known = ["status", "kind", "route", "since", "until", "limit", "cursor"];
    let parameters = Parameters::parse(query, &known)?;
    let filter = Filter {
        is_open: parameters.get("status").map(read_status).transpose()?,
        kind: parameters.get("kind").map(read_kind).transpose()?,
        route: parameters.get("route").map(str::to_owned),
        since_ms: counts::time(&parameters, "since", now_ms)?.unwrap_or(0),
        until_ms: counts::time(&parameters, "until", now_ms)?.unwrap_or(u64::MAX),
    };
    let limit = counts::number(&parameters, "limit", 1..=MAX_LIMIT as u64)?.unwrap_or(DEFAULT_LIMIT as u64);
    let limit = usize::try_from(limit).unwrap_or(MAX_LIMIT);
    let mut before = match parameters.get("cursor") {
        None => u64::MAX,
        Some(text) => number(text).ok_or_else(bad_cursor)?,
    };
    let (mut found, mut read) = (Vec::new(), 0);
    loop {
        let page = store.anomalies(before, PAGE)?;
        let last = page.len() < PAGE;
        for anomaly in page {
            if found.len() == limit {
                return list_of(store, &found, true, now_ms);
            }
            read += 1;
            before = anomaly.id;
            if filter.takes(&anomaly) {
                found.push(anomaly);
            }
        }
        if last || read >= MAX_READ {
            return list_of(store, &found, false, now_ms);
        }
    }
}

fn list_of<S: Sql>(store: &Detector<S>, found: &[Anomaly], more: bool, now_ms: u64) -> Result<List, Problem> {
    let item = |anomaly: &Anomaly| {
        serde_json::value::to_raw_value(&anomaly.json()).map_err(|error| {
            Problem::new(
                500,
                "internal",
                "Internal error",
                format!("failed to read an anomaly: {error}"),
            )
        })
    };
    Ok(List {
        items: found.iter().map(item).collect::<Result<_, _>>()?,
        next_cursor: found.last().filter(|_| more).map(Anomaly::name),
        saturation: saturation(store),
        coverage: coverage(store, now_ms),
    })
}

pub(super) fn anomaly<S: Sql>(store: &Detector<S>, id: &str, query: &str) -> Result<Anomaly, Problem> {
    Parameters::parse(query, &[])?;
    let id = id_of(id)?;
    let found = store.anomaly(id)?;
    found.ok_or_else(|| Problem::not_found("anomaly of this id"))
}

pub(super) fn read_kind(name: &str) -> Result<AnomalyKind, Problem> {
    AnomalyKind::named(name).ok_or_else(|| {
        let names = AnomalyKind::ALL.map(AnomalyKind::as_str).join(", ");
        Problem::bad_parameter(Place::new(
            "query.kind",
            format!("expected one of {names}, found {name:?}"),
        ))
    })
}

fn read_status(name: &str) -> Result<bool, Problem> {
    match name {
        "open" => Ok(true),
        "closed" => Ok(false),
        _ => {
            let message = format!("expected open or closed, found {name:?}");
            Err(Problem::bad_parameter(Place::new("query.status", message)))
        }
    }
}

fn bad_cursor() -> Problem {
    let message = "expected the next_cursor of an earlier answer";
    Problem::bad_parameter(Place::new("query.cursor", message))
}
