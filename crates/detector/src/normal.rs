//! What is normal for one combination of attributes, to say what was expected of it.
//!
//! The sequential tests keep baselines of their own for the cohorts that they track, by hour of day. This is coarser
//! and finer at once: no hours, but every combination. A combination is shrunk towards its client build
//! (family, system, fingerprint), that towards its family, that towards everything.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use blobwatch_detect::monitor::Estimate;
use serde::{Deserialize, Serialize};

use super::cohort::Cohort;
use super::key_table::KeyTable;
use super::kind::{AnomalyKind, RATE_KINDS};
use blobwatch_pull::Family;
use blobwatch_records::{CellCounts, CellKey};
use blobwatch_sql::Pace;

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

/// Combinations that are read at once: two milliseconds in Wasm.
const PART: usize = 512;

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

    fn of_kind(&self, kind: AnomalyKind) -> KindSums {
        let place = kind.rate_place().unwrap_or(usize::MAX);
        KindSums(self.0.get(place).copied().unwrap_or_default())
    }
}

/// Trials and events of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KindSums((f32, f32));

impl KindSums {
    pub(super) fn of(kind: AnomalyKind, counts: &CellCounts) -> Self {
        let counts = kind.counts(counts);
        Self((counts.trials as f32, counts.events as f32))
    }

    fn add(&mut self, (trials, events): (f32, f32)) {
        self.0.0 += trials;
        self.0.1 += events;
    }

    fn numbers(self) -> (f64, f64) {
        (f64::from(self.0.0), f64::from(self.0.1))
    }
}

/// Decayed counts of every combination, learned while nothing was wrong with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Normal {
    combinations: BTreeMap<CellKey, Sums>,
    hour: u64,
}

/// Family, system and fingerprint.
type Build = (Family, Arc<str>, Arc<str>);

/// Expected rates of one kind at one moment.
#[derive(Debug)]
pub(crate) struct Rates {
    everything: f64,
    families: BTreeMap<Family, f64>,
    builds: BTreeMap<Build, f64>,
    /// With the trials that it is known from.
    combinations: KeyTable<(f64, f64)>,
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

    /// Forgets what was usual of a cohort.
    pub(super) fn forget_cohort(&mut self, cohort: &Cohort) {
        self.combinations.retain(|key, _| !cohort.holds(key));
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

    /// What was learned of a kind, after a combination: the next ones in their order.
    pub(crate) fn part(&self, kind: AnomalyKind, after: Option<&CellKey>) -> Vec<(CellKey, KindSums)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.combinations.range((from, Bound::Unbounded)).take(PART);
        next.map(|(key, sums)| (key.clone(), sums.of_kind(kind)))
            .collect()
    }
}

/// The counts of one kind at times when nothing was wrong, by combination.
#[derive(Debug, Default)]
pub(crate) struct PastCounts(KeyTable<KindSums>);

impl PastCounts {
    pub(crate) fn add(&mut self, part: Vec<(CellKey, KindSums)>) {
        for (key, sums) in part {
            self.0.add(key, |sum| sum.add(sums.0));
        }
    }

    /// What is expected.
    pub(crate) async fn rates(self, pace: &impl Pace) -> Rates {
        let (mut everything, mut families) = (KindSums::default(), BTreeMap::<Family, KindSums>::new());
        let mut builds = BTreeMap::<Build, KindSums>::new();
        for (key, sums) in self.0.iter() {
            everything.add(sums.0);
            families.entry(key.family).or_default().add(sums.0);
            builds.entry(build(key)).or_default().add(sums.0);
            pace.spent(1).await;
        }
        let (trials, events) = everything.numbers();
        let root = (events + UNKNOWN.rate * UNKNOWN.trials) / (trials + UNKNOWN.trials);
        let families: BTreeMap<Family, f64> = families
            .iter()
            .map(|(family, sums)| (*family, shrunk(sums.numbers(), root)))
            .collect();
        let family = |family: &Family| families.get(family).copied().unwrap_or(root);
        let builds: BTreeMap<_, f64> = builds
            .into_iter()
            .map(|(build, sums)| {
                let wider = family(&build.0);
                (build, shrunk(sums.numbers(), wider))
            })
            .collect();
        let mut combinations = self.0.map(KindSums::numbers);
        for (key, rate) in combinations.iter_mut() {
            let wider = builds.get(&build(key)).copied().unwrap_or(root);
            *rate = (shrunk(*rate, wider), rate.0);
            pace.spent(1).await;
        }
        Rates {
            everything: root,
            families,
            builds,
            combinations,
        }
    }
}

/// Where nothing is known.
impl Default for Rates {
    fn default() -> Self {
        Self {
            everything: UNKNOWN.rate,
            families: BTreeMap::new(),
            builds: BTreeMap::new(),
            combinations: KeyTable::default(),
        }
    }
}

impl Rates {
    /// Expected rate of a combination.
    #[must_use]
    pub(crate) fn of(&self, key: &CellKey) -> f64 {
        let known = self.combinations.get(key).map(|(rate, _)| rate);
        let known = known.or_else(|| self.builds.get(&build(key)));
        let known = known.or_else(|| self.families.get(&key.family));
        known.copied().unwrap_or(self.everything)
    }

    /// Expected rate of the combination of a row, whose key may have rules.
    pub(super) fn of_row(&self, key: &CellKey) -> f64 {
        match key.rules.is_empty() {
            true => self.of(key),
            false => self.of(&combination(key)),
        }
    }

    /// Whether they are known from more than what is supposed of anybody.
    #[must_use]
    pub(crate) fn are_known(&self) -> bool {
        self.combinations
            .iter()
            .map(|(_, (_, trials))| trials)
            .sum::<f64>()
            >= WIDER_TRIALS
    }

    /// Trials that the rate of a combination is known from, faded.
    #[must_use]
    pub(crate) fn trials(&self, key: &CellKey) -> f64 {
        self.combinations.get(key).map_or(0.0, |(_, trials)| *trials)
    }
}

fn build(key: &CellKey) -> Build {
    (key.family, Arc::clone(&key.os), Arc::clone(&key.fingerprint))
}

fn shrunk((trials, events): (f64, f64), wider: f64) -> f64 {
    (events + WIDER_TRIALS * wider) / (trials + WIDER_TRIALS)
}
