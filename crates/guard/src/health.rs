//! Who pulled cleanly in the last 24 hours: the pasts of one FireLog's clients.
//!
//! A client pulls cleanly when at least [`MIN_GOOD`] of its downloads went through and at most one in ten failed or got
//! stuck. A registry's client fetches a config and a layer at the least, so one download alone says nothing. A past is that
//! of a client build: what a client did under another User-Agent or fingerprint says nothing about this one.
//!
//! Whoever is denied can make any number of clean pasts afterwards. So a past speaks for a client only if it began
//! before the rule was enforced, or a day ago.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use rustc_hash::FxHasher;

use super::pull::{Pull, is_refused};
use blobwatch_pull::{ClientKey, Record};
use blobwatch_wire::fnv1a;

/// Pasts that one FireLog remembers: 18 bytes each as stored, 1.8 MB of the 2 MB that a row holds, and some 4 MB in memory.
/// When there are more, those go that can tell a guard least (`evict`).
pub(crate) const MAX_PASTS: usize = 96 << 10;

/// 24 hours.
pub(crate) const REMEMBER_MS: u64 = 24 * HOUR_MS;

pub(super) const HOUR_MS: u64 = 3_600_000;

/// Downloads that went through of a client that pulls cleanly.
const MIN_GOOD: u8 = 2;

/// By client key, or by [`Who`]. The keys are hashes under a secret already: nobody can aim collisions at them.
pub(super) type ByClient<V> = HashMap<u64, V, BuildHasherDefault<FxHasher>>;

/// A client with one build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) client: ClientKey,
    /// Of the client, its family, system and fingerprint.
    pub(super) build: u64,
}

/// What a past says of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It pulled cleanly before the rule was enforced.
    Clean,
    /// It was seen, and does not pull cleanly.
    Unhealthy,
    /// It was not seen, or pulls cleanly and may do so because it was denied.
    Unknown,
}

/// What is remembered of one client build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Past {
    /// A part of the key of its network.
    pub(super) network: u32,
    /// Of the last request, since 1970.
    pub(super) hour: u32,
    /// When its first download went through; `u64::MAX` before that.
    pub(super) first_good_ms: u64,
    pub(super) good: u8,
    pub(super) bad: u8,
}

/// The pasts of one FireLog.
#[derive(Debug, Clone, Default)]
pub struct Health {
    pub(super) pasts: ByClient<Past>,
    /// When the newest batch came of which it knows.
    pub(super) taken_ms: u64,
    pub(super) is_changed: bool,
    pub(super) evicted: u32,
    pub(super) swept_hour: u32,
}

impl Who {
    pub(super) fn of(record: &Record) -> Self {
        let texts = [record.family.as_str(), &record.os, &record.fingerprint];
        let bytes = texts.iter().flat_map(|text| text.as_bytes().iter().chain(&[0]));
        Self {
            client: record.client,
            build: fnv1a(record.client.0, bytes),
        }
    }
}

impl Past {
    fn new(record: &Record) -> Self {
        Self {
            network: record.network.0 as u32,
            hour: 0,
            first_good_ms: u64::MAX,
            good: 0,
            bad: 0,
        }
    }

    fn take(&mut self, pull: Pull, time_ms: u64) {
        if self.good == u8::MAX || self.bad == u8::MAX {
            (self.good, self.bad) = (self.good / 2, self.bad.div_ceil(2));
        }
        match pull {
            Pull::Good => {
                self.good += 1;
                self.first_good_ms = self.first_good_ms.min(time_ms);
            }
            Pull::Bad => self.bad += 1,
        }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.good >= MIN_GOOD && u16::from(self.bad) * 10 <= u16::from(self.good)
    }

    fn is_over(&self, hour: u32) -> bool {
        u64::from(hour.saturating_sub(self.hour)) * HOUR_MS > REMEMBER_MS
    }
}

impl Health {
    /// Takes in a settled record.
    pub fn take(&mut self, record: &Record, now_ms: u64) {
        if is_refused(record) {
            return;
        }
        let (who, hour) = (Who::of(record), hour_of(now_ms));
        if !self.pasts.contains_key(&who.build) {
            self.begin(who, record, hour);
        }
        if let Some(past) = self.pasts.get_mut(&who.build) {
            if past.is_over(hour) {
                *past = Past::new(record);
            }
            past.hour = hour;
            if let Some(pull) = Pull::of(record) {
                past.take(pull, record.id.time_ms().min(now_ms));
            }
            self.is_changed = true;
        }
    }

    /// A past of an older build of Blobwatch has no client build: that of the first request takes it over.
    fn begin(&mut self, who: Who, record: &Record, hour: u32) {
        if self.pasts.len() >= MAX_PASTS {
            self.make_room(hour);
        }
        let new = Past::new(record);
        let past = self.pasts.remove(&who.client.0).map(|past| Past {
            network: new.network,
            ..past
        });
        self.pasts.insert(who.build, past.unwrap_or(new));
    }

    fn make_room(&mut self, hour: u32) {
        self.sweep(hour);
        if self.pasts.len() >= MAX_PASTS {
            self.evicted = self.evicted.saturating_add(super::evict::evict(&mut self.pasts));
        }
    }

    fn past(&self, who: Who, now_ms: u64) -> Option<&Past> {
        let past = self.pasts.get(&who.build);
        let past = past.or_else(|| self.pasts.get(&who.client.0));
        past.filter(|past| !past.is_over(hour_of(now_ms)))
    }

    /// Downloads of the last 24 hours that went through, and those that did not; the last few hundred.
    pub(super) fn pulls(&self, who: Who, now_ms: u64) -> (u8, u8) {
        self.past(who, now_ms)
            .map_or((0, 0), |past| (past.good, past.bad))
    }

    /// Whether the client pulls cleanly, since whenever.
    pub(super) fn is_clean(&self, who: Who, now_ms: u64) -> bool {
        self.past(who, now_ms).is_some_and(Past::is_clean)
    }

    /// Whether anything is known of the client.
    pub(super) fn knows(&self, who: Who, now_ms: u64) -> bool {
        self.past(who, now_ms).is_some()
    }

    /// What can be said of a client on which a rule fires that is enforced since then.
    pub(super) fn standing(&self, who: Who, enforced_ms: u64, now_ms: u64) -> Standing {
        let before_ms = enforced_ms.max(now_ms.saturating_sub(REMEMBER_MS));
        match self.past(who, now_ms) {
            Some(past) if !past.is_clean() => Standing::Unhealthy,
            Some(past) if past.first_good_ms < before_ms => Standing::Clean,
            _ => Standing::Unknown,
        }
    }

    /// Pasts for which there was no room, since this was last asked.
    pub fn evicted(&mut self) -> u32 {
        std::mem::take(&mut self.evicted)
    }

    /// Everything up to the batch that came then was taken in.
    pub fn taken(&mut self, arrived_ms: u64) {
        self.taken_ms = self.taken_ms.max(arrived_ms);
    }

    /// When the newest batch came of which it knows.
    #[must_use]
    pub fn taken_ms(&self) -> u64 {
        self.taken_ms
    }

    /// Forgets those of more than 24 hours ago, once an hour at most.
    pub(super) fn sweep(&mut self, hour: u32) {
        if self.swept_hour != hour {
            self.swept_hour = hour;
            self.pasts.retain(|_, past| !past.is_over(hour));
        }
    }
}

pub(super) fn hour_of(now_ms: u64) -> u32 {
    u32::try_from(now_ms / HOUR_MS).unwrap_or(u32::MAX)
}
