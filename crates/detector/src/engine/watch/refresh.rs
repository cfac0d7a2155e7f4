//! Open anomalies once a minute: told anew, named anew where another cohort explains them better, and closed.

use super::{Facts, MIN_COMMON, SAME, Watch};
use crate::anomaly::{Anomaly, Moment};
use crate::cohort::Cohort;
use crate::engine::{Change, Engine, Outcome, slot_ms};
use crate::kind::AnomalyKind;
use crate::locate::{Overlap, Span, combinations, locate, narrowed, overlap, spared};
use crate::normal::Rates;
use crate::upstream::OpenWindow;
use blobwatch_pull::Origin;
use blobwatch_records::SLOT_S;

/// A cohort with this many times the requests is said to have grown.
const GROWN: f64 = 1.1;

/// Figures are told anew once a minute.
const DESCRIBE_SLOTS: u64 = 6;

/// The name is looked at once a minute in the first ten, then every ten.
const YOUNG_SLOTS: u64 = 60;
const OLD_SLOTS: u64 = 60;

fn upstream_rules(anomaly: &Anomaly) -> Vec<String> {
    let rules = anomaly.rules.iter().map(|suspect| &suspect.rule);
    rules
        .filter(|rule| Origin::of(rule) == Origin::Upstream)
        .cloned()
        .collect()
}

impl Engine {
    /// Tells the open anomalies anew, and names them anew where another cohort explains them better.
    pub(in crate::engine) fn refresh(&mut self, slot: u64, outcome: &mut Outcome) {
        if !slot.is_multiple_of(DESCRIBE_SLOTS) {
            return;
        }
        // Of one kind at a time: those of all kinds together would take more room than the Detector has.
        let mut known: Option<((AnomalyKind, u64), Rates)> = None;
        let mut others = Vec::new();
        let told = outcome.changes.len();
        for mut watch in std::mem::take(&mut self.open) {
            let kind = watch.anomaly.kind();
            let (rules, windows) = (upstream_rules(&watch.anomaly), watch.anomaly.windows.clone());
            if watch.cliff.is_some() && watch.opened < slot {
                let rates = self.rates_before(kind, watch.onset);
                watch.name_rules(&self.facts(), &rates, slot);
            }
            if watch.cliff.is_none() && watch.opened < slot {
                let first = watch.onset.max(self.window.first().unwrap_or(slot));
                known = known.filter(|(of, _)| *of == (kind, first));
                let rates = || ((kind, first), self.rates_before(kind, first));
                let (_, rates) = known.get_or_insert_with(rates);
                let due = watch.located
                    + if slot < watch.opened + YOUNG_SLOTS {
                        1
                    } else {
                        OLD_SLOTS
                    };
                if !watch.heals() {
                    watch.worsen(&self.window);
                    if slot >= due {
                        watch.located = slot;
                        others.extend(self.rename(slot, &mut watch, rates, outcome));
                    }
                }
                let before = watch.anomaly.who().clone();
                watch.describe(&self.facts(), rates, slot);
                self.tell_name(slot, &mut watch, &before, outcome);
            }
            Self::tell_upstream(slot, &mut watch, &rules, outcome);
            Self::tell_windows(slot, &mut watch, &windows, outcome);
            self.respond(&mut watch, slot, slot_ms(slot + 1));
            self.open.push(watch);
        }
        if outcome.changes.len() > told {
            self.merge(slot, outcome);
        }
        self.consider_all(slot, &others, outcome);
    }

    /// Names it after the cohort that explains it now; gives back those that explain something else.
    fn rename(
        &self,
        slot: u64,
        watch: &mut Watch,
        rates: &Rates,
        outcome: &mut Outcome,
    ) -> Vec<(AnomalyKind, Cohort, Span)> {
        let span = watch.span(slot);
        let kind = watch.anomaly.kind();
        let sums = combinations(&self.window, kind, span);
        let mut found: Vec<(Cohort, Overlap)> = Vec::new();
        for one in locate(kind, &sums, rates) {
            let named = &watch.anomaly.cohort;
            let cohort = narrowed(&self.window, kind, one.cohort, span);
            let cohort = spared(cohort, named, kind, &sums, rates);
            let common = overlap(&self.window, kind, named, &cohort, span);
            found.push((cohort, common));
        }
        if self.are_parts(&watch.anomaly.cohort, &found, span) {
            // The same cohort, cut up because one value of it fares a little better than the others.
            found.retain(|(_, common)| common.of_second < MIN_COMMON);
        }
        found.sort_by(|a, b| b.1.requests.total_cmp(&a.1.requests));
        let is_its = |(_, common): &(Cohort, Overlap)| common.of_first.max(common.of_second) >= MIN_COMMON;
        let its = found.first().is_some_and(is_its).then(|| found.remove(0));
        let others = found
            .into_iter()
            .map(|(cohort, _)| (kind, cohort, span))
            .collect();
        if let Some((cohort, common)) = its {
            let named = &watch.anomaly.cohort;
            let cohort = match common.requests < SAME {
                true => cohort,
                // A small part of it that fares well is news.
                false => spared(named.clone(), named, kind, &sums, rates),
            };
            if cohort != *named {
                self.renamed(slot, watch, cohort, rates, outcome);
            }
        }
        others
    }

    /// Whether several of what was found lie in a cohort, and together are nearly all of it.
    fn are_parts(&self, named: &Cohort, found: &[(Cohort, Overlap)], span: Span) -> bool {
        let inside: Vec<&Cohort> = found
            .iter()
            .filter(|(_, common)| common.of_second >= MIN_COMMON)
            .map(|(cohort, _)| cohort)
            .collect();
        let covered: f64 = inside.iter().map(|cohort| self.requests(cohort, span)).sum();
        inside.len() > 1 && covered >= SAME * self.requests(named, span)
    }

    fn renamed(&self, slot: u64, watch: &mut Watch, cohort: Cohort, rates: &Rates, outcome: &mut Outcome) {
        let span = watch.span(slot);
        let grown = self.requests(&cohort, span) > GROWN * self.requests(&watch.anomaly.cohort, span);
        let before = watch.anomaly.who().clone();
        watch.anomaly.cohort = cohort;
        let kinds: Vec<AnomalyKind> = watch.healing.iter().map(|healing| healing.kind).collect();
        for kind in kinds {
            let rates = self.rates_before(kind, span.first);
            watch.watch(kind, &self.window, &rates);
        }
        watch.describe(&self.facts(), rates, slot);
        if !grown || *watch.anomaly.who() == before {
            return self.tell_name(slot, watch, &before, outcome);
        }
        let text = format!("now {}; was {before}", watch.anomaly.who());
        Self::tell(slot, watch, (Moment::Grew, text), outcome);
    }

    /// Says that another name explains it better.
    fn tell_name(&self, slot: u64, watch: &mut Watch, before: &Cohort, outcome: &mut Outcome) {
        let now = watch.anomaly.who();
        if now != before {
            let text = format!("{now} explains it better than {before}");
            Self::tell(slot, watch, (Moment::Renamed, text), outcome);
        }
    }

    /// Says that rules of other parties go with it that did not before: their events come minutes late.
    fn tell_upstream(slot: u64, watch: &mut Watch, before: &[String], outcome: &mut Outcome) {
        let mut new = upstream_rules(&watch.anomaly);
        new.retain(|rule| !before.contains(rule));
        if !new.is_empty() {
            let text = format!("correlates with {} (upstream)", new.join(", "));
            Self::tell(slot, watch, (Moment::Note, text), outcome);
        }
    }

    /// Says that windows were open that were not known before.
    fn tell_windows(slot: u64, watch: &mut Watch, before: &[OpenWindow], outcome: &mut Outcome) {
        let is_new = |window: &&OpenWindow| before.iter().all(|known| known.rule != window.rule);
        let new: Vec<String> = watch
            .anomaly
            .windows
            .iter()
            .filter(is_new)
            .map(OpenWindow::sentence)
            .collect();
        if !new.is_empty() {
            Self::tell(slot, watch, (Moment::Note, new.join("; ")), outcome);
        }
    }

    /// Adds to its history, and tells of it.
    pub(in crate::engine) fn tell(
        slot: u64,
        watch: &mut Watch,
        (moment, text): (Moment, String),
        outcome: &mut Outcome,
    ) {
        watch.anomaly.note(slot_ms(slot + 1), moment, text);
        outcome.changes.push(Change {
            moment,
            anomaly: watch.anomaly.clone(),
        });
    }

    pub(in crate::engine) fn facts(&self) -> Facts<'_> {
        Facts {
            window: &self.window,
            switches: &self.switches,
            past: &self.past,
            breadths: &self.breadths,
            upstream: &self.upstream,
            windows: &self.windows,
        }
    }

    fn requests(&self, cohort: &Cohort, span: Span) -> f64 {
        let rows = self.window.rows(span.first, span.until);
        rows.filter(|(key, _)| cohort.holds(key))
            .map(|(_, row)| f64::from(row.counts.requests))
            .sum()
    }

    /// Closes what is over.
    pub(in crate::engine) fn close(&mut self, slot: u64, outcome: &mut Outcome) {
        for mut watch in std::mem::take(&mut self.open) {
            let Some(why) = watch.over(slot) else {
                self.open.push(watch);
                continue;
            };
            self.respond(&mut watch, slot, slot_ms(slot + 1));
            watch.closed_slot = slot;
            watch.anomaly.closed_ms = Some(slot_ms(slot + 1));
            let text = format!("{why}; lasted {}", lasted((slot + 1 - watch.onset) * SLOT_S));
            Self::tell(slot, &mut watch, (Moment::Closed, text), outcome);
            for incident in &mut self.incidents {
                if incident.anomaly == Some(watch.anomaly.id) {
                    incident.anomaly = None;
                    incident.since = slot + 1;
                    incident.opened = slot;
                }
            }
            self.keep_closed(watch);
        }
    }
}

/// "11 h 26 min", "40 s".
fn lasted(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}
