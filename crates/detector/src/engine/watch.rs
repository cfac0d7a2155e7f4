//! An open anomaly: what it says now, whether another cohort explains it better, and whether it is over.

mod facts;
mod refresh;
mod saved;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::detail;
use super::healing::Healing;
use super::slot_ms;
use crate::anomaly::{Anomaly, MAX_EXAMPLES};
use crate::broad::{Affected, breadth};
use crate::handling::Handling;
use crate::kind::AnomalyKind;
use crate::locate::Span;
use crate::naming::Naming;
use crate::normal::{Rates, UNKNOWN, combination};
use crate::rules::Question;
use crate::window::Window;
use blobwatch_records::{Breadth, Cell, CellCounts, CellKey};
pub(super) use facts::Facts;
pub(super) use saved::OlderWatch;
use saved::as_json;

/// What is found is part of an anomaly whose cohort holds this much of its events, whatever the two are called.
pub(super) const MIN_COMMON: f64 = 0.5;

/// A cohort this much like the one that is named is no news.
pub(super) const SAME: f64 = 0.9;

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

    /// Open again because somebody says so: whether it is over is judged by what comes from now on.
    pub(super) fn reopen(&mut self, slot: u64, now_ms: u64) {
        (self.opened, self.closed_slot) = (slot, u64::MAX);
        self.healing.iter_mut().for_each(Healing::restart);
        self.cliff = self.cliff.map(|(usual, _)| (usual, 0));
        let anomaly = &mut self.anomaly;
        (anomaly.opened_ms, anomaly.closed_ms) = (now_ms, None);
        anomaly.reopened += 1;
        anomaly.handling = Handling {
            assignee: anomaly.handling.assignee.take(),
            ..Handling::default()
        };
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

    /// Takes in cells of a slot, whose counts go to `counts`.
    pub(super) fn take(&mut self, cells: &[Cell], counts: &mut CellCounts) {
        let inside = |cell: &&Cell| self.anomaly.cohort.holds(&cell.key);
        for cell in cells.iter().filter(inside) {
            counts.add(&cell.counts);
            for event in self.healing.iter().filter_map(|healing| healing.kind.event()) {
                self.breadth.merge(cell.affected.of(event));
            }
        }
    }

    /// Takes in what the cohort counted in a slot.
    pub(super) fn observe(&mut self, counts: &CellCounts) {
        for healing in &mut self.healing {
            healing.observe(counts);
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
        let (rules, routes) = (question.suspects(), question.route_changes());
        let windows = question.open_windows();
        (self.anomaly.rules, self.anomaly.routes) = (rules, routes);
        self.anomaly.windows = windows;
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
            windows: facts.windows,
        }
    }

    /// Of a cliff: rules of other parties that stopped those who are missing, and windows in which they went missing.
    fn name_rules(&mut self, facts: &Facts<'_>, rates: &Rates, slot: u64) {
        let question = self.question(facts, rates, self.span(slot));
        let (rules, windows) = (question.suspects(), question.open_windows());
        (self.anomaly.rules, self.anomaly.windows) = (rules, windows);
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
