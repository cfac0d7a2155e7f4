//! What was counted so far: of one slice, of one FireLog, of all. Parts join in any order.

use serde::{Deserialize, Serialize};

use super::cells::Cells;
use super::sample::{Sample, Sighting};
use super::work::{CELLS, PAIRS, WHOLE_SLICE, each};
use blobwatch_pull::RecordId;
use blobwatch_rule_book::Healthy;
use blobwatch_sql::{Pace, Unpaced, at_once};
use blobwatch_wire::splitmix;

/// Records named as evidence.
const MAX_EVIDENCE: usize = 10;

/// A pull whose requests were answered.
pub(super) const ANSWERED: u8 = 1;
/// A pull that was resumed, repeated or begun again, cut short, or refused by the origin.
pub(super) const TROUBLED: u8 = 2;
/// A client of which the candidate matched a request.
pub(super) const HIT: u8 = 4;

/// Stands for the cell where it does not matter: no coarser table gives it another number.
const NO_CELL: u32 = u32::MAX;

/// Counts of requests are by weight.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Partial {
    /// On the route.
    pub(super) requests: u64,
    pub(super) matched: u64,
    /// Of the matched: would be decided by the candidate.
    pub(super) decided: u64,
    /// Of the matched: other enforced rules block or throttle them.
    pub(super) denied: u64,
    pub(super) bytes: u64,
    /// Records with another weight than 1.
    pub(super) weighted: u64,
    /// On the route, and only told of by another party; slices of earlier builds do not have it.
    #[serde(default)]
    pub(super) told: u64,
    pub(super) not_judged: u64,
    /// Names of what the records would have had to keep.
    pub(super) unknown: Vec<String>,
    pub(super) cells: Cells,
    /// Matched.
    pub(super) clients: Sample,
    pub(super) networks: Sample,
    pub(super) pulls: Sample,
    /// Of every client on the route, matched or not.
    pub(super) health: Sample,
    /// How each client on the route fared, and whether it was hit; slices of earlier builds do not have it.
    #[serde(default)]
    all_clients: Sample,
    /// A uniform choice of the matched: those whose mixed ids are smallest.
    evidence: Vec<(u64, String)>,
}

impl Partial {
    /// The cell of a client, and whether the numbers of the others have changed for it.
    pub(super) fn cell(&mut self, values: &[String]) -> (u32, bool) {
        let mut has_changed = false;
        loop {
            if let Some(place) = self.cells.place(values) {
                return (place, has_changed);
            }
            at_once(self.coarsen(self.cells.depth() - 1, &Unpaced)).unwrap_or_default();
            has_changed = true;
        }
    }

    async fn coarsen(&mut self, depth: usize, pace: &impl Pace) {
        if depth >= self.cells.depth() {
            return;
        }
        let to = self.cells.coarsen(depth);
        pace.spent(WHOLE_SLICE).await;
        for sample in self.samples() {
            sample.renumber(&to);
            pace.spent(WHOLE_SLICE).await;
        }
    }

    /// Those with the numbers of cells.
    fn samples(&mut self) -> [&mut Sample; 4] {
        [
            &mut self.clients,
            &mut self.networks,
            &mut self.pulls,
            &mut self.health,
        ]
    }

    /// What one more request says of a client.
    pub(super) fn fared(&mut self, client: u64, sighting: Sighting) {
        self.all_clients.insert(client, NO_CELL, sighting);
    }

    /// Clients all of whose pulls were answered and completed, and how many of them are hit.
    pub(super) async fn healthy_clients(&self, pace: &impl Pace) -> Healthy {
        let count = async |flags| {
            self.all_clients
                .count_where(|_, found| found == flags, pace)
                .await
        };
        let hit = count(ANSWERED | HIT).await;
        Healthy {
            clients: count(ANSWERED).await + hit,
            hit,
        }
    }

    pub(super) fn add_unknown(&mut self, field: &str) {
        if !self.unknown.iter().any(|known| known == field) {
            self.unknown.push(field.to_owned());
            self.unknown.sort();
        }
    }

    pub(super) fn add_evidence(&mut self, id: RecordId) {
        let rank = splitmix(id.0 as u64 ^ (id.0 >> 64) as u64);
        let is_full = self.evidence.len() >= MAX_EVIDENCE;
        if is_full && self.evidence.last().is_some_and(|(last, _)| *last <= rank) {
            return;
        }
        let at = self.evidence.partition_point(|(known, _)| *known < rank);
        self.evidence.insert(at, (rank, id.to_string()));
        self.evidence.truncate(MAX_EVIDENCE);
    }

    /// Record ids, oldest first.
    pub(super) fn evidence(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.evidence.iter().map(|(_, id)| id.clone()).collect();
        ids.sort();
        ids
    }

    /// Adds another part.
    pub async fn join(&mut self, mut other: Self, pace: &impl Pace) {
        self.requests += other.requests;
        self.matched += other.matched;
        self.decided += other.decided;
        self.denied += other.denied;
        self.bytes += other.bytes;
        self.weighted += other.weighted;
        self.told += other.told;
        self.not_judged += other.not_judged;
        other.unknown.iter().for_each(|field| self.add_unknown(field));
        self.join_cells(&mut other, pace).await;
        self.evidence.append(&mut other.evidence);
        self.evidence.sort();
        self.evidence.dedup();
        self.evidence.truncate(MAX_EVIDENCE);
    }

    async fn join_cells(&mut self, other: &mut Self, pace: &impl Pace) {
        self.cells.index(pace).await;
        let to = self.places_of(other, pace).await;
        each(
            to.iter().zip(other.cells.iter()),
            PAIRS,
            pace,
            |(place, (_, cell))| {
                if let Some(sum) = self.cells.get_mut(*place) {
                    sum.requests += cell.requests;
                    sum.matched += cell.matched;
                }
            },
        )
        .await;
        self.clients.join(&other.clients, &to, pace).await;
        self.networks.join(&other.networks, &to, pace).await;
        self.pulls.join(&other.pulls, &to, pace).await;
        self.health.join(&other.health, &to, pace).await;
        self.all_clients.join(&other.all_clients, &[], pace).await;
    }

    /// The number here of each of another part's cells, once both tell equally few attributes apart.
    async fn places_of(&mut self, other: &mut Self, pace: &impl Pace) -> Vec<u32> {
        loop {
            let depth = self.cells.depth().min(other.cells.depth());
            self.coarsen(depth, pace).await;
            other.coarsen(depth, pace).await;
            let mut to = Some(Vec::new());
            each(other.cells.iter(), CELLS, pace, |(key, _)| {
                let Some(places) = &mut to else { return };
                match self.cells.place(key) {
                    Some(place) => places.push(place),
                    None => to = None,
                }
            })
            .await;
            match to {
                Some(to) => return to,
                None => self.coarsen(depth - 1, pace).await,
            }
        }
    }
}
