//! Links to the report of an anomaly, for people without an account.
//!
//! Guarantees: what is kept of a link is the hash of its token, so that nobody who reads the database can open one; it is
//! made or revoked together with its entry of the audit log, or not at all; it opens nothing once its time is over.

use serde_json::json as value;

use super::acts::PendingEntry;
use super::{Detector, count};
use crate::anomaly::name;
use blobwatch_sql::{Row, Sql, SqlValue, StoreError, number};
use blobwatch_wire::{Problem, rfc3339};

pub(super) const SHARE: &str = "CREATE TABLE share (created_ms INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, \
     anomaly INTEGER NOT NULL, expires_ms INTEGER NOT NULL, actor TEXT NOT NULL)";

/// Links that open something at a time: a row of 200 bytes each.
pub(crate) const MAX_SHARES: u64 = 100;

/// How long a link lives, unless it is said, and at most.
pub(crate) const SHARED_MS: u64 = 7 * 86_400_000;
pub(crate) const MAX_SHARED_MS: u64 = 30 * 86_400_000;

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// No two have the same.
    pub(crate) created_ms: u64,
    pub(crate) anomaly: u64,
    pub(crate) expires_ms: u64,
    /// Who made it.
    pub(crate) actor: String,
}

impl Share {
    /// `sh-1594036800000`.
    pub(crate) fn name(&self) -> String {
        format!("sh-{}", self.created_ms)
    }
}

/// A link that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShareRequest {
    pub(crate) anomaly: u64,
    /// SHA-256 of its token, in hex.
    pub(crate) hash: String,
    pub(crate) expires_ms: u64,
    pub(crate) actor: String,
    pub(crate) reason: Option<String>,
}

impl<S: Sql> Detector<S> {
    /// Makes a link; or says why not.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn share(
        &self,
        request: &ShareRequest,
        now_ms: u64,
    ) -> Result<Result<Share, Problem>, StoreError> {
        if self.anomaly(request.anomaly)?.is_none() {
            return Ok(Err(Problem::not_found("anomaly of this id")));
        }
        self.forget_shares(now_ms)?;
        if count(&self.sql, "SELECT count(*) FROM share", &[])? >= MAX_SHARES {
            let message = format!("there are {MAX_SHARES} links already, the maximum: revoke one first");
            return Ok(Err(Problem::new(409, "too-many", "Too many links", message)));
        }
        let share = Share {
            created_ms: self.next_act_ms(now_ms)?,
            anomaly: request.anomaly,
            expires_ms: request.expires_ms,
            actor: request.actor.clone(),
        };
        let (by, reason) = (&request.actor, request.reason.clone());
        let entry = entry_of("anomaly.share", &share, by, reason, share.created_ms);
        self.sql.transaction(|| {
            self.sql.run(
                "INSERT INTO share (created_ms, hash, anomaly, expires_ms, actor) VALUES (?, ?, ?, ?, ?)",
                &[
                    number(share.created_ms),
                    SqlValue::Text(request.hash.clone()),
                    number(share.anomaly),
                    number(share.expires_ms),
                    SqlValue::Text(share.actor.clone()),
                ],
            )?;
            self.queue_entry(&entry)
        })?;
        Ok(Ok(share))
    }

    /// Makes a link open nothing; the link as it was, or why there is none.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn revoke_share(
        &self,
        anomaly: u64,
        name: &str,
        (actor, reason): (&str, Option<String>),
        now_ms: u64,
    ) -> Result<Result<Share, Problem>, StoreError> {
        let shares = self.shares(anomaly, now_ms)?;
        let Some(share) = shares.into_iter().find(|share| share.name() == name) else {
            return Ok(Err(Problem::not_found("link of this id")));
        };
        let time_ms = self.next_act_ms(now_ms)?;
        let entry = entry_of("anomaly.unshare", &share, actor, reason, time_ms);
        self.sql.transaction(|| {
            let of = "DELETE FROM share WHERE created_ms = ?";
            self.sql.run(of, &[number(share.created_ms)])?;
            self.queue_entry(&entry)
        })?;
        Ok(Ok(share))
    }

    /// Links to one anomaly that open it, oldest first.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub(crate) fn shares(&self, anomaly: u64, now_ms: u64) -> Result<Vec<Share>, StoreError> {
        let statement = "SELECT created_ms, anomaly, expires_ms, actor FROM share \
                         WHERE anomaly = ? AND expires_ms > ? ORDER BY created_ms";
        let rows = self.sql.run(statement, &[number(anomaly), number(now_ms)])?;
        rows.iter().map(share).collect()
    }

    /// The link whose token has this hash, if it opens anything.
    ///
    /// # Errors
    /// When SQLite refuses, or the row is not what was written.
    pub(crate) fn share_of(&self, hash: &str, now_ms: u64) -> Result<Option<Share>, StoreError> {
        let statement =
            "SELECT created_ms, anomaly, expires_ms, actor FROM share WHERE hash = ? AND expires_ms > ?";
        let rows = self
            .sql
            .run(statement, &[SqlValue::Text(hash.to_owned()), number(now_ms)])?;
        rows.first().map(share).transpose()
    }

    pub(super) fn forget_shares(&self, now_ms: u64) -> Result<(), StoreError> {
        self.sql
            .run("DELETE FROM share WHERE expires_ms <= ?", &[number(now_ms)])?;
        Ok(())
    }
}

fn share(row: &Row) -> Result<Share, StoreError> {
    Ok(Share {
        created_ms: row.integer(0, "share.created_ms")?,
        anomaly: row.integer(1, "share.anomaly")?,
        expires_ms: row.integer(2, "share.expires_ms")?,
        actor: row.text(3, "share.actor")?.to_owned(),
    })
}

fn entry_of(action: &str, share: &Share, actor: &str, reason: Option<String>, time_ms: u64) -> PendingEntry {
    PendingEntry {
        time_ms,
        actor: actor.to_owned(),
        action: action.to_owned(),
        target: format!("anomalies/{}/shares/{}", name(share.anomaly), share.name()),
        after: Some(value!({"expires": rfc3339(share.expires_ms)})),
        reason,
    }
}
