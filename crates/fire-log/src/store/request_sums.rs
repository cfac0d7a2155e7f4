//! What was asked and how it was answered, by route, added up for ever: counters and histograms for monitoring.
//!
//! They are counted when batches are merged, each record once by its weight and before a sample is taken, in the same transaction:
//! one row for each segment. Nothing of it costs the request path anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FireLog, FireLogError};
use blobwatch_pull::{Action, Family, Method, Outcome};
use blobwatch_records::{Block, Row, Treatment};
use blobwatch_sql::{Sql, SqlValue};

pub(super) const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS request_sums (one INTEGER PRIMARY KEY CHECK (one = 1), sums TEXT NOT NULL)";

/// Routes that are counted one by one: at most 2 KB of JSON each. Further ones are [`OTHER`].
pub(super) const MAX_ROUTES: usize = 64;

/// Routes for which there is no room, and programs that no list knows: whatever clients call themselves, there is one of it.
const OTHER: &str = "other";

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Milliseconds: answers of a cache take 5, and of a store in another region 500.
pub(crate) const HEADERS_MS: [u64; 12] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/// Milliseconds: a layer of 100 MiB takes some 10 s.
pub(crate) const DOWNLOAD_MS: [u64; 12] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000,
];

/// Bytes: manifests of images are below 10 KiB, layers up to some GiB.
pub(crate) const SIZE_BYTES: [u64; 11] = [
    KIB,
    16 * KIB,
    128 * KIB,
    MIB,
    4 * MIB,
    16 * MIB,
    64 * MIB,
    256 * MIB,
    1_024 * MIB,
    4_096 * MIB,
    16_384 * MIB,
];

/// How many values were at most as large as each bound, without those below the bound before; the last is above all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Histogram {
    pub counts: Vec<u64>,
    pub sum: u64,
}

/// The requests of one route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RequestSums {
    /// By range kind, as records say it.
    pub kinds: BTreeMap<String, u64>,
    pub families: BTreeMap<String, u64>,
    /// Milliseconds until headers, where bodies were not observed.
    pub headers_ms: Histogram,
    /// Milliseconds until observed bodies had arrived whole.
    pub downloads_ms: Histogram,
    /// Bytes that answers promised.
    pub sizes: Histogram,
}

impl Histogram {
    fn note(&mut self, bounds: &[u64], value: u64, weight: u64) {
        self.counts.resize(bounds.len() + 1, 0);
        let place = bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(place) {
            *count += weight;
        }
        self.sum = self.sum.saturating_add(value.saturating_mul(weight));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let length = self.counts.len().max(other.counts.len());
        self.counts.resize(length, 0);
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }
}

impl RequestSums {
    fn count(&mut self, treatment: &Treatment, row: &Row, family: Family, promised: Option<u64>) {
        let weight = u64::from(treatment.weight);
        add(&mut self.kinds, treatment.range.as_str(), weight);
        let name = if family.is_known() { family.as_str() } else { OTHER };
        add(&mut self.families, name, weight);
        let duration_ms = u64::from(row.duration_ms);
        match treatment.outcome {
            _ if !is_timed(treatment, row) => {}
            Outcome::NotObserved => self.headers_ms.note(&HEADERS_MS, duration_ms, weight),
            Outcome::Completed => self.downloads_ms.note(&DOWNLOAD_MS, duration_ms, weight),
            // How long somebody waited who went away says when he lost his patience.
            Outcome::ClientClosed | Outcome::OriginFailed => {}
        }
        let has_body = treatment.method == Method::Get && matches!(treatment.status, 200 | 206);
        if let Some(bytes) = promised.filter(|_| has_body) {
            self.sizes.note(&SIZE_BYTES, bytes, weight);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (into, from) in [
            (&mut self.kinds, &other.kinds),
            (&mut self.families, &other.families),
        ] {
            from.iter().for_each(|(name, count)| add(into, name, *count));
        }
        self.headers_ms.merge(&other.headers_ms);
        self.downloads_ms.merge(&other.downloads_ms);
        self.sizes.merge(&other.sizes);
    }
}

/// Answered by what is behind us, and with a time: who tells of requests that we did not see may leave it out.
fn is_timed(treatment: &Treatment, row: &Row) -> bool {
    let is_denied = matches!(treatment.verdict, Action::Block | Action::Throttle);
    !is_denied && treatment.status != 0 && !(treatment.told && row.duration_ms == 0)
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str, more: u64) {
    match counts.get_mut(name) {
        Some(count) => *count += more,
        None => drop(counts.insert(name.to_owned(), more)),
    }
}

/// Sums by route.
pub(crate) type SumsByRoute = BTreeMap<String, RequestSums>;

/// The sums of a route, or of the others where there is no room for one more.
fn sums_of<'s>(sums: &'s mut SumsByRoute, route: &str) -> &'s mut RequestSums {
    let has_room = sums.len() < MAX_ROUTES || sums.contains_key(route);
    sums.entry(if has_room { route } else { OTHER }.to_owned())
        .or_default()
}

/// Of one merge.
#[derive(Debug, Default)]
pub(super) struct RequestTally(SumsByRoute);

impl RequestTally {
    pub(super) fn count(&mut self, block: &Block) {
        for row in block.rows() {
            if let (Some(treatment), Some(agent)) = (block.treatment(row), block.agent(row)) {
                let sums = match self.0.contains_key(&*treatment.route) {
                    true => self.0.get_mut(&*treatment.route),
                    false => Some(sums_of(&mut self.0, &treatment.route)),
                };
                if let Some(sums) = sums {
                    sums.count(treatment, row, agent.family, block.promised(row));
                }
            }
        }
    }

    /// Adds it to the sums.
    pub(super) fn put(self, sql: &impl Sql) -> Result<(), FireLogError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut sums = read(sql)?;
        for (route, more) in &self.0 {
            sums_of(&mut sums, route).merge(more);
        }
        let text = serde_json::to_string(&sums).unwrap_or_else(|_| "{}".to_owned());
        sql.run(
            "INSERT OR REPLACE INTO request_sums (one, sums) VALUES (1, ?)",
            &[SqlValue::Text(text)],
        )?;
        Ok(())
    }
}

fn read(sql: &impl Sql) -> Result<SumsByRoute, FireLogError> {
    let rows = sql.run("SELECT sums FROM request_sums WHERE one = 1", &[])?;
    let Some(row) = rows.first() else {
        return Ok(SumsByRoute::new());
    };
    // Sums that cannot be read begin anew, as a counter may.
    Ok(serde_json::from_str(row.text(0, "request_sums.sums")?).unwrap_or_default())
}

impl<S: Sql> FireLog<S> {
    /// What was asked and how it was answered, by route, of the requests that were merged so far.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn request_sums(&self) -> Result<SumsByRoute, FireLogError> {
        read(&self.sql)
    }
}
