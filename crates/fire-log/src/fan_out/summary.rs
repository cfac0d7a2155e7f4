//! The summary of all FireLogs, joined as its parts come: memory stays that of one summary.

use std::cell::RefCell;

use serde::Serialize;

use super::{FireLogs, Gathered, Notes, waves};
use crate::query::{Kind, Summary, SummaryQuery};
use crate::{BEFORE, KIND, SummaryCall};
use blobwatch_wire::{Problem, rfc3339};

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "{T}"))]
pub(crate) struct Counted<T> {
    #[serde(flatten)]
    counts: T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
    #[serde(flatten)]
    notes: Notes,
}

#[cfg(feature = "schema")]
pub(crate) type SummaryAnswer = Counted<crate::query::SummaryCounts>;

/// What all FireLogs count. One that stops answering has counted as far as it came.
pub async fn summarise_all(
    fire_logs: &impl FireLogs,
    names: &[String],
    kind: Kind,
    pairs: &[(String, String)],
    query: &SummaryQuery,
    notes: Notes,
) -> impl Serialize {
    let pairs = asked(kind, pairs, query);
    let summary = RefCell::new(Summary::default());
    let counted = waves::each(fire_logs, names, |name| count(fire_logs, name, &pairs, &summary));
    let gathered = Gathered::of(names, counted.await);
    Counted {
        counts: summary.into_inner().finish(&query.by, query.limit),
        incomplete: gathered.incomplete,
        notes,
    }
}

/// The parameters of the API's call. Times such as `-15m` mean the same for every FireLog and every stretch.
pub(super) fn asked(kind: Kind, pairs: &[(String, String)], query: &SummaryQuery) -> Vec<(String, String)> {
    let mut asked = vec![(KIND.to_owned(), kind.name().to_owned())];
    for (name, value) in pairs {
        let at_ms = match name.as_str() {
            "since" => query.filter.since_ms,
            "until" => query.filter.until_ms,
            _ => None,
        };
        asked.push((name.clone(), at_ms.map_or_else(|| value.clone(), rfc3339)));
    }
    asked
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
        let mut part = fire_logs.ask(name, &SummaryCall(&asked)).await?;
        before = part.before.take();
        summary.borrow_mut().absorb(part);
        if before.is_none() {
            return Ok(());
        }
    }
}
