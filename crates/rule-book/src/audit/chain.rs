//! The walk along a chain of entries, as far at a time as one likes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AuditEntry, GENESIS, entry_hash};

/// How far a chain was walked and what the next entry must follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Entries walked that were whole.
    entries: u64,
    /// Number of the last whole entry; 0 before the first.
    seq: u64,
    /// Hash of the last whole entry.
    head: String,
    /// Revision that the last whole entry made.
    revision: u64,
    broken: Option<Broken>,
}

/// Where a chain breaks. What comes after it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "BrokenEntry")
)]
pub struct Broken {
    /// Number of the entry that does not fit, or of the one that is missing.
    pub seq: u64,
    pub why: String,
}

/// What a walk comes to, as the API and the command line answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainReport {
    pub ok: bool,
    /// Entries that follow one another whole, from where the walk began.
    pub entries: u64,
    /// Hash of the last of them: kept elsewhere, it shows a log that was rewritten as a whole or cut short.
    pub head: String,
    pub broken: Option<Broken>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.seq, self.why)
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::after(0, GENESIS)
    }
}

impl Chain {
    /// A walk that goes on behind an entry that is known to be right, for an export that begins in the middle.
    #[must_use]
    pub fn after(seq: u64, hash: &str) -> Self {
        Self {
            entries: 0,
            seq,
            head: hash.to_owned(),
            revision: 0,
            broken: None,
        }
    }

    /// Number of the last whole entry.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Walks one entry further; answers whether the chain is whole so far.
    pub fn push(&mut self, entry: &AuditEntry) -> bool {
        if self.broken.is_none() {
            match self.fault(entry) {
                Some(why) => self.breaks(entry.seq, why),
                None => {
                    self.entries += 1;
                    self.seq = entry.seq;
                    self.revision = entry.revision;
                    self.head.clone_from(&entry.hash);
                }
            }
        }
        self.broken.is_none()
    }

    /// Something that is no entry stands where the next one is expected.
    pub fn refuse(&mut self, why: impl Into<String>) {
        if self.broken.is_none() {
            self.breaks(self.seq + 1, why.into());
        }
    }

    fn breaks(&mut self, seq: u64, why: String) {
        self.broken = Some(Broken { seq, why });
    }

    fn fault(&self, entry: &AuditEntry) -> Option<String> {
        let expected = self.seq + 1;
        if entry.seq != expected {
            return Some(format!(
                "expected entry {expected} here: entries were removed, inserted or moved"
            ));
        }
        if entry.previous != self.head {
            return Some(format!(
                "its `previous` is {}, but the hash of entry {} is {}: one of the two was replaced",
                entry.previous, self.seq, self.head
            ));
        }
        let hash = entry_hash(entry);
        if entry.hash != hash {
            return Some(format!(
                "its content has the hash {hash}, but it says {}: it was changed after it was written",
                entry.hash
            ));
        }
        // Within a whole chain only a writer that broke its own rule can do this.
        (entry.revision < self.revision).then(|| {
            format!(
                "it made revision {}, but the previous entry made revision {}",
                entry.revision, self.revision
            )
        })
    }

    #[must_use]
    pub fn report(self) -> ChainReport {
        ChainReport {
            ok: self.broken.is_none(),
            entries: self.entries,
            head: self.head,
            broken: self.broken,
        }
    }
}
