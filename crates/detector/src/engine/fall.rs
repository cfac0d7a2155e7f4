//! Requests that are missed.

use std::collections::BTreeMap;

use super::watch::{MIN_COMMON, Watch};
use super::{Engine, MAX_OPEN, Outcome, slot_ms};
use crate::anomaly::{Anomaly, Moment};
use crate::broad::Affected;
use crate::cliff::{Fall, MIN_COMBINATIONS};
use crate::cohort::Cohort;
use crate::handling::Handling;
use crate::kind::AnomalyKind;
use crate::locate::{SearchCell, Span, overlap, search};
use crate::normal::combination;
use crate::window::MINUTE_SLOTS;
use blobwatch_records::CellKey;

/// Minutes at the usual height after which a cohort is back.
pub(super) const BACK_MINUTES: u32 = 5;

/// What is the usual height again.
const BACK: f64 = 0.7;

/// Minutes before the fall that say what was usual of each combination.
const BEFORE_MINUTES: u64 = 20;

/// What a healthy combination falls short of by itself: its noise, as a share of what it sends.
const NOISE: f64 = 0.15;

/// Share of the missing requests that one combination may have sent: a fleet that stops is treated as an intentional
/// shutdown and ignored.
const MOST_OF_ONE: f64 = 0.5;

/// What the named cohort still sends at most: a fifth is what the test is made for, and its minutes differ.
const LEFT_AT_MOST: f64 = 0.25;

impl Engine {
    /// Tests the minute before the last one, so that what comes late is in it.
    pub(super) fn miss(&mut self, slot: u64, outcome: &mut Outcome) {
        let Some(minute) = ((slot + 1) / MINUTE_SLOTS).checked_sub(2) else {
            return;
        };
        let of_minute: Vec<_> = self
            .window
            .buckets()
            .filter(|bucket| bucket.minute() == minute)
            .collect();
        let rows = of_minute.iter().flat_map(|bucket| self.window.rows_of(bucket));
        let fall = self.cliff.observe(minute, rows);
        self.recover_falls(minute);
        if let Some(fall) = fall {
            self.fell(slot, minute, &fall, outcome);
            self.cliff.told();
        }
    }

    fn fell(&mut self, slot: u64, minute: u64, fall: &Fall, outcome: &mut Outcome) {
        let span = Span {
            first: fall.minute * MINUTE_SLOTS,
            until: (minute + 1) * MINUTE_SLOTS,
        };
        let heights = Heights {
            usual: self.per_minute(before(span)),
            now: self.per_minute(span),
        };
        let Some(cohort) = heights.missing() else {
            return;
        };
        if self.is_no_longer_watched(slot, span.first, |route| heights.missed(&cohort, route)) {
            self.cliff.adopt();
            return;
        }
        let kind = AnomalyKind::TrafficCliff;
        let (usual, requests) = (sum(&heights.usual, &cohort), sum(&heights.now, &cohort));
        let joins = |watch: &Watch| {
            let named = &watch.anomaly.cohort;
            overlap(&self.window, kind, named, &cohort, before(span)).requests >= MIN_COMMON
        };
        if let Some(place) = self.open.iter().position(joins) {
            if let Some(watch) = self.open.get_mut(place)
                && !watch.anomaly.kinds.contains(&kind)
            {
                watch.anomaly.kinds.push(kind);
                watch.cliff = Some((usual, 0));
                let text = format!("its requests fell from {usual:.0} to {requests:.0} a minute");
                Self::tell(slot, watch, (Moment::Grew, text), outcome);
            }
            return;
        }
        if self.open.len() >= MAX_OPEN {
            return;
        }
        self.next_id += 1;
        let mut watch = Watch::new(
            Anomaly {
                id: self.next_id - 1,
                kinds: vec![kind],
                onset_ms: slot_ms(span.first),
                opened_ms: slot_ms(slot + 1),
                closed_ms: None,
                reopened: 0,
                cohort,
                named: None,
                baseline: usual,
                observed: requests,
                affected: Affected::default(),
                rules: Vec::new(),
                routes: Vec::new(),
                windows: Vec::new(),
                evidence: Vec::new(),
                history: Vec::new(),
                detail: String::new(),
                responses: Vec::new(),
                handling: Handling::default(),
            },
            span.first,
            slot,
        );
        watch.cliff = Some((usual, 0));
        self.silence(&mut watch, slot);
        let sentence = watch.anomaly.sentence();
        Self::tell(slot, &mut watch, (Moment::Opened, sentence), outcome);
        self.open.push(watch);
    }

    /// Requests a minute of each combination.
    fn per_minute(&self, span: Span) -> BTreeMap<CellKey, f64> {
        let minutes = ((span.until - span.first) / MINUTE_SLOTS).max(1) as f64;
        let mut sums: BTreeMap<CellKey, f64> = BTreeMap::new();
        for bucket in self.window.between(span.first, span.until) {
            for (key, row) in self.window.rows_of(bucket) {
                *sums.entry(combination(key)).or_default() += f64::from(row.counts.requests) / minutes;
            }
        }
        sums
    }

    fn recover_falls(&mut self, minute: u64) {
        let span = Span {
            first: minute * MINUTE_SLOTS,
            until: (minute + 1) * MINUTE_SLOTS,
        };
        if self.open.iter().all(|watch| watch.cliff.is_none()) {
            return;
        }
        let now = self.per_minute(span);
        for watch in &mut self.open {
            if let Some((usual, back)) = watch.cliff {
                let is_back = sum(&now, &watch.anomaly.cohort) >= BACK * usual;
                watch.cliff = Some((usual, if is_back { back + 1 } else { 0 }));
            }
        }
    }
}

/// Requests a minute of each combination, as they were and as they are.
struct Heights {
    usual: BTreeMap<CellKey, f64>,
    now: BTreeMap<CellKey, f64>,
}

impl Heights {
    /// The cohort whose requests are missing; `None` where few are behind it, or where it still sends a part of them.
    fn missing(&self) -> Option<Cohort> {
        let mut cells: Vec<SearchCell<'_>> = self
            .usual
            .iter()
            .map(|(key, usual)| {
                let short = (usual - self.now.get(key).copied().unwrap_or(0.0)).max(0.0);
                SearchCell {
                    key,
                    observed: short.round(),
                    expected: NOISE * usual + 0.1,
                    // Nobody is seen behind what is missing.
                    clients: 0.0,
                }
            })
            .collect();
        let gone = |cohort: &Cohort| sum(&self.now, cohort) <= LEFT_AT_MOST * sum(&self.usual, cohort);
        search(&mut cells)
            .into_iter()
            .map(|found| found.cohort)
            .find(|cohort| many_miss(cohort, &cells) && gone(cohort))
    }

    /// Requests a minute that are missing of a cohort, or of its part on a route.
    fn missed(&self, cohort: &Cohort, route: Option<&str>) -> f64 {
        let part = route.map(|route| cohort.clone().with("route", route));
        let cohort = part.as_ref().unwrap_or(cohort);
        sum(&self.usual, cohort) - sum(&self.now, cohort)
    }
}

fn sum(per_minute: &BTreeMap<CellKey, f64>, cohort: &Cohort) -> f64 {
    let inside = per_minute.iter().filter(|(key, _)| cohort.holds(key));
    inside.fold(0.0, |sum, (_, requests)| sum + requests)
}

/// Whether what is missing of a cohort was sent by many.
fn many_miss(cohort: &Cohort, cells: &[SearchCell<'_>]) -> bool {
    let missing = cells
        .iter()
        .filter(|cell| cell.observed > 0.0 && cohort.holds(cell.key))
        .map(|cell| cell.observed);
    let (combinations, sum, most) = missing.fold((0.0, 0.0, 0.0_f64), |(combinations, sum, most), short| {
        (combinations + 1.0, sum + short, most.max(short))
    });
    combinations >= MIN_COMBINATIONS && most <= MOST_OF_ONE * sum
}

fn before(span: Span) -> Span {
    Span {
        first: span.first.saturating_sub(BEFORE_MINUTES * MINUTE_SLOTS),
        until: span.first,
    }
}
