//! What our own rules did, as a counter of Prometheus, over all FireLogs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::{FireLogs, ask_all};
use crate::{RuleAct, RuleFiresCall};
use blobwatch_pull::Origin;

/// The counter, which the Detector's page begins with what others' rules did.
const NAME: &str = "blobwatch_rule_fires_total";

/// Puts the lines of our own rules among those that a page has of this counter. Where a FireLog does not answer there are none:
/// a gap says nothing, and a sum that falls says that the counter began anew.
pub async fn with_own_fires(fire_logs: &impl FireLogs, names: &[String], page: &str) -> String {
    let gathered = ask_all(fire_logs, names, &RuleFiresCall).await;
    let mut sums: BTreeMap<RuleAct, u64> = BTreeMap::new();
    if gathered.incomplete.is_empty() {
        for fires in gathered.answers.into_iter().flatten() {
            *sums.entry(fires.act).or_default() += fires.requests;
        }
    }
    let head = format!("# TYPE {NAME} counter\n");
    let (before, after) = page.split_once(&head).unwrap_or((page, ""));
    let lines = sums.iter().fold(String::new(), |mut lines, (act, requests)| {
        let _ = writeln!(lines, "{NAME}{{{}}} {requests}", labels(act));
        lines
    });
    format!("{before}{head}{lines}{after}")
}

/// Rules and routes have names that need no escapes.
fn labels(act: &RuleAct) -> String {
    format!(
        "origin=\"{}\",rule=\"{}\",route=\"{}\",mode=\"{}\",would=\"{}\",applied=\"{}\"",
        Origin::Own.name(),
        act.rule,
        act.route,
        word(&act.mode),
        word(&act.would),
        word(&act.applied),
    )
}

/// As records have it.
fn word(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    text.trim_matches('"').to_owned()
}
