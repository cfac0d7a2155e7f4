//! The engine: cells in, anomalies opened, changed and closed out.
//!
//! In scope: what follows from counts. Time is the number of a slot. Not in scope: storage, clocks, and who is told.
//! The whole state is `Serialize`, and the same batches with the same ticks lead to the same anomalies: a database that
//! keeps a state and the batches after it can go on where it was.
//!
//! One sequential test a kind ([`Monitor`]) says *when*; it opens an incident here, which becomes an anomaly once
//! [`locate`](super::locate) names a cohort, the cohort is [`broad`](super::broad) and the excess is no
//! [`burst`](super::burst). Cohorts that overlap are one anomaly, whatever the kinds.

mod cover;
pub(super) mod detail;
mod fall;
mod feed;
mod harm;
mod healing;
mod look;
mod merge;
mod older;
mod respond;
mod rewatch;
mod totals;
mod watch;

use std::collections::BTreeMap;
use std::convert::Infallible;

use blobwatch_detect::monitor::{MAX_COHORTS, Monitor, Settings};
use serde::{Deserialize, Serialize};

use super::admission::{Admission, Fill, Saturation};
use super::anomaly::{Anomaly, Moment};
use super::cliff::Cliff;
use super::cohort::{ATTRIBUTES, Cohort};
use super::coverage::RecentTraffic;
use super::intervention::Intervention;
use super::kind::{AnomalyKind, TESTED_KINDS};
use super::normal::{KindSums, Normal, PastCounts, Rates, combination};
use super::rules::Switch;
use super::upstream::UpstreamFires;
use super::window::{Bucket, MAX_SAMPLED, MINUTE_SLOTS, WINDOW_SLOTS, Window};
use blobwatch_records::{Cell, CellBatch, CellCounts, CellKey, Cuts, SLOT_S};
use blobwatch_rulebook::AnomalyBreadth;
use blobwatch_sql::{Pace, Unpaced, at_once};
pub(crate) use older::OlderEngine;
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

/// Cells that wait for their slot; beyond it they are `other`. 300 FireLogs with 100 cells each.
const MAX_PENDING: usize = 30_000;

/// Sampled requests that wait for their slot; beyond it what a bucket of the window keeps of them. At some 300 bytes 3 MB.
const MAX_PENDING_SAMPLED: usize = 10_000;

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
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub time_ms: u64,
    pub text: String,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
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

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Pending {
    cells: BTreeMap<CellKey, Cell>,
    other: CellCounts,
    cuts: Cuts,
}

impl Pending {
    /// Keeps the samples within their bound.
    fn thin(&mut self) {
        let sampled: usize = self.cells.values().map(|cell| cell.sample.len()).sum();
        if sampled <= MAX_PENDING_SAMPLED {
            return;
        }
        let all = self.cells.values().flat_map(|cell| &cell.sample);
        self.cuts.tighten(all, MAX_SAMPLED);
        for cell in self.cells.values_mut() {
            cell.sample.retain_mut(|request| self.cuts.keep(request));
        }
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
    breadth: AnomalyBreadth,
    /// What other parties' rules did; saved beside the engine.
    #[serde(skip)]
    upstream: UpstreamFires,
}

/// Which times say what is expected.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RatesOf {
    /// Those before a slot, but for anomalies that are over.
    Before(u64),
    /// All times at which nothing was wrong, the newest included: for a past that is too short to hold anything against.
    WhenWell,
}

impl RatesOf {
    fn until(self) -> u64 {
        match self {
            Self::Before(first) => first,
            Self::WhenWell => u64::MAX,
        }
    }
}

/// The slot after a bucket, and its counts.
pub(crate) type RecentPart = (u64, Vec<(CellKey, KindSums)>);

/// Expected rates of a kind in slices: from what was `learned`, part by part, and what is in the window, bucket by bucket.
pub(crate) async fn rates<E>(
    learned: impl Fn(Option<&CellKey>) -> Result<Vec<(CellKey, KindSums)>, E>,
    recent: impl Fn(u64) -> Result<Option<RecentPart>, E>,
    pace: &impl Pace,
) -> Result<Rates, E> {
    let (mut past, mut last, mut next) = (PastCounts::default(), None, 0);
    loop {
        let part = learned(last.as_ref())?;
        let Some((key, _)) = part.last() else {
            break;
        };
        last = Some(key.clone());
        pace.spent(part.len()).await;
        past.add(part);
    }
    while let Some((after, part)) = recent(next)? {
        next = after;
        pace.spent(part.len()).await;
        past.add(part);
    }
    Ok(past.rates(pace).await)
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
            breadth: AnomalyBreadth::default(),
            upstream: UpstreamFires::default(),
        }
    }
}

impl Engine {
    /// Takes in a batch that came in slot `now`; whether it came before is the caller's to know.
    pub fn add(&mut self, batch: CellBatch, now: u64) -> Added {
        self.add_late(batch, now, 0)
    }

    /// As [`Self::add`], where slots are tested so many slots later than usual.
    pub fn add_late(&mut self, batch: CellBatch, now: u64, delay: u64) -> Added {
        let ticked = self.ticked.unwrap_or(0);
        // It says its own times, and may come as late as it likes.
        self.upstream.take(&batch.upstream, now);
        if batch.slot + MAX_LATE_SLOTS + delay < now || batch.slot > now + MAX_EARLY_SLOTS {
            self.uncounted.out_of_time += 1;
            return Added::OutOfTime;
        }
        self.traffic.take(&batch);
        let waiting: usize = self.pending.values().map(|pending| pending.cells.len()).sum();
        let mut room = MAX_PENDING.saturating_sub(waiting);
        let slot = batch.slot.max(ticked + 1);
        let pending = self.pending.entry(slot).or_default();
        pending.other.add(&batch.other);
        pending.cuts.merge(&batch.cuts);
        for cell in batch.cells {
            let cell = self.admission.admit(cell, now);
            match pending.cells.get_mut(&cell.key) {
                Some(known) => known.merge(&cell),
                None if room == 0 => pending.other.add(&cell.counts),
                None => {
                    room -= 1;
                    pending.cells.insert(cell.key.clone(), cell);
                }
            }
        }
        pending.thin();
        Added::Counted
    }

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
        self.open.iter().map(|watch| &watch.anomaly)
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

    /// Expected rates of a kind from `first` on.
    pub(crate) fn rates_before(&self, kind: AnomalyKind, first: u64) -> Rates {
        let learned = |after: Option<&CellKey>| Ok::<_, Infallible>(self.normal.part(kind, after));
        let recent = |from| Ok(self.recent_part(kind, RatesOf::Before(first), from));
        match at_once(rates(learned, recent, &Unpaced)) {
            Some(Ok(rates)) => rates,
            None => Rates::default(),
        }
    }

    /// Counts of the next bucket of the window from slot `from` on, and the slot after it. What an anomaly was about that
    /// is over says nothing of health: else one that comes back would be taken for normal.
    pub(crate) fn recent_part(&self, kind: AnomalyKind, of: RatesOf, from: u64) -> Option<RecentPart> {
        let facts = self.facts();
        let is_next = |bucket: &&Bucket| bucket.first >= from && bucket.last < of.until();
        let bucket = self.window.buckets().find(is_next)?;
        let was_wrong = |key: &CellKey| match of {
            RatesOf::Before(_) => facts.was_wrong(bucket, key),
            RatesOf::WhenWell => self.was_wrong(bucket.first, bucket.last, key),
        };
        let rows = self.window.rows_of(bucket).filter(|(key, _)| !was_wrong(key));
        let part = rows.map(|(key, row)| (combination(key), KindSums::of(kind, &row.counts)));
        Some((bucket.last + 1, part.collect()))
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

    /// How broad a fault must be.
    #[must_use]
    pub fn breadth(&self) -> AnomalyBreadth {
        self.breadth
    }

    pub fn set_breadth(&mut self, breadth: AnomalyBreadth) {
        self.breadth = breadth;
    }

    /// The first number for an anomaly that is not below `id`: those below are in the database already.
    pub fn number_from(&mut self, id: u64) {
        self.next_id = self.next_id.max(id);
    }

    fn step(&mut self, slot: u64, outcome: &mut Outcome) {
        let (cells, other, cuts) = self.take_due(slot);
        self.total(&cells);
        self.feed(slot, &cells, outcome);
        if !cells.is_empty() || other.requests > 0 {
            self.window.push(slot, &cells, &other, &cuts);
        }
        for watch in &mut self.open {
            watch.observe(&cells);
        }
        self.look(slot, outcome);
        self.refresh(slot, outcome);
        self.close(slot, outcome);
        if (slot + 1).is_multiple_of(MINUTE_SLOTS) {
            self.minute(slot, outcome);
        }
    }

    /// Cells of all slots up to `slot`.
    fn take_due(&mut self, slot: u64) -> (Vec<Cell>, CellCounts, Cuts) {
        let later = self.pending.split_off(&(slot + 1));
        let mut all = Pending::default();
        for (_, due) in std::mem::replace(&mut self.pending, later) {
            all.other.add(&due.other);
            all.cuts.merge(&due.cuts);
            if all.cells.is_empty() {
                all.cells = due.cells;
                continue;
            }
            for (key, cell) in due.cells {
                match all.cells.get_mut(&key) {
                    Some(known) => known.merge(&cell),
                    None => drop(all.cells.insert(key, cell)),
                }
            }
        }
        self.uncounted.other_requests += u64::from(all.other.requests);
        (all.cells.into_values().collect(), all.other, all.cuts)
    }

    /// What is due once a minute: minutes given out, the past learned, requests missed.
    fn minute(&mut self, slot: u64, outcome: &mut Outcome) {
        let gone = self.window.age(slot);
        self.roll(slot, &gone, outcome);
        outcome.notes.extend(self.admission.note().map(|text| Note {
            time_ms: slot_ms(slot + 1),
            text,
        }));
        for bucket in &gone {
            let rows: Vec<(CellKey, CellCounts)> = self
                .window
                .rows_of(bucket)
                .filter(|(key, _)| !self.was_wrong(bucket.first, bucket.last, key))
                .map(|(key, row)| (key.clone(), row.counts))
                .collect();
            self.normal.learn(rows.iter().map(|(key, counts)| (key, counts)));
        }
        self.window.forget_keys();
        self.normal.age(slot);
        self.miss(slot, outcome);
        let forgotten = slot.saturating_sub(REOPEN_SLOTS + WINDOW_SLOTS);
        self.closed.retain(|watch| watch.closed_slot >= forgotten);
        self.past.retain(|past| past.last >= forgotten);
    }

    /// Whether something was wrong with a combination in that time.
    fn was_wrong(&self, first: u64, last: u64, key: &CellKey) -> bool {
        let is_open = |watch: &Watch| watch.onset <= last && watch.anomaly.cohort.holds(key);
        self.open.iter().any(is_open) || self.past.iter().any(|past| past.holds(first, last, key))
    }

    fn roll(&mut self, slot: u64, gone: &[Bucket], outcome: &mut Outcome) {
        let complete = (slot + 1).saturating_sub(super::window::FINE_SLOTS) / MINUTE_SLOTS;
        let rolled = self.rolled;
        let mut minutes: BTreeMap<u64, Rollup> = BTreeMap::new();
        for bucket in gone.iter().chain(self.window.buckets()) {
            let minute = bucket.minute();
            if minute <= rolled || minute >= complete {
                continue;
            }
            let rollup = minutes.entry(minute).or_insert_with(|| Rollup {
                minute,
                cells: Vec::new(),
                other: CellCounts::default(),
            });
            rollup.other.add(&bucket.other);
            let rows = self.window.rows_of(bucket);
            rollup
                .cells
                .extend(rows.map(|(key, row)| (key.clone(), row.counts)));
        }
        if let Some(newest) = minutes.keys().next_back() {
            self.rolled = *newest;
        }
        outcome.minutes.extend(minutes.into_values());
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
