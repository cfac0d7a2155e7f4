//! Who an anomaly is about, as sets of values: what each combination of values had while it lasted, against what it had
//! before.
//!
//! The monitor names one value of an attribute or two. Where a fault hits six colos of seven, that is the system that
//! they share at best; here the cross-section of the time since its onset says which.

use std::collections::{BTreeMap, HashMap, VecDeque};

use blobwatch_detect::baseline::{Estimate, expected_level};
use blobwatch_detect::counts::{Counts, Tally};
use blobwatch_detect::incident::Anomaly;
use blobwatch_detect::localize::{Cohort, CrossSection, Options, localize};

use super::leaves::Leaves;

/// Slots that are kept to look back to an onset, and the cells in them: at 24 bytes 24 MB.
const MAX_RECENT_SLOTS: usize = 2_160;
const MAX_RECENT_CELLS: usize = 1_000_000;

/// What stays of the past each day: a combination's rate is that of the last ten days.
const KEEP_PER_DAY: f64 = 0.9;

/// How many trials the rate that its single values suggest is worth against a combination's own.
const SUGGESTED_TRIALS: f64 = 50.0;

/// How far the expectation of the monitor, which knows the hour of day, may move that of the past.
const MAX_SEASON: f64 = 4.0;

/// Pairs of attribute and values, in the order of the attributes; empty is everything.
pub(super) type Sets = Vec<(String, Vec<String>)>;

#[derive(Default)]
pub(super) struct AffectedCohorts {
    /// By leaf, decayed; without the time of anomalies.
    past: Vec<Tally>,
    recent: VecDeque<(u64, Vec<(u32, Counts)>)>,
    recent_cells: usize,
    /// Counts by leaf of the anomalies that are open, since their onset.
    open: Vec<(u64, BTreeMap<u32, Counts>)>,
    day: u64,
}

impl AffectedCohorts {
    /// Takes in a slot after the monitor has seen it.
    pub(super) fn observe(&mut self, slot: u64, day: u64, cells: &[(u32, Counts)]) {
        if day > self.day {
            let keep = KEEP_PER_DAY.powf((day - self.day).min(1000) as f64);
            for tally in &mut self.past {
                tally.trials *= keep;
                tally.events *= keep;
            }
            self.day = day;
        }
        for (_, during) in &mut self.open {
            add(during, cells);
        }
        // While something is wrong, nothing is learned: the monitor does the same.
        if self.open.is_empty() {
            self.recent.push_back((slot, cells.to_vec()));
            self.recent_cells += cells.len();
        }
        while self.recent.len() > MAX_RECENT_SLOTS || self.recent_cells > MAX_RECENT_CELLS {
            let Some((_, oldest)) = self.recent.pop_front() else {
                break;
            };
            self.recent_cells -= oldest.len();
            self.learn(&oldest);
        }
    }

    /// An anomaly was opened, or opened again.
    pub(super) fn open(&mut self, anomaly: &Anomaly) {
        let mut during = BTreeMap::new();
        let since = |slot: &u64| *slot >= anomaly.onset;
        self.recent
            .iter()
            .filter(|(slot, _)| since(slot))
            .for_each(|(_, cells)| add(&mut during, cells));
        self.recent.retain(|(slot, _)| !since(slot));
        self.recent_cells = self.recent.iter().map(|(_, cells)| cells.len()).sum();
        self.open.push((anomaly.id, during));
    }

    /// Ends an anomaly and says who it was about; what the monitor named where nothing better is found.
    pub(super) fn close(&mut self, anomaly: &Anomaly, leaves: &Leaves) -> Sets {
        let named = || -> Sets {
            let one = |(attribute, value): &(String, String)| (attribute.clone(), vec![value.clone()]);
            anomaly.cohort.iter().map(one).collect()
        };
        let Some(at) = self.open.iter().position(|(id, _)| *id == anomaly.id) else {
            return named();
        };
        let (_, during) = self.open.remove(at);
        self.cohort(anomaly, &during, leaves)
            .map_or_else(named, |cohort| sets(&cohort))
    }

    fn cohort(&self, anomaly: &Anomaly, during: &BTreeMap<u32, Counts>, leaves: &Leaves) -> Option<Cohort> {
        let attributes: Vec<&str> = leaves.attributes.iter().map(String::as_str).collect();
        let mut section = CrossSection::new(&attributes).ok()?;
        let before = self.before(leaves);
        let season = before.season(anomaly);
        for (leaf, counts) in during {
            let values: Vec<&str> = leaves.values(*leaf).iter().map(String::as_str).collect();
            let expected = season * before.rate(*leaf, &values) * counts.trials as f64;
            section.push(&values, counts.events as f64, expected).ok()?;
        }
        let options = Options {
            // What is expected is a rate of the past.
            forecasts_err: false,
            ..Options::default()
        };
        let causes = localize(&section, &options);
        let cohorts = causes.into_iter().map(|cause| cause.cohort);
        cohorts.into_iter().find(|cohort| overlaps(cohort, anomaly))
    }

    fn learn(&mut self, cells: &[(u32, Counts)]) {
        for (leaf, counts) in cells {
            let at = *leaf as usize;
            if self.past.len() <= at {
                self.past.resize(at + 1, Tally::default());
            }
            if let Some(tally) = self.past.get_mut(at) {
                *tally += Tally::from(*counts);
            }
        }
    }

    /// Everything before the anomalies that are open.
    fn before<'a>(&self, leaves: &'a Leaves) -> Before<'a> {
        let mut tallies = self.past.clone();
        for (leaf, counts) in self.recent.iter().flat_map(|(_, cells)| cells) {
            let at = *leaf as usize;
            if tallies.len() <= at {
                tallies.resize(at + 1, Tally::default());
            }
            if let Some(tally) = tallies.get_mut(at) {
                *tally += Tally::from(*counts);
            }
        }
        Before::new(tallies, leaves)
    }
}

fn add(during: &mut BTreeMap<u32, Counts>, cells: &[(u32, Counts)]) {
    for (leaf, counts) in cells {
        *during.entry(*leaf).or_default() += *counts;
    }
}

/// Rates before an anomaly: of each combination, of each single value, of everything.
struct Before<'a> {
    leaves: &'a Leaves,
    tallies: Vec<Tally>,
    singles: HashMap<(usize, &'a str), Tally>,
    all: Tally,
}

impl<'a> Before<'a> {
    fn new(tallies: Vec<Tally>, leaves: &'a Leaves) -> Self {
        let mut before = Self {
            leaves,
            tallies: Vec::new(),
            singles: HashMap::new(),
            all: Tally::default(),
        };
        for (leaf, tally) in (0..).zip(&tallies) {
            before.all += *tally;
            for (attribute, value) in leaves.values(leaf).iter().enumerate() {
                *before.singles.entry((attribute, value)).or_default() += *tally;
            }
        }
        before.tallies = tallies;
        before
    }

    /// The rate of a combination, shrunk to what its single values suggest.
    fn rate(&self, leaf: u32, values: &[&'a str]) -> f64 {
        let all = estimate(self.all);
        let known = |(attribute, value): (usize, &&'a str)| {
            let tally = self.singles.get(&(attribute, *value))?;
            (tally.trials > 0.0).then(|| estimate(*tally))
        };
        let singles: Vec<Estimate> = values.iter().enumerate().filter_map(known).collect();
        let suggested = expected_level(all, &singles).rate;
        let own = self.tallies.get(leaf as usize).copied().unwrap_or_default();
        (own.events + SUGGESTED_TRIALS * suggested) / (own.trials + SUGGESTED_TRIALS)
    }

    /// By how much this hour is above the mean of all hours, as the monitor sees it.
    fn season(&self, anomaly: &Anomaly) -> f64 {
        let attributes = &self.leaves.attributes;
        let is_named = |leaf: &u32| {
            let values = attributes.iter().zip(self.leaves.values(*leaf));
            let of = |name: &String| values.clone().find(|(attribute, _)| *attribute == name);
            anomaly
                .cohort
                .iter()
                .all(|(attribute, value)| of(attribute).is_some_and(|(_, known)| known == value))
        };
        let mut named = Tally::default();
        for (leaf, tally) in (0..).zip(&self.tallies) {
            if is_named(&leaf) {
                named += *tally;
            }
        }
        (anomaly.expected / estimate(named).rate).clamp(1.0 / MAX_SEASON, MAX_SEASON)
    }
}

/// A rate with half an event and one trial added, so that nothing is impossible.
fn estimate(tally: Tally) -> Estimate {
    Estimate {
        rate: ((tally.events + 0.5) / (tally.trials + 1.0)).clamp(1e-6, 1.0 - 1e-6),
        trials: tally.trials + 1.0,
    }
}

/// Whether some request could be in both cohorts.
fn overlaps(cohort: &Cohort, anomaly: &Anomaly) -> bool {
    let holds = |attribute: &str, value: &String| {
        cohort
            .literals
            .iter()
            .filter(|literal| literal.attribute == attribute)
            .all(|literal| literal.values.contains(value))
    };
    anomaly
        .cohort
        .iter()
        .all(|(attribute, value)| holds(attribute, value))
}

fn sets(cohort: &Cohort) -> Sets {
    let literal =
        |literal: &blobwatch_detect::localize::Literal| (literal.attribute.clone(), literal.values.clone());
    cohort.literals.iter().map(literal).collect()
}
