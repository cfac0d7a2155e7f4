//! What our own rules did, as a counter of Prometheus, over all FireLogs.

use std::collections::BTreeMap;

use super::{FireLogs, ask_all};
use crate::{RuleAct, RuleFiresCall};
use blobwatch_pull::{Origin, name_of};
use blobwatch_wire::MetricsPage;

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
    let mut own = MetricsPage::default();
    for (act, requests) in &sums {
        add(&mut own, act, *requests);
    }
    format!("{before}{head}{}{after}", own.0)
}

fn add(page: &mut MetricsPage, act: &RuleAct, requests: u64) {
    let (mode, would, applied) = (name_of(&act.mode), name_of(&act.would), name_of(&act.applied));
    let labels = [
        ("origin", Origin::Own.name()),
        ("rule", &*act.rule),
        ("route", &*act.route),
        ("mode", &*mode),
        ("would", &*would),
        ("applied", &*applied),
    ];
    page.value(NAME, &labels, requests);
}
