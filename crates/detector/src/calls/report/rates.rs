//! How the rate of an anomaly went, in its cohort and elsewhere: what a report draws.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::SharedDetector;
use super::super::counts::CountsQuery;
use crate::{Anomaly, AnomalyKind, Rollup};
use blobwatch_records::CellCounts;
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::Problem;

/// What is drawn before the onset: what is usual.
const BEFORE_MS: u64 = 3_600_000;

/// Points of a line; more would be closer than a pixel.
const MAX_POINTS: u64 = 240;

/// Trials and events of a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateCounts {
    pub trials: u64,
    pub events: u64,
}

/// Counts from one time on, until the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatePoint {
    pub time_ms: u64,
    pub cohort: RateCounts,
    pub others: RateCounts,
}

/// Points a step apart, oldest first; a time in which nothing was asked has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    pub step_ms: u64,
    pub points: Vec<RatePoint>,
}

/// From an hour before the onset until it closed; nothing where the guard judged clients and no counts were tested.
pub(in crate::calls) async fn rates<S: Sql>(
    shared: &impl SharedDetector<S>,
    anomaly: &Anomaly,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<Rates, Problem> {
    let kind = anomaly.kind();
    if kind == AnomalyKind::RuleHarm {
        return Ok(Rates::default());
    }
    let since_ms = anomaly.onset_ms.saturating_sub(BEFORE_MS);
    let asked = CountsQuery::between(since_ms, anomaly.closed_ms.unwrap_or(now_ms));
    let unit_ms = asked.unit_s() * 1_000;
    let step_ms = unit_ms * asked.span_ms().div_ceil(unit_ms).div_ceil(MAX_POINTS).max(1);
    let mut sums: BTreeMap<u64, [CellCounts; 2]> = BTreeMap::new();
    let add = |part: &Rollup| {
        let sums = sums.entry(part.minute * 60_000 / step_ms * step_ms).or_default();
        let [cohort, others] = sums;
        for (key, counts) in &part.cells {
            let side = if anomaly.cohort.holds(key) {
                &mut *cohort
            } else {
                &mut *others
            };
            side.add(counts);
        }
    };
    asked.each_part(shared, pace, add).await?;
    let point = |(time_ms, [cohort, others]): (u64, [CellCounts; 2])| RatePoint {
        time_ms,
        cohort: counted(kind, &cohort),
        others: counted(kind, &others),
    };
    Ok(Rates {
        step_ms,
        points: sums.into_iter().map(point).collect(),
    })
}

fn counted(kind: AnomalyKind, sums: &CellCounts) -> RateCounts {
    let counts = kind.counts(sums);
    RateCounts {
        trials: counts.trials,
        events: counts.events,
    }
}
