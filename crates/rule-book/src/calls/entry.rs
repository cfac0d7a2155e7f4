//! Changes that are kept elsewhere, written into the audit log: who is told is no part of the rulebook.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::{Change, RuleBookStore};
use blobwatch_sql::Sql;
use blobwatch_wire::{Problem, json_text};

/// A change that was made.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAuditEntry {
    pub action: String,
    pub actor: String,
    pub after: Option<Value>,
    pub before: Option<Value>,
    pub reason: Option<String>,
    pub target: String,
}

/// What was done at that time, and is told until it is written. No two of the one who tells have the same time.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryOnce {
    pub time_ms: u64,
    pub entry: NewAuditEntry,
}

/// That it was written.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    pub revision: u64,
}

/// Writes an entry; the revision grows by one as with every change, the document stays as it is.
///
/// # Errors
/// When the storage refuses.
pub fn write_entry<S: Sql>(
    store: &RuleBookStore<S>,
    entry: &NewAuditEntry,
    now_ms: u64,
) -> Result<Written, Problem> {
    let revision = store.change(&change_of(entry, now_ms)?, &[])?;
    Ok(Written { revision })
}

/// Writes an entry unless it, or a later one, was told before. What people do about anomalies changes nothing for clients: the
/// revision stays.
///
/// # Errors
/// When the storage refuses.
pub fn write_entry_once<S: Sql>(store: &RuleBookStore<S>, told: &EntryOnce) -> Result<Written, Problem> {
    let EntryOnce { time_ms, entry } = told;
    let revision = store.log_once(&change_of(entry, *time_ms)?)?;
    Ok(Written { revision })
}

fn change_of(entry: &NewAuditEntry, now_ms: u64) -> Result<Change<'_>, Problem> {
    Ok(Change {
        actor: &entry.actor,
        now_ms,
        action: &entry.action,
        target: &entry.target,
        before: entry.before.as_ref().map(json_text).transpose()?,
        after: entry.after.as_ref().map(json_text).transpose()?,
        reason: entry.reason.as_deref(),
        expected: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_rulebook::starter;
    use blobwatch_sql::Native;

    #[test]
    fn an_entry_is_in_the_chain_and_changes_no_rule() {
        let store = RuleBookStore::open(Native::in_memory().unwrap(), &starter().unwrap(), 1).unwrap();
        let before = store.document().unwrap();
        let entry = serde_json::json!({
            "actor": "olga", "action": "webhook.put", "target": "webhooks/chat",
            "before": null, "after": {"url": "https://hooks.example.org/x"}, "reason": "so that we hear of it",
        });
        let entry: NewAuditEntry = serde_json::from_value(entry).unwrap();
        assert_eq!(write_entry(&store, &entry, 2).unwrap(), Written { revision: 2 });
        let newest = store.audit(None, 1).unwrap().remove(0);
        assert_eq!(
            (newest.actor.as_str(), newest.target.as_str(), newest.revision),
            ("olga", "webhooks/chat", 2)
        );
        assert_eq!(store.document().unwrap().rules, before.rules);
    }

    #[test]
    fn what_is_told_again_is_written_once_and_makes_no_revision() {
        let store = RuleBookStore::open(Native::in_memory().unwrap(), &starter().unwrap(), 1).unwrap();
        let told = |time_ms, action: &str| EntryOnce {
            time_ms,
            entry: NewAuditEntry {
                action: action.to_owned(),
                actor: "olga".to_owned(),
                after: None,
                before: None,
                reason: None,
                target: "anomalies/an-000001".to_owned(),
            },
        };
        for (time_ms, action) in [
            (70, "anomaly.acknowledge"),
            (70, "anomaly.acknowledge"),
            (71, "anomaly.comment"),
            (70, "anomaly.acknowledge"),
            (71, "anomaly.comment"),
        ] {
            let written = write_entry_once(&store, &told(time_ms, action)).unwrap();
            assert_eq!(written, Written { revision: 1 });
        }
        let entries = store.audit(None, 10).unwrap();
        let kept: Vec<_> = entries
            .iter()
            .map(|entry| (entry.time_ms, entry.action.as_str()))
            .collect();
        assert_eq!(
            kept,
            [(71, "anomaly.comment"), (70, "anomaly.acknowledge"), (1, "seed")]
        );
        let mut chain = crate::Chain::default();
        entries.iter().rev().for_each(|entry| {
            assert!(chain.push(entry), "{entry:?}");
        });
    }
}
