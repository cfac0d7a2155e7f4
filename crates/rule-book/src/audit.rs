//! The audit log: who changed what, when and why, each entry chained to the one before by its hash.
//!
//! A log that was changed afterwards no longer adds up: each hash covers its entry and the hash before it.
//!
//! In scope: an entry, its hash, its line in an export, and the walk that finds where a chain breaks; the object and
//! the command line share it. Not in scope: where entries are kept (`store`) and how they are asked for (`calls`). The form is described in docs/safe-enforcement.md and pinned by `tests/data/audit-v1.ndjson`.

mod chain;
mod item;
#[cfg(test)]
mod tests;

pub use chain::{Broken, Chain, ChainReport};
pub use item::AuditItem;

use blobwatch_wire::hex;
use sha2::{Digest, Sha256};

/// `previous` of the first entry.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

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
    /// 64 hex digits, `entry_hash`.
    pub hash: String,
}

/// SHA-256 in hex over the hash before, a line break, and the entry as a JSON list
/// `[seq, time_ms, actor, action, target, before, after, reason, revision]` without spaces, where `before` and
/// `after` are strings that hold JSON, or null.
#[must_use]
pub(crate) fn entry_hash(entry: &AuditEntry) -> String {
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
    hex(&digest)
}
