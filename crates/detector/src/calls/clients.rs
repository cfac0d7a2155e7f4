//! What the clients of an anomaly did, family by family: one fault breaks those that cannot go round it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::SharedDetector;
use super::counts::CountsQuery;
use crate::{Anomaly, Rollup};
use blobwatch_pull::Family;
use blobwatch_records::CellCounts;
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::Problem;

/// Counts of one family's clients while it went wrong, in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilyCounts {
    pub family: Family,
    /// What its rate is a share of.
    pub trials: u64,
    /// What rose.
    pub events: u64,
    /// Blobs begun again after their rest was refused.
    pub begun_again: u32,
}

/// Of everybody in the cohort, those with most events first; nobody where what rose is no share.
pub(super) async fn families<S: Sql>(
    shared: &impl SharedDetector<S>,
    anomaly: &Anomaly,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<Vec<FamilyCounts>, Problem> {
    let kind = anomaly.kind();
    if kind.event().is_none() {
        return Ok(Vec::new());
    }
    let asked = CountsQuery::between(anomaly.onset_ms, anomaly.closed_ms.unwrap_or(now_ms));
    let mut sums: BTreeMap<Family, CellCounts> = BTreeMap::new();
    let add = |part: &Rollup| {
        for (key, counts) in &part.cells {
            if anomaly.cohort.holds(key) {
                sums.entry(key.family).or_default().add(counts);
            }
        }
    };
    asked.each_part(shared, pace, add).await?;
    let counted = sums.into_iter().map(|(family, sums)| {
        let counts = kind.counts(&sums);
        FamilyCounts {
            family,
            trials: counts.trials,
            events: counts.events,
            begun_again: sums.begun_again,
        }
    });
    let mut families: Vec<FamilyCounts> = counted.filter(|counted| counted.trials > 0).collect();
    families.sort_by_key(|counted| std::cmp::Reverse((counted.events, counted.trials)));
    Ok(families)
}
