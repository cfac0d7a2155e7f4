//! What sampled requests stand for: estimates of what cells cannot tell apart.
//!
//! A sampled request stands for as many as the cut says that it is below. A client is at most four requests of a slot, so all
//! estimates are then scaled to what cells counted of everybody in the same time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Axis, Cell, MAX_VALUES, Question, Sample, Share, Sums, Values, attributes};
use crate::calls::SharedDetector;
use crate::calls::counts::{CountsQuery, MAX_MINUTES};
use crate::cohort::ABSENT;
use crate::normal::{Rates, combination};
use crate::store::{Detector, Unit};
use crate::window::{Bucket, MINUTE_SLOTS, Window};
use crate::{ATTRIBUTES, MinuteSample, value};
use blobwatch_detect::counts::Counts;
use blobwatch_records::{CellKey, Event, FURTHER, SampledRequest};
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::{Problem, rfc3339};

/// Values of one attribute, or pairs of the axes, that are told apart: twice as many at one time, at some 200 bytes each 7 MB of all
/// attributes. Those with the fewest events go.
const MAX_TOLD_APART: usize = 2_000;

/// Sums of weights.
#[derive(Debug, Clone, Copy, Default)]
struct Estimate {
    trials: f64,
    events: f64,
    expected: f64,
    /// Of `events`: that of independent draws.
    variance: f64,
}

type Estimates<K> = BTreeMap<K, Estimate>;

#[derive(Default)]
pub(super) struct Sampled {
    /// First minute with a sample.
    since: Option<u64>,
    attributes: Vec<Estimates<Arc<str>>>,
    pairs: Estimates<(Arc<str>, Arc<str>)>,
    /// Of everybody that the filters by attributes of cells take.
    all: Estimate,
    requests: Counts,
    counted: Counts,
}

impl Sampled {
    pub(super) async fn read<S: Sql>(
        shared: &impl SharedDetector<S>,
        question: &Question,
        rates: &Rates,
        pace: &impl Pace,
    ) -> Result<Self, Problem> {
        let mut sampled = Self {
            attributes: vec![Estimates::new(); attributes().len()],
            ..Self::default()
        };
        let Some(event) = question.kind.event() else {
            return Ok(sampled);
        };
        let mut reading = Reading::of(&question.asked);
        while let Some((minute, samples)) = shared.read(|store| reading.next(store))? {
            for sample in samples.iter().filter(|sample| !sample.requests.is_empty()) {
                sampled.since.get_or_insert(minute);
                sampled.take(sample, question, event, rates);
                pace.spent(sample.requests.len()).await;
            }
        }
        Ok(sampled)
    }

    fn take(&mut self, sample: &MinuteSample, question: &Question, event: Event, rates: &Rates) {
        let stands_for = |cut: u32| f64::from(u32::MAX) / f64::from(cut.max(1));
        let weights = (
            stands_for(sample.cuts.trials(event)),
            stands_for(sample.cuts.with_event(event)),
        );
        for (key, request) in &sample.requests {
            let one = Estimate::of(key, request, event, weights, rates);
            if !question.asked.takes(key) || one.is_nothing() {
                continue;
            }
            self.all.add(&one);
            if question.further.iter().all(|wanted| has(request, wanted)) {
                self.requests += Counts {
                    trials: u64::from(request.is_trial(event)),
                    events: u64::from(request.shows(event)),
                };
                self.add(question, key, request, &one);
            }
        }
    }

    fn add(&mut self, question: &Question, key: &CellKey, request: &SampledRequest, one: &Estimate) {
        let first = if question.is_sampled() {
            0
        } else {
            ATTRIBUTES.len()
        };
        for (estimates, name) in self.attributes.iter_mut().zip(attributes()).skip(first) {
            add(estimates, text(key, request, name), one);
        }
        if question.is_sampled() {
            let [x, y] = question.axes.map(|axis| text(key, request, axis));
            add(&mut self.pairs, (x, y), one);
        }
    }

    /// The first minute of which estimates are.
    pub(super) fn since(&self) -> Option<u64> {
        self.since
    }

    /// Scales estimates to what cells counted in the same time.
    pub(super) fn hold_against(&mut self, counted: Counts) {
        self.counted = counted;
        let scale = |counted: u64, estimated: f64| {
            if estimated > 0.0 {
                counted as f64 / estimated
            } else {
                0.0
            }
        };
        let scales = (
            scale(counted.trials, self.all.trials),
            scale(counted.events, self.all.events),
        );
        let of_attributes = self.attributes.iter_mut().flat_map(BTreeMap::values_mut);
        for estimate in of_attributes.chain(self.pairs.values_mut()) {
            estimate.scale(scales);
        }
    }

    /// What was counted of each value of the attributes from a place on; nothing where nothing was sampled.
    pub(super) fn attributes(&self, from: usize) -> Vec<Values> {
        if self.since.is_none() {
            return Vec::new();
        }
        let estimated = attributes().into_iter().zip(&self.attributes).skip(from);
        estimated
            .map(|(name, estimates)| (name, largest(estimates)))
            .collect()
    }

    pub(super) fn cells(&self, x: &Axis, y: &Axis) -> Vec<Cell> {
        let place = |axis: &Axis, value: &str| axis.values.iter().position(|known| known == value);
        let cell = |((of_x, of_y), estimate): (&(Arc<str>, Arc<str>), &Estimate)| {
            Some(Cell {
                x: place(x, of_x)?,
                y: place(y, of_y)?,
                sums: estimate.sums().rounded(),
            })
        };
        let mut cells: Vec<Cell> = self.pairs.iter().filter_map(cell).collect();
        cells.sort_by_key(|cell| (cell.x, cell.y));
        cells
    }

    /// What estimates are from.
    pub(super) fn sample(&self, until_ms: u64) -> Option<Sample> {
        let share = |sampled, of| Share { sampled, of };
        Some(Sample {
            since: rfc3339(self.since? * 60_000),
            until: rfc3339(until_ms),
            trials: share(self.requests.trials, self.counted.trials),
            events: share(self.requests.events, self.counted.events),
        })
    }
}

impl Estimate {
    fn of(
        key: &CellKey,
        request: &SampledRequest,
        event: Event,
        (of_trial, of_event): (f64, f64),
        rates: &Rates,
    ) -> Self {
        let mut one = Self::default();
        if request.is_trial(event) {
            one.trials = of_trial;
            one.expected = of_trial * rates.of(&combination(key));
        }
        if request.shows(event) {
            one.events = of_event;
            one.variance = of_event * (of_event - 1.0);
        }
        one
    }

    fn is_nothing(&self) -> bool {
        self.trials == 0.0 && self.events == 0.0
    }

    fn add(&mut self, other: &Self) {
        self.trials += other.trials;
        self.events += other.events;
        self.expected += other.expected;
        self.variance += other.variance;
    }

    fn scale(&mut self, (trials, events): (f64, f64)) {
        self.trials *= trials;
        self.expected *= trials;
        self.events *= events;
        self.variance *= events * events;
    }

    fn sums(&self) -> Sums {
        let events = self.events.round() as u64;
        Sums {
            trials: (self.trials.round() as u64).max(events),
            events,
            expected: self.expected,
            events_error: Some(self.variance.sqrt()),
        }
    }
}

fn add<K: Ord + Clone>(estimates: &mut Estimates<K>, of: K, one: &Estimate) {
    estimates.entry(of).or_default().add(one);
    if estimates.len() > 2 * MAX_TOLD_APART {
        let mut all: Vec<(&K, &Estimate)> = estimates.iter().collect();
        all.sort_by(|(_, a), (_, b)| b.events.total_cmp(&a.events).then(b.trials.total_cmp(&a.trials)));
        let surplus = all.into_iter().skip(MAX_TOLD_APART).map(|(key, _)| key.clone());
        for key in surplus.collect::<Vec<K>>() {
            estimates.remove(&key);
        }
    }
}

fn largest(estimates: &Estimates<Arc<str>>) -> Vec<(String, Sums)> {
    let sums = estimates
        .iter()
        .map(|(value, estimate)| (value.to_string(), estimate.sums()));
    let mut sums: Vec<(String, Sums)> = sums.collect();
    sums.sort_by_key(|(_, sums)| std::cmp::Reverse((sums.events, sums.trials)));
    sums.truncate(MAX_VALUES);
    sums
}

fn text(key: &CellKey, request: &SampledRequest, attribute: &str) -> Arc<str> {
    if let Some(text) = value(key, attribute) {
        return Arc::from(&*text);
    }
    let place = FURTHER.iter().position(|name| *name == attribute);
    let further = place.and_then(|place| further(request, place));
    further.map_or_else(|| Arc::from(ABSENT), Arc::clone)
}

/// The value of an attribute beyond those of cells, by its place in [`FURTHER`].
fn further(request: &SampledRequest, place: usize) -> Option<&Arc<str>> {
    request.values.get(place).filter(|value| !value.is_empty())
}

/// Whether a request has one of the values that are asked for.
fn has(request: &SampledRequest, (place, wanted): &(usize, Vec<String>)) -> bool {
    let value = further(request, *place).map_or(ABSENT, |value| value);
    wanted.iter().any(|one| one == value)
}

/// How far samples were read: rows, then what is in the window, which is finer.
struct Reading {
    next: u64,
    until: u64,
}

impl Reading {
    /// Of the newest minutes of a time, in whole hours where it is counted by hours.
    fn of(asked: &CountsQuery) -> Self {
        let until = asked.until_ms / 60_000;
        let unit = asked.unit_s() / 60;
        let newest = until.saturating_sub(MAX_MINUTES).next_multiple_of(unit);
        Self {
            next: newest.max(asked.since_ms / 60_000),
            until,
        }
    }

    /// The samples of the next minute that has any.
    fn next<S: Sql>(&mut self, store: &Detector<S>) -> Result<Option<(u64, Vec<MinuteSample>)>, Problem> {
        let window = store.engine().window();
        let in_window = window.first().map_or(u64::MAX, |first| first / MINUTE_SLOTS);
        if let Some(row) = store.rollup_from(Unit::Minute, self.next, self.until.min(in_window))? {
            self.next = row.minute + 1;
            return Ok(Some((row.minute, vec![row.sample()?])));
        }
        let wanted = self.next.max(in_window)..self.until;
        let is_wanted = |bucket: &&Bucket| wanted.contains(&bucket.minute());
        let Some(minute) = window.buckets().find(is_wanted).map(Bucket::minute) else {
            return Ok(None);
        };
        self.next = minute + 1;
        Ok(Some((minute, of_window(window, minute))))
    }
}

fn of_window(window: &Window, minute: u64) -> Vec<MinuteSample> {
    let buckets = window.buckets().filter(|bucket| bucket.minute() == minute);
    let sample = |bucket: &Bucket| {
        let requests = window.sample_of(bucket);
        MinuteSample {
            requests: requests
                .map(|(key, request)| (key.clone(), request.clone()))
                .collect(),
            cuts: bucket.cuts,
        }
    };
    buckets.map(sample).collect()
}
