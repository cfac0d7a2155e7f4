//! The Detector's storage: batches of cells in, each counted once; anomalies, roll-ups and deliveries out.
//!
//! Guarantees: a batch that was acknowledged is counted once, however often it is sent and whenever the process dies:
//! it is in the log before it is acknowledged, and the state is the last one that was saved plus the log since. What a
//! tick decided (an anomaly opened, somebody to be told) is kept in one transaction.
//!
//! In scope: statements and their order. Not in scope: what follows from cells (`detector`), alarms and requests
//! (`src/control_plane`).
//!
//! Rows are what the platform bills (docs/cost.md): a batch is one row, written once and deleted once; a state is a
//! row for each 1.9 MB, twice an hour.

mod acts;
mod anomalies;
mod changes;
mod conditions;
mod delay;
mod deliveries;
mod ingest;
mod log;
mod losses;
mod marginals;
mod packets;
mod rollups;
mod save;
mod schema;
mod shares;
mod sources;
mod state;
#[cfg(test)]
pub(crate) mod tests;
mod versioned;
mod webhooks;

pub(crate) use acts::{ActRequest, MAX_MUTED_MS};
pub(crate) use anomalies::{Mark, MarkKind};
pub(crate) use deliveries::DeliveryItem;
pub use deliveries::{Attempt, Delivery};
pub(crate) use marginals::{Marginals, StoredMarginal, is_upstream};
pub use rollups::keep_sums;
pub(crate) use rollups::{StoredRollup, Unit};
pub use save::save_when_due;
pub(crate) use shares::{MAX_SHARED_MS, SHARED_MS, Share, ShareRequest};
pub(crate) use webhooks::MAX_WEBHOOKS;
pub use webhooks::Webhook;

use crate::Engine;
use blobwatch_sql::{Sql, SqlValue, StoreError, migrate};
use sources::Sources;
use versioned::Versioned;

/// The Detector over its database. Everything beside the database is a cache, read again when the object wakes.
#[derive(Debug)]
pub struct Detector<S> {
    sql: S,
    engine: Versioned<Engine>,
    sources: Versioned<Sources>,
    log: log::Size,
    delay: delay::Delay,
    /// As the database has it.
    kept_delay: u64,
    saved_ms: u64,
    saved_bytes: u64,
    /// Saves that began.
    saves: u64,
    kept_ms: u64,
}

impl<S: Sql> Detector<S> {
    /// Brings the database to this build's schema and the state to where it was.
    ///
    /// # Errors
    /// When the database is a newer build's, or SQLite refuses.
    pub fn open(sql: S, now_ms: u64) -> Result<Self, StoreError> {
        migrate(&sql, schema::STEPS)?;
        let saved = state::read(&sql)?;
        let kept_delay = count(&sql, "SELECT value FROM meta WHERE key = 'delay'", &[])?;
        let mut detector = Self {
            sql,
            engine: Versioned::new(saved.engine),
            sources: Versioned::new(saved.sources),
            log: log::Size::default(),
            delay: delay::Delay::after(kept_delay),
            kept_delay,
            saved_ms: now_ms,
            saved_bytes: saved.bytes,
            saves: 0,
            kept_ms: now_ms,
        };
        detector.replay(saved.logged)?;
        detector.remember_mutes()?;
        detector.remember_harms()?;
        detector.orphans(now_ms)?;
        Ok(detector)
    }

    /// What is known now.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// FireLogs that sent cells.
    #[must_use]
    pub fn sources(&self) -> usize {
        self.sources.len()
    }

    /// For queries.
    #[must_use]
    pub fn sql(&self) -> &S {
        &self.sql
    }
}

/// A number that a statement finds; 0 where it finds none.
fn count(sql: &impl Sql, statement: &'static str, parameters: &[SqlValue]) -> Result<u64, StoreError> {
    match sql.run(statement, parameters)?.first() {
        Some(row) => row.integer(0, statement),
        None => Ok(0),
    }
}
