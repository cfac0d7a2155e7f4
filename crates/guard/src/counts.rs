//! What is counted of the clients that a guarded rule fires on. Each client counts once in each number.

use serde::{Deserialize, Serialize};

use super::system::OTHER;
use blobwatch_pull::{Family, NetworkKey};
use blobwatch_wire::visible;

/// Cohorts of one guard that are told apart; the others count as one. Client builds that one rule hits are a handful.
pub(crate) const MAX_COHORTS: usize = 24;

/// Records that show the harm, of one guard.
pub(crate) const MAX_EVIDENCE: usize = 8;

/// Networks of one cohort that are named, one list for each kind of harm: more than harm needs, so that it is found also
/// where no FireLog sees all of them.
pub(crate) const MAX_NETWORKS: usize = 8;

/// Networks of one guard whose clean clients are told one by one, by a FireLog and in all: those of whoever has few networks are
/// among them. Where more have clean clients, what is beyond is no work of his.
pub(crate) const MAX_TOLD: usize = 64;
pub(crate) const MAX_TOLD_IN_ALL: usize = 256;

/// Clients of one kind under one guard: in the percentage (`enforced`) or not (`held_out`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Arm {
    /// Clients that were denied, or let through for a minute.
    pub clients: u32,
    /// Of them, those that pulled cleanly before the rule was enforced.
    pub healthy: u32,
    /// Of them, those of which nothing is known from before.
    pub unknown: u32,
    /// Clients with a past that were let through and whose first minute is over; as the tests count them.
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

/// The clients of both arms as the tests count them: the first few of each network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sample {
    /// Clients with a past.
    pub known: u32,
    /// Of them, those that pulled cleanly before the rule was enforced.
    pub clean: u32,
    /// Clients without a past that were let through.
    pub new: u32,
    /// Of them, those whose first minute was clean.
    pub new_clean: u32,
}

/// Both arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    pub enforced: Arm,
    pub held_out: Arm,
    pub past: Past,
    /// Empty from a FireLog of an older build, which says nothing of networks: what it counted decides nothing.
    pub sample: Sample,
}

/// Who is told apart: a client program on an operating system.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ClientCohort")
)]
pub struct Cohort {
    /// One that is known, or `unknown`; `None`: all that found no room of their own.
    pub family: Option<Family>,
    /// A system that is known (`system`), or `other`; empty where the client does not say.
    pub os: String,
}

/// The counts of one cohort.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CohortCounts {
    #[serde(flatten)]
    pub cohort: Cohort,
    #[serde(flatten)]
    pub counts: Counts,
    /// Networks of the sample's clean clients, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clean_networks: Vec<NetworkKey>,
    /// How many of them are in each network, as far as there is room; none from a FireLog of an older build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clean_clients: Vec<(NetworkKey, u32)>,
    /// Networks of clients on which the rule acted and whose first minute went wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad_networks: Vec<NetworkKey>,
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
    /// Pasts for which this FireLog had no room since the guard began.
    #[serde(default)]
    pub evicted: u64,
}

/// What a FireLog tells the RuleBook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the FireLog.
    pub source: String,
    pub watches: Vec<WatchReport>,
}

impl Arm {
    /// Clients whose past is known.
    #[must_use]
    pub fn known(&self) -> u32 {
        self.clients.saturating_sub(self.unknown)
    }

    /// Of them, those that did not pull cleanly.
    #[must_use]
    pub fn unhealthy(&self) -> u32 {
        self.known().saturating_sub(self.healthy)
    }

    fn each(self, other: Self, both: fn(u32, u32) -> u32) -> Self {
        Self {
            clients: both(self.clients, other.clients),
            healthy: both(self.healthy, other.healthy),
            unknown: both(self.unknown, other.unknown),
            judged: both(self.judged, other.judged),
            bad_clients: both(self.bad_clients, other.bad_clients),
            pulls: both(self.pulls, other.pulls),
            bad_pulls: both(self.bad_pulls, other.bad_pulls),
        }
    }
}

impl Sample {
    fn each(self, other: Self, both: fn(u32, u32) -> u32) -> Self {
        Self {
            known: both(self.known, other.known),
            clean: both(self.clean, other.clean),
            new: both(self.new, other.new),
            new_clean: both(self.new_clean, other.new_clean),
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
            sample: self.sample.each(other.sample, both),
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

    /// Both arms together.
    #[must_use]
    pub fn both(&self) -> Arm {
        self.enforced.each(self.held_out, u32::saturating_add)
    }
}

impl CohortCounts {
    /// Nothing yet.
    #[must_use]
    pub(crate) fn of(cohort: Cohort) -> Self {
        Self {
            cohort,
            ..Self::default()
        }
    }

    /// One more clean client of a network; of one that was not told yet where there is room.
    pub(crate) fn count_clean(&mut self, network: NetworkKey, has_room: bool) {
        self.add_clean(network, 1, has_room);
    }

    fn add_clean(&mut self, network: NetworkKey, more: u32, has_room: bool) {
        match self.clean_clients.iter_mut().find(|(known, _)| *known == network) {
            Some((_, clients)) => *clients = clients.saturating_add(more),
            None if has_room => self.clean_clients.push((network, more)),
            None => {}
        }
    }

    /// What came since `before`, which the same FireLog told.
    pub(crate) fn since(&self, before: Option<&Self>) -> Self {
        let Some(before) = before else {
            return self.clone();
        };
        let of = |network: &NetworkKey| {
            let known = before.clean_clients.iter().find(|(known, _)| known == network);
            known.map_or(0, |(_, clients)| *clients)
        };
        let clean_clients = self.clean_clients.iter();
        let since = clean_clients.map(|(network, clients)| (*network, clients.saturating_sub(of(network))));
        Self {
            counts: self.counts.since(before.counts),
            clean_clients: since.filter(|(_, clients)| *clients > 0).collect(),
            ..self.clone()
        }
    }

    /// Adds what another FireLog, or a later report, counted of the same cohort; clean clients of so many networks that were not told
    /// yet.
    pub(crate) fn add(&mut self, news: Self, room: usize) {
        self.counts = self.counts.plus(news.counts);
        let most = self.clean_clients.len() + room;
        for (network, clients) in news.clean_clients {
            let has_room = self.clean_clients.len() < most;
            self.add_clean(network, clients, has_room);
        }
        (news.clean_networks.into_iter()).for_each(|network| note(&mut self.clean_networks, network));
        (news.bad_networks.into_iter()).for_each(|network| note(&mut self.bad_networks, network));
    }
}

/// Networks whose clean clients are told, of all cohorts.
pub(crate) fn told(cohorts: &[CohortCounts]) -> usize {
    cohorts.iter().map(|cohort| cohort.clean_clients.len()).sum()
}

/// Names a network, once, while there is room.
pub(crate) fn note(networks: &mut Vec<NetworkKey>, network: NetworkKey) {
    if networks.len() < MAX_NETWORKS && !networks.contains(&network) {
        networks.push(network);
    }
}

/// Of all cohorts.
#[must_use]
pub(super) fn total(cohorts: &[CohortCounts]) -> Counts {
    cohorts
        .iter()
        .fold(Counts::default(), |sum, cohort| sum.plus(cohort.counts))
}

impl Cohort {
    /// The system by which others know it; empty where there is none, or several.
    #[must_use]
    pub fn system(&self) -> &str {
        if self.os == OTHER { "" } else { &self.os }
    }
}

/// `docker on amzn2`.
impl std::fmt::Display for Cohort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.family, self.os.as_str()) {
            (None, _) => f.write_str("others"),
            (Some(family), "") => f.write_str(family.as_str()),
            (Some(family), OTHER) => write!(f, "{} on other systems", family.as_str()),
            (Some(family), os) => write!(f, "{} on {}", family.as_str(), visible(os)),
        }
    }
}
