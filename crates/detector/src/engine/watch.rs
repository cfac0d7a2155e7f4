//! An open anomaly: what it says now, whether another cohort explains it better, and whether it is over.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::detail;
use super::healing::Healing;
use super::older::OlderAnomaly;
use super::{Change, Engine, Outcome, Past, slot_ms};
use crate::anomaly::{Anomaly, MAX_EXAMPLES, Moment};
use crate::broad::{Affected, breadth};
use crate::cohort::Cohort;
use crate::kind::AnomalyKind;
use crate::locate::{Overlap, Span, combinations, locate, narrowed, overlap};
use crate::naming;
use crate::naming::Naming;
use crate::normal::{Rates, UNKNOWN, combination};
use crate::rules::{Question, Switch};
use crate::upstream::UpstreamFires;
use crate::window::{Bucket, Window};
use blobwatch_pull::Origin;
use blobwatch_records::{Breadth, Cell, CellCounts, CellKey, SLOT_S};
use blobwatch_rulebook::AnomalyBreadth;

/// What is found is part of an anomaly whose cohort holds this much of its events, whatever the two are called.
pub(super) const MIN_COMMON: f64 = 0.5;

/// A cohort this much like the one that is named is no news.
pub(super) const SAME: f64 = 0.9;

/// A cohort with this many times the requests is said to have grown.
const GROWN: f64 = 1.1;

/// Figures are told anew once a minute.
const DESCRIBE_SLOTS: u64 = 6;

/// The name is looked at once a minute in the first ten, then every ten.
const YOUNG_SLOTS: u64 = 60;
const OLD_SLOTS: u64 = 60;

/// What lasts three days is the new normal.
const ADOPT_SLOTS: u64 = 3 * 8640;

/// Counts of a cohort since its onset; no share of them divides by nothing.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    trials: f64,
    /// [`AnomalyKind::exposed`].
    exposed: f64,
    events: f64,
    /// Events.
    expected: f64,
}

impl Sums {
    /// Standard error of the expected rate, known from so many trials and events of the past.
    fn deviation(self, (trials, events): (f64, f64)) -> f64 {
        (events + 1.0).sqrt() / trials * self.trials / self.exposed
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Watch {
    #[serde(with = "as_json")]
    pub(super) anomaly: Anomaly,
    pub(super) onset: u64,
    opened: u64,
    /// `u64::MAX` while it is open.
    pub(super) closed_slot: u64,
    healing: Vec<Healing>,
    /// Everybody that was hit since the onset.
    breadth: Breadth,
    located: u64,
    /// Of a cliff: requests a minute that were usual, and minutes of health so far.
    pub(super) cliff: Option<(f64, u32)>,
    /// Of slow downloads, bytes per second before the onset.
    throughput_before: Option<f64>,
}

/// A watch as builds saved it before format 7.
#[derive(Debug, Deserialize)]
pub(super) struct OlderWatch {
    anomaly: OlderAnomaly,
    onset: u64,
    opened: u64,
    closed_slot: u64,
    healing: Vec<Healing>,
    breadth: Breadth,
    located: u64,
    cliff: Option<(f64, u32)>,
}

impl From<OlderWatch> for Watch {
    fn from(older: OlderWatch) -> Self {
        Self {
            anomaly: older.anomaly.into(),
            onset: older.onset,
            opened: older.opened,
            closed_slot: older.closed_slot,
            healing: older.healing,
            breadth: older.breadth,
            located: older.located,
            cliff: older.cliff,
            throughput_before: None,
        }
    }
}

/// What an anomaly is described from.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) window: &'a Window,
    pub(super) switches: &'a [Switch],
    pub(super) past: &'a [Past],
    pub(super) breadth: AnomalyBreadth,
    pub(super) upstream: &'a UpstreamFires,
}

impl Facts<'_> {
    /// What an anomaly was about that is over.
    pub(super) fn was_wrong(&self, bucket: &Bucket, key: &CellKey) -> bool {
        let held = |past: &Past| past.holds(bucket.first, bucket.last, key);
        self.past.iter().any(held)
    }

    /// A cohort's name by all attributes.
    pub(super) fn naming(
        &self,
        kind: AnomalyKind,
        cohort: &Cohort,
        span: Span,
        rates: &Rates,
        before: Option<&Cohort>,
    ) -> Naming {
        let question = naming::Question {
            window: self.window,
            kind,
            cohort,
            span,
            rates,
            was_wrong: &|bucket, key| self.was_wrong(bucket, key),
            min_networks: self.breadth.networks,
        };
        naming::name(&question, before)
    }
}

impl Watch {
    pub(super) fn new(anomaly: Anomaly, onset: u64, slot: u64) -> Self {
        Self {
            anomaly,
            onset,
            opened: slot,
            closed_slot: u64::MAX,
            healing: Vec::new(),
            breadth: Breadth::default(),
            located: slot,
            cliff: None,
            throughput_before: None,
        }
    }

    /// Whether some kind begins to recover.
    fn heals(&self) -> bool {
        self.healing.iter().any(Healing::heals)
    }

    /// From now on waits for this kind to recover too. What came since the onset is taken in: a name that changes while it
    /// recovers costs no time.
    pub(super) fn watch(&mut self, kind: AnomalyKind, window: &Window, rates: &Rates) {
        let sums = self.sums(window, kind, rates);
        let past = self.past(window, rates);
        let expected = (sums.expected / sums.exposed, sums.deviation(past));
        let mut healing = Healing::new(kind, expected, sums.events / sums.exposed);
        for bucket in window.buckets().filter(|bucket| bucket.last >= self.onset) {
            let mut counts = CellCounts::default();
            let rows = window
                .rows_of(bucket)
                .filter(|(key, _)| self.anomaly.cohort.holds(key));
            rows.for_each(|(_, row)| counts.add(&row.counts));
            healing.observe(&counts);
        }
        self.healing.retain(|healing| healing.kind != kind);
        self.healing.push(healing);
    }

    /// Trials that the cohort's expected rate is known from, and the events among them; what is supposed of anybody first.
    fn past(&self, window: &Window, rates: &Rates) -> (f64, f64) {
        let inside = window.rows(self.onset, u64::MAX).map(|(key, _)| key);
        let known: BTreeSet<_> = inside
            .filter(|key| self.anomaly.cohort.holds(key))
            .map(combination)
            .collect();
        let of = |key: &CellKey| (rates.trials(key), rates.trials(key) * rates.of(key));
        known
            .iter()
            .map(of)
            .fold((UNKNOWN.trials, UNKNOWN.trials * UNKNOWN.rate), |sum, more| {
                (sum.0 + more.0, sum.1 + more.1)
            })
    }

    /// Takes in what another one, which is the same, knows and this does not.
    pub(super) fn take_in(&mut self, other: &mut Self) {
        for healing in other.healing.drain(..) {
            if !self.healing.iter().any(|known| known.kind == healing.kind) {
                self.anomaly.kinds.push(healing.kind);
                self.healing.push(healing);
            }
        }
        self.breadth.merge(&other.breadth);
    }

    /// Takes in a slot.
    pub(super) fn observe(&mut self, cells: &[Cell]) {
        let inside = |cell: &&Cell| self.anomaly.cohort.holds(&cell.key);
        let mut counts = CellCounts::default();
        for cell in cells.iter().filter(inside) {
            counts.add(&cell.counts);
            for event in self.healing.iter().filter_map(|healing| healing.kind.event()) {
                self.breadth.merge(cell.affected.of(event));
            }
        }
        for healing in &mut self.healing {
            healing.observe(&counts);
        }
    }

    /// Figures, rules and examples as they are now.
    pub(super) fn describe(&mut self, facts: &Facts<'_>, rates: &Rates, slot: u64) {
        let Facts { window, .. } = *facts;
        let kind = self.anomaly.kind();
        let sums = self.sums(window, kind, rates);
        self.anomaly.observed = sums.events / sums.trials;
        self.anomaly.baseline = sums.expected / sums.trials;
        let span = self.span(slot);
        self.name(facts, rates, span);
        if let Some(event) = kind.event() {
            self.breadth
                .merge(&breadth(window, &self.anomaly.cohort, event, span));
        }
        self.anomaly.affected = Affected::from(&self.breadth);
        let question = self.question(facts, rates, span);
        let rules = question.suspects();
        let routes = question.route_changes();
        (self.anomaly.rules, self.anomaly.routes) = (rules, routes);
        self.anomaly.detail = detail::of(
            window,
            &self.anomaly.cohort,
            kind,
            self.onset,
            &mut self.throughput_before,
        );
        self.examples(window, span);
    }

    fn question<'a>(&'a self, facts: &Facts<'a>, rates: &'a Rates, span: Span) -> Question<'a> {
        Question {
            window: facts.window,
            cohort: &self.anomaly.cohort,
            kind: self.anomaly.kind(),
            span,
            onset_ms: slot_ms(self.onset),
            opened_ms: self.anomaly.opened_ms,
            rates,
            switches: facts.switches,
            upstream: facts.upstream,
        }
    }

    /// Of a cliff: rules of other parties that stopped those who are missing.
    fn name_rules(&mut self, facts: &Facts<'_>, rates: &Rates, slot: u64) {
        let span = self.span(slot);
        self.anomaly.rules = self.question(facts, rates, span).suspects();
    }

    /// Names it by all attributes; the rates are then those of that name.
    fn name(&mut self, facts: &Facts<'_>, rates: &Rates, span: Span) {
        let Anomaly { cohort, named, .. } = &self.anomaly;
        match facts.naming(self.anomaly.kind(), cohort, span, rates, named.as_ref()) {
            Naming::Undecided => {}
            Naming::Cells => self.anomaly.named = None,
            Naming::Better(named) => {
                self.anomaly.observed = named.observed;
                self.anomaly.baseline = named.baseline;
                self.anomaly.named = Some(named.cohort);
            }
        }
    }

    fn span(&self, slot: u64) -> Span {
        Span {
            first: self.onset,
            until: slot + 1,
        }
    }

    /// What the cohort counted since the onset, as far as the window reaches.
    fn sums(&self, window: &Window, kind: AnomalyKind, rates: &Rates) -> Sums {
        let (mut sums, mut exposed) = (Sums::default(), CellCounts::default());
        for bucket in window.between(self.onset, u64::MAX) {
            let rows = window.rows_of(bucket);
            for (key, row) in rows.filter(|(key, _)| self.anomaly.cohort.holds(key)) {
                let counts = kind.counts(&row.counts);
                exposed.add(&row.counts);
                sums.trials += counts.trials as f64;
                sums.events += counts.events as f64;
                sums.expected += counts.trials as f64 * rates.of_row(key);
            }
        }
        sums.exposed = (kind.exposed(&exposed).trials as f64).max(1.0);
        sums.trials = sums.trials.max(1.0);
        sums
    }

    /// Sets what the recovery is held against to what is seen by now.
    fn worsen(&mut self, window: &Window) {
        let mut sums = CellCounts::default();
        for (key, row) in window.rows(self.onset, u64::MAX) {
            if self.anomaly.cohort.holds(key) {
                sums.add(&row.counts);
            }
        }
        for healing in &mut self.healing {
            healing.worsen(&sums);
        }
    }

    fn examples(&mut self, window: &Window, span: Span) {
        for (key, row) in window.rows(span.first, span.until) {
            if self.anomaly.evidence.len() >= MAX_EXAMPLES {
                return;
            }
            let shows = |evidence: &&blobwatch_records::Evidence| {
                self.anomaly
                    .kinds
                    .iter()
                    .any(|kind| kind.event() == Some(evidence.event))
            };
            let Some(evidence) = row.evidence.iter().find(shows) else {
                continue;
            };
            let id = evidence.id.to_string();
            if self.anomaly.cohort.holds(key) && !self.anomaly.evidence.contains(&id) {
                self.anomaly.evidence.push(id);
            }
        }
    }

    /// Why it is over; `None` while it is not.
    fn over(&self, slot: u64) -> Option<&'static str> {
        let back = self
            .cliff
            .is_none_or(|(_, minutes)| minutes >= super::fall::BACK_MINUTES);
        let reopened = self.anomaly.reopened;
        let is_part = |healing: &Healing| self.healing.iter().any(|other| healing.is_part_of(other));
        let over = |healing: &Healing| is_part(healing) || healing.is_over(reopened);
        if slot > self.opened && self.healing.iter().all(over) && back {
            Some("healthy again")
        } else if slot.saturating_sub(self.opened) >= ADOPT_SLOTS {
            Some("it has lasted three days, so this level counts as normal from now on")
        } else if self.cliff.is_none() && self.healing.iter().all(Healing::is_quiet) {
            Some("no traffic from the cohort for six hours")
        } else {
            None
        }
    }
}

fn upstream_rules(anomaly: &Anomaly) -> Vec<String> {
    let rules = anomaly.rules.iter().map(|suspect| &suspect.rule);
    rules
        .filter(|rule| Origin::of(rule) == Origin::Upstream)
        .cloned()
        .collect()
}

impl Engine {
    /// Tells the open anomalies anew, and names them anew where another cohort explains them better.
    pub(super) fn refresh(&mut self, slot: u64, outcome: &mut Outcome) {
        if !slot.is_multiple_of(DESCRIBE_SLOTS) {
            return;
        }
        let mut known: BTreeMap<(AnomalyKind, u64), Rates> = BTreeMap::new();
        let mut others = Vec::new();
        let told = outcome.changes.len();
        for mut watch in std::mem::take(&mut self.open) {
            let kind = watch.anomaly.kind();
            let rules = upstream_rules(&watch.anomaly);
            if watch.cliff.is_some() && watch.opened < slot {
                let rates = self.rates_before(kind, watch.onset);
                watch.name_rules(&self.facts(), &rates, slot);
            }
            if watch.cliff.is_none() && watch.opened < slot {
                let first = watch.onset.max(self.window.first().unwrap_or(slot));
                let rates = match known.entry((kind, first)) {
                    Entry::Occupied(rates) => rates.into_mut(),
                    Entry::Vacant(place) => place.insert(self.rates_before(kind, first)),
                };
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
        if let Some((cohort, common)) = its
            && common.requests < SAME
        {
            self.renamed(slot, watch, cohort, rates, outcome);
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

    /// Adds to its history, and tells of it.
    pub(super) fn tell(
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

    pub(super) fn facts(&self) -> Facts<'_> {
        Facts {
            window: &self.window,
            switches: &self.switches,
            past: &self.past,
            breadth: self.breadth,
            upstream: &self.upstream,
        }
    }

    fn requests(&self, cohort: &Cohort, span: Span) -> f64 {
        let rows = self.window.rows(span.first, span.until);
        rows.filter(|(key, _)| cohort.holds(key))
            .map(|(_, row)| f64::from(row.counts.requests))
            .sum()
    }

    /// Closes what is over.
    pub(super) fn close(&mut self, slot: u64, outcome: &mut Outcome) {
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

/// An anomaly in a saved state stands as in the database: what a newer build adds to it is absent, and no error.
mod as_json {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Anomaly;

    pub(super) fn serialize<S: Serializer>(anomaly: &Anomaly, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(anomaly).map_err(S::Error::custom)?;
        text.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Anomaly, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
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
