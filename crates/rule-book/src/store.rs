//! What the RuleBook object keeps: every version of every rule, route, mode and setting, who changed it and why, and
//! which FireLogs know of it.
//!
//! Guarantees: the revision grows by one with each change; a change, its audit entry and the new revision hold
//! together or not at all; the document of any past revision can be read again, since nothing is overwritten: an
//! entry is valid from one revision until another.
//!
//! In scope: statements and their order. Not in scope: whether a change makes sense (`calls` checks before
//! it writes), pushing to FireLogs (`src/control_plane`).

mod archives;
mod audit;
mod change;
mod ended_sessions;
mod fire_logs;
mod guard_readings;
mod guard_states;
mod guards;
mod history;
mod layouts;
mod losses;
mod outbox;
mod pending;
mod previews;
mod schema;
mod tokens;

pub(crate) use archives::ArchiveRun;
#[cfg(test)]
pub(crate) use archives::MAX_ARCHIVES;
pub(crate) use change::{Change, Edit};
pub use ended_sessions::EndSession;
pub(crate) use ended_sessions::EndedSessions;
pub use fire_logs::FireLogState;
#[cfg(test)]
pub(crate) use guard_readings::MAX_READINGS_A_MINUTE;
pub(crate) use guard_readings::{READINGS_KEPT_MS, ReadArm, Reading, ReadingAt};
#[cfg(test)]
pub(crate) use guard_states::MAX_MOMENTS;
pub(crate) use guards::{GuardEntry, GuardUpdate};
pub(crate) use history::{Kind, StoredVersion};
#[cfg(test)]
pub(crate) use outbox::{HARMS, MAX_CHANGES, MAX_HARMS};
pub use outbox::{NoticeKind, PendingNotice};
pub(crate) use pending::PendingMode;
pub(crate) use tokens::{TokenRow, USED_EVERY_MS};

use std::fmt;

use blobwatch_rulebook::{DocumentError, Rulebook};
use blobwatch_sql::{Sql, SqlError, SqlValue, StoreError, migrate};

/// Why the store did not do what was asked; fits "failed to keep the rulebook: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleBookError {
    Store(StoreError),
    /// Another change came first.
    Revision {
        expected: u64,
        found: u64,
    },
}

impl fmt::Display for RuleBookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Revision { expected, found } => write!(f, "expected revision {expected}, found {found}"),
        }
    }
}

impl std::error::Error for RuleBookError {}

impl From<StoreError> for RuleBookError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SqlError> for RuleBookError {
    fn from(error: SqlError) -> Self {
        Self::Store(error.into())
    }
}

impl From<DocumentError> for RuleBookError {
    fn from(error: DocumentError) -> Self {
        Self::Store(StoreError::Corrupt(format!("the rulebook ({error})")))
    }
}

/// The RuleBook's database, at the current schema and with a rulebook in it.
#[derive(Debug)]
pub struct RuleBookStore<S> {
    sql: S,
}

impl<S: Sql> RuleBookStore<S> {
    /// Brings the database to the current schema; an empty one gets `starter` as revision 1.
    ///
    /// # Errors
    /// When the database was written by a newer build, or SQLite refuses.
    pub fn open(sql: S, starter: &Rulebook, now_ms: u64) -> Result<Self, RuleBookError> {
        migrate(&sql, schema::STEPS)?;
        let store = Self { sql };
        if store.revision()? == 0 {
            store.seed(starter, now_ms)?;
        }
        Ok(store)
    }

    #[cfg(test)]
    pub(crate) fn sql(&self) -> &S {
        &self.sql
    }

    #[cfg(test)]
    pub(crate) fn into_sql(self) -> S {
        self.sql
    }

    /// Of the latest change.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn revision(&self) -> Result<u64, RuleBookError> {
        let rows = self
            .sql
            .run("SELECT value FROM meta WHERE key = 'revision'", &[])?;
        match rows.first() {
            Some(found) => Ok(found.integer(0, "meta.value of revision")?),
            None => Ok(0),
        }
    }

    /// When this rulebook was seeded, in milliseconds since 1970: its revisions count from there. 0 where that was
    /// before there were epochs.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn epoch(&self) -> Result<u64, RuleBookError> {
        let rows = self.sql.run("SELECT value FROM meta WHERE key = 'epoch'", &[])?;
        match rows.first() {
            Some(found) => Ok(found.integer(0, "meta.value of epoch")?),
            None => Ok(0),
        }
    }

    /// The rulebook as it is now.
    ///
    /// # Errors
    /// When SQLite refuses, or an entry is not what was written.
    pub fn document(&self) -> Result<Rulebook, RuleBookError> {
        let revision = self.revision()?;
        self.read_document(revision)
    }

    fn seed(&self, starter: &Rulebook, now_ms: u64) -> Result<(), RuleBookError> {
        let whole = serde_json::to_string(starter)
            .map_err(|error| StoreError::Corrupt(format!("the starter ({error})")))?;
        let change = Change {
            actor: "blobwatch",
            now_ms,
            action: "seed",
            target: "rulebook",
            before: None,
            after: Some(whole),
            reason: Some("first start"),
            expected: Some(0),
        };
        // Before the change: without it the next start seeds anew, with an epoch of its own.
        schema::set_epoch(&self.sql, now_ms)?;
        self.change(&change, &Edit::whole(starter)?)?;
        Ok(())
    }
}

fn parameter(number: u64) -> SqlValue {
    // Revisions and milliseconds stay far below 2^53, where integers cross the platform unharmed.
    SqlValue::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn text(value: &str) -> SqlValue {
    SqlValue::Text(value.to_owned())
}

#[cfg(test)]
mod tests;
