//! What a FireLog counts of the clients that guarded rules fire on.
//!
//! Each client counts once for a guard, in the arm that the percentage put it in. A denied client counts at once: its own
//! past is all that can be known of it. One that was let through counts after its first minute, which shows how its pulls
//! go, whatever its past: were the clean ones counted sooner, the first to be counted would all be clean.
//!
//! Names cost nothing, networks do: all clients are counted, and of each network the first few for the tests (`networks`).

use std::sync::Arc;

use super::counts::{Arm, Cohort, CohortCounts, Counts, MAX_COHORTS, MAX_EVIDENCE, WatchReport, note};
use super::health::{ByClient, Health, Standing, Who};
use super::networks::Networks;
use super::pull::Pull;
use super::system::system;
use blobwatch_pull::{Action, ClientKey, Fired, Mode, NetworkKey, Record};

/// Guards that one FireLog counts for: promotions that run at one time.
pub(crate) const MAX_WATCHES: usize = 64;

/// Clients of one guard in one FireLog, 30 bytes each and twice in memory: far more than a verdict needs, and when there are
/// more the first ones say enough.
pub(crate) const MAX_WATCHED: usize = 8_192;

/// A client that was let through is judged by its first minute. Docker tries again after 5 s, containerd at once.
pub const WINDOW_MS: u64 = 60_000;

/// An enforcement that a guard watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarded {
    pub rule: Arc<str>,
    pub route: Arc<str>,
    /// Revision that the guard began with.
    pub guard: u64,
    /// Of the rule.
    pub version: u32,
}

/// The counts of one FireLog for every guard.
#[derive(Debug, Clone, Default)]
pub struct Watches(pub(super) Vec<Watch>);

/// The counts for one guard.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    pub(super) of: Guarded,
    /// When the first request came that was decided while this version of the rule was enforced, in whichever step.
    pub(super) enforced_ms: Option<u64>,
    /// When the newest batch came that was counted.
    pub(super) taken_ms: u64,
    pub(super) clients: ByClient<Client>,
    pub(super) networks: Networks,
    pub(super) cohorts: Vec<CohortCounts>,
    pub(super) evidence: Vec<String>,
    /// Pasts for which there was no room since the guard began.
    pub(super) evicted: u64,
    /// Since it was last kept.
    pub(super) is_changed: bool,
    /// Since it was last reported.
    pub(super) is_news: bool,
}

/// One client of a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    /// Everything about it is counted.
    Counted,
    /// Let through; its first minute runs.
    Open(Open),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) first_ms: u64,
    pub(super) cohort: u8,
    pub(super) enforced: bool,
    /// Whether there was a past when it came.
    pub(super) is_known: bool,
    pub(super) good: u8,
    pub(super) bad: u8,
    pub(super) build: u64,
    pub(super) network: NetworkKey,
}

/// How a guarded rule took a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    Denied,
    /// In the percentage, and let through: a detour or a tag.
    Enforced,
    HeldOut,
}

impl Watches {
    /// Counts for exactly these from now on; what was counted for others is dropped. A step that follows another of the same
    /// enforcement goes on from when that began.
    pub fn retune(&mut self, guarded: Vec<Guarded>) {
        let before = std::mem::take(&mut self.0);
        for of in guarded {
            if self.0.len() >= MAX_WATCHES || self.0.iter().any(|watch| watch.of == of) {
                continue;
            }
            let known = before.iter().find(|watch| watch.of.is_of(&of.rule, &of.route));
            self.0.push(match known {
                Some(watch) if watch.of == of => watch.clone(),
                known => Watch::new(of, known),
            });
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts a settled record of a batch that came then. `health` does not know of it yet.
    pub fn observe(&mut self, record: &Record, health: &Health, arrived_ms: u64) {
        for watch in &mut self.0 {
            if record.revision >= watch.of.guard && watch.taken_ms < arrived_ms {
                watch.observe(record, health, arrived_ms);
            }
        }
    }

    /// Everything of the batch that came then was counted.
    pub fn taken(&mut self, arrived_ms: u64) {
        for watch in &mut self.0 {
            watch.taken_ms = watch.taken_ms.max(arrived_ms);
        }
    }

    /// Up to which batch all of them counted.
    #[must_use]
    pub fn taken_ms(&self) -> u64 {
        self.0
            .iter()
            .map(|watch| watch.taken_ms)
            .min()
            .unwrap_or(u64::MAX)
    }

    /// So many clients have no past any more for want of room.
    pub fn evicted(&mut self, pasts: u32) {
        for watch in &mut self.0 {
            watch.evicted += u64::from(pasts);
            watch.is_changed |= pasts > 0;
        }
    }

    /// Closes first minutes that are over.
    pub fn close(&mut self, health: &Health, now_ms: u64) {
        for watch in &mut self.0 {
            watch.close(health, now_ms);
        }
    }

    /// Whether something waits for a later [`Self::close`], or for a report.
    #[must_use]
    pub fn has_news(&self) -> bool {
        let is_open = |client: &Client| matches!(client, Client::Open(_));
        self.0
            .iter()
            .any(|watch| watch.is_news || watch.clients.values().any(is_open))
    }

    /// Totals of the guards that were counted for since they were last reported.
    #[must_use]
    pub fn reports(&self) -> Vec<WatchReport> {
        self.0
            .iter()
            .filter(|watch| watch.is_news)
            .map(Watch::report)
            .collect()
    }

    /// The RuleBook has these.
    pub fn reported(&mut self, reports: &[WatchReport]) {
        for watch in &mut self.0 {
            // What was counted meanwhile is news still.
            if reports.contains(&watch.report()) {
                watch.is_news = false;
            }
        }
    }
}

fn took(record: &Record, fired: &Fired) -> Option<Took> {
    if fired.mode != Mode::Enforce {
        return None;
    }
    match fired.applied {
        Action::Block | Action::Throttle => Some(Took::Denied),
        Action::Detour | Action::Tag => Some(Took::Enforced),
        // Another rule decided, or the isolate did not know whether the client is in: nothing can be said of this one.
        Action::None if record.degraded || !matches!(record.verdict, Action::None | Action::Tag) => None,
        Action::None => Some(Took::HeldOut),
    }
}

impl Guarded {
    /// Whether it is the enforcement of that rule on that route.
    #[must_use]
    pub fn is_of(&self, rule: &str, route: &str) -> bool {
        *self.rule == *rule && *self.route == *route
    }
}

impl Watch {
    pub(super) fn new(of: Guarded, before: Option<&Self>) -> Self {
        let same = before.filter(|before| before.of.version == of.version);
        Self {
            of,
            enforced_ms: same.and_then(|before| before.enforced_ms),
            taken_ms: 0,
            clients: ByClient::default(),
            networks: Networks::default(),
            cohorts: Vec::new(),
            evidence: Vec::new(),
            evicted: 0,
            is_changed: false,
            // Once, so that the RuleBook learns that somebody watches, and what was counted before a restart.
            is_news: true,
        }
    }

    fn observe(&mut self, record: &Record, health: &Health, now_ms: u64) {
        let enforced_ms = *self.enforced_ms.get_or_insert_with(|| {
            self.is_changed = true;
            record.id.time_ms()
        });
        let fired = record.fired.iter().find(|fired| *fired.rule == *self.of.rule);
        if *self.of.route == *record.route
            && let Some(took) = fired.and_then(|fired| took(record, fired))
        {
            self.count(record, took, health, (enforced_ms, now_ms));
        }
    }

    fn count(&mut self, record: &Record, took: Took, health: &Health, (enforced_ms, now_ms): (u64, u64)) {
        let client = record.client;
        if let Some(known) = self.clients.get_mut(&client.0) {
            if let Client::Open(open) = known {
                open.take(record, now_ms);
                self.is_changed = true;
            }
            return;
        }
        if self.clients.len() >= MAX_WATCHED {
            return;
        }
        (self.is_changed, self.is_news) = (true, true);
        let (who, cohort) = (Who::of(record), self.cohort(record));
        if took != Took::HeldOut {
            self.past(cohort, health.pulls(who, now_ms));
        }
        let state = if took == Took::Denied {
            let standing = health.standing(who, enforced_ms, now_ms);
            if standing == Standing::Clean && self.evidence.len() < MAX_EVIDENCE {
                self.evidence.push(record.id.to_string());
            }
            self.tell(cohort, true, standing);
            self.sample(cohort, record.network, standing);
            Client::Counted
        } else {
            let mut open = Open {
                first_ms: now_ms,
                cohort,
                enforced: took == Took::Enforced,
                is_known: health.knows(who, now_ms),
                good: 0,
                bad: 0,
                build: who.build,
                network: record.network,
            };
            open.take(record, now_ms);
            Client::Open(open)
        };
        self.clients.insert(client.0, state);
    }

    fn close(&mut self, health: &Health, now_ms: u64) {
        let over = |client: &Client| match client {
            Client::Open(open) if open.first_ms + WINDOW_MS <= now_ms => Some(*open),
            _ => None,
        };
        let closed: Vec<(u64, Open)> = (self.clients.iter())
            .filter_map(|(key, client)| over(client).map(|open| (*key, open)))
            .collect();
        for (key, open) in closed {
            self.clients.insert(key, Client::Counted);
            (self.is_changed, self.is_news) = (true, true);
            let (client, build) = (ClientKey(key), open.build);
            self.judge(&open, Who { client, build }, health, now_ms);
        }
    }

    /// Counts a client that was let through, after its first minute.
    fn judge(&mut self, open: &Open, who: Who, health: &Health, now_ms: u64) {
        if !open.is_known {
            self.tell(open.cohort, open.enforced, Standing::Unknown);
            self.sample_new(open.cohort, open.network, health.is_clean(who, now_ms));
            return;
        }
        let standing = health.standing(who, self.enforced_ms.unwrap_or(now_ms), now_ms);
        self.tell(open.cohort, open.enforced, standing);
        let counts = self.sample(open.cohort, open.network, standing);
        // A minute without a download (HEADs, refusals of the origin) says nothing about downloads.
        if counts && (open.good > 0 || open.bad > 0) {
            self.minute(open);
        }
    }

    fn minute(&mut self, open: &Open) {
        self.arm(open.cohort, open.enforced, |arm| {
            arm.judged += 1;
            arm.bad_clients += u32::from(open.bad > 0);
            arm.pulls += u32::from(open.good) + u32::from(open.bad);
            arm.bad_pulls += u32::from(open.bad);
        });
        if open.enforced && open.bad > 0 {
            self.change(open.cohort, |counts| note(&mut counts.bad_networks, open.network));
        }
    }

    fn tell(&mut self, cohort: u8, enforced: bool, standing: Standing) {
        self.arm(cohort, enforced, |arm| {
            arm.clients += 1;
            arm.healthy += u32::from(standing == Standing::Clean);
            arm.unknown += u32::from(standing == Standing::Unknown);
        });
    }

    /// Whether the client, whose past is known, is among those that the tests count.
    fn sample(&mut self, cohort: u8, network: NetworkKey, standing: Standing) -> bool {
        let counts = standing != Standing::Unknown && self.networks.takes_known(network);
        if counts {
            let is_clean = standing == Standing::Clean;
            self.change(cohort, |cohort| {
                cohort.counts.sample.known += 1;
                cohort.counts.sample.clean += u32::from(is_clean);
                if is_clean {
                    note(&mut cohort.clean_networks, network);
                }
            });
        }
        counts
    }

    fn sample_new(&mut self, cohort: u8, network: NetworkKey, is_clean: bool) {
        if self.networks.takes_new(network) {
            self.change(cohort, |cohort| {
                cohort.counts.sample.new += 1;
                cohort.counts.sample.new_clean += u32::from(is_clean);
            });
        }
    }

    fn past(&mut self, cohort: u8, (good, bad): (u8, u8)) {
        self.change(cohort, |cohort| {
            cohort.counts.past.good += u32::from(good);
            cohort.counts.past.bad += u32::from(bad);
        });
    }

    fn arm(&mut self, cohort: u8, enforced: bool, change: impl FnOnce(&mut Arm)) {
        self.change(cohort, |cohort| {
            let Counts {
                enforced: inside,
                held_out,
                ..
            } = &mut cohort.counts;
            change(if enforced { inside } else { held_out });
        });
    }

    fn change(&mut self, cohort: u8, change: impl FnOnce(&mut CohortCounts)) {
        if let Some(counts) = self.cohorts.get_mut(usize::from(cohort)) {
            change(counts);
        }
    }

    /// Position of the record's cohort, or of the one that takes what finds no place.
    fn cohort(&mut self, record: &Record) -> u8 {
        let own = Cohort {
            family: Some(record.family),
            os: system(&record.os).to_owned(),
        };
        if let Some(at) = self.place_of(&own) {
            return at;
        }
        let own_places = (self.cohorts.iter()).filter(|known| known.cohort.family.is_some());
        let has_room = own_places.count() < MAX_COHORTS && self.networks.takes_place(record.network);
        let cohort = if has_room { own } else { Cohort::default() };
        self.place_of(&cohort).unwrap_or_else(|| {
            self.cohorts.push(CohortCounts::of(cohort));
            self.cohorts.len().saturating_sub(1) as u8
        })
    }

    fn place_of(&self, cohort: &Cohort) -> Option<u8> {
        let at = self.cohorts.iter().position(|known| known.cohort == *cohort);
        at.map(|at| at as u8)
    }

    pub(super) fn report(&self) -> WatchReport {
        WatchReport {
            rule: self.of.rule.to_string(),
            route: self.of.route.to_string(),
            guard: self.of.guard,
            cohorts: self.cohorts.clone(),
            evidence: self.evidence.clone(),
            evicted: self.evicted,
        }
    }
}

impl Open {
    fn take(&mut self, record: &Record, now_ms: u64) {
        if now_ms.saturating_sub(self.first_ms) > WINDOW_MS {
            return;
        }
        match Pull::of(record) {
            Some(Pull::Good) => self.good = self.good.saturating_add(1),
            Some(Pull::Bad) => self.bad = self.bad.saturating_add(1),
            None => {}
        }
    }
}
