//! The audit log's rows. What an entry is and how entries are chained is said in `crate::audit`.

use super::{RuleBookError, RuleBookStore, parameter, text};
use crate::audit::{AuditEntry, GENESIS, entry_hash};
use blobwatch_sql::{Row, Sql, SqlValue};

const COLUMNS: &str = "seq, time_ms, actor, action, target, before, after, reason, revision, previous, hash";

/// Writes an entry with its hash.
pub(super) fn insert<S: Sql>(sql: &S, entry: &AuditEntry) -> Result<(), RuleBookError> {
    let nullable = |value: &Option<String>| value.as_deref().map_or(SqlValue::Null, text);
    sql.run(
        &format!("INSERT INTO audit ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
        &[
            parameter(entry.seq),
            parameter(entry.time_ms),
            text(&entry.actor),
            text(&entry.action),
            text(&entry.target),
            nullable(&entry.before),
            nullable(&entry.after),
            nullable(&entry.reason),
            parameter(entry.revision),
            text(&entry.previous),
            text(&entry_hash(entry)),
        ],
    )?;
    Ok(())
}

fn read(found: &Row) -> Result<AuditEntry, RuleBookError> {
    Ok(AuditEntry {
        seq: found.integer(0, "audit.seq")?,
        time_ms: found.integer(1, "audit.time_ms")?,
        actor: found.text(2, "audit.actor")?.to_owned(),
        action: found.text(3, "audit.action")?.to_owned(),
        target: found.text(4, "audit.target")?.to_owned(),
        before: found.optional_text(5, "audit.before")?.map(str::to_owned),
        after: found.optional_text(6, "audit.after")?.map(str::to_owned),
        reason: found.optional_text(7, "audit.reason")?.map(str::to_owned),
        revision: found.integer(8, "audit.revision")?,
        previous: found.text(9, "audit.previous")?.to_owned(),
        hash: found.text(10, "audit.hash")?.to_owned(),
    })
}

/// Number and hash of the last entry.
pub(super) fn last_hash<S: Sql>(sql: &S) -> Result<(u64, String), RuleBookError> {
    let rows = sql.run("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", &[])?;
    match rows.first() {
        Some(found) => Ok((
            found.integer(0, "audit.seq")?,
            found.text(1, "audit.hash")?.to_owned(),
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
        rows.iter().map(read).collect()
    }

    /// Entries from oldest to newest, those after number `after`; at least one where there is one, and then as many
    /// as fit in `limit` and `bytes` of `before` and `after`.
    ///
    /// # Errors
    /// When SQLite refuses, or an entry is not what was written.
    pub fn audit_after(
        &self,
        after: u64,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<AuditEntry>, RuleBookError> {
        let mut entries: Vec<AuditEntry> = Vec::new();
        let (mut seq, mut left) = (after, bytes);
        while entries.len() < limit {
            let rows = self.sql.run(NEXT, &[parameter(seq)])?;
            let Some(entry) = rows.first().map(read).transpose()? else {
                break;
            };
            let size =
                entry.before.as_ref().map_or(0, String::len) + entry.after.as_ref().map_or(0, String::len);
            if size > left && !entries.is_empty() {
                break;
            }
            left = left.saturating_sub(size);
            seq = entry.seq;
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// One at a time: an entry may be as large as a rulebook, and most are small.
const NEXT: &str = "SELECT seq, time_ms, actor, action, target, before, after, reason, revision, previous, hash \
     FROM audit WHERE seq > ?1 ORDER BY seq LIMIT 1";
