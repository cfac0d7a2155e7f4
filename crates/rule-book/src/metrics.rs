//! What the RuleBook adds to the metrics: guards, FireLogs, what waits, and archives.

use std::collections::BTreeMap;

use crate::calls::{guard_states, pending_count};
use crate::store::RuleBookStore;
use blobwatch_guard::State;
use blobwatch_sql::Sql;
use blobwatch_wire::{MetricsPage, Problem};

/// # Errors
/// When the store cannot be read.
pub fn rule_book_metrics<S: Sql>(store: &RuleBookStore<S>, now_ms: u64) -> Result<String, Problem> {
    let mut page = MetricsPage::default();
    let revision = store.revision()?;
    page.one(
        "blobwatch_rulebook_revision",
        "gauge",
        "Current revision of the rulebook.",
        revision,
    );
    guards(&mut page, &guard_states(store, now_ms)?);
    fire_logs(&mut page, store, revision)?;
    let help = "Enforcements that wait for a second person.";
    page.one(
        "blobwatch_pending_enforcements",
        "gauge",
        help,
        pending_count(store, now_ms)?,
    );
    archives(&mut page, store)?;
    Ok(page.0)
}

fn guards(page: &mut MetricsPage, states: &[State]) {
    let mut counts: BTreeMap<&str, usize> = State::ALL.map(|state| (state.as_str(), 0)).into();
    for state in states {
        *counts.entry(state.as_str()).or_default() += 1;
    }
    let help = "Guards of modes that are set, by where they stand.";
    page.by("state", "blobwatch_guards", "gauge", help, counts);
}

fn fire_logs<S: Sql>(page: &mut MetricsPage, store: &RuleBookStore<S>, revision: u64) -> Result<(), Problem> {
    let known = store.fire_logs()?;
    let behind = known.iter().filter(|log| log.acknowledged < revision).count();
    let help = "FireLogs that were heard of in the last week.";
    page.one("blobwatch_fire_logs", "gauge", help, known.len());
    let help = "FireLogs that do not have the current rulebook yet.";
    page.one("blobwatch_fire_logs_behind", "gauge", help, behind);
    Ok(())
}

fn archives<S: Sql>(page: &mut MetricsPage, store: &RuleBookStore<S>) -> Result<(), Problem> {
    let runs = store.archives()?;
    let help = "Records of all FireLogs from before this time are archived, as the archiver said.";
    let until = runs
        .iter()
        .filter_map(|run| Some((run.place.as_str(), run.until_ms? / 1_000)));
    page.by(
        "place",
        "blobwatch_archive_until_timestamp_seconds",
        "gauge",
        help,
        until,
    );
    let help = "When the archiver ran last.";
    let ran = runs.iter().map(|run| (run.place.as_str(), run.told_ms / 1_000));
    page.by(
        "place",
        "blobwatch_archive_run_timestamp_seconds",
        "gauge",
        help,
        ran,
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::rule_book_metrics;
    use crate::calls::answer;
    use crate::store::RuleBookStore;
    use blobwatch_rulebook::starter;
    use blobwatch_sql::Native;
    use blobwatch_wire::ApiRequest;

    const NOW: u64 = 1_593_975_600_000;

    #[test]
    fn guards_fire_logs_and_archives_are_scraped() {
        let starter = starter().unwrap();
        let store = RuleBookStore::open(Native::in_memory().unwrap(), &starter, NOW).unwrap();
        let call = |method, path: &str, body: &str| {
            let call = ApiRequest {
                method,
                path,
                query: "",
                body,
                actor: "ada",
                if_match: None,
                now_ms: NOW,
            };
            answer(&store, &call).unwrap()
        };
        let rule = &starter.rules[0].id;
        let mode = r#"{"mode":"enforce","reason":"r","force":true}"#;
        call("PUT", &format!("rules/{rule}/modes/default"), mode);
        let run = r#"{"place":"/srv/\"a\"","until":"2020-07-05T18:45:00Z","records":1,"late":0}"#;
        call("POST", "archives", run);
        store.fire_log_seen("fl1-FRA-0", 1, NOW).unwrap();
        store.fire_log_seen("fl1-IAD-0", 2, NOW).unwrap();
        let page = rule_book_metrics(&store, NOW).unwrap();
        for line in [
            "blobwatch_rulebook_revision 2",
            "blobwatch_guards{state=\"watching\"} 1",
            "blobwatch_guards{state=\"demoted\"} 0",
            "blobwatch_fire_logs 2",
            "blobwatch_fire_logs_behind 1",
            "blobwatch_pending_enforcements 0",
            "blobwatch_archive_until_timestamp_seconds{place=\"/srv/\\\"a\\\"\"} 1593974700",
            "blobwatch_archive_run_timestamp_seconds{place=\"/srv/\\\"a\\\"\"} 1593975600",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}: {page}");
        }
    }
}
