//! Which FireLogs exist and which revision each has taken: a push is repeated until it is acknowledged.

use super::{RuleBookError, RuleBookStore, losses, parameter, text};
use blobwatch_sql::{Row, Sql};

/// 340 colos, a dozen FireLogs in the largest: with room, and 400 KB.
pub(crate) const MAX_FIRE_LOGS: u64 = 4_096;

/// Longest wait between two pushes to a FireLog that does not answer.
pub(crate) const PUSH_RETRY_MAX_MS: u64 = 5 * 60_000;

/// First wait; it doubles. A mode change has 5 s to be effective, so a hiccup is retried within it.
const PUSH_RETRY_MS: u64 = 500;

/// A FireLog says more often than this that it is there; only then is it written down again.
const SEEN_EVERY_MS: u64 = 10 * 60_000;

/// One that was silent for this long and has no records any more is gone: it asks for the rulebook when it comes back.
const FORGET_AFTER_MS: u64 = 7 * 86_400_000;

/// What is known of one FireLog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FireLogState {
    pub name: String,
    /// Revision that it last said it has.
    pub acknowledged: u64,
    pub seen_ms: u64,
    /// Pushes that failed since the last one that did not.
    pub attempts: u64,
    /// The next push is due then.
    pub retry_ms: u64,
}

impl FireLogState {
    fn read(found: &Row) -> Result<Self, RuleBookError> {
        Ok(Self {
            name: found.text(0, "fire_logs.name")?.to_owned(),
            acknowledged: found.integer(1, "fire_logs.acknowledged")?,
            seen_ms: found.integer(2, "fire_logs.seen_ms")?,
            attempts: found.integer(3, "fire_logs.attempts")?,
            retry_ms: found.integer(4, "fire_logs.retry_ms")?,
        })
    }
}

const COLUMNS: &str = "name, acknowledged, seen_ms, attempts, retry_ms";

pub(super) const DUE: &str = "SELECT name, acknowledged, seen_ms, attempts, retry_ms FROM fire_logs \
     WHERE acknowledged < ?1 AND retry_ms <= ?2 ORDER BY seen_ms DESC, name LIMIT ?3";

impl<S: Sql> RuleBookStore<S> {
    /// A FireLog says that it is there and which revision it has. Answers whether it is behind.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn fire_log_seen(&self, name: &str, acknowledged: u64, now_ms: u64) -> Result<bool, RuleBookError> {
        let is_behind = acknowledged < self.revision()?;
        let known = self.fire_log(name)?;
        let is_fresh = |known: &FireLogState| {
            known.acknowledged == acknowledged && now_ms.saturating_sub(known.seen_ms) < SEEN_EVERY_MS
        };
        if known.as_ref().is_some_and(is_fresh) {
            return Ok(is_behind);
        }
        self.sql.transaction(|| {
            if known.is_none() {
                self.make_room(now_ms)?;
            }
            self.sql.run(
                "INSERT INTO fire_logs (name, acknowledged, seen_ms, attempts, retry_ms) VALUES (?1, ?2, ?3, 0, 0) \
                 ON CONFLICT (name) DO UPDATE SET acknowledged = ?2, seen_ms = ?3, attempts = 0, retry_ms = 0",
                &[text(name), parameter(acknowledged), parameter(now_ms)],
            )?;
            Ok(is_behind)
        })
    }

    /// A push did not get through.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn push_failed(&self, name: &str, now_ms: u64) -> Result<(), RuleBookError> {
        let Some(known) = self.fire_log(name)? else {
            return Ok(());
        };
        let doublings = u32::try_from(known.attempts.min(20)).unwrap_or(20);
        let wait = (PUSH_RETRY_MS << doublings).min(PUSH_RETRY_MAX_MS);
        self.sql.run(
            "UPDATE fire_logs SET attempts = attempts + 1, retry_ms = ?1 WHERE name = ?2",
            &[parameter(now_ms + wait), text(name)],
        )?;
        Ok(())
    }

    /// FireLogs that have not taken the current revision and are due for a push; those that were silent for long come last, and
    /// keep nobody waiting.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn pushes_due(&self, now_ms: u64, limit: usize) -> Result<Vec<FireLogState>, RuleBookError> {
        let revision = parameter(self.revision()?);
        let rows = self
            .sql
            .run(DUE, &[revision, parameter(now_ms), parameter(limit as u64)])?;
        rows.iter().map(FireLogState::read).collect()
    }

    /// When the next push is due; `None` when every FireLog has the current revision.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn next_push_ms(&self) -> Result<Option<u64>, RuleBookError> {
        let rows = self.sql.run(
            "SELECT min(retry_ms) FROM fire_logs WHERE acknowledged < ?1",
            &[parameter(self.revision()?)],
        )?;
        match rows.first() {
            Some(found) => Ok(found.optional_integer(0, "fire_logs.retry_ms")?),
            None => Ok(None),
        }
    }

    /// Every FireLog that is known, for the fan-out of queries.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn fire_logs(&self) -> Result<Vec<FireLogState>, RuleBookError> {
        let rows = self
            .sql
            .run(&format!("SELECT {COLUMNS} FROM fire_logs ORDER BY name"), &[])?;
        rows.iter().map(FireLogState::read).collect()
    }

    /// A new revision is tried on everybody at once, whatever failed before.
    pub(super) fn try_push_again(&self) -> Result<(), RuleBookError> {
        self.sql.run(
            "UPDATE fire_logs SET attempts = 0, retry_ms = 0 WHERE retry_ms > 0",
            &[],
        )?;
        Ok(())
    }

    fn fire_log(&self, name: &str) -> Result<Option<FireLogState>, RuleBookError> {
        let rows = self.sql.run(
            &format!("SELECT {COLUMNS} FROM fire_logs WHERE name = ?1"),
            &[text(name)],
        )?;
        rows.first().map(FireLogState::read).transpose()
    }

    /// Forgets those that are gone and, at the bound, the one that was silent longest. A join leaves FireLogs that nobody calls, and
    /// whose records are searched until they have aged out.
    fn make_room(&self, now_ms: u64) -> Result<(), RuleBookError> {
        let retention_ms = u64::from(self.document()?.settings.retention_hours) * 3_600_000;
        self.sql.run(
            "DELETE FROM fire_logs WHERE seen_ms < ?1",
            &[parameter(
                now_ms.saturating_sub(FORGET_AFTER_MS.max(retention_ms)),
            )],
        )?;
        let forgotten = self.sql.run(
            "DELETE FROM fire_logs WHERE name IN (SELECT name FROM fire_logs ORDER BY seen_ms DESC, name \
             LIMIT -1 OFFSET ?1) RETURNING name",
            &[parameter(MAX_FIRE_LOGS - 1)],
        )?;
        // FireLogs that were forgotten with records in them, for want of room: searches miss these.
        losses::add(&self.sql, "fire_logs_forgotten", forgotten.len() as u64, now_ms)
    }
}
