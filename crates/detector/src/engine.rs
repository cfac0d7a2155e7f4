//! The engine: cells in, anomalies opened, changed and closed out.
//!
//! In scope: what follows from counts. Time is the number of a slot. Not in scope: storage, clocks, and who is told.
//! The whole state is `Serialize`, and the same batches with the same ticks lead to the same anomalies: a database that
//! keeps a state and the batches after it can go on where it was.
//!
//! One sequential test a kind ([`Monitor`]) says *when*; it opens an incident here, which becomes an anomaly once
//! [`locate`](super::locate) names a cohort, the cohort is [`broad`](super::broad) and the excess is no
//! [`burst`](super::burst). Cohorts that overlap are one anomaly, whatever the kinds.

mod act;
mod cover;
pub(super) mod detail;
mod expected;
mod fall;
mod feed;
mod harm;
mod healing;
mod look;
mod merge;
mod minute;
mod older;
mod pending;
pub(crate) mod pieces;
mod respond;
mod rewatch;
mod slot_sums;
mod totals;
mod watch;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use blobwatch_detect::monitor::{MAX_COHORTS, Monitor, Settings};
use serde::{Deserialize, Serialize};

use super::admission::{Admission, Fill, Saturation};
use super::anomaly::{Anomaly, Moment};
use super::breadths::Breadths;
use super::cliff::Cliff;
use super::cohort::{ATTRIBUTES, Cohort};
use super::coverage::RecentTraffic;
use super::handling::Mute;
use super::intervention::Intervention;
use super::kind::{AnomalyKind, TESTED_KINDS};
use super::normal::{CombinationNumbers, Normal, combination};
use super::rules::Switch;
use super::upstream::UpstreamFires;
use super::window::{MINUTE_SLOTS, WINDOW_SLOTS, Window};
use blobwatch_records::{Bounds, CellCounts, CellKey, Cuts, OpenCohort, SLOT_S, SampledRequest};
use blobwatch_rulebook::AnomalyBreadth;
use blobwatch_upstream::UpstreamWindow;
pub(crate) use expected::{RatesOf, rates};
pub(crate) use older::OlderEngine;
use pending::Pending;
use slot_sums::SlotSums;
use totals::Totals;
use watch::Watch;

/// The promise for everything together: on average at most one false alarm in so many days.
pub(crate) const DAYS_PER_FALSE_ALARM: f64 = 30.0;

/// Of each kind's test: the tests share the promise.
const DAYS_PER_TEST: f64 = DAYS_PER_FALSE_ALARM * TESTED_KINDS as f64;

/// How late, in slots, a cell still counts in a test: it counts in the slot in which it comes. Later ones are counted
/// as late and shown in no test.
pub(crate) const MAX_LATE_SLOTS: u64 = 30;

/// How far ahead of the clock a cell may be: clocks differ by less.
pub(crate) const MAX_EARLY_SLOTS: u64 = 6;

/// Anomalies open at a time; what else is found joins none and is looked at again.
const MAX_OPEN: usize = 32;

/// An anomaly that comes back within six hours is the same one.
const REOPEN_SLOTS: u64 = 6 * 360;
const MAX_CLOSED: usize = 64;

/// Switches of rules that are remembered: an hour of them explains an onset.
pub(crate) const MAX_SWITCHES: usize = 256;

/// What happened in a tick, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    pub changes: Vec<Change>,
    /// Minutes that are complete.
    pub minutes: Vec<Rollup>,
    /// What is worth a mark and no anomaly.
    pub notes: Vec<Note>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub moment: Moment,
    pub anomaly: Anomaly,
}

/// Counts of one minute, by combination and rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollup {
    /// Since 1970.
    pub minute: u64,
    pub cells: Vec<(CellKey, CellCounts)>,
    pub other: CellCounts,
    pub sample: MinuteSample,
}

/// Requests of one minute with all attributes, by combination.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MinuteSample {
    pub requests: Vec<(CellKey, SampledRequest)>,
    /// What was left out.
    pub cuts: Cuts,
}

impl MinuteSample {
    /// Takes in another sample, of which a batch's bounds are kept: 528 requests of 26 bytes beside their
    /// texts at most, so two days of minutes are 40 MB and those.
    fn merge<'a>(&mut self, more: impl Iterator<Item = (&'a CellKey, &'a SampledRequest)>, cuts: &Cuts) {
        self.requests
            .extend(more.map(|(key, request)| (combination(key), request.clone())));
        self.cuts.merge(cuts);
        self.cuts.trim(&mut self.requests, Bounds::BATCH);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub time_ms: u64,
    pub text: String,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchOutcome {
    Counted,
    /// More than [`MAX_LATE_SLOTS`] late or [`MAX_EARLY_SLOTS`] early.
    OutOfTime,
}

/// What could not be counted as it came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncounted {
    /// Batches out of time.
    pub out_of_time: u64,
    /// Requests for which there was no room in a batch or here: they are in no test and in no cohort.
    pub other_requests: u64,
}

/// An alarm of one kind's test.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Incident {
    kind: AnomalyKind,
    id: u64,
    /// Slot from which it is looked at: the onset, or the end of a burst.
    since: u64,
    opened: u64,
    anomaly: Option<u64>,
    next_look: u64,
    /// What may be a burst of our own making; said if the alarm ends before that is known.
    burst: Option<Note>,
}

/// What was wrong from `first` to `last`; it stays when the anomaly is opened again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Past {
    first: u64,
    last: u64,
    cohort: Cohort,
}

impl Past {
    fn holds(&self, first: u64, last: u64, key: &CellKey) -> bool {
        self.first <= last && self.last >= first && self.cohort.holds(key)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Engine {
    monitors: Vec<Monitor>,
    window: Window,
    normal: Normal,
    cliff: Cliff,
    pending: BTreeMap<u64, Pending>,
    ticked: Option<u64>,
    rolled: u64,
    incidents: Vec<Incident>,
    open: Vec<Watch>,
    closed: Vec<Watch>,
    /// Oldest first, at most [`MAX_CLOSED`].
    past: Vec<Past>,
    switches: Vec<Switch>,
    next_id: u64,
    uncounted: Uncounted,
    /// By route.
    totals: BTreeMap<String, Totals>,
    /// Saved beside the engine, whose older states have none.
    #[serde(skip)]
    admission: Admission,
    /// Likewise.
    #[serde(skip)]
    traffic: RecentTraffic,
    /// Oldest first; read from the changes that are kept.
    #[serde(skip)]
    interventions: Vec<Intervention>,
    /// Likewise.
    #[serde(skip)]
    breadths: Breadths,
    /// What other parties' rules did; saved beside the engine.
    #[serde(skip)]
    upstream: UpstreamFires,
    /// Oldest first; read from the windows that are kept.
    #[serde(skip)]
    windows: Vec<UpstreamWindow>,
    /// What opens silently; read from the mutes that are kept.
    #[serde(skip)]
    mutes: Vec<Mute>,
    /// Open anomalies that a guard told of, oldest first; read from those that are kept.
    #[serde(skip)]
    harms: Vec<Anomaly>,
    /// What expected rates are of, while a slot is looked at.
    #[serde(skip)]
    numbered: OnceLock<CombinationNumbers>,
}

/// The test of one kind.
fn monitor(kind: AnomalyKind) -> Monitor {
    Monitor::new(Settings {
        attributes: ATTRIBUTES.map(str::to_owned).to_vec(),
        slot_seconds: SLOT_S,
        days_per_false_alarm: DAYS_PER_TEST,
        max_cohorts: max_cohorts(kind),
        usual: kind.usual(),
    })
}

/// An equal share of all cohorts; the first kinds have what is left over.
fn max_cohorts(kind: AnomalyKind) -> usize {
    let kinds = AnomalyKind::RATES.len();
    let has_one_more = kind.rate_place().is_some_and(|place| place < MAX_COHORTS % kinds);
    MAX_COHORTS / kinds + usize::from(has_one_more)
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            monitors: AnomalyKind::RATES.map(monitor).to_vec(),
            window: Window::default(),
            normal: Normal::default(),
            cliff: Cliff::default(),
            pending: BTreeMap::new(),
            ticked: None,
            rolled: 0,
            incidents: Vec::new(),
            open: Vec::new(),
            closed: Vec::new(),
            past: Vec::new(),
            switches: Vec::new(),
            next_id: 1,
            uncounted: Uncounted::default(),
            totals: BTreeMap::new(),
            admission: Admission::default(),
            traffic: RecentTraffic::default(),
            interventions: Vec::new(),
            breadths: Breadths::default(),
            upstream: UpstreamFires::default(),
            windows: Vec::new(),
            mutes: Vec::new(),
            harms: Vec::new(),
            numbered: OnceLock::new(),
        }
    }
}

impl Engine {
    /// Tests every slot up to `slot`, the newest of which all cells should have come.
    pub fn tick(&mut self, slot: u64) -> Outcome {
        let mut outcome = Outcome::default();
        let first = match self.ticked {
            Some(ticked) => ticked + 1,
            None => self.pending.keys().next().copied().unwrap_or(slot),
        };
        // After a long sleep nothing can be in the slots before.
        for slot in first.max(slot.saturating_sub(2 * WINDOW_SLOTS))..=slot {
            self.ticked = Some(slot);
            self.step(slot, &mut outcome);
        }
        outcome
    }

    /// Whether cells wait for a tick.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Newest slot that was tested.
    #[must_use]
    pub fn ticked(&self) -> Option<u64> {
        self.ticked
    }

    /// Takes in rules that were switched; a repeat changes nothing.
    pub fn switched(&mut self, switches: impl IntoIterator<Item = Switch>) {
        for switch in switches {
            if !self.switches.contains(&switch) {
                self.switches.push(switch);
            }
        }
        keep_newest(&mut self.switches, MAX_SWITCHES, |switch| switch.time_ms);
    }

    #[cfg(test)]
    pub(crate) fn switches(&self) -> &[Switch] {
        &self.switches
    }

    /// Open anomalies as they are now, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Anomaly> {
        self.open.iter().map(|watch| &watch.anomaly).chain(&self.harms)
    }

    #[must_use]
    pub fn window(&self) -> &Window {
        &self.window
    }

    #[must_use]
    pub fn normal(&self) -> &Normal {
        &self.normal
    }

    /// Newest minute that was given out; later ones are in the window.
    #[must_use]
    pub fn rolled(&self) -> u64 {
        self.rolled
    }

    /// Counters by route: name, help, and the counts.
    pub fn totals_by_route(
        &self,
    ) -> impl Iterator<Item = (&'static str, &'static str, impl Iterator<Item = (&str, u64)>)> {
        totals::COUNTERS.iter().map(|counter| {
            let of_routes = self
                .totals
                .iter()
                .map(|(route, totals)| (route.as_str(), totals.of(counter)));
            (counter.name, counter.help, of_routes)
        })
    }

    /// What could not be counted so far.
    #[must_use]
    pub fn uncounted(&self) -> Uncounted {
        self.uncounted
    }

    /// Cohorts tracked, of all kinds.
    #[must_use]
    pub fn cohorts(&self) -> usize {
        self.monitors.iter().map(Monitor::len).sum()
    }

    /// Most cohorts that are tracked, and how many made room for others since the state was read.
    #[must_use]
    pub fn cohort_bounds(&self) -> (usize, u64) {
        let bounds = self.monitors.iter().map(Monitor::bounds);
        bounds.fold((0, 0), |(max, evicted), (more, gone)| {
            (max + more, evicted + gone)
        })
    }

    /// How full the values of the attributes are that clients choose.
    #[must_use]
    pub(crate) fn fill(&self) -> [Fill; 3] {
        self.admission.fill()
    }

    /// What is not told apart at present of these attributes.
    pub(crate) fn saturation(&self) -> impl Iterator<Item = Saturation> {
        self.admission.saturation(self.ticked().unwrap_or(0))
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Takes over the values that were saved beside the engine.
    pub(crate) fn restore(&mut self, admission: Admission) {
        self.admission = admission;
    }

    pub(crate) fn traffic(&self) -> &RecentTraffic {
        &self.traffic
    }

    /// Takes over who sent requests lately, which was saved beside the engine.
    pub(crate) fn restore_traffic(&mut self, traffic: RecentTraffic) {
        self.traffic = traffic;
    }

    /// What other parties' rules did lately.
    #[must_use]
    pub fn upstream(&self) -> &UpstreamFires {
        &self.upstream
    }

    /// Takes over what was saved beside the engine.
    pub(crate) fn restore_upstream(&mut self, upstream: UpstreamFires) {
        self.upstream = upstream;
    }

    /// Takes in the windows that other parties told of, instead of those that it knew.
    pub(crate) fn set_windows(&mut self, windows: Vec<UpstreamWindow>) {
        self.windows = windows;
    }

    /// How broad a fault of an anomaly's cohort must be.
    pub(crate) fn breadth_of(&self, anomaly: &Anomaly) -> AnomalyBreadth {
        self.breadths.of_cohort(&anomaly.cohort)
    }

    /// How broad a fault must be.
    pub fn set_breadth(&mut self, breadth: AnomalyBreadth) {
        self.breadths.all = breadth;
    }

    #[cfg(test)]
    pub(crate) fn route_breadths(&self) -> &BTreeMap<String, AnomalyBreadth> {
        &self.breadths.of_routes
    }

    /// The same of routes that say it of themselves.
    pub fn set_route_breadths(&mut self, of_routes: BTreeMap<String, AnomalyBreadth>) {
        self.breadths.of_routes = of_routes;
    }

    /// The first number for an anomaly that is not below `id`: those below are in the database already.
    pub fn number_from(&mut self, id: u64) {
        self.next_id = self.next_id.max(id);
    }

    fn step(&mut self, slot: u64, outcome: &mut Outcome) {
        self.count(slot, outcome);
        self.numbered.take();
        self.look(slot, outcome);
        self.refresh(slot, outcome);
        self.numbered.take();
        self.close(slot, outcome);
        self.end_harms(slot, outcome);
        self.unmute(slot, outcome);
        if (slot + 1).is_multiple_of(MINUTE_SLOTS) {
            self.minute(slot, outcome);
        } else if self.window.is_full() {
            // A minute of 300 full FireLogs is half of what the window may hold.
            self.age_window(slot, outcome);
        }
    }

    /// Counts what waited for the slot, batch by batch: all of its cells together would not fit in memory.
    fn count(&mut self, slot: u64, outcome: &mut Outcome) {
        let mut sums = SlotSums::default();
        let mut watched = vec![CellCounts::default(); self.open.len()];
        for batch in self.take_due(slot) {
            self.uncounted.other_requests += u64::from(batch.other.requests);
            self.total(&batch.cells);
            sums.add(&batch.cells);
            if !batch.cells.is_empty() || batch.other.requests > 0 {
                self.window.push(slot, &batch.cells, &batch.other, &batch.cuts);
            }
            for (watch, counts) in self.open.iter_mut().zip(&mut watched) {
                watch.take(&batch.cells, counts);
            }
        }
        self.window.settle();
        self.feed(slot, &sums, outcome);
        for (watch, counts) in self.open.iter_mut().zip(&watched) {
            watch.observe(counts);
        }
    }

    /// Whom open anomalies are about, for FireLogs, which keep every record of them.
    #[must_use]
    pub fn open_cohorts(&self) -> Vec<OpenCohort> {
        self.open
            .iter()
            .map(|watch| watch.anomaly.cohort.told())
            .collect()
    }

    /// Whether something was wrong with a combination in that time.
    fn was_wrong(&self, first: u64, last: u64, key: &CellKey) -> bool {
        let is_open = |watch: &Watch| watch.onset <= last && watch.anomaly.cohort.holds(key);
        self.open.iter().any(is_open) || self.past.iter().any(|past| past.holds(first, last, key))
    }
}

/// Puts them in order of time, and drops the oldest of those that are too many.
fn keep_newest<T>(all: &mut Vec<T>, most: usize, time_ms: impl Fn(&T) -> u64) {
    all.sort_by_key(time_ms);
    all.drain(..all.len().saturating_sub(most));
}

/// Milliseconds since 1970 at which a slot begins.
fn slot_ms(slot: u64) -> u64 {
    slot * SLOT_S * 1000
}
