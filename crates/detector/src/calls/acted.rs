//! What acted on a cohort: rules of ours and of other parties, how often, since when, and how it is taken back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::report::{Document, Table};
use crate::upstream::{KnownRule, remedy, window_name, window_text};
use crate::{Anomaly, Engine, called};
use blobwatch_pull::Origin;
use blobwatch_records::slot_of;
use blobwatch_upstream::UpstreamWindow;
use blobwatch_wire::rfc3339;

/// Rules that are listed, and windows; of those the newest.
const MAX_ACTED: usize = 20;
pub(super) const MAX_WINDOWS: usize = 10;

/// A window whose end nobody told of is not taken for open for longer.
const MAX_OPEN_MS: u64 = 24 * 3_600_000;

/// One rule that fired on the cohort since half an hour before the onset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    pub rule: String,
    /// Requests that it did something to, and those that it only logged. Of our own rules it is not known which: all are in the
    /// first.
    pub acted: u64,
    pub logged: u64,
    /// Since when another party's rule acts, or a window is open.
    pub since_ms: Option<u64>,
    /// When a window ended.
    #[serde(default)]
    pub until_ms: Option<u64>,
    /// A window, which tells of no requests.
    #[serde(default)]
    pub is_window: bool,
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
            until_ms: None,
            is_window: false,
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
            until_ms: None,
            is_window: false,
            words: words.unwrap_or_default(),
            remedy: known.and_then(|known| remedy(rule, known)),
        }
    };
    sums.into_iter().map(of).collect()
}

/// Windows that were open in that time, as far as somebody may still take one for open whose end was never told.
pub(super) fn windows(told: &[UpstreamWindow], since_ms: u64) -> Vec<Acted> {
    let is_fresh =
        |window: &&UpstreamWindow| window.until_ms.is_some() || window.from_ms + MAX_OPEN_MS >= since_ms;
    let of = |window: &UpstreamWindow| Acted {
        rule: window_name(window),
        acted: 0,
        logged: 0,
        since_ms: Some(window.from_ms),
        until_ms: window.until_ms,
        is_window: true,
        words: window_text(window),
        remedy: remedy(&window.rule, &KnownRule::named(&window.system, &window.target)),
    };
    told.iter()
        .rev()
        .filter(is_fresh)
        .take(MAX_WINDOWS)
        .map(of)
        .collect()
}

impl Acted {
    fn name(&self) -> String {
        let window = if self.is_window { "window " } else { "" };
        format!("{window}{}", called(&self.rule))
    }

    fn since(&self) -> String {
        let since = self.since_ms.map_or_else(|| "-".to_owned(), rfc3339);
        self.until_ms.map_or(since.clone(), |until_ms| {
            format!("{since} to {}", rfc3339(until_ms))
        })
    }

    /// Requests that it acted on, and that it only logged.
    fn counts(&self) -> [String; 2] {
        [self.acted, self.logged].map(|count| {
            if self.is_window {
                "-".to_owned()
            } else {
                count.to_string()
            }
        })
    }
}

/// The part of a report.
pub(super) fn section(out: &mut Document, acted: &[Acted]) {
    if acted.is_empty() {
        return;
    }
    out.heading("What acted");
    out.text(
        "Rules that fired on these clients since half an hour before the onset. Rules marked upstream are another party's, by \
         its own events; of a window it said only that it was open.",
    );
    let mut table = Table::with(["rule", "requests", "only logged", "acts since", "what it is"]);
    for one in acted {
        let [acted, logged] = one.counts();
        table.row([one.name(), acted, logged, one.since(), one.words.clone()]);
    }
    out.table(table);
    let mut told = BTreeSet::new();
    for one in acted.iter().filter(|one| one.acted > 0 || one.is_window) {
        if Origin::of(&one.rule) == Origin::Own || !told.insert(&one.rule) {
            continue;
        }
        match &one.remedy {
            Some(remedy) => {
                out.text(format!("To set {} to log:", one.rule));
                out.command(remedy);
            }
            None => out.text(format!(
                "No call is known that sets {} to log: look for it where that party is configured.",
                one.rule
            )),
        }
    }
}
