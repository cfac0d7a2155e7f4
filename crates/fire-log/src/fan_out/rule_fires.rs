//! What our own rules did, as a counter of Prometheus, over all FireLogs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{FireLogs, ask_all};
use crate::{RuleAct, RuleFiresCall};
use blobwatch_pull::{Origin, name_of};

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
        name_of(&act.mode),
        name_of(&act.would),
        name_of(&act.applied),
    )
}
