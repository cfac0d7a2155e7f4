//! What a FireLog counts of the clients that guarded rules fire on.
//!
//! Each client counts once for a guard, in the arm that the percentage put it in. A denied client counts at once: its own
//! past is all that can be known of it. One that was let through counts after its first minute, which shows how its pulls
//! go, whatever its past: were the clean ones counted sooner, the first to be counted would all be clean.

use std::sync::Arc;

use super::counts::{Arm, Cohort, CohortCounts, Counts, MAX_COHORTS, MAX_EVIDENCE, WatchReport};
use super::health::{ByClient, Health, Pull};
use blobwatch_pull::{Action, ClientKey, Fired, Mode, Record};

/// Guards that one FireLog counts for: promotions that run at one time.
pub(crate) const MAX_WATCHES: usize = 64;

/// Clients of one guard in one FireLog, 24 bytes each and twice in memory: far more than a verdict needs, and when there are
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
}

/// The counts of one FireLog for every guard.
#[derive(Debug, Clone, Default)]
pub struct Watches(pub(super) Vec<Watch>);

/// The counts for one guard.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    pub(super) of: Guarded,
    pub(super) clients: ByClient<Client>,
    pub(super) cohorts: Vec<CohortCounts>,
    pub(super) evidence: Vec<String>,
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
    pub(super) good: u8,
    pub(super) bad: u8,
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
    /// Counts for exactly these from now on; what was counted for others is dropped.
    pub fn retune(&mut self, guarded: Vec<Guarded>) {
        self.0.retain(|watch| guarded.contains(&watch.of));
        for of in guarded {
            if self.0.len() < MAX_WATCHES && !self.0.iter().any(|watch| watch.of == of) {
                self.0.push(Watch::new(of));
            }
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts a settled record. `health` does not know of it yet.
    pub fn observe(&mut self, record: &Record, health: &Health, now_ms: u64) {
        for watch in &mut self.0 {
            let of = &watch.of;
            if *of.route != *record.route || record.revision < of.guard {
                continue;
            }
            let fired = record.fired.iter().find(|fired| *fired.rule == *of.rule);
            if let Some(took) = fired.and_then(|fired| took(record, fired)) {
                watch.count(record, took, health, now_ms);
            }
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

impl Watch {
    pub(super) fn new(of: Guarded) -> Self {
        Self {
            of,
            clients: ByClient::default(),
            cohorts: Vec::new(),
            evidence: Vec::new(),
            is_changed: false,
            // Once, so that the RuleBook learns that somebody watches, and what was counted before a restart.
            is_news: true,
        }
    }

    fn count(&mut self, record: &Record, took: Took, health: &Health, now_ms: u64) {
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
        let cohort = self.cohort(record);
        if took != Took::HeldOut {
            self.past(cohort, health.pulls(client, now_ms));
        }
        let state = if took == Took::Denied {
            let is_clean = health.is_clean(client, now_ms);
            if is_clean && self.evidence.len() < MAX_EVIDENCE {
                self.evidence.push(record.id.to_string());
            }
            self.tell(cohort, true, is_clean);
            Client::Counted
        } else {
            let enforced = took == Took::Enforced;
            let (good, bad) = (0, 0);
            let mut open = Open {
                first_ms: now_ms,
                cohort,
                enforced,
                good,
                bad,
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
            let is_clean = health.is_clean(ClientKey(key), now_ms);
            self.tell(open.cohort, open.enforced, is_clean);
            // A minute without a download (HEADs, refusals of the origin) says nothing about downloads.
            if open.good > 0 || open.bad > 0 {
                self.arm(open.cohort, open.enforced, |arm| {
                    arm.judged += 1;
                    arm.bad_clients += u32::from(open.bad > 0);
                    arm.pulls += u32::from(open.good) + u32::from(open.bad);
                    arm.bad_pulls += u32::from(open.bad);
                });
            }
        }
    }

    fn tell(&mut self, cohort: u8, enforced: bool, is_clean: bool) {
        self.arm(cohort, enforced, |arm| {
            arm.clients += 1;
            arm.healthy += u32::from(is_clean);
        });
    }

    fn past(&mut self, cohort: u8, (good, bad): (u8, u8)) {
        if let Some(counts) = self.cohorts.get_mut(usize::from(cohort)) {
            counts.counts.past.good += u32::from(good);
            counts.counts.past.bad += u32::from(bad);
        }
    }

    fn arm(&mut self, cohort: u8, enforced: bool, change: impl FnOnce(&mut Arm)) {
        if let Some(counts) = self.cohorts.get_mut(usize::from(cohort)) {
            let Counts {
                enforced: inside,
                held_out,
                ..
            } = &mut counts.counts;
            change(if enforced { inside } else { held_out });
        }
    }

    /// Position of the record's cohort; the last one takes what finds no room.
    fn cohort(&mut self, record: &Record) -> u8 {
        let is_it =
            |known: &CohortCounts| known.cohort.family == Some(record.family) && known.cohort.os == record.os;
        if let Some(at) = self.cohorts.iter().position(is_it) {
            return at as u8;
        }
        if self.cohorts.len() <= MAX_COHORTS {
            let cohort = if self.cohorts.len() < MAX_COHORTS {
                Cohort {
                    family: Some(record.family),
                    os: record.os.clone(),
                }
            } else {
                Cohort::default()
            };
            self.cohorts.push(CohortCounts {
                cohort,
                ..CohortCounts::default()
            });
        }
        self.cohorts.len().saturating_sub(1) as u8
    }

    pub(super) fn report(&self) -> WatchReport {
        WatchReport {
            rule: self.of.rule.to_string(),
            route: self.of.route.to_string(),
            guard: self.of.guard,
            cohorts: self.cohorts.clone(),
            evidence: self.evidence.clone(),
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
