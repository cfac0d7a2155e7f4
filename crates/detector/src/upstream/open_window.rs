//! Windows of other parties that were open while something was wrong: what was mitigated without a request to tell of.
//!
//! Nothing but time and its target holds a window to an anomaly. It is a candidate if it may have been at the routes that the fault
//! is on, began within the onset, was still open at the onset, and the fault did not go on as before once it had ended. No more is
//! claimed of it than that it was open.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::kind::AnomalyKind;
use super::super::normal::combination;
use super::super::rules::{Question, Ratio, Stratum};
use super::super::sentence::called;
use crate::window::{Bucket, MINUTE_SLOTS};
use blobwatch_records::{CellKey, SLOT_S};
use blobwatch_upstream::UpstreamWindow;
use blobwatch_wire::rfc3339;

/// Windows that one anomaly names; those that began nearest to the onset.
const MAX_NAMED: usize = 3;

/// Letters of what a source says of a window, as far as a sentence has them.
const MAX_TEXT: usize = 160;

/// Of an anomaly's events on the routes of a window.
const MIN_SHARE: f64 = 0.5;

/// Clients that hang notice it after minutes: what comes so soon after the end of a window says nothing.
const SETTLES_MS: u64 = 5 * 60_000;

/// The onset is uncertain by a minute.
const ONSET_ERROR_MS: u64 = 60_000;

/// Minutes without a window from which on a cliff can be said to have outlasted it, and the rise that would be its end.
const MIN_AFTER_MINUTES: f64 = 5.0;
const RISEN: f64 = 2.0;

/// A window that goes with an anomaly in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenWindow {
    /// `<source>:<rule>`; `<source>:<id of the window>` where no rule is said.
    pub rule: String,
    pub from_ms: u64,
    /// `None` while no end was told of.
    pub until_ms: Option<u64>,
    /// "SYN floods at 192.0.2.1:443, 12000 packets/s".
    pub text: String,
    /// Events per trial of the cohort while it was open, and once it had ended; of a cliff, requests a minute.
    pub while_open: Option<f64>,
    pub after: Option<f64>,
}

impl OpenWindow {
    /// "cloudflare:3b (upstream) was open since 19:00", with the words for what it was.
    pub(crate) fn sentence(&self) -> String {
        let clock = |time_ms| rfc3339(time_ms).get(11..16).unwrap_or_default().to_owned();
        let open = match self.until_ms {
            None => format!("was open since {}", clock(self.from_ms)),
            Some(until_ms) => format!("was open from {} to {}", clock(self.from_ms), clock(until_ms)),
        };
        let name = called(&self.rule);
        if self.text.is_empty() {
            format!("window {name} {open}")
        } else {
            format!("window {name} {open} ({})", self.text)
        }
    }
}

/// What a window is called.
pub(crate) fn window_name(window: &UpstreamWindow) -> String {
    if window.rule.is_empty() {
        format!("{}:{}", window.source, window.id)
    } else {
        window.rule.clone()
    }
}

/// What was mitigated, where, and at what rate.
pub(crate) fn window_text(window: &UpstreamWindow) -> String {
    let mut text = window.words.clone();
    for (before, part) in [(" at ", &window.target), (", ", &window.rate)] {
        if !part.is_empty() {
            text.push_str(before);
            text.push_str(part);
        }
    }
    text
}

/// Counts of the cohort on one side of a window's end.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    trials: f64,
    events: f64,
    minutes: f64,
}

impl Side {
    fn rate(&self, kind: AnomalyKind) -> Option<f64> {
        let (part, whole) = match kind {
            AnomalyKind::TrafficCliff => (self.trials, self.minutes),
            _ => (self.events, self.trials),
        };
        (whole > 0.0).then(|| part / whole)
    }
}

/// What came while a window was open, and once it had ended.
#[derive(Debug, Default)]
struct Sides {
    open: Side,
    after: Side,
    strata: BTreeMap<CellKey, Stratum>,
}

impl Sides {
    /// Whether the fault went on as it was once the window had ended.
    fn outlast(&self, kind: AnomalyKind) -> bool {
        if kind == AnomalyKind::TrafficCliff {
            let rates = self.open.rate(kind).zip(self.after.rate(kind));
            let is_back = |(open, after): (f64, f64)| after > RISEN * open;
            return self.after.minutes >= MIN_AFTER_MINUTES && !rates.is_some_and(is_back);
        }
        let ratio = Ratio::of(&self.strata);
        ratio.tells() && !ratio.is_named()
    }
}

impl Question<'_> {
    /// Windows that were open, those that began nearest to the onset first.
    pub(crate) fn open_windows(&self) -> Vec<OpenWindow> {
        if !self.kind.may_be_mitigated() {
            return Vec::new();
        }
        let mut open: Vec<OpenWindow> = self
            .windows
            .iter()
            .filter_map(|one| self.candidate(one))
            .collect();
        open.sort_by_key(|one| (one.from_ms.abs_diff(self.onset_ms), one.rule.clone()));
        let mut named = BTreeSet::new();
        open.retain(|one| named.insert(one.rule.clone()));
        open.truncate(MAX_NAMED);
        open
    }

    fn candidate(&self, window: &UpstreamWindow) -> Option<OpenWindow> {
        let is_over = |until_ms: u64| until_ms + ONSET_ERROR_MS < self.onset_ms;
        let is_then = self.until_opened().contains(&window.from_ms) && !window.until_ms.is_some_and(is_over);
        if !is_then || !self.is_at(window) {
            return None;
        }
        let sides = self.sides(window);
        (!sides.outlast(self.kind)).then(|| OpenWindow {
            rule: window_name(window),
            from_ms: window.from_ms,
            until_ms: window.until_ms,
            text: window_text(window).chars().take(MAX_TEXT).collect(),
            while_open: sides.open.rate(self.kind),
            after: sides.after.rate(self.kind),
        })
    }

    /// Whether the window may have been at what is wrong: half of it is on its routes. A redirect leads to a host that has no
    /// route, or another one.
    fn is_at(&self, window: &UpstreamWindow) -> bool {
        let Some(routes) = &window.routes else {
            return true;
        };
        let (mut on_routes, mut all) = (0.0, 0.0);
        for (key, trials, events) in self.inside() {
            let count = match self.kind {
                AnomalyKind::TargetUnreached => return true,
                AnomalyKind::TrafficCliff => trials,
                _ => events,
            };
            all += count;
            on_routes += if routes.iter().any(|route| **route == *key.route) {
                count
            } else {
                0.0
            };
        }
        on_routes >= all * MIN_SHARE
    }

    fn sides(&self, window: &UpstreamWindow) -> Sides {
        let mut sides = Sides::default();
        let ms = |slot: u64| slot * SLOT_S * 1000;
        for bucket in self.window.between(self.span.first, self.span.until) {
            let until_ms = window.until_ms.unwrap_or(u64::MAX);
            let is_open = ms(bucket.last) < until_ms;
            if (is_open && ms(bucket.last + 1) > window.from_ms)
                || ms(bucket.first) >= until_ms.saturating_add(SETTLES_MS)
            {
                self.take(&mut sides, bucket, is_open);
            }
        }
        sides
    }

    fn take(&self, sides: &mut Sides, bucket: &Bucket, is_open: bool) {
        let side = if is_open {
            &mut sides.open
        } else {
            &mut sides.after
        };
        side.minutes += (bucket.last + 1 - bucket.first) as f64 / MINUTE_SLOTS as f64;
        let rows = self.window.rows_of(bucket);
        for (key, row) in rows.filter(|(key, _)| self.cohort.holds(key)) {
            let counts = self.kind.counts(&row.counts);
            let (n, k) = (counts.trials as f64, counts.events as f64);
            side.trials += n;
            side.events += k;
            sides
                .strata
                .entry(combination(key))
                .or_default()
                .count(is_open, (n, k));
        }
    }
}
