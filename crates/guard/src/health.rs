//! Who pulled cleanly in the last 24 hours.
//!
//! A client pulls cleanly when at least [`MIN_GOOD`] of its downloads went through and at most one in ten failed or got
//! stuck. A registry's client fetches a config and a layer at the least, so one download alone says nothing.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use rustc_hash::FxHasher;

use blobwatch_pull::{Action, ClientKey, Method, Outcome, RangeKind, Record};
use blobwatch_wire::{DecodeError, Reader, put_varint};

/// Clients of one FireLog that are remembered: about 14 bytes each as stored, 1.4 MB of the 2 MB that a row holds, and
/// some 4 MB in memory. Those that find no room count as not known.
pub(crate) const MAX_KNOWN: usize = 100_000;

/// 24 hours.
pub(crate) const REMEMBER_MS: u64 = 24 * HOUR_MS;

const HOUR_MS: u64 = 3_600_000;

/// Downloads that went through of a client that pulls cleanly.
const MIN_GOOD: u8 = 2;

const MAGIC: &[u8; 3] = b"BWH";
const VERSION: u8 = 1;

/// By client key. The keys are hashes under a secret already: nobody can aim collisions at them.
pub(super) type ByClient<V> = HashMap<u64, V, BuildHasherDefault<FxHasher>>;

/// How one request of a client went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull {
    /// Answered with what was asked.
    Good,
    /// Failed, was cut, or went on from where another was.
    Bad,
}

/// What is remembered of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    /// Of the last pull, since 1970.
    hour: u32,
    good: u8,
    bad: u8,
}

/// The clients of one FireLog.
#[derive(Debug, Clone, Default)]
pub struct Health {
    clients: ByClient<Known>,
    swept_hour: u32,
    is_changed: bool,
}

impl Pull {
    /// `None` for what says nothing about a download: HEAD, a probe, a refusal of ours, an answer that is no download.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        if record.method == Method::Head || matches!(record.verdict, Action::Block | Action::Throttle) {
            return None;
        }
        let is_stuck = matches!(
            record.range.kind,
            RangeKind::Resume | RangeKind::Repeat | RangeKind::Restart
        );
        // containerd closes the bodies of its own chunks.
        let is_cut = match record.outcome {
            Outcome::OriginFailed => true,
            Outcome::ClientClosed => record.range.kind != RangeKind::Chunk,
            Outcome::Completed | Outcome::NotObserved => false,
        };
        let is_complete_file = record.status == 416 && record.range.start == record.size;
        match record.status {
            _ if is_complete_file => None,
            0 | 500.. => Some(Self::Bad),
            // Redirected: the body comes from elsewhere, and a client that is stuck there comes back with a Range.
            200 | 206 | 301..=308 if is_stuck || is_cut => Some(Self::Bad),
            200 | 206 if record.range.honoured == Some(false) => Some(Self::Bad),
            200 | 206 | 302 | 303 | 307 | 308 if record.range.kind != RangeKind::Probe => Some(Self::Good),
            416 => Some(Self::Bad),
            _ => None,
        }
    }
}

impl Health {
    /// Takes in how a request of a client went.
    pub fn take(&mut self, client: ClientKey, pull: Pull, now_ms: u64) {
        let hour = hour_of(now_ms);
        if !self.clients.contains_key(&client.0) && self.clients.len() >= MAX_KNOWN {
            self.sweep(hour);
            if self.clients.len() >= MAX_KNOWN {
                return;
            }
        }
        let new = Known {
            hour,
            good: 0,
            bad: 0,
        };
        let known = self.clients.entry(client.0).or_insert(new);
        if is_over(known.hour, hour) {
            *known = new;
        }
        known.hour = hour;
        if known.good == u8::MAX || known.bad == u8::MAX {
            (known.good, known.bad) = (known.good / 2, known.bad.div_ceil(2));
        }
        match pull {
            Pull::Good => known.good += 1,
            Pull::Bad => known.bad += 1,
        }
        self.is_changed = true;
    }

    /// Downloads of the last 24 hours that went through, and those that did not; the last few hundred.
    #[must_use]
    pub fn pulls(&self, client: ClientKey, now_ms: u64) -> (u8, u8) {
        match self.clients.get(&client.0) {
            Some(known) if !is_over(known.hour, hour_of(now_ms)) => (known.good, known.bad),
            _ => (0, 0),
        }
    }

    /// Whether the client pulls cleanly.
    #[must_use]
    pub fn is_clean(&self, client: ClientKey, now_ms: u64) -> bool {
        let (good, bad) = self.pulls(client, now_ms);
        good >= MIN_GOOD && u16::from(bad) * 10 <= u16::from(good)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Forgets those of more than 24 hours ago, once an hour at most.
    fn sweep(&mut self, hour: u32) {
        if self.swept_hour != hour {
            self.swept_hour = hour;
            self.clients.retain(|_, known| !is_over(known.hour, hour));
        }
    }

    /// The bytes to keep, where something came since the last time.
    pub fn changed_bytes(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        self.sweep(hour_of(now_ms));
        Some(self.encode())
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.clients.len() * 14);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        put_varint(&mut out, self.clients.len() as u64);
        for (client, known) in &self.clients {
            out.extend_from_slice(&client.to_le_bytes());
            put_varint(&mut out, u64::from(known.hour));
            out.extend_from_slice(&[known.good, known.bad]);
        }
        out
    }

    /// # Errors
    /// When the bytes are not these, or a newer build's.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(bytes, MAGIC, "the health of clients", VERSION)?;
        let count: usize = reader.narrow("number of clients")?;
        let mut clients = ByClient::default();
        for _ in 0..count.min(MAX_KNOWN) {
            let client = reader.word()?;
            let hour = reader.narrow("hour")?;
            let (good, bad) = (reader.byte()?, reader.byte()?);
            clients.insert(client, Known { hour, good, bad });
        }
        Ok(Self {
            clients,
            ..Self::default()
        })
    }
}

fn hour_of(now_ms: u64) -> u32 {
    u32::try_from(now_ms / HOUR_MS).unwrap_or(u32::MAX)
}

fn is_over(known: u32, now: u32) -> bool {
    u64::from(now.saturating_sub(known)) * HOUR_MS > REMEMBER_MS
}
