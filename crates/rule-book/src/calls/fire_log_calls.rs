//! The FireLogs and the revision that each has taken: how far a change has come.

use serde::Serialize;

use crate::store::{FireLogState, RuleBookStore};
use blobwatch_sql::Sql;
use blobwatch_wire::{List, Page, Problem, rfc3339};

/// What is known of one FireLog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct FireLogItem {
    pub name: String,
    /// Of the rulebook that it last said it has.
    pub revision: u64,
    /// RFC 3339: when it last said so, written down every ten minutes while nothing changes.
    pub seen: String,
    /// Pushes that failed since the last one that did not.
    pub failed_pushes: u64,
}

impl From<FireLogState> for FireLogItem {
    fn from(state: FireLogState) -> Self {
        Self {
            name: state.name,
            revision: state.acknowledged,
            seen: rfc3339(state.seen_ms),
            failed_pushes: state.attempts,
        }
    }
}

/// Every FireLog that was heard of in the last week, by name.
///
/// # Errors
/// 400 for a cursor that no longer stands.
pub(crate) fn list_fire_logs<S: Sql>(
    store: &RuleBookStore<S>,
    page: &Page,
) -> Result<List<FireLogItem>, Problem> {
    let states = store.fire_logs()?;
    let items = states.into_iter().map(FireLogItem::from).collect();
    page.of(items, |item: &FireLogItem| item.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::{Page, list_fire_logs};
    use crate::store::RuleBookStore;
    use blobwatch_rulebook::starter;
    use blobwatch_sql::Native;

    const NOW: u64 = 1_593_975_600_000;

    #[test]
    fn fire_logs_say_which_revision_they_have() {
        let starter = starter().unwrap();
        let store = RuleBookStore::open(Native::in_memory().unwrap(), &starter, NOW).unwrap();
        let page = |query: &str| list_fire_logs(&store, &Page::parse(query).unwrap()).unwrap();
        assert_eq!(page("").items, []);
        store.fire_log_seen("fl1-FRA-0", 1, NOW).unwrap();
        store.fire_log_seen("fl1-AMS-0", 1, NOW).unwrap();
        store.push_failed("fl1-FRA-0", NOW).unwrap();
        let first = page("limit=1");
        assert_eq!(
            serde_json::to_string(&first).unwrap(),
            r#"{"items":[{"name":"fl1-AMS-0","revision":1,"seen":"2020-07-05T19:00:00.000Z","failed_pushes":0}],"next_cursor":"fl1-AMS-0"}"#
        );
        assert_eq!(page("cursor=fl1-AMS-0").items[0].failed_pushes, 1);
    }
}
