//! One FireLog's storage: batches of records in, kept once each, merged and forgotten in time.
//!
//! In scope: the schema, accepting batches, the rulebook's current document, losses, volumes, merging, retention and
//! the statements that queries read with. Not in scope: what is asked (`query`), alarms and requests (`src/control_plane`).
//!
//! Rows are what the platform bills (docs/cost.md). A batch is one row; its number is part of that row's key, so
//! that "kept already" costs no row of its own. Merging turns some hundred rows into one and writes one row per
//! isolate to remember the numbers.

mod accept;
mod addresses;
mod cut;
mod enforced;
mod guards;
mod handover;
mod load;
mod losses;
mod merge;
mod outbox;
mod read;
mod refine;
mod request_sums;
mod retain;
mod rule_fires;
mod rulebook;
mod sampling;
mod schema;
#[cfg(test)]
mod tests;
mod upstream;
mod volume;
mod wake;

use std::fmt;

pub use addresses::{KeptAddress, address_of, addresses};
pub(crate) use enforced::find as find_enforced;
pub use handover::handover;
pub use outbox::OutboxBatch;
pub(crate) use read::{After, Candidate, Source, back_of, front_as_found, front_of, newest_first, recent};
pub use read::{FrontAndBack, Span, block_as_found, oldest_first};
pub(crate) use request_sums::{DOWNLOAD_MS, HEADERS_MS, Histogram, RequestSums, SIZE_BYTES, SumsByRoute};
pub use retain::tend;
pub(crate) use rule_fires::{RuleAct, RuleFires};
pub use volume::{MAX_VOLUME_KEYS, Window};
pub use wake::wake;

use blobwatch_rulebook::Settings;
use blobwatch_sql::{Sql, SqlError, StoreError, migrate};
use blobwatch_wire::{DecodeError, Problem};
use guards::Guards;
use load::Meter;
use outbox::Outbox;
use refine::PastRequests;
use rulebook::CurrentRulebook;
use sampling::Sampling;
use upstream::Standing;
use volume::Volumes;

/// Why a FireLog could not do what it was asked; fits "failed to keep records: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FireLogError {
    Store(StoreError),
    /// The batch would not fit in a row.
    TooLarge {
        bytes: usize,
    },
    /// The rulebook is no JSON, or says another revision than it was given with.
    Rulebook(String),
}

impl fmt::Display for FireLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::TooLarge { bytes } => write!(f, "a batch of {bytes} bytes is larger than a row"),
            Self::Rulebook(reason) => write!(f, "the rulebook cannot be kept: {reason}"),
        }
    }
}

impl std::error::Error for FireLogError {}

impl From<FireLogError> for Problem {
    fn from(error: FireLogError) -> Self {
        match error {
            FireLogError::Store(error) => error.into(),
            error => Self::new(422, "invalid", "Invalid request", error.to_string()),
        }
    }
}

impl From<StoreError> for FireLogError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SqlError> for FireLogError {
    fn from(error: SqlError) -> Self {
        Self::Store(error.into())
    }
}

impl From<DecodeError> for FireLogError {
    fn from(error: DecodeError) -> Self {
        Self::Store(error.into())
    }
}

/// A FireLog over its database. What is beside the database is a cache, read again when the object wakes, except
/// the volumes: those are counted from nothing then. After an error it is in doubt: open it anew.
#[derive(Debug)]
pub struct FireLog<S> {
    sql: S,
    rulebook: Option<CurrentRulebook>,
    volumes: Volumes,
    past: PastRequests,
    outbox: Outbox,
    guards: Guards,
    inbox: Inbox,
    sampling: Sampling,
    load: Meter,
    /// When this FireLog last took over what others know of its clients.
    took_over_ms: u64,
    /// What is being merged is in memory: nobody else writes those blocks.
    is_merging: bool,
    /// When something that others told of is due.
    told_due_ms: Option<u64>,
    standing: Standing,
    /// Clients with an address.
    addresses: u64,
    /// Whether what clients did before was read again.
    is_awake: bool,
    /// When the newest batch came. No two come at one millisecond, so that a cut can say where it ends.
    arrived_ms: u64,
    last_merge_ms: u64,
    last_retain_ms: u64,
}

/// What waits to be counted, and then to be merged.
#[derive(Debug, Clone, Copy, Default)]
struct Inbox {
    uncut: u64,
    oldest_uncut_ms: u64,
    /// Counted, so that they may be merged.
    rows: u64,
    oldest_ms: u64,
}

impl<S: Sql> FireLog<S> {
    /// Brings the database to this build's schema and reads what the object needs at hand.
    ///
    /// # Errors
    /// When the database is a newer build's, or SQLite refuses.
    pub fn open(sql: S) -> Result<Self, FireLogError> {
        let mut log = Self::open_asleep(sql)?;
        log.wake_at_once()?;
        Ok(log)
    }

    /// As [`Self::open`], without what clients did before: [`wake`] reads that in slices.
    ///
    /// # Errors
    /// As there.
    pub fn open_asleep(sql: S) -> Result<Self, FireLogError> {
        migrate(&sql, schema::STEPS)?;
        let rulebook = rulebook::read(&sql)?;
        let outbox = Outbox::open(&sql)?;
        let guards = Guards::open(&sql)?;
        let mut log = Self {
            arrived_ms: accept::newest_ms(&sql)?.max(outbox.cut_ms()),
            sql,
            rulebook: None,
            volumes: Volumes::default(),
            past: PastRequests::default(),
            outbox,
            guards,
            inbox: Inbox::default(),
            sampling: Sampling::default(),
            load: Meter::default(),
            took_over_ms: 0,
            is_merging: false,
            told_due_ms: None,
            standing: Standing::default(),
            addresses: 0,
            is_awake: false,
            last_merge_ms: 0,
            last_retain_ms: 0,
        };
        log.inbox = log.waiting()?;
        log.told_due_ms = upstream::due_ms(&log.sql)?;
        log.addresses = addresses::count(&log.sql)?;
        log.take_rulebook(rulebook);
        Ok(log)
    }

    /// For queries (`query::scan_page` and its like).
    #[must_use]
    pub fn sql(&self) -> &S {
        &self.sql
    }

    /// When [`FireLog::tend`] should run next, in milliseconds since 1970.
    #[must_use]
    pub fn next_alarm_ms(&self, now_ms: u64) -> u64 {
        let retain = self
            .last_retain_ms
            .max(now_ms.saturating_sub(retain::RETAIN_EVERY_MS))
            + retain::RETAIN_EVERY_MS;
        [
            self.merge_due_ms(),
            self.cut_due_ms(),
            self.outbox.due_ms(),
            self.guards.due_ms(),
            self.upstream_due_ms(),
            self.load_due_ms(),
        ]
        .into_iter()
        .flatten()
        .fold(retain, u64::min)
        .max(now_ms)
    }

    fn settings(&self) -> Settings {
        self.rulebook
            .as_ref()
            .map(|kept| kept.settings.clone())
            .unwrap_or_default()
    }
}
