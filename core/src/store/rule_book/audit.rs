//! Who changed what, when and why, each entry chained to the one before by its hash.
//!
//! A log that was changed afterwards no longer adds up: each hash covers its entry and the hash before it.

use sha2::{Digest, Sha256};

use super::{RuleBookError, RuleBookStore, parameter, row, text};
use crate::store::{Row, Sql, SqlValue};

/// `previous` of the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// From 1, without gaps.
    pub seq: u64,
    pub time_ms: u64,
    pub actor: String,
    pub action: String,
    pub target: String,
    /// JSON, as it was hashed.
    pub before: Option<String>,
    /// JSON, as it was hashed.
    pub after: Option<String>,
    pub reason: Option<String>,
    /// That the change made.
    pub revision: u64,
    /// Hash of the entry before.
    pub previous: String,
    /// 64 hex digits, [`entry_hash`].
    pub hash: String,
}

/// SHA-256 in hex over the hash before, a line break, and the entry as a JSON list
/// `[seq, time_ms, actor, action, target, before, after, reason, revision]` without spaces, where `before` and
/// `after` are strings that hold JSON, or null.
#[must_use]
pub fn entry_hash(entry: &AuditEntry) -> String {
    let canonical = serde_json::json!([
        entry.seq,
        entry.time_ms,
        entry.actor,
        entry.action,
        entry.target,
        entry.before,
        entry.after,
        entry.reason,
        entry.revision
    ]);
    let digest = Sha256::new()
        .chain_update(&entry.previous)
        .chain_update("\n")
        .chain_update(canonical.to_string())
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

const COLUMNS: &str = "seq, time_ms, actor, action, target, before, after, reason, revision, previous, hash";

impl AuditEntry {
    pub(super) fn insert<S: Sql>(self, sql: &S) -> Result<(), RuleBookError> {
        let nullable = |value: &Option<String>| value.as_deref().map_or(SqlValue::Null, text);
        sql.run(
            &format!("INSERT INTO audit ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
            &[
                parameter(self.seq),
                parameter(self.time_ms),
                text(&self.actor),
                text(&self.action),
                text(&self.target),
                nullable(&self.before),
                nullable(&self.after),
                nullable(&self.reason),
                parameter(self.revision),
                text(&self.previous),
                text(&entry_hash(&self)),
            ],
        )?;
        Ok(())
    }

    fn read(found: &Row) -> Result<Self, RuleBookError> {
        let what = "an audit entry";
        Ok(Self {
            seq: row::unsigned(found, 0, what)?,
            time_ms: row::unsigned(found, 1, what)?,
            actor: row::string(found, 2, what)?,
            action: row::string(found, 3, what)?,
            target: row::string(found, 4, what)?,
            before: row::optional(found, 5, what)?,
            after: row::optional(found, 6, what)?,
            reason: row::optional(found, 7, what)?,
            revision: row::unsigned(found, 8, what)?,
            previous: row::string(found, 9, what)?,
            hash: row::string(found, 10, what)?,
        })
    }
}

/// Number and hash of the last entry.
pub(super) fn last_hash<S: Sql>(sql: &S) -> Result<(u64, String), RuleBookError> {
    let rows = sql.run("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", &[])?;
    match rows.first() {
        Some(found) => Ok((
            row::unsigned(found, 0, "an audit entry")?,
            row::string(found, 1, "an audit entry")?,
        )),
        None => Ok((0, GENESIS.to_owned())),
    }
}

impl<S: Sql> RuleBookStore<S> {
    /// Entries from newest to oldest, those before number `before` where it is given.
    ///
    /// # Errors
    /// When SQLite refuses, or an entry is not what was written.
    pub fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditEntry>, RuleBookError> {
        let rows = self.sql.run(
            &format!("SELECT {COLUMNS} FROM audit WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2"),
            &[
                before.map_or(super::history::OPEN, parameter),
                parameter(limit as u64),
            ],
        )?;
        rows.iter().map(AuditEntry::read).collect()
    }
}
