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
    let change = Change {
        actor: &entry.actor,
        now_ms,
        action: &entry.action,
        target: &entry.target,
        before: entry.before.as_ref().map(json_text).transpose()?,
        after: entry.after.as_ref().map(json_text).transpose()?,
        reason: entry.reason.as_deref(),
        expected: None,
    };
    let revision = store.change(&change, &[])?;
    Ok(Written { revision })
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
}
