//! What was done about an open anomaly, and how its rate fell since.

use super::watch::Watch;
use super::{Engine, keep_newest, slot_ms};
use crate::anomaly::{Anomaly, HistoryEntry, Moment};
use crate::cohort::Cohort;
use crate::intervention::{Intervention, MAX_RESPONSES, Response};
use crate::kind::AnomalyKind;
use crate::locate::Span;
use crate::window::{MINUTE_SLOTS, WINDOW_SLOTS, Window};
use blobwatch_records::slot_of;

/// Interventions that are remembered: those of the hour that the window reaches back.
const MAX_INTERVENTIONS: usize = 256;

/// How long before an intervention its rate is taken from, and how long up to now: three minutes differ less by chance.
const BEFORE_SLOTS: u64 = 5 * MINUTE_SLOTS;
const SINCE_SLOTS: u64 = 3 * MINUTE_SLOTS;

/// Trials below which a rate says nothing.
const MIN_TRIALS: u64 = 10;

impl Engine {
    /// Takes in what was done; a repeat changes nothing. Open anomalies say it from now on.
    pub(crate) fn intervened(&mut self, done: impl IntoIterator<Item = Intervention>) {
        for one in done {
            if !self.interventions.contains(&one) {
                self.relearn(&one);
                self.interventions.push(one);
            }
        }
        keep_newest(&mut self.interventions, MAX_INTERVENTIONS, |done| done.time_ms);
        let slot = self.ticked.unwrap_or(0);
        for mut watch in std::mem::take(&mut self.open) {
            self.respond(&mut watch, slot, u64::MAX);
            self.open.push(watch);
        }
    }

    /// Lists what was done before `until_ms` and measures anew what it changed.
    pub(super) fn respond(&self, watch: &mut Watch, slot: u64, until_ms: u64) {
        let anomaly = &mut watch.anomaly;
        let mut responses = std::mem::take(&mut anomaly.responses);
        // Which change it is suspected to come from is known better by now.
        responses.retain(|response| {
            let known = self.interventions.iter().find(|done| response.is_of(done));
            known.is_none_or(|done| !done.is_suspected(anomaly))
        });
        for done in &self.interventions {
            let is_new = !responses.iter().any(|response| response.is_of(done));
            if is_new && done.time_ms < until_ms && done.concerns(anomaly) {
                responses.push(Response::from(done));
                write_down(anomaly, done);
            }
        }
        keep_newest(&mut responses, MAX_RESPONSES, |response| response.time_ms);
        for response in &mut responses {
            measure(&self.window, anomaly, response, slot);
        }
        anomaly.responses = responses;
    }
}

/// A change that is done once is in the history once, also where it is listed again.
fn write_down(anomaly: &mut Anomaly, done: &Intervention) {
    let is_it = |entry: &HistoryEntry| {
        entry.moment == Moment::Response && (entry.time_ms, &entry.text) == (done.time_ms, &done.text)
    };
    if !anomaly.history.iter().any(is_it) {
        anomaly.note_of(done.time_ms, Moment::Response, done.text.clone(), &done.actor);
    }
}

fn measure(window: &Window, anomaly: &Anomaly, response: &mut Response, slot: u64) {
    let at = slot_of(response.time_ms);
    let before = Span {
        first: at.saturating_sub(BEFORE_SLOTS).max(slot_of(anomaly.onset_ms)),
        until: at,
    };
    let reaches = at + WINDOW_SLOTS > slot + BEFORE_SLOTS;
    if reaches {
        response.before = measured(window, &anomaly.cohort, anomaly.kind(), before);
    }
    let since = Span {
        first: (at + 1).max((slot + 1).saturating_sub(SINCE_SLOTS)),
        until: slot + 1,
    };
    if since.first < since.until {
        response.since = measured(window, &anomaly.cohort, anomaly.kind(), since);
        response.measured_ms = slot_ms(slot + 1);
    }
}

/// Events per trial, or requests a minute of a cliff.
fn measured(window: &Window, cohort: &Cohort, kind: AnomalyKind, span: Span) -> Option<f64> {
    if span.first >= span.until {
        return None;
    }
    let (mut trials, mut events) = (0, 0);
    for (key, row) in window.rows(span.first, span.until) {
        if cohort.holds(key) {
            let counts = kind.counts(&row.counts);
            trials += counts.trials;
            events += counts.events;
        }
    }
    if kind == AnomalyKind::TrafficCliff {
        let minutes = (span.until - span.first) as f64 / MINUTE_SLOTS as f64;
        return (minutes >= 1.0).then(|| trials as f64 / minutes);
    }
    (trials >= MIN_TRIALS).then(|| events as f64 / trials as f64)
}
