//! The calls of the API that the Detector answers: anomalies, timelines, cohort tables, webhooks, metrics (docs/api.md).
//!
//! In scope: from a method, a path, a query and a body to an answer or a problem, whatever carries them. Not in scope:
//! HTTP and auth (`src/control_plane`, `auth`), and what an anomaly is (`detector`).

mod acted;
mod acts;
mod anomalies;
mod clients;
mod cohorts;
mod connections;
mod counts;
mod ingest;
mod coverage;
mod metrics;
mod packets;
mod plotted;
mod report;
mod saturation;
#[cfg(feature = "schema")]
mod schema;
mod series;
mod shares;
#[cfg(test)]
mod tests;
mod timeline;
mod usual;
mod webhooks;

use acted::Acted;
pub use acts::{act, is_act};
pub(crate) use clients::FamilyCounts;
pub(crate) use report::Rates;
pub use report::{Report, wanted_evidence};
#[cfg(feature = "schema")]
pub use schema::{add_answers, add_bodies};
pub use shares::{NewShare, NewShareItem, link_hash, share, shared_report};
pub(crate) use shares::{ShareItem, SharedReport};

use serde::{Deserialize, Serialize};

use crate::Anomaly;
use crate::packets::{PacketFinding, findings};
use crate::store::{Detector, Mark};
use crate::webhook::AllowedAddresses;
use blobwatch_pull::Record;
use blobwatch_rulebook::AnomalyBreadth;
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::{ApiReply, ApiRequest, Problem};

/// Whoever lends a Detector to calls that pause, for as long as something is read at once.
pub trait SharedDetector<S> {
    /// # Errors
    /// Those of `body`, or why there is no Detector to lend.
    fn read<T>(&self, body: impl FnOnce(&Detector<S>) -> Result<T, Problem>) -> Result<T, Problem>;
}

/// Of one caller.
impl<S> SharedDetector<S> for Detector<S> {
    fn read<T>(&self, body: impl FnOnce(&Self) -> Result<T, Problem>) -> Result<T, Problem> {
        body(self)
    }
}

/// Does a call; a webhook may have the addresses that are `allowed`. Calls that read counts do so in slices.
///
/// # Errors
/// A problem that names the place.
pub async fn answer<S: Sql>(
    shared: &impl SharedDetector<S>,
    call: &ApiRequest<'_>,
    allowed: AllowedAddresses,
    pace: &impl Pace,
) -> Result<ApiReply, Problem> {
    match (call.method, call.path) {
        ("GET", "timeline") => ApiReply::json(
            200,
            &timeline::answer(shared, call.query, call.now_ms, pace).await?,
        ),
        ("GET", "usual") => ApiReply::json(200, &usual::answer(shared, call.query, call.now_ms, pace).await?),
        ("GET", "cohorts") => ApiReply::json(
            200,
            &cohorts::answer(shared, call.query, call.now_ms, pace).await?,
        ),
        ("GET", "packets") => ApiReply::json(
            200,
            &packets::answer(shared, call.query, call.now_ms, pace).await?,
        ),
        _ => shared.read(|store| answer_at_once(store, call, allowed)),
    }
}

fn answer_at_once<S: Sql>(
    store: &Detector<S>,
    call: &ApiRequest<'_>,
    allowed: AllowedAddresses,
) -> Result<ApiReply, Problem> {
    let path: Vec<&str> = call.path.split('/').collect();
    match (call.method, path.as_slice()) {
        ("GET", ["anomalies"]) => ApiReply::json(200, &anomalies::list(store, call.query, call.now_ms)?),
        ("GET", ["anomalies", id]) => ApiReply::json(200, &anomalies::anomaly(store, id, call.query)?.json()),
        ("GET", ["anomalies", id, "shares"]) => {
            ApiReply::json(200, &shares::list(store, id, call.query, call.now_ms)?)
        }
        ("GET", ["ingest"]) => ApiReply::json(200, &ingest::list(store, call.query, call.now_ms)?),
        ("GET", ["metrics"]) => Ok(ApiReply {
            status: 200,
            media_type: "text/plain; version=0.0.4; charset=utf-8",
            body: metrics::text(store, call.now_ms)?,
            revision: None,
        }),
        (_, ["webhooks", ..]) => webhooks::answer(store, call, &path, allowed),
        ("GET", _) => Err(Problem::no_such_call()),
        _ => Err(Problem::method_not_allowed(call.method)),
    }
}

/// How long before an onset a change of a rule is told in a report.
const BEFORE_ONSET_MS: u64 = 30 * 60_000;

/// Changes that a timeline or a report shows, and as many other marks.
const MAX_MARKS: usize = 500;

/// What the Detector knows for a report.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReportFacts {
    pub anomaly: Anomaly,
    /// Those with most events first.
    pub families: Vec<FamilyCounts>,
    /// Changes of rules and routes from half an hour before the onset until it closed.
    #[serde(default)]
    pub marks: Vec<Mark>,
    /// How broad a fault must be now.
    #[serde(default)]
    pub breadth: AnomalyBreadth,
    /// What fired on the cohort, ours and other parties'.
    #[serde(default)]
    pub acted: Vec<Acted>,
    /// What packets that were dropped meanwhile have in common.
    #[serde(default)]
    pub packets: Vec<PacketFinding>,
    /// How its rate went.
    #[serde(default)]
    pub rates: Rates,
}

impl ReportFacts {
    /// The report, with records that show the anomaly.
    #[must_use]
    pub fn report<'a>(&'a self, records: &'a [Record], now_ms: u64) -> Report<'a> {
        Report {
            anomaly: &self.anomaly,
            families: &self.families,
            records,
            marks: &self.marks,
            breadth: self.breadth,
            acted: &self.acted,
            packets: &self.packets,
            rates: &self.rates,
            now_ms,
        }
    }
}

/// An anomaly by its name, for a report.
///
/// # Errors
/// 404 where there is none; when its counts cannot be read.
pub async fn report_facts<S: Sql>(
    shared: &impl SharedDetector<S>,
    id: &str,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<ReportFacts, Problem> {
    let anomaly = shared.read(|store| anomalies::anomaly(store, id, ""))?;
    let families = clients::families(shared, &anomaly, now_ms, pace).await?;
    let rates = report::rates(shared, &anomaly, now_ms, pace).await?;
    let since_ms = anomaly.onset_ms.saturating_sub(BEFORE_ONSET_MS);
    let until_ms = anomaly.closed_ms.unwrap_or(now_ms) + 1;
    let until_packets_ms = until_ms.min(since_ms + packets::MAX_MS);
    let sums = packets::sums(shared, since_ms, until_packets_ms, pace).await?;
    let packets = findings(&sums);
    let (marks, breadth, acted) = shared.read(|store| {
        let mut marks = store.change_marks(since_ms, until_ms, MAX_MARKS)?;
        let engine = store.engine();
        marks.extend(timeline::upstream_marks(engine, since_ms, until_ms));
        marks.extend(store.window_marks(since_ms, until_ms, acted::MAX_WINDOWS)?);
        let told = store.upstream_windows(since_ms, until_ms, MAX_MARKS)?;
        let mut acted = acted::acted(engine, &anomaly);
        acted.extend(acted::windows(&told, since_ms));
        Ok((marks, engine.breadth_of(&anomaly), acted))
    })?;
    Ok(ReportFacts {
        anomaly,
        families,
        marks,
        breadth,
        acted,
        packets,
        rates,
    })
}
