//! What is normal for one combination of attributes, to say what was expected of it.
//!
//! The sequential tests keep baselines of their own for the cohorts that they track, by hour of day. This is coarser
//! and finer at once: no hours, but every combination. A combination is shrunk towards its client build
//! (family, system, fingerprint), that towards its family, that towards everything.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use blobwatch_detect::monitor::Estimate;
use serde::{Deserialize, Serialize};

use super::cohort::Cohort;
use super::engine::pieces::Writer;
use super::key_table::KeyTable;
use super::kind::{AnomalyKind, RATE_KINDS};
use super::window::Window;
use blobwatch_pull::Family;
use blobwatch_records::{CellCounts, CellKey};
use blobwatch_sql::{Pace, Unpaced, at_once};

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

/// How far it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum NormalPlace {
    #[default]
    First,
    After(CellKey),
}

/// Decayed counts of every combination, learned while nothing was wrong with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Normal {
    combinations: BTreeMap<CellKey, Sums>,
    hour: u64,
}

/// Family, system and fingerprint.
type Build = (Family, Arc<str>, Arc<str>);

/// Combinations, each with its client build, and builds with their families: what rates of every kind are shrunk along.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    combinations: KeyTable<()>,
    /// Of each combination.
    of_combinations: Vec<usize>,
    builds: HashMap<Build, usize>,
    /// Of each build.
    families: Vec<Family>,
}

impl Groups {
    /// The number of a combination.
    fn add(&mut self, key: CellKey) -> usize {
        let build = build(&key);
        let place = self.combinations.add(key, |()| ());
        if place == self.of_combinations.len() {
            let family = build.0;
            let of = *self.builds.entry(build).or_insert_with(|| {
                self.families.push(family);
                self.families.len() - 1
            });
            self.of_combinations.push(of);
        }
        place
    }
}

/// Everything that is known of combinations, numbered once for looks at several kinds: what was learned, then what is in the
/// window.
#[derive(Debug, Clone)]
pub(super) struct CombinationNumbers {
    groups: Arc<Groups>,
    /// By the number of a key of the window, that of its combination.
    of_window: Vec<usize>,
}

impl CombinationNumbers {
    pub(super) fn of(normal: &Normal, window: &Window) -> Self {
        let mut groups = Groups::default();
        for key in normal.combinations.keys() {
            groups.add(key.clone());
        }
        let number = |key: Option<&CellKey>| key.map_or(usize::MAX, |key| groups.add(combination(key)));
        let of_window = window.keys().map(number).collect();
        Self {
            groups: Arc::new(groups),
            of_window,
        }
    }

    /// Expected rates of a kind: by what was learned, and the `recent` rows of the window.
    pub(super) fn rates<'a>(
        &self,
        kind: AnomalyKind,
        normal: &Normal,
        recent: impl Iterator<Item = (u32, &'a CellCounts)>,
    ) -> Rates {
        let mut sums = vec![KindSums::default(); self.groups.combinations.len()];
        for (sum, learned) in sums.iter_mut().zip(normal.combinations.values()) {
            sum.add(learned.of_kind(kind).0);
        }
        for (number, counts) in recent {
            let place = self.of_window.get(number as usize);
            if let Some(sum) = place.and_then(|place| sums.get_mut(*place)) {
                sum.add(KindSums::of(kind, counts).0);
            }
        }
        at_once(Rates::of_sums(Arc::clone(&self.groups), sums, &Unpaced)).unwrap_or_default()
    }
}

/// Expected rates of one kind at one moment.
#[derive(Debug)]
pub(crate) struct Rates {
    groups: Arc<Groups>,
    everything: f64,
    families: BTreeMap<Family, f64>,
    /// In the order of the groups.
    builds: Vec<f64>,
    /// Likewise, with the trials that each is known from.
    combinations: Vec<(f64, f64)>,
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

    /// Writes what postcard writes of it, a piece at a time: what is at a place. The next one, and `None` where all is written.
    pub(super) fn put_piece(
        &self,
        place: NormalPlace,
        out: &mut Writer,
    ) -> postcard::Result<Option<NormalPlace>> {
        let from = match &place {
            NormalPlace::First => {
                out.put(&self.combinations.len())?;
                Bound::Unbounded
            }
            NormalPlace::After(key) => Bound::Excluded(key),
        };
        let mut last = None;
        for pair in self.combinations.range((from, Bound::Unbounded)).take(PART) {
            out.put(&pair)?;
            last = Some(pair.0);
        }
        match last {
            Some(last) => Ok(Some(NormalPlace::After(last.clone()))),
            None => out.put(&self.hour).map(|()| None),
        }
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
pub(crate) struct PastCounts {
    groups: Groups,
    sums: Vec<KindSums>,
}

impl PastCounts {
    pub(crate) fn add(&mut self, part: Vec<(CellKey, KindSums)>) {
        for (key, more) in part {
            let place = self.groups.add(key);
            if place == self.sums.len() {
                self.sums.push(KindSums::default());
            }
            if let Some(sum) = self.sums.get_mut(place) {
                sum.add(more.0);
            }
        }
    }

    /// What is expected.
    pub(crate) async fn rates(self, pace: &impl Pace) -> Rates {
        Rates::of_sums(Arc::new(self.groups), self.sums, pace).await
    }
}

/// Where nothing is known.
impl Default for Rates {
    fn default() -> Self {
        Self {
            groups: Arc::default(),
            everything: UNKNOWN.rate,
            families: BTreeMap::new(),
            builds: Vec::new(),
            combinations: Vec::new(),
        }
    }
}

impl Rates {
    /// `sums` are those of the combinations, in the order of the groups.
    async fn of_sums(groups: Arc<Groups>, sums: Vec<KindSums>, pace: &impl Pace) -> Self {
        let mut everything = KindSums::default();
        let mut builds = vec![KindSums::default(); groups.families.len()];
        for (build, sum) in groups.of_combinations.iter().zip(&sums) {
            everything.add(sum.0);
            if let Some(build) = builds.get_mut(*build) {
                build.add(sum.0);
            }
            pace.spent(1).await;
        }
        let (trials, events) = everything.numbers();
        let everything = (events + UNKNOWN.rate * UNKNOWN.trials) / (trials + UNKNOWN.trials);
        let mut families = BTreeMap::<Family, KindSums>::new();
        for (family, sum) in groups.families.iter().zip(&builds) {
            families.entry(*family).or_default().add(sum.0);
        }
        let of_family = |(family, sum): (Family, KindSums)| (family, shrunk(sum.numbers(), everything));
        let families: BTreeMap<Family, f64> = families.into_iter().map(of_family).collect();
        let of_build = |(family, sum): (&Family, KindSums)| {
            let wider = families.get(family).copied().unwrap_or(everything);
            shrunk(sum.numbers(), wider)
        };
        let builds: Vec<f64> = groups.families.iter().zip(builds).map(of_build).collect();
        let mut combinations = Vec::with_capacity(sums.len());
        for (build, sum) in groups.of_combinations.iter().zip(sums) {
            let wider = builds.get(*build).copied().unwrap_or(everything);
            let numbers = sum.numbers();
            combinations.push((shrunk(numbers, wider), numbers.0));
            pace.spent(1).await;
        }
        Self {
            groups,
            everything,
            families,
            builds,
            combinations,
        }
    }

    /// Expected rate of a combination.
    #[must_use]
    pub(crate) fn of(&self, key: &CellKey) -> f64 {
        if let Some((rate, _)) = self.known(key) {
            return *rate;
        }
        let build = self.groups.builds.get(&build(key));
        let known = build.and_then(|build| self.builds.get(*build));
        let known = known.or_else(|| self.families.get(&key.family));
        known.copied().unwrap_or(self.everything)
    }

    fn known(&self, key: &CellKey) -> Option<&(f64, f64)> {
        self.combinations.get(self.groups.combinations.place(key)?)
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
        self.combinations.iter().map(|(_, trials)| trials).sum::<f64>() >= WIDER_TRIALS
    }

    /// Trials that the rate of a combination is known from, faded.
    #[must_use]
    pub(crate) fn trials(&self, key: &CellKey) -> f64 {
        self.known(key).map_or(0.0, |(_, trials)| *trials)
    }
}

fn build(key: &CellKey) -> Build {
    (key.family, Arc::clone(&key.os), Arc::clone(&key.fingerprint))
}

fn shrunk((trials, events): (f64, f64), wider: f64) -> f64 {
    (events + WIDER_TRIALS * wider) / (trials + WIDER_TRIALS)
}
