//! From the window's sampled requests to cases.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Cases};
use crate::cohort::Cohort;
use crate::locate::healthy;
use crate::naming::Question;
use crate::naming::set::Choice;
use crate::normal::combination;
use crate::window::{Bucket, MINUTE_SLOTS};
use blobwatch_pull::SizeClass;
use blobwatch_records::{CellKey, DIGEST, Event, FURTHER, SIZE, SampledRequest};

/// Of the events, and of the trials, those that are read: more say nothing new.
const MAX_EVENTS: usize = 1_000;
const MAX_TRIALS: usize = 4_000;

/// Events that the past of a value must have before it counts for half.
const PAST_EVENTS: f64 = 3.0;

/// Events and expected events before the onset, by attribute and value.
#[derive(Default)]
pub(super) struct Past {
    of: BTreeMap<(usize, u16), (f64, f64)>,
    all: (f64, f64),
}

impl Past {
    /// How many times more is expected of these values.
    pub(super) fn ratio(&self, choice: &Choice) -> f64 {
        let of = choice
            .values
            .iter()
            .filter_map(|value| self.of.get(&(choice.attribute, *value)));
        let (events, expected) = of.fold((0.0, 0.0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        let usual = (self.all.0 + PAST_EVENTS) / (self.all.1 + PAST_EVENTS);
        ((events + PAST_EVENTS) / (usual * expected + PAST_EVENTS)).max(1.0)
    }
}

/// A sampled request, and what it stands for.
struct Sampled<'a> {
    key: &'a CellKey,
    request: &'a SampledRequest,
    weight: f64,
}

impl<'a> Cases<'a> {
    /// `None` where nothing was sampled.
    pub(in crate::naming) fn read(question: &Question<'a>) -> Option<Self> {
        let event = question.kind.event()?;
        let (first, until) = (question.span.first, question.span.until);
        let now = Samples::read(question.window.sampled(first, until), event);
        // The onset is an estimate: what came just before may be of it.
        let usual = question.window.sampled(0, first.saturating_sub(MINUTE_SLOTS));
        let usual = usual.filter(|(bucket, key, _)| !(question.was_wrong)(bucket, key));
        let before = Samples::read(usual, event);
        if now.events.is_empty() || now.trials.is_empty() {
            return None;
        }
        let mut numbers = Numbers::default();
        let mut cases = Vec::new();
        let mut reading = Reading {
            question,
            numbers: &mut numbers,
        };
        reading.take(&now, &mut cases);
        let mut earlier = Vec::new();
        reading.take(&before, &mut earlier);
        let trials = cases.iter().filter(|case| !case.is_event);
        let (sum, count) = trials.fold((0.0, 0.0), |(sum, count), case| {
            (sum + case.expected, count + 1.0)
        });
        Some(Self {
            cases,
            cohort: question.cohort,
            texts: numbers.texts,
            past: past(&earlier),
            mean: sum / f64::max(count, 1.0),
        })
    }
}

fn past(cases: &[Case]) -> Past {
    let mut past = Past::default();
    for case in cases {
        let (events, expected) = if case.is_event {
            (case.observed, 0.0)
        } else {
            (0.0, case.expected)
        };
        past.all.0 += events;
        past.all.1 += expected;
        for (attribute, value) in case.values.iter().enumerate() {
            let of = past.of.entry((attribute, *value)).or_default();
            of.0 += events;
            of.1 += expected;
        }
    }
    past
}

/// Texts of each attribute and their numbers; 0 is what is not known.
struct Numbers<'a> {
    of: [BTreeMap<&'a str, u16>; FURTHER.len()],
    texts: [Vec<&'a str>; FURTHER.len()],
}

impl Default for Numbers<'_> {
    fn default() -> Self {
        Self {
            of: Default::default(),
            texts: std::array::from_fn(|_| vec![""]),
        }
    }
}

impl<'a> Numbers<'a> {
    fn number(&mut self, attribute: usize, text: &'a str) -> u16 {
        let (Some(of), Some(texts)) = (self.of.get_mut(attribute), self.texts.get_mut(attribute)) else {
            return 0;
        };
        if text.is_empty() {
            return 0;
        }
        let next = u16::try_from(texts.len()).unwrap_or_default();
        *of.entry(text).or_insert_with(|| {
            texts.push(text);
            next
        })
    }

    fn numbers(&mut self, request: &'a SampledRequest) -> [u16; FURTHER.len()] {
        let mut numbers = [0; FURTHER.len()];
        for ((attribute, text), number) in request.values.iter().enumerate().zip(&mut numbers) {
            *number = self.number(attribute, text);
        }
        numbers
    }
}

/// What was sampled of one event in a span: those that show it, and those that could.
struct Samples<'a> {
    events: Vec<Sampled<'a>>,
    trials: Vec<Sampled<'a>>,
}

impl<'a> Samples<'a> {
    fn read(
        sampled: impl Iterator<Item = (&'a Bucket, &'a CellKey, &'a SampledRequest)>,
        event: Event,
    ) -> Self {
        let (mut events, mut trials) = (Vec::new(), Vec::new());
        for (bucket, key, request) in sampled {
            // No body of such a size can be cut short: it says nothing of who is hit.
            let is_small = || {
                let size = request.values.get(SIZE);
                size.is_some_and(|size| &**size == SizeClass::Small.as_str())
            };
            if event == Event::Aborted && is_small() {
                continue;
            }
            let sampled = |cut: u32| Sampled {
                key,
                request,
                weight: f64::from(cut),
            };
            if request.shows(event) {
                events.push(sampled(bucket.cuts.with_event(event)));
            }
            if request.is_trial(event) {
                trials.push(sampled(bucket.cuts.trials(event)));
            }
        }
        Self {
            events: weighed(events, MAX_EVENTS),
            trials: weighed(trials, MAX_TRIALS),
        }
    }
}

/// Those with the smallest ranks, and what each stands for: `weight` is the cut that it is below.
fn weighed(mut sampled: Vec<Sampled<'_>>, most: usize) -> Vec<Sampled<'_>> {
    let mut end = u32::MAX;
    if sampled.len() > most {
        sampled.sort_by_key(|one| one.request.rank());
        end = sampled.get(most).map_or(u32::MAX, |one| one.request.rank());
        sampled.retain(|one| one.request.rank() < end);
    }
    for one in &mut sampled {
        one.weight = f64::from(u32::MAX) / one.weight.min(f64::from(end)).max(1.0);
    }
    sampled
}

struct Reading<'a, 'q, 'n> {
    question: &'q Question<'a>,
    numbers: &'n mut Numbers<'a>,
}

impl<'a> Reading<'a, '_, '_> {
    fn take(&mut self, samples: &Samples<'a>, cases: &mut Vec<Case>) {
        let mut seen: BTreeSet<(u32, u16)> = BTreeSet::new();
        let first = cases.len();
        for sampled in &samples.events {
            let case = self.case(sampled, true);
            if seen.insert((sampled.request.client, case.value(DIGEST))) {
                cases.push(case);
            }
        }
        let all: f64 = samples.events.iter().map(|sampled| sampled.weight).sum();
        let distinct: f64 = cases.iter().skip(first).map(|case| case.weight).sum();
        let squares: f64 = cases.iter().skip(first).map(|case| case.weight.powi(2)).sum();
        // As many events as these weights are worth (Kish), of each its share; expectations are held against all events.
        let count = distinct.powi(2) / squares.max(f64::MIN_POSITIVE);
        let scale = count / all.max(f64::MIN_POSITIVE);
        for case in cases.iter_mut().skip(first) {
            case.observed = case.weight * count / distinct;
            case.expected = case.weight * case.healthy * count / distinct;
        }
        for sampled in &samples.trials {
            let mut case = self.case(sampled, false);
            case.expected = case.weight * case.healthy * if all > 0.0 { scale } else { 1.0 };
            cases.push(case);
        }
    }

    fn case(&mut self, sampled: &Sampled<'a>, is_event: bool) -> Case {
        let Question {
            cohort, kind, rates, ..
        } = self.question;
        let combination = combination(sampled.key);
        Case {
            network: sampled.request.network,
            cells: held(cohort, sampled.key),
            values: self.numbers.numbers(sampled.request),
            observed: 0.0,
            expected: 0.0,
            weight: sampled.weight,
            usual: rates.of(&combination),
            healthy: healthy(*kind, rates, &combination),
            is_event,
        }
    }
}

/// One bit for each literal that holds.
fn held(cohort: &Cohort, key: &CellKey) -> u32 {
    let literals = cohort.0.iter().enumerate();
    literals.fold(0, |bits, (place, literal)| {
        bits | u32::from(literal.holds(key)) << place
    })
}
