//! What the Detector can see, and what it cannot: "no anomaly" says something only of what is judged.
//!
//! In scope: who sent requests lately, whether there is a past to compare them with, and whether they are enough for an anomaly.
//! Not in scope: the words (`calls::coverage`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::broad::Affected;
use super::kind::AnomalyKind;
use blobwatch_records::{Breadth, CellBatch, CellCounts};
use blobwatch_rulebook::AnomalyBreadth;

/// Routes that are told apart: as many as a rulebook has. With sketches of half a kilobyte and two sums of counts some 300 KB.
const MAX_ROUTES: usize = 256;

/// Half an hour: "the last hour" is the one that goes on and the one before.
const HALF_SLOTS: u64 = 180;

/// Everybody of one half hour.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Half {
    breadth: Breadth,
    counts: CellCounts,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Traffic {
    /// Number of the newest half hour with a request.
    newest: u64,
    halves: [Half; 2],
}

/// Who sent requests lately, by route.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct RecentTraffic {
    routes: BTreeMap<Arc<str>, Traffic>,
}

/// Whether a fault would open an anomaly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CoverageState {
    /// No request in the last hour.
    NoTraffic,
    /// There is no past to compare with yet.
    Learning,
    /// Fewer clients or networks than an anomaly needs.
    TooFewClients,
    Watching,
}

impl CoverageState {
    pub const ALL: [Self; 4] = [
        Self::NoTraffic,
        Self::Learning,
        Self::TooFewClients,
        Self::Watching,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoTraffic => "no_traffic",
            Self::Learning => "learning",
            Self::TooFewClients => "too_few_clients",
            Self::Watching => "watching",
        }
    }
}

/// Of everything together.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    pub state: CoverageState,
    /// While it learns, the slot from which it is tested.
    pub tested_from: Option<u64>,
    /// Who sent requests in the last hour; `None` where FireLogs of an older build do not say it.
    pub senders: Option<Affected>,
    pub least: AnomalyBreadth,
    pub missing: MissingTraffic,
    /// Kinds of which nothing was counted in the last hour that could show them.
    pub unseen: Vec<AnomalyKind>,
    /// Whether most starts were redirected and few were fetched where Blobwatch stands: the target has the rest of the story.
    pub is_redirected: bool,
    pub routes: Vec<RouteCoverage>,
}

/// Of one route.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteCoverage {
    pub route: String,
    pub state: CoverageState,
    pub senders: Option<Affected>,
    pub least: AnomalyBreadth,
    /// Blob starts that its past has, where it is not tested by itself yet.
    pub learned: Option<u64>,
}

/// Whether requests that vanish would be missed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingTraffic {
    Judged,
    /// This hour of the week was not seen before; from this slot on it was, if all goes well.
    Learning(u64),
    /// Fewer requests, or of fewer kinds of client, than can be told from chance.
    TooLittle,
}

impl RecentTraffic {
    pub(crate) fn take(&mut self, batch: &CellBatch) {
        let half = batch.slot / HALF_SLOTS;
        for of in &batch.routes {
            if let Some(now) = self.half(&of.route, half) {
                now.breadth.merge(&of.breadth);
            }
        }
        for cell in &batch.cells {
            if let Some(now) = self.half(&cell.key.route, half) {
                now.counts.add(&cell.counts);
            }
        }
    }

    fn half(&mut self, route: &Arc<str>, half: u64) -> Option<&mut Half> {
        if self.routes.len() >= MAX_ROUTES && !self.routes.contains_key(route) {
            let idle = self.routes.iter().min_by_key(|(_, traffic)| traffic.newest);
            let idle = idle.map(|(route, _)| Arc::clone(route))?;
            self.routes.remove(&idle);
        }
        Some(self.routes.entry(Arc::clone(route)).or_default().half(half))
    }

    /// Routes with requests in the last hour.
    pub(crate) fn lately(&self, slot: u64) -> impl Iterator<Item = (&str, Senders)> {
        let half = slot / HALF_SLOTS;
        let lately = self
            .routes
            .iter()
            .map(move |(route, traffic)| (&**route, traffic.lately(half)));
        lately.filter(|(_, senders)| senders.counts.requests > 0)
    }

    /// Whether any request ever came.
    pub(crate) fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }
}

impl Traffic {
    /// The half hour of that number, or the newest if it came after that.
    fn half(&mut self, half: u64) -> &mut Half {
        let [before, newest] = &mut self.halves;
        if half > self.newest {
            let last = std::mem::take(newest);
            *before = if half == self.newest + 1 {
                last
            } else {
                Half::default()
            };
            self.newest = half;
        }
        newest
    }

    fn lately(&self, half: u64) -> Senders {
        let [before, newest] = &self.halves;
        let mut senders = Senders::default();
        if self.newest + 1 >= half {
            senders.add(newest);
        }
        if self.newest >= half {
            senders.add(before);
        }
        senders
    }
}

/// Everybody of the last hour.
#[derive(Debug, Clone, Default)]
pub(crate) struct Senders {
    breadth: Breadth,
    pub(crate) counts: CellCounts,
}

impl Senders {
    fn add(&mut self, half: &Half) {
        self.breadth.merge(&half.breadth);
        self.counts.add(&half.counts);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.breadth.merge(&other.breadth);
        self.counts.add(&other.counts);
    }

    /// `None` where requests came and nobody says whose: of a FireLog of an older build.
    pub(crate) fn counted(&self) -> Option<Affected> {
        let is_untold = self.breadth.is_empty() && self.counts.requests > 0;
        (!is_untold).then(|| Affected::from(&self.breadth))
    }

    pub(crate) fn are_few(&self, least: AnomalyBreadth) -> bool {
        self.counted().is_some_and(|counted| {
            counted.clients < u64::from(least.clients) || counted.networks < u64::from(least.networks)
        })
    }

    /// Kinds of which nothing was counted that could show them.
    pub(crate) fn unseen(&self) -> Vec<AnomalyKind> {
        let is_unseen = |kind: &AnomalyKind| kind.counts(&self.counts).trials == 0;
        AnomalyKind::RATES.into_iter().filter(is_unseen).collect()
    }

    /// Whether most starts were redirected and hardly any was fetched at a target where Blobwatch stands.
    pub(crate) fn are_redirected(&self) -> bool {
        let CellCounts {
            starts, redirected, ..
        } = self.counts;
        let [_, fetched, ..] = self.counts.answered();
        redirected > starts / 2 && fetched < redirected / 2
    }
}
