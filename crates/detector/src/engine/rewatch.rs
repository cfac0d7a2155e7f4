//! A route that takes other requests than before: what changes with it is no fault.
//!
//! Requests that a route does not take any more are not missed, and rates of requests that it did not take before are learned
//! anew. For a quarter of an hour nothing that begins with such a change opens an anomaly, as far as the route has most of it.

use super::{Engine, Past};
use crate::cohort::Cohort;
use crate::intervention::Intervention;
use crate::kind::AnomalyKind;
use crate::locate::{Span, overlap};
use crate::window::{MINUTE_SLOTS, WINDOW_SLOTS};
use blobwatch_records::slot_of;

/// How long what begins after such a change is taken for its consequence; an onset is uncertain by two minutes.
const AFTER_SLOTS: u64 = 15 * MINUTE_SLOTS;
const BEFORE_SLOTS: u64 = 2 * MINUTE_SLOTS;

/// Share of the events, or of the missing requests, that the route has.
const MOST: f64 = 0.5;

impl Engine {
    /// Forgets what was usual on a route that takes other requests from now on. A change that is known already was forgotten
    /// then; one of long ago is learned by now.
    pub(super) fn relearn(&mut self, done: &Intervention) {
        let slot = slot_of(done.time_ms);
        let is_recent = self.ticked.is_some_and(|ticked| slot + WINDOW_SLOTS > ticked);
        if !done.rewatches || !is_recent {
            return;
        }
        for route in &done.routes {
            let cohort = Cohort::default().with("route", route);
            let is_same = |past: &Past| (past.first, past.last) == (0, slot) && past.cohort == cohort;
            if self.past.iter().any(is_same) {
                continue;
            }
            self.normal.forget(route);
            self.keep_past(Past {
                first: 0,
                last: slot,
                cohort,
            });
        }
    }

    /// Takes what a kind's test alarmed at for normal.
    pub(super) fn adopt(&mut self, kind: AnomalyKind, id: u64, slot: u64) {
        let place = kind.rate_place();
        if let Some(monitor) = place.and_then(|place| self.monitors.get_mut(place)) {
            monitor.adopt(id, slot);
        }
    }

    /// Whether an excess of a cohort began with such a change, which is not long ago.
    pub(super) fn is_rewatched(&self, slot: u64, kind: AnomalyKind, cohort: &Cohort, span: Span) -> bool {
        let is_most = |route: &String| {
            let on_route = Cohort::default().with("route", route);
            overlap(&self.window, kind, cohort, &on_route, span).of_first >= MOST
        };
        self.rewatched(slot, span.first).any(is_most)
    }

    /// Whether most of the requests that a cohort misses are those of a route after such a change.
    pub(super) fn is_no_longer_watched(
        &self,
        slot: u64,
        first: u64,
        missing: impl Fn(Option<&str>) -> f64,
    ) -> bool {
        let is_most = |route: &String| missing(Some(route)) >= MOST * missing(None);
        self.rewatched(slot, first).any(is_most)
    }

    /// Routes of changes that something which began in slot `first` may come from.
    fn rewatched(&self, slot: u64, first: u64) -> impl Iterator<Item = &String> {
        let is_recent = move |done: &&Intervention| {
            let at = slot_of(done.time_ms);
            let onset = at.saturating_sub(BEFORE_SLOTS)..=at + AFTER_SLOTS;
            done.rewatches && onset.contains(&first) && slot <= at + AFTER_SLOTS
        };
        let done = self.interventions.iter().filter(is_recent);
        done.flat_map(|done| &done.routes)
    }
}
