//! The sampled requests as cases: what each observes and expects, and which values it has.
//!
//! An event counts once for each client and blob: retries say nothing new. What is expected of a trial is the
//! healthy rate of its cell's combination, for as many requests as it stands for. A value whose events were more
//! usual than others' before the onset is expected to have more of them now.

mod reading;

use std::collections::BTreeMap;

use super::NamedCohort;
use super::set::{Choice, Set};
use crate::cohort::{Cohort, Literal};
use blobwatch_records::FURTHER;
use reading::Past;

/// Values of one attribute that a cohort lists at most.
const MAX_LISTED: usize = 8;

/// How much likelier a cluster of events is than independent ones: a pull fails in several blobs at once.
const DISPERSION: f64 = 2.0;

/// A request, as it is or as it would be.
pub(super) struct Case {
    pub network: u32,
    /// One bit for each literal of the cohort of the cells that holds.
    cells: u32,
    /// By number, 0 where it is not known.
    values: [u16; FURTHER.len()],
    observed: f64,
    /// Of a trial, events; of an event, how many events its trial alone expects.
    expected: f64,
    /// What it stands for, and what is usual of it: to say rates.
    weight: f64,
    usual: f64,
    healthy: f64,
    is_event: bool,
}

/// Sums over a set.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    observed: f64,
    /// By the trials, and what the events alone expect: each is a trial too.
    expected: f64,
    least: f64,
    /// Trials that were read.
    trials: f64,
}

impl Sums {
    fn expects(&self) -> f64 {
        self.expected.max(self.least)
    }

    pub(super) fn excess(&self) -> f64 {
        self.observed - self.expects()
    }

    pub(super) fn ratio(&self) -> f64 {
        self.observed / self.expects().max(f64::MIN_POSITIVE)
    }

    fn plus(&self, other: &Self) -> Self {
        Self {
            observed: self.observed + other.observed,
            expected: self.expected + other.expected,
            least: self.least + other.least,
            trials: self.trials + other.trials,
        }
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        Self {
            observed: self.observed - other.observed,
            expected: self.expected - other.expected,
            least: self.least - other.least,
            trials: self.trials - other.trials,
        }
    }
}

pub(super) struct Cases<'a> {
    cases: Vec<Case>,
    cohort: &'a Cohort,
    texts: [Vec<&'a str>; FURTHER.len()],
    past: Past,
    /// Expected of one trial on average.
    mean: f64,
}

impl<'a> Cases<'a> {
    /// Distinct events.
    pub(super) fn events(&self) -> usize {
        self.cases.iter().filter(|case| case.is_event).count()
    }

    pub(super) fn events_in(&self, set: &Set) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(|case| case.is_event && case.is_in(set))
    }

    /// What the cells found.
    pub(super) fn found(&self) -> Set {
        Set {
            cells: all_bits(self.cohort.0.len()),
            further: Vec::new(),
        }
    }

    pub(super) fn sums(&self, set: &Set) -> Sums {
        let mut sums = Sums::default();
        self.cases
            .iter()
            .filter(|case| case.is_in(set))
            .for_each(|case| sums.add(case));
        sums
    }

    /// Log likelihood against nothing being wrong, in nats.
    pub(super) fn worth(&self, set: &Set) -> f64 {
        self.worth_of(set, &self.sums(set))
    }

    fn worth_of(&self, set: &Set, sums: &Sums) -> f64 {
        likelihood(sums.observed, self.expected(set, sums))
    }

    /// The same without the price of saying it.
    pub(super) fn score(&self, set: &Set) -> f64 {
        self.score_of(set, &self.sums(set))
    }

    fn score_of(&self, set: &Set, sums: &Sums) -> f64 {
        let cells = f64::from(set.cells.count_ones()) * super::ADDS;
        let further = set.further.iter().map(|choice| self.price(choice));
        self.worth_of(set, sums) - cells - further.sum::<f64>()
    }

    /// Of a set with further attributes at the upper end of what its few trials may stand for.
    fn expected(&self, set: &Set, sums: &Sums) -> f64 {
        if set.further.is_empty() {
            return sums.expects();
        }
        let error = self.mean * (1.0 + sums.trials.sqrt());
        let past = set.further.iter().map(|choice| self.past.ratio(choice));
        (sums.expected + error).max(sums.least) * past.fold(1.0, f64::max)
    }

    /// The log of how many choices of that length there are.
    fn price(&self, choice: &Choice) -> f64 {
        let values = self.texts.get(choice.attribute).map_or(1, Vec::len);
        let listed = choice.values.len();
        let ways = (0..listed).map(|at| ((values.saturating_sub(at)).max(1) as f64 / (at + 1) as f64).ln());
        let length = (listed * (listed + 1)) as f64;
        ways.sum::<f64>() + length.ln() + (FURTHER.len() as f64).ln()
    }

    /// The set with one more attribute, for each that it does not have: of the values with the highest ratios as many as are
    /// worth most.
    pub(super) fn extended(&self, set: &Set) -> Vec<Set> {
        let free = (0..FURTHER.len()).filter(|attribute| !set.has(*attribute));
        free.filter_map(|attribute| self.best_of(set, attribute))
            .collect()
    }

    fn best_of(&self, set: &Set, attribute: usize) -> Option<Set> {
        let mut sums: BTreeMap<u16, Sums> = BTreeMap::new();
        for case in self.cases.iter().filter(|case| case.is_in(set)) {
            let value = case.value(attribute);
            sums.entry(value).or_default().add(case);
        }
        sums.retain(|value, sums| *value != 0 && sums.observed > 0.0);
        let ratio = |sums: &Sums| sums.observed / (sums.expected + self.mean).max(sums.least);
        let mut order: Vec<(u16, Sums)> = sums.into_iter().collect();
        order.sort_by(|a, b| ratio(&b.1).total_cmp(&ratio(&a.1)).then(a.0.cmp(&b.0)));
        let (mut sums, mut values) = (Sums::default(), Vec::new());
        let mut best: Option<(f64, Set)> = None;
        for (value, more) in order.into_iter().take(MAX_LISTED) {
            values.push(value);
            sums = sums.plus(&more);
            let longer = set.with(Choice {
                attribute,
                values: values.clone(),
            });
            let score = self.score_of(&longer, &sums);
            if best.as_ref().is_none_or(|(least, _)| score > *least) {
                best = Some((score, longer));
            }
        }
        best.map(|(_, set)| set)
    }

    /// A cohort as a set; `None` where it has a literal that is none of these cases'.
    pub(super) fn set_of(&self, cohort: &Cohort) -> Option<Set> {
        let mut set = Set::default();
        for literal in &cohort.0 {
            if let Some(place) = self.cohort.0.iter().position(|known| known == literal) {
                set.cells |= 1 << place;
                continue;
            }
            let attribute = FURTHER.iter().position(|name| *name == literal.attribute)?;
            let texts = self.texts.get(attribute)?;
            let number = |value: &String| texts.iter().position(|text| text == value);
            let places = literal
                .values
                .iter()
                .map(|value| number(value).and_then(|at| u16::try_from(at).ok()));
            let values = places.collect::<Option<Vec<u16>>>()?;
            set.further.push(Choice { attribute, values });
        }
        (!set.further.is_empty()).then_some(set)
    }

    /// The set in words, with its rates.
    pub(super) fn named(&self, set: &Set) -> NamedCohort {
        let cells = self.cohort.0.iter().enumerate();
        let cells = cells.filter(|(place, _)| set.cells >> place & 1 == 1);
        let further = set.further.iter().map(|choice| self.literal(choice));
        let (mut events, mut trials, mut usual) = (0.0, 0.0, 0.0);
        for case in self.cases.iter().filter(|case| case.is_in(set)) {
            if case.is_event {
                events += case.weight;
            } else {
                trials += case.weight;
                usual += case.weight * case.usual;
            }
        }
        NamedCohort {
            cohort: Cohort(further.chain(cells.map(|(_, literal)| literal.clone())).collect()),
            observed: (events / f64::max(trials, events)).min(1.0),
            baseline: usual / f64::max(trials, f64::MIN_POSITIVE),
        }
    }

    fn literal(&self, choice: &Choice) -> Literal {
        let texts = self.texts.get(choice.attribute);
        let text = |value: &u16| texts.and_then(|texts| texts.get(usize::from(*value)));
        let mut values: Vec<String> = choice
            .values
            .iter()
            .filter_map(text)
            .map(|text| (*text).to_owned())
            .collect();
        values.sort();
        Literal {
            attribute: FURTHER
                .get(choice.attribute)
                .copied()
                .unwrap_or_default()
                .to_owned(),
            among: values.len(),
            values,
            not: false,
        }
    }
}

impl Sums {
    fn add(&mut self, case: &Case) {
        self.observed += case.observed;
        if case.is_event {
            self.least += case.expected;
        } else {
            self.expected += case.expected;
            self.trials += 1.0;
        }
    }
}

impl Case {
    fn value(&self, attribute: usize) -> u16 {
        self.values.get(attribute).copied().unwrap_or_default()
    }

    fn is_in(&self, set: &Set) -> bool {
        let holds = |choice: &Choice| choice.values.contains(&self.value(choice.attribute));
        self.cells & set.cells == set.cells && set.further.iter().all(holds)
    }
}

fn all_bits(count: usize) -> u32 {
    let bits = u32::try_from(count).unwrap_or(u32::BITS);
    1_u32.checked_shl(bits).unwrap_or(0).wrapping_sub(1)
}

fn likelihood(observed: f64, expected: f64) -> f64 {
    let expected = expected.max(f64::MIN_POSITIVE);
    if observed <= expected {
        return 0.0;
    }
    (observed * (observed / expected).ln() - observed + expected) / DISPERSION
}
