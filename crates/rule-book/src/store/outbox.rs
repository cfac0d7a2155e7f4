//! What the Detector has not heard of: an outbox of harms and of changes.
//!
//! A row is written in the transaction of the change that it tells of, and goes when the Detector has it. It is told again
//! until then, and the Detector knows by its id what it was told before.

use super::{RuleBookError, RuleBookStore, losses, parameter, text};
use blobwatch_sql::{Row, Sql, SqlValue};

/// Harms that wait: promotions that were taken back while the Detector could not be reached. The oldest go first; the audit
/// log has them all.
pub(crate) const MAX_HARMS: u64 = 256;

/// Changes that wait: a push every ten minutes for a week. The oldest go first; the audit log has them all.
pub(crate) const MAX_CHANGES: u64 = 1_024;

/// First wait for the Detector, twice as long after each try, up to the second.
const RETRY_MS: (u64, u64) = (1_000, 5 * 60_000);

/// What nobody took for so long is given up: a Detector that refuses it will go on to.
const GIVE_UP_MS: u64 = 7 * 86_400_000;

pub(crate) const HARMS: &str = "CREATE TABLE harms (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    retry_ms INTEGER NOT NULL
) WITHOUT ROWID";

/// Takes the place of [`HARMS`].
pub(super) const OUTBOX: &str = "CREATE TABLE outbox (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    retry_ms INTEGER NOT NULL,
    UNIQUE (kind, id)
)";

pub(super) const OUTBOX_OF_HARMS: &str = "INSERT INTO outbox (kind, id, body, made_ms, attempts, retry_ms) \
     SELECT 'harm', id, body, made_ms, attempts, retry_ms FROM harms ORDER BY made_ms, id";

pub(super) const NO_HARMS: &str = "DROP TABLE harms";

/// What a notice is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// An enforcement that a guard took back (`HarmNotice`).
    Harm,
    /// A revision (`ChangeNotice`).
    Change,
}

impl NoticeKind {
    pub const ALL: [Self; 2] = [Self::Harm, Self::Change];

    /// As stored.
    const fn name(self) -> &'static str {
        match self {
            Self::Harm => "harm",
            Self::Change => "change",
        }
    }

    const fn most(self) -> u64 {
        match self {
            Self::Harm => MAX_HARMS,
            Self::Change => MAX_CHANGES,
        }
    }

    /// What was never told is counted by this name.
    const fn loss(self) -> &'static str {
        match self {
            Self::Harm => "harms_dropped",
            Self::Change => "changes_dropped",
        }
    }

    fn value(self) -> SqlValue {
        text(self.name())
    }
}

/// A notice to tell of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingNotice {
    pub kind: NoticeKind,
    pub id: String,
    /// JSON, for the Detector.
    pub body: String,
    /// Tries that failed.
    pub attempts: u64,
}

impl<S: Sql> RuleBookStore<S> {
    /// Puts a notice by its id; inside of the transaction of the change that it tells of. What found no room in it is counted
    /// as lost.
    pub(crate) fn put_notice(
        &self,
        kind: NoticeKind,
        (id, body): (&str, &str),
        left_out: u64,
        now_ms: u64,
    ) -> Result<(), RuleBookError> {
        self.sql.run(
            "INSERT OR REPLACE INTO outbox (kind, id, body, made_ms, attempts, retry_ms) VALUES (?1, ?2, ?3, ?4, 0, 0)",
            &[kind.value(), text(id), text(body), parameter(now_ms)],
        )?;
        let dropped = self.sql.run(
            "DELETE FROM outbox WHERE kind = ?1 AND (made_ms < ?2 OR number IN \
             (SELECT number FROM outbox WHERE kind = ?1 ORDER BY number DESC LIMIT -1 OFFSET ?3)) RETURNING id",
            &[
                kind.value(),
                parameter(now_ms.saturating_sub(GIVE_UP_MS)),
                parameter(kind.most()),
            ],
        )?;
        losses::add(&self.sql, kind.loss(), dropped.len() as u64 + left_out, now_ms)
    }

    /// Notices that are to be told now, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub fn notices_due(
        &self,
        kind: NoticeKind,
        now_ms: u64,
        limit: usize,
    ) -> Result<Vec<PendingNotice>, RuleBookError> {
        let rows = self.sql.run(
            "SELECT id, body, attempts FROM outbox WHERE kind = ?1 AND retry_ms <= ?2 ORDER BY number LIMIT ?3",
            &[kind.value(), parameter(now_ms), parameter(limit as u64)],
        )?;
        let untold = |found: &Row| {
            Ok(PendingNotice {
                kind,
                id: found.text(0, "outbox.id")?.to_owned(),
                body: found.text(1, "outbox.body")?.to_owned(),
                attempts: found.integer(2, "outbox.attempts")?,
            })
        };
        rows.iter().map(untold).collect()
    }

    /// The Detector has it.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn notice_told(&self, notice: &PendingNotice) -> Result<(), RuleBookError> {
        self.sql.run(
            "DELETE FROM outbox WHERE kind = ?1 AND id = ?2",
            &[notice.kind.value(), text(&notice.id)],
        )?;
        Ok(())
    }

    /// It could not be told; answers whether it is given up.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn notice_untold(&self, notice: &PendingNotice, now_ms: u64) -> Result<bool, RuleBookError> {
        let doublings = u32::try_from(notice.attempts.min(20)).unwrap_or(20);
        let wait = (RETRY_MS.0 << doublings).min(RETRY_MS.1);
        let (kind, id) = (notice.kind.value(), text(&notice.id));
        self.sql.run(
            "UPDATE outbox SET attempts = attempts + 1, retry_ms = ?3 WHERE kind = ?1 AND id = ?2",
            &[kind.clone(), id.clone(), parameter(now_ms + wait)],
        )?;
        let given_up = self.sql.run(
            "DELETE FROM outbox WHERE kind = ?1 AND id = ?2 AND made_ms < ?3 RETURNING id",
            &[kind, id, parameter(now_ms.saturating_sub(GIVE_UP_MS))],
        )?;
        losses::add(&self.sql, notice.kind.loss(), given_up.len() as u64, now_ms)?;
        Ok(!given_up.is_empty())
    }

    /// When a notice of a kind is to be told next; `None` while none waits.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn next_notice_ms(&self, kind: NoticeKind) -> Result<Option<u64>, RuleBookError> {
        let rows = self.sql.run(
            "SELECT min(retry_ms) FROM outbox WHERE kind = ?1",
            &[kind.value()],
        )?;
        match rows.first() {
            Some(found) => Ok(found.optional_integer(0, "outbox.retry_ms")?),
            None => Ok(None),
        }
    }
}
