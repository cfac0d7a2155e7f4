//! What is counted of the clients that a guarded rule fires on. Each client counts once in each number.

use serde::{Deserialize, Serialize};

use blobwatch_pull::Family;
use blobwatch_wire::visible;

/// Cohorts of one guard that are told apart; the others count as one. Client builds that one rule hits are a handful.
pub(crate) const MAX_COHORTS: usize = 24;

/// Records that show the harm, of one guard.
pub(crate) const MAX_EVIDENCE: usize = 8;

/// Clients of one kind under one guard: in the percentage (`enforced`) or not (`held_out`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Arm {
    /// Clients that could be told to pull cleanly or not.
    pub clients: u32,
    /// Of them, those that pull cleanly.
    pub healthy: u32,
    /// Clients that were let through and whose first minute is over.
    pub judged: u32,
    /// Of them, those with a pull that failed or got stuck in it.
    pub bad_clients: u32,
    /// Their pulls in that minute.
    pub pulls: u32,
    /// Of them, those that failed or got stuck.
    pub bad_pulls: u32,
}

/// Pulls of the last 24 hours, before they were counted, of the clients in the enforced arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Past {
    pub good: u32,
    pub bad: u32,
}

/// Both arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub enforced: Arm,
    pub held_out: Arm,
    pub past: Past,
}

/// Who is told apart: a client program on an operating system.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Cohort {
    /// `None`: all that found no room of their own.
    pub family: Option<Family>,
    /// Empty where the client does not say.
    pub os: String,
}

/// The counts of one cohort.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CohortCounts {
    #[serde(flatten)]
    pub cohort: Cohort,
    #[serde(flatten)]
    pub counts: Counts,
}

/// What one FireLog counted for one guard, from its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchReport {
    pub rule: String,
    pub route: String,
    /// Revision that the guard began with.
    pub guard: u64,
    /// At most `MAX_COHORTS` + 1.
    pub cohorts: Vec<CohortCounts>,
    /// Ids of records: clients that pull cleanly, denied. At most `MAX_EVIDENCE`.
    pub evidence: Vec<String>,
}

/// What a FireLog tells the RuleBook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the FireLog.
    pub source: String,
    pub watches: Vec<WatchReport>,
}

impl Arm {
    fn each(self, other: Self, both: fn(u32, u32) -> u32) -> Self {
        Self {
            clients: both(self.clients, other.clients),
            healthy: both(self.healthy, other.healthy),
            judged: both(self.judged, other.judged),
            bad_clients: both(self.bad_clients, other.bad_clients),
            pulls: both(self.pulls, other.pulls),
            bad_pulls: both(self.bad_pulls, other.bad_pulls),
        }
    }
}

impl Counts {
    fn each(self, other: Self, both: fn(u32, u32) -> u32) -> Self {
        Self {
            enforced: self.enforced.each(other.enforced, both),
            held_out: self.held_out.each(other.held_out, both),
            past: Past {
                good: both(self.past.good, other.past.good),
                bad: both(self.past.bad, other.past.bad),
            },
        }
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.each(other, u32::saturating_add)
    }

    /// What came since `before`; 0 where a count went back.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        self.each(before, u32::saturating_sub)
    }

    /// The larger of each.
    #[must_use]
    pub fn or_more(self, other: Self) -> Self {
        self.each(other, u32::max)
    }

    /// Clients of both arms that could be told, and those that pull cleanly.
    #[must_use]
    pub fn told(&self) -> (u32, u32) {
        (
            self.enforced.clients.saturating_add(self.held_out.clients),
            self.enforced.healthy.saturating_add(self.held_out.healthy),
        )
    }
}

/// Of all cohorts.
#[must_use]
pub(super) fn total(cohorts: &[CohortCounts]) -> Counts {
    cohorts
        .iter()
        .fold(Counts::default(), |sum, cohort| sum.plus(cohort.counts))
}

/// `docker on amzn2`.
impl std::fmt::Display for Cohort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.family, self.os.as_str()) {
            (None, _) => f.write_str("others"),
            (Some(family), "") => f.write_str(family.as_str()),
            (Some(family), os) => write!(f, "{} on {}", family.as_str(), visible(os)),
        }
    }
}
