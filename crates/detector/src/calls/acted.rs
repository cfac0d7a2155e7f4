//! What acted on a cohort: rules of ours and of other parties, how often, since when, and how it is taken back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::report::plain;
use crate::upstream::remedy;
use crate::{Anomaly, Engine, called};
use blobwatch_pull::Origin;
use blobwatch_records::slot_of;
use blobwatch_wire::rfc3339;

/// Rules that are listed.
const MAX_ACTED: usize = 20;

/// One rule that fired on the cohort since half an hour before the onset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    pub rule: String,
    /// Requests that it did something to, and those that it only logged. Of our own rules it is not known which: all are in the
    /// first.
    pub acted: u64,
    pub logged: u64,
    /// Since when another party's rule acts.
    pub since_ms: Option<u64>,
    /// "l7ddos: block", "a botnet".
    pub words: String,
    /// The call that sets it to log.
    pub remedy: Option<String>,
}

/// Those that fired most first.
pub(super) fn acted(engine: &Engine, anomaly: &Anomaly) -> Vec<Acted> {
    let since_ms = anomaly.onset_ms.saturating_sub(super::BEFORE_ONSET_MS);
    let mut all: Vec<Acted> = own(engine, anomaly, since_ms)
        .into_iter()
        .map(|(rule, acted)| Acted {
            rule,
            acted,
            logged: 0,
            since_ms: None,
            words: String::new(),
            remedy: None,
        })
        .collect();
    all.extend(upstream(engine, anomaly, since_ms));
    all.sort_by(|a, b| (b.acted, b.logged, &a.rule).cmp(&(a.acted, a.logged, &b.rule)));
    all.truncate(MAX_ACTED);
    all
}

fn own(engine: &Engine, anomaly: &Anomaly, since_ms: u64) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (key, row) in engine.window().rows(slot_of(since_ms), u64::MAX) {
        if !anomaly.cohort.holds(key) {
            continue;
        }
        for rule in key.rules.iter().filter(|rule| Origin::of(rule) == Origin::Own) {
            *sums.entry(rule.to_string()).or_default() += u64::from(row.counts.requests);
        }
    }
    sums
}

fn upstream(engine: &Engine, anomaly: &Anomaly, since_ms: u64) -> Vec<Acted> {
    let sums = engine.upstream().of_cohort(&anomaly.cohort, since_ms);
    let of = |(rule, [acted, logged]): (&str, [u64; 2])| {
        let known = engine.upstream().rule(rule);
        let words = known.map(|known| {
            let texts = [&*known.system, known.action(), &known.description];
            texts
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join(": ")
        });
        Acted {
            rule: rule.to_owned(),
            acted,
            logged,
            since_ms: known.and_then(|known| known.acts_since_ms()),
            words: words.unwrap_or_default(),
            remedy: known.and_then(|known| remedy(rule, known)),
        }
    };
    sums.into_iter().map(of).collect()
}

/// The part of a report.
pub(super) fn section(out: &mut String, acted: &[Acted]) {
    if acted.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\n## What acted\n\nRules that fired on these clients since half an hour before the onset. Rules marked upstream are \
         another party's, by its own events.\n\n\
         | rule | requests | only logged | acts since | what it is |\n| --- | --- | --- | --- | --- |"
    );
    for one in acted {
        let since = one.since_ms.map_or_else(|| "-".to_owned(), rfc3339);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {since} | {} |",
            plain(&called(&one.rule)),
            one.acted,
            one.logged,
            plain(&one.words)
        );
    }
    for one in acted.iter().filter(|one| one.acted > 0) {
        let Some(remedy) = &one.remedy else { continue };
        let rule = plain(&one.rule);
        let _ = writeln!(
            out,
            "\nTo set {rule} to log for this host:\n\n```sh\n{remedy}\n```"
        );
    }
}
