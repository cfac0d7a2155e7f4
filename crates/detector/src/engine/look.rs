//! From an alarm to an anomaly.

use super::detail;
use super::watch::{MIN_COMMON, Watch};
use super::{Engine, Incident, MAX_CLOSED, MAX_OPEN, Note, Outcome, Past, REOPEN_SLOTS, slot_ms};
use crate::anomaly::{Anomaly, Moment};
use crate::broad::{Affected, breadth, is_broad, twice};
use crate::burst;
use crate::burst::Burst;
use crate::cohort::Cohort;
use crate::handling::Handling;
use crate::kind::AnomalyKind;
use crate::locate::{Span, combinations, locate, narrowed, overlap, spared};
use crate::naming::Naming;
use crate::normal::Rates;

/// An alarm younger than this is looked at in every slot, an older one once a minute.
const YOUNG_SLOTS: u64 = 30;

/// A rise below this many times of what happens anyway takes twice as many clients as something that never happens: what clusters
/// within a minute, as cut downloads and their retries do, has ten clients of some cohort now and then.
const SLIGHT_RISE: f64 = 5.0;

/// What one look found.
struct Finding<'a> {
    kind: AnomalyKind,
    cohort: &'a Cohort,
    span: Span,
    rates: &'a Rates,
}

/// What became of an alarm.
#[derive(PartialEq, Eq)]
enum AlarmOutcome {
    Open,
    /// It is normal from now on.
    Adopted,
}

/// What became of what was found.
enum LookResult {
    Nothing,
    Anomaly(u64),
    Perhaps,
    Burst,
    /// What the route watches was changed.
    Rewatched,
}

impl Engine {
    /// Looks at the alarms that are no anomaly yet.
    pub(super) fn look(&mut self, slot: u64, outcome: &mut Outcome) {
        for mut incident in std::mem::take(&mut self.incidents) {
            let known = incident
                .anomaly
                .is_some_and(|id| self.open.iter().any(|watch| watch.anomaly.id == id));
            if !known && incident.next_look <= slot {
                incident.anomaly = None;
                if self.look_at(slot, &mut incident, outcome) == AlarmOutcome::Adopted {
                    continue;
                }
                let young = slot < incident.opened + YOUNG_SLOTS;
                incident.next_look = slot + if young { 1 } else { 6 };
            }
            self.incidents.push(incident);
        }
    }

    fn look_at(&mut self, slot: u64, incident: &mut Incident, outcome: &mut Outcome) -> AlarmOutcome {
        let first = incident.since.max(self.window.first().unwrap_or(slot));
        let span = Span {
            first,
            until: slot + 1,
        };
        let kind = incident.kind;
        let sums = combinations(&self.window, kind, span);
        if sums.iter().all(|(_, sum)| sum.counts.events == 0) {
            return AlarmOutcome::Open;
        }
        let rates = self.rates_before(kind, first);
        incident.burst = None;
        for found in locate(kind, &sums, &rates) {
            let cohort = narrowed(&self.window, kind, found.cohort, span);
            let cohort = spared(cohort, &Cohort::default(), kind, &sums, &rates);
            let seen = Finding {
                kind,
                cohort: &cohort,
                span,
                rates: &rates,
            };
            match self.consider(slot, &seen, outcome) {
                LookResult::Nothing => {}
                LookResult::Anomaly(id) => drop(incident.anomaly.get_or_insert(id)),
                LookResult::Perhaps => incident.burst = Some(noted(&seen)),
                LookResult::Burst => {
                    outcome.notes.push(noted(&seen));
                    incident.since = slot + 1;
                    return AlarmOutcome::Open;
                }
                LookResult::Rewatched => {
                    self.adopt(kind, incident.id, slot);
                    return AlarmOutcome::Adopted;
                }
            }
        }
        AlarmOutcome::Open
    }

    /// Makes an anomaly of what was found, unless it is part of one, narrow, or a burst.
    fn consider(&mut self, slot: u64, seen: &Finding<'_>, outcome: &mut Outcome) -> LookResult {
        if let Some(id) = self.join(slot, seen, outcome) {
            return LookResult::Anomaly(id);
        }
        if !self.is_broad(seen) || !self.is_of_one_blob(seen) || self.open.len() >= MAX_OPEN {
            return LookResult::Nothing;
        }
        if self.is_rewatched(slot, seen.kind, seen.cohort, seen.span) {
            return LookResult::Rewatched;
        }
        if let Some(id) = self.named_alike(seen) {
            return LookResult::Anomaly(id);
        }
        match burst::judge(&self.window, seen.cohort, seen.kind, seen.span, seen.rates) {
            Burst::Perhaps => LookResult::Perhaps,
            Burst::Yes => LookResult::Burst,
            Burst::No => LookResult::Anomaly(self.open_or_reopen(slot, seen, outcome)),
        }
    }

    /// The open anomaly of this kind that attributes which cells do not have name as they name this: one repository that
    /// fails looks like several cohorts of cells.
    fn named_alike(&self, seen: &Finding<'_>) -> Option<u64> {
        let alike =
            |watch: &&Watch| watch.anomaly.named.is_some() && watch.anomaly.kinds.contains(&seen.kind);
        let mut open = self.open.iter().filter(alike).peekable();
        open.peek()?;
        let Finding {
            kind,
            cohort,
            span,
            rates,
        } = *seen;
        let Naming::Better(named) = self.facts().naming(kind, cohort, span, rates, None) else {
            return None;
        };
        let same = open.find(|watch| watch.anomaly.named.as_ref() == Some(&named.cohort))?;
        Some(same.anomaly.id)
    }

    /// Makes anomalies of further causes that a look at an open one found.
    pub(super) fn consider_all(
        &mut self,
        slot: u64,
        causes: &[(AnomalyKind, Cohort, Span)],
        outcome: &mut Outcome,
    ) {
        for (kind, cohort, span) in causes {
            let rates = self.rates_before(*kind, span.first);
            let seen = Finding {
                kind: *kind,
                cohort,
                span: *span,
                rates: &rates,
            };
            self.consider(slot, &seen, outcome);
        }
    }

    /// A blob whose content is wrong is one; hosts behind an address that pull an image fetch all of its blobs again.
    fn is_of_one_blob(&self, seen: &Finding<'_>) -> bool {
        seen.kind != AnomalyKind::ContentSuspect
            || detail::blob(&self.window, seen.cohort, seen.span.first).is_some()
    }

    fn is_broad(&self, seen: &Finding<'_>) -> bool {
        let Some(event) = seen.kind.event() else {
            return false;
        };
        let length = seen.span.until - seen.span.first;
        let before = Span {
            first: seen.span.first.saturating_sub(length),
            until: seen.span.first,
        };
        let count = |span| Affected::from(&breadth(&self.window, seen.cohort, event, span));
        let least = (self.breadths).of_events(&self.window, seen.kind, seen.cohort, seen.span);
        let (now, before) = (count(seen.span), count(before));
        // How much it rose is a look at every cell, for which few are broad enough.
        is_broad(now, before, least) && (is_broad(now, before, twice(least)) || !self.is_slight(seen))
    }

    fn is_slight(&self, seen: &Finding<'_>) -> bool {
        let (mut events, mut expected) = (0.0, 0.0);
        let rows = self.window.rows(seen.span.first, seen.span.until);
        for (key, row) in rows.filter(|(key, _)| seen.cohort.holds(key)) {
            let counts = seen.kind.counts(&row.counts);
            events += counts.events as f64;
            expected += counts.trials as f64 * seen.rates.of_row(key);
        }
        events < SLIGHT_RISE * expected
    }

    /// The open anomaly that this is part of.
    fn join(&mut self, slot: u64, seen: &Finding<'_>, outcome: &mut Outcome) -> Option<u64> {
        let place = self.same_of(&self.open, 0, seen)?;
        let watch = self.open.get_mut(place)?;
        if !watch.anomaly.kinds.contains(&seen.kind) {
            watch.watch(seen.kind, &self.window, seen.rates);
            if seen.kind.explains(watch.anomaly.kind()) {
                watch.anomaly.kinds.insert(0, seen.kind);
            } else {
                watch.anomaly.kinds.push(seen.kind);
            }
            watch.onset = watch.onset.min(seen.span.first);
            watch.anomaly.onset_ms = slot_ms(watch.onset);
            let text = format!("also {} by the same clients", seen.kind.noun());
            Self::tell(slot, watch, (Moment::Grew, text), outcome);
        }
        Some(watch.anomaly.id)
    }

    /// The place of the first watch that is the same, of those that closed after `since` or are open.
    fn same_of(&self, watches: &[Watch], since: u64, seen: &Finding<'_>) -> Option<usize> {
        // What was said to be expected is no fault that comes back.
        let is_one = |watch: &Watch| {
            watch.closed_slot >= since && !watch.anomaly.handling.expected && self.is_same(watch, seen)
        };
        watches.iter().position(is_one)
    }

    fn is_same(&self, watch: &Watch, seen: &Finding<'_>) -> bool {
        let named = &watch.anomaly.cohort;
        overlap(&self.window, seen.kind, named, seen.cohort, seen.span).of_second >= MIN_COMMON
    }

    fn open_or_reopen(&mut self, slot: u64, seen: &Finding<'_>, outcome: &mut Outcome) -> u64 {
        let since = slot.saturating_sub(REOPEN_SLOTS);
        let earlier = self.same_of(&self.closed, since, seen);
        let (mut watch, moment) = match earlier {
            Some(place) => (self.reopened(place, slot, seen), Moment::Reopened),
            None => (self.opened(slot, seen), Moment::Opened),
        };
        watch.watch(seen.kind, &self.window, seen.rates);
        watch.describe(&self.facts(), seen.rates, slot);
        self.silence(&mut watch, slot);
        let sentence = watch.anomaly.sentence();
        Self::tell(slot, &mut watch, (moment, sentence), outcome);
        let id = watch.anomaly.id;
        self.open.push(watch);
        id
    }

    fn opened(&mut self, slot: u64, seen: &Finding<'_>) -> Watch {
        self.next_id += 1;
        let anomaly = Anomaly {
            id: self.next_id - 1,
            kinds: vec![seen.kind],
            onset_ms: slot_ms(seen.span.first),
            opened_ms: slot_ms(slot + 1),
            closed_ms: None,
            reopened: 0,
            cohort: seen.cohort.clone(),
            named: None,
            baseline: 0.0,
            observed: 0.0,
            affected: Affected::default(),
            rules: Vec::new(),
            routes: Vec::new(),
            windows: Vec::new(),
            evidence: Vec::new(),
            history: Vec::new(),
            detail: String::new(),
            responses: Vec::new(),
            handling: Handling::default(),
        };
        Watch::new(anomaly, seen.span.first, slot)
    }

    /// The same one again, with its history.
    fn reopened(&mut self, place: usize, slot: u64, seen: &Finding<'_>) -> Watch {
        let earlier = self.closed.remove(place);
        let mut anomaly = earlier.anomaly;
        anomaly.reopened += 1;
        anomaly.closed_ms = None;
        anomaly.kinds.retain(|kind| *kind != seen.kind);
        anomaly.kinds.insert(0, seen.kind);
        anomaly.cohort = seen.cohort.clone();
        anomaly.opened_ms = slot_ms(slot + 1);
        anomaly.onset_ms = slot_ms(seen.span.first);
        anomaly.handling = Handling {
            assignee: anomaly.handling.assignee,
            ..Handling::default()
        };
        Watch::new(anomaly, seen.span.first, slot)
    }

    pub(super) fn keep_closed(&mut self, watch: Watch) {
        self.keep_past(Past {
            first: watch.onset,
            last: watch.closed_slot,
            cohort: watch.anomaly.cohort.clone(),
        });
        self.remember_closed(watch);
    }

    /// It can be opened again.
    pub(super) fn remember_closed(&mut self, watch: Watch) {
        if self.closed.len() >= MAX_CLOSED {
            self.closed.remove(0);
        }
        self.closed.push(watch);
    }

    pub(super) fn keep_past(&mut self, past: Past) {
        if self.past.len() >= MAX_CLOSED {
            self.past.remove(0);
        }
        self.past.push(past);
    }
}

fn noted(seen: &Finding<'_>) -> Note {
    Note {
        time_ms: slot_ms(seen.span.first),
        text: format!(
            "a burst of {} by {} that ended within seconds, as after a deploy or a connection reset",
            seen.kind.noun(),
            seen.cohort
        ),
    }
}
