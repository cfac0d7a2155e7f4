//! Harms that the Detector has not heard of: an outbox.
//!
//! A row is written in the transaction of the change that takes an enforcement back, and goes when the Detector has it. It
//! is told again until then, and knows by the harm's id what it was told before.

use super::{RuleBookError, RuleBookStore, parameter, row, text};
use blobwatch_sql::{Row, Sql, SqlValue};

/// Harms that wait: promotions that were taken back while the Detector could not be reached. The oldest go first; the audit
/// log has them all.
pub(crate) const MAX_HARMS: u64 = 256;

/// First wait for the Detector, twice as long after each try, up to the second.
const RETRY_MS: (u64, u64) = (1_000, 5 * 60_000);

/// What nobody took for so long is given up: a Detector that refuses it will go on to.
const GIVE_UP_MS: u64 = 7 * 86_400_000;

pub(super) const HARMS: &str = "CREATE TABLE harms (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    retry_ms INTEGER NOT NULL
) WITHOUT ROWID";

/// A harm to tell of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    pub id: String,
    /// JSON, for the Detector.
    pub body: String,
    /// Tries that failed.
    pub attempts: u64,
}

impl<S: Sql> RuleBookStore<S> {
    /// Puts a harm; inside of the transaction of the change that it leads to.
    pub(crate) fn put_harm(&self, id: &str, body: &str, now_ms: u64) -> Result<(), RuleBookError> {
        self.sql.run(
            "INSERT OR REPLACE INTO harms (id, body, made_ms, attempts, retry_ms) VALUES (?1, ?2, ?3, 0, 0)",
            &[text(id), text(body), parameter(now_ms)],
        )?;
        self.sql.run(
            "DELETE FROM harms WHERE made_ms < ?1 OR id IN (SELECT id FROM harms ORDER BY made_ms DESC, id LIMIT -1 OFFSET ?2)",
            &[
                parameter(now_ms.saturating_sub(GIVE_UP_MS)),
                parameter(MAX_HARMS),
            ],
        )?;
        Ok(())
    }

    /// Harms that are to be told now, oldest first.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub fn harms_due(&self, now_ms: u64) -> Result<Vec<Untold>, RuleBookError> {
        let rows = self.sql.run(
            "SELECT id, body, attempts FROM harms WHERE retry_ms <= ?1 ORDER BY made_ms, id",
            &[parameter(now_ms)],
        )?;
        let untold = |found: &Row| {
            let what = "a harm";
            Ok(Untold {
                id: row::string(found, 0, what)?,
                body: row::string(found, 1, what)?,
                attempts: row::unsigned(found, 2, what)?,
            })
        };
        rows.iter().map(untold).collect()
    }

    /// The Detector has it.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn harm_told(&self, harm: &Untold) -> Result<(), RuleBookError> {
        self.sql
            .run("DELETE FROM harms WHERE id = ?1", &[text(&harm.id)])?;
        Ok(())
    }

    /// It could not be told; answers whether it is given up.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn harm_untold(&self, harm: &Untold, now_ms: u64) -> Result<bool, RuleBookError> {
        let doublings = u32::try_from(harm.attempts.min(20)).unwrap_or(20);
        let wait = (RETRY_MS.0 << doublings).min(RETRY_MS.1);
        self.sql.run(
            "UPDATE harms SET attempts = attempts + 1, retry_ms = ?2 WHERE id = ?1",
            &[text(&harm.id), parameter(now_ms + wait)],
        )?;
        let given_up = self.sql.run(
            "DELETE FROM harms WHERE id = ?1 AND made_ms < ?2 RETURNING id",
            &[text(&harm.id), parameter(now_ms.saturating_sub(GIVE_UP_MS))],
        )?;
        Ok(!given_up.is_empty())
    }

    /// When a harm is to be told next; `None` while none waits.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn next_harm_ms(&self) -> Result<Option<u64>, RuleBookError> {
        let rows = self.sql.run("SELECT min(retry_ms) FROM harms", &[])?;
        match rows.first() {
            Some(found) if found.first() != Some(&SqlValue::Null) => {
                row::unsigned(found, 0, "a harm").map(Some)
            }
            _ => Ok(None),
        }
    }
}
