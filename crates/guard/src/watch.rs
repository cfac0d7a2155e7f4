//! What a FireLog counts of the clients that guarded rules fire on.
//!
//! Each client counts once for a guard, in the arm that the percentage put it in. A denied client counts at once: its own
//! past is all that can be known of it. One that was let through counts after its first minute, which shows how its pulls
//! go, whatever its past: were the clean ones counted sooner, the first to be counted would all be clean.
//!
//! Names cost nothing, networks do: all clients are counted, and of each network the first few for the tests (`networks`).

use std::sync::Arc;

use super::counts::{MAX_EVIDENCE, WatchReport};
use super::health::{ByClient, Health, Standing, Who};
use super::pull::Pull;
use super::tally::Tally;
use blobwatch_pull::{Action, ClientKey, Fired, Mode, NetworkKey, Record};

/// Guards that one FireLog counts for: promotions that run at one time.
pub(crate) const MAX_WATCHES: usize = 64;

/// Clients of one guard in one FireLog, 30 bytes each and twice in memory: far more than a verdict needs, and when there are
/// more the first ones say enough.
pub(crate) const MAX_WATCHED: usize = 8_192;

/// From so many on only clients are counted that the tests count: names in any number leave room for those with a past.
const MAX_ANY: usize = MAX_WATCHED / 2;

/// A client that was let through is judged by its first minute. Docker tries again after 5 s, containerd at once.
pub const WINDOW_MS: u64 = 60_000;

/// An enforcement that a guard watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardedEnforcement {
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
    pub(super) of: GuardedEnforcement,
    /// When the first request came that was decided while this version of the rule was enforced, in whichever step.
    pub(super) enforced_ms: Option<u64>,
    /// When the newest batch came that was counted.
    pub(super) taken_ms: u64,
    pub(super) clients: ByClient<Client>,
    pub(super) tally: Tally,
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
    pub fn retune(&mut self, guarded: Vec<GuardedEnforcement>) {
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
        Action::Allow | Action::Detour | Action::Tag => Some(Took::Enforced),
        // Another rule decided, or the isolate did not know whether the client is in: nothing can be said of this one.
        Action::None if record.degraded || !matches!(record.verdict, Action::None | Action::Tag) => None,
        Action::None => Some(Took::HeldOut),
    }
}

impl GuardedEnforcement {
    /// Whether it is the enforcement of that rule on that route.
    #[must_use]
    pub fn is_of(&self, rule: &str, route: &str) -> bool {
        *self.rule == *rule && *self.route == *route
    }
}

impl Watch {
    pub(super) fn new(of: GuardedEnforcement, before: Option<&Self>) -> Self {
        let same = before.filter(|before| before.of.version == of.version);
        Self {
            of,
            enforced_ms: same.and_then(|before| before.enforced_ms),
            taken_ms: 0,
            clients: ByClient::default(),
            tally: Tally::default(),
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
        let who = Who::of(record);
        let is_known = health.knows(who, now_ms);
        if !self.has_room(record, is_known) {
            return;
        }
        (self.is_changed, self.is_news) = (true, true);
        let cohort = self.tally.cohort(record);
        if took != Took::HeldOut {
            self.tally.past(cohort, health.pulls(who, now_ms));
        }
        let state = if took == Took::Denied {
            let standing = health.standing(who, enforced_ms, now_ms);
            if standing == Standing::Clean && self.evidence.len() < MAX_EVIDENCE {
                self.evidence.push(record.id.to_string());
            }
            self.tally.tell(cohort, true, standing);
            self.tally.sample(cohort, record.network, standing);
            Client::Counted
        } else {
            let mut open = Open {
                first_ms: now_ms,
                cohort,
                enforced: took == Took::Enforced,
                is_known,
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

    fn has_room(&self, record: &Record, is_known: bool) -> bool {
        let counts = is_known && self.tally.networks.has_room(record.network);
        self.clients.len() < if counts { MAX_WATCHED } else { MAX_ANY }
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
            self.tally.tell(open.cohort, open.enforced, Standing::Unknown);
            self.tally
                .sample_new(open.cohort, open.network, health.is_clean(who, now_ms));
            return;
        }
        let standing = health.standing(who, self.enforced_ms.unwrap_or(now_ms), now_ms);
        self.tally.tell(open.cohort, open.enforced, standing);
        let counts = self.tally.sample(open.cohort, open.network, standing);
        // A minute without a download (HEADs, refusals of the origin) says nothing about downloads.
        if counts && (open.good > 0 || open.bad > 0) {
            self.tally.minute(open);
        }
    }

    pub(super) fn report(&self) -> WatchReport {
        WatchReport {
            rule: self.of.rule.to_string(),
            route: self.of.route.to_string(),
            guard: self.of.guard,
            cohorts: self.tally.cohorts.clone(),
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
