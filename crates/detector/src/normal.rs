//! What is normal for one combination of attributes, to say what was expected of it.
//!
//! The sequential tests keep baselines of their own for the cohorts that they track, by hour of day. This is coarser
//! and finer at once: no hours, but every combination. A combination is shrunk towards its client build
//! (family, system, fingerprint), that towards its family, that towards everything.

use std::collections::BTreeMap;

use blobwatch_detect::monitor::Estimate;
use serde::{Deserialize, Serialize};

use super::kind::{AnomalyKind, RATE_KINDS};
use blobwatch_pull::Family;
use blobwatch_records::{CellCounts, CellKey};

/// Combinations (rules left out) that are remembered: at some 300 bytes 6 MB. Where they are full, the quarter with the
/// fewest trials goes: what was heard of long ago has faded.
pub(super) const MAX_COMBINATIONS: usize = 20_000;

/// Trials that what is wider is worth.
const WIDER_TRIALS: f64 = 100.0;

/// What is expected of anybody before anything was seen.
pub(super) const UNKNOWN: Estimate = Estimate {
    rate: 0.02,
    trials: 10.0,
};

/// Hourly factor that halves the past in three days.
const KEEP_PER_HOUR: f64 = 0.990_42;

/// Less than this is forgotten.
const NEGLIGIBLE_TRIALS: f64 = 0.5;

/// Trials and events of each kind that is a share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(f32, f32)>", into = "Vec<(f32, f32)>")]
pub(super) struct Sums([(f32, f32); RATE_KINDS]);

/// In the order of kinds, without the zeros at the end.
impl From<Sums> for Vec<(f32, f32)> {
    fn from(Sums(sums): Sums) -> Self {
        let used = sums
            .iter()
            .rposition(|sum| *sum != (0.0, 0.0))
            .map_or(0, |last| last + 1);
        sums.into_iter().take(used).collect()
    }
}

/// Of kinds that an older build did not know, nothing is known.
impl From<Vec<(f32, f32)>> for Sums {
    fn from(known: Vec<(f32, f32)>) -> Self {
        let mut sums = Self::default();
        for (sum, value) in sums.0.iter_mut().zip(known) {
            *sum = value;
        }
        sums
    }
}

impl Sums {
    pub(super) fn add(&mut self, counts: &CellCounts) {
        for (kind, (trials, events)) in AnomalyKind::RATES.into_iter().zip(&mut self.0) {
            let more = kind.counts(counts);
            *trials += more.trials as f32;
            *events += more.events as f32;
        }
    }

    fn merge(&mut self, other: &Self) {
        for ((trials, events), (more_trials, more_events)) in self.0.iter_mut().zip(other.0) {
            *trials += more_trials;
            *events += more_events;
        }
    }

    fn scale(&mut self, factor: f32) {
        for (trials, events) in &mut self.0 {
            *trials *= factor;
            *events *= factor;
        }
    }

    /// Of the kind that has most.
    fn trials(&self) -> f32 {
        self.0.iter().map(|(trials, _)| *trials).fold(0.0, f32::max)
    }

    fn of(&self, kind: AnomalyKind) -> (f64, f64) {
        let place = kind.rate_place().unwrap_or(usize::MAX);
        let (trials, events) = self.0.get(place).copied().unwrap_or_default();
        (f64::from(trials), f64::from(events))
    }
}

/// Decayed counts of every combination, learned while nothing was wrong with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Normal {
    combinations: BTreeMap<CellKey, Sums>,
    hour: u64,
}

/// Expected rates of one kind at one moment.
#[derive(Debug)]
pub struct Rates {
    everything: f64,
    families: BTreeMap<Family, f64>,
    builds: BTreeMap<(Family, String, String), f64>,
    /// With the trials that it is known from.
    combinations: BTreeMap<CellKey, (f64, f64)>,
}

/// The combination of a key: its rules left out.
#[must_use]
pub(super) fn combination(key: &CellKey) -> CellKey {
    CellKey {
        rules: Vec::new(),
        ..key.clone()
    }
}

/// Makes room for a combination that is new where there are [`MAX_COMBINATIONS`]: the quarter that weighs least is `gone`.
pub(super) fn make_room<V>(
    combinations: &mut BTreeMap<CellKey, V>,
    key: &CellKey,
    weight: impl Fn(&V) -> f32,
    mut gone: impl FnMut(V),
) {
    if combinations.len() < MAX_COMBINATIONS || combinations.contains_key(key) {
        return;
    }
    let mut weights: Vec<f32> = combinations.values().map(&weight).collect();
    let (_, least, _) = weights.select_nth_unstable_by(MAX_COMBINATIONS / 4, f32::total_cmp);
    let least = *least;
    let mut surplus = MAX_COMBINATIONS / 4;
    for (_, light) in combinations.extract_if(.., |_, value| {
        let goes = surplus > 0 && weight(value) <= least;
        surplus -= usize::from(goes);
        goes
    }) {
        gone(light);
    }
}

impl Normal {
    /// As an older build saved it.
    pub(super) fn of_parts(combinations: BTreeMap<CellKey, Sums>, hour: u64) -> Self {
        Self { combinations, hour }
    }

    /// Takes in counts of a time at which nothing was wrong.
    pub fn learn<'a>(&mut self, rows: impl Iterator<Item = (&'a CellKey, &'a CellCounts)>) {
        for (key, counts) in rows {
            let key = combination(key);
            make_room(&mut self.combinations, &key, Sums::trials, drop);
            self.combinations.entry(key).or_default().add(counts);
        }
    }

    /// Forgets what was usual on a route.
    pub(super) fn forget(&mut self, route: &str) {
        self.combinations.retain(|key, _| &*key.route != route);
    }

    /// Fades what is old, once an hour.
    pub fn age(&mut self, slot: u64) {
        let hour = slot / 360;
        if hour <= self.hour {
            return;
        }
        let hours = if self.hour == 0 { 0 } else { hour - self.hour };
        self.hour = hour;
        let keep = KEEP_PER_HOUR.powf(hours as f64) as f32;
        self.combinations.retain(|_, sums| {
            sums.scale(keep);
            sums.0
                .iter()
                .any(|(trials, _)| f64::from(*trials) > NEGLIGIBLE_TRIALS)
        });
    }

    /// What is expected, where `recent` was normal too and is not learned yet.
    #[must_use]
    pub fn rates<'a>(
        &self,
        kind: AnomalyKind,
        recent: impl Iterator<Item = (&'a CellKey, &'a CellCounts)>,
    ) -> Rates {
        let mut all: BTreeMap<CellKey, Sums> = self.combinations.clone();
        for (key, counts) in recent {
            all.entry(combination(key)).or_default().add(counts);
        }
        let (mut everything, mut families) = (Sums::default(), BTreeMap::<Family, Sums>::new());
        let mut builds = BTreeMap::<(Family, String, String), Sums>::new();
        for (key, sums) in &all {
            everything.merge(sums);
            families.entry(key.family).or_default().merge(sums);
            builds.entry(build(key)).or_default().merge(sums);
        }
        let (trials, events) = everything.of(kind);
        let root = (events + UNKNOWN.rate * UNKNOWN.trials) / (trials + UNKNOWN.trials);
        let families: BTreeMap<Family, f64> = families
            .iter()
            .map(|(family, sums)| (*family, shrunk(sums.of(kind), root)))
            .collect();
        let family = |family: &Family| families.get(family).copied().unwrap_or(root);
        let builds: BTreeMap<_, f64> = builds
            .into_iter()
            .map(|(build, sums)| {
                let wider = family(&build.0);
                (build, shrunk(sums.of(kind), wider))
            })
            .collect();
        let combinations = all
            .iter()
            .map(|(key, sums)| {
                let wider = builds.get(&build(key)).copied().unwrap_or(root);
                let (trials, _) = sums.of(kind);
                (key.clone(), (shrunk(sums.of(kind), wider), trials))
            })
            .collect();
        Rates {
            everything: root,
            families,
            builds,
            combinations,
        }
    }
}

impl Rates {
    /// Expected rate of a combination.
    #[must_use]
    pub fn of(&self, key: &CellKey) -> f64 {
        let known = self.combinations.get(key).map(|(rate, _)| rate);
        let known = known.or_else(|| self.builds.get(&build(key)));
        let known = known.or_else(|| self.families.get(&key.family));
        known.copied().unwrap_or(self.everything)
    }

    /// Whether they are known from more than what is supposed of anybody.
    #[must_use]
    pub fn are_known(&self) -> bool {
        self.combinations.values().map(|(_, trials)| trials).sum::<f64>() >= WIDER_TRIALS
    }

    /// Trials that the rate of a combination is known from, faded.
    #[must_use]
    pub fn trials(&self, key: &CellKey) -> f64 {
        self.combinations.get(key).map_or(0.0, |(_, trials)| *trials)
    }
}

fn build(key: &CellKey) -> (Family, String, String) {
    (key.family, key.os.clone(), key.fingerprint.clone())
}

fn shrunk((trials, events): (f64, f64), wider: f64) -> f64 {
    (events + WIDER_TRIALS * wider) / (trials + WIDER_TRIALS)
}
