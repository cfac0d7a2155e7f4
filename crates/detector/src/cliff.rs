//! The low side: a cohort's requests vanish.
//!
//! Counts of one minute against what the cohort sent some minutes ago, and never more than it sends at this hour of the
//! week or the next: nights, weekends and an office that closes are slow or known, a cliff is neither. Nothing is
//! tested in an hour of the week that was never seen, so the first week only learns. A minute in which nothing at all
//! came is not tested either: silence of everything is not told from our own.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::cohort::{ATTRIBUTES, Cohort, values};
use super::normal::combination;
use super::window::Row;
use blobwatch_records::CellKey;

/// Cohorts of one attribute value, and everything: at some 1 KB each 4 MB.
const MAX_COHORTS: usize = 4_000;

/// Hours of a week.
const HOURS: usize = 168;

/// Minutes that are remembered one by one, and those of them that say what was usual just before.
const RECENT: usize = 9;
const JUST_BEFORE: usize = 6;

/// Requests a minute below which a cohort is too small to be missed.
const MIN_EXPECTED: f64 = 10.0;

/// Combinations (client build, network, colo) a minute: a few machines that stop are no anomaly.
pub(super) const MIN_COMBINATIONS: f64 = 5.0;

/// What is left when requests vanish.
const LEFT: f64 = 0.2;

/// A quarter less than usual is usual.
const MARGIN: f64 = 0.8;

/// False alarms: one sixth of the promise of one in 30 days, shared by all cohorts.
const LN_MINUTES: f64 = 12.470; // ln(6 x 30 x 1440)

/// Weight of a new week in what is usual.
const NEW_WEEK: f32 = 0.3;

/// Overdispersion of requests a minute until it is known, and its least. A fleet of jobs has hundreds.
const PRIOR_PHI: f32 = 5.0;
const MIN_PHI: f32 = 2.0;

/// Minutes over which overdispersion is remembered: of this part of the day, and of the weeks, so that jobs which rest at
/// night are no surprise in the morning.
const PHI_MINUTES: [f32; 2] = [100.0, 10_080.0];

/// Minutes that the first overdispersion is worth.
const PRIOR_MINUTES: f32 = 20.0;

/// A cohort without a request for two weeks is forgotten.
const MAX_IDLE_MINUTES: u64 = 14 * 1440;

/// Where there is no room for another cohort, one without a request for a day is.
const CROWDED_IDLE_MINUTES: u64 = 1440;

/// An attribute's place and value; everything has none.
type Name = Option<(u8, String)>;

/// A cohort whose requests vanished.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fall {
    /// Minute since 1970 in which it began.
    pub minute: u64,
    /// Requests a minute.
    pub expected: f64,
    pub observed: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    /// Requests a minute in each hour of the week; negative where it was never seen.
    week: Vec<f32>,
    /// Sum and minutes of the hour that goes on.
    hour: (f32, u16),
    recent: VecDeque<f32>,
    combinations: f32,
    phi: [f32; 2],
    /// Minutes that overdispersion was learned from.
    learned: u32,
    ln_m: f32,
    /// What was expected when a fall began, and when that was.
    falling: Option<(f32, u64)>,
    last: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Cliff {
    states: BTreeMap<Name, State>,
    minute: u64,
}

impl Cliff {
    /// Tests and learns one minute; minutes come in order.
    pub(super) fn observe<'a>(
        &mut self,
        minute: u64,
        rows: impl Iterator<Item = (&'a CellKey, &'a Row)>,
    ) -> Option<Fall> {
        let mut sums: BTreeMap<Name, (f32, f32)> = BTreeMap::new();
        let mut combinations: BTreeMap<CellKey, f32> = BTreeMap::new();
        for (key, row) in rows {
            *combinations.entry(combination(key)).or_default() += row.counts.requests as f32;
        }
        for (key, requests) in &combinations {
            let named = (0u8..)
                .zip(values(key))
                .map(|(place, value)| Some((place, value.into_owned())));
            for name in named.chain([None]) {
                let sum = sums.entry(name).or_default();
                sum.0 += requests;
                sum.1 += 1.0;
            }
        }
        if sums.is_empty() || minute <= self.minute {
            return None;
        }
        self.minute = minute;
        if self.states.len() >= MAX_COHORTS && sums.keys().any(|name| !self.states.contains_key(name)) {
            self.states
                .retain(|_, state| state.last + CROWDED_IDLE_MINUTES > minute);
        }
        for name in sums.keys() {
            if self.states.len() < MAX_COHORTS && !self.states.contains_key(name) {
                self.states.insert(name.clone(), State::new());
            }
        }
        let threshold = (LN_MINUTES + (self.states.len() as f64).ln()) as f32;
        let mut deepest: Option<(f32, Fall)> = None;
        for (name, state) in &mut self.states {
            let (requests, combinations) = sums.get(name).copied().unwrap_or_default();
            state.observe(minute, requests, combinations);
            if state.ln_m >= threshold
                && let Some((expected, since)) = state.falling
                && deepest.as_ref().is_none_or(|(ln_m, _)| state.ln_m > *ln_m)
            {
                let fall = Fall {
                    minute: since,
                    expected: f64::from(expected),
                    observed: f64::from(requests),
                };
                deepest = Some((state.ln_m, fall));
            }
        }
        self.states
            .retain(|_, state| state.last + MAX_IDLE_MINUTES > minute);
        deepest.map(|(_, fall)| fall)
    }

    /// Whether everything together sends enough to be missed; `None` where it is not known what is usual now.
    pub(super) fn judges(&self, minute: u64) -> Option<bool> {
        let everything = self.states.get(&None)?;
        let usual = everything.usual(minute)?;
        Some(f64::from(usual) >= MIN_EXPECTED && f64::from(everything.combinations) >= MIN_COMBINATIONS)
    }

    /// Takes the level to which requests fell for usual: there is a reason for it that is no fault.
    pub(super) fn adopt(&mut self) {
        let falling = self.states.values_mut().filter(|state| state.falling.is_some());
        falling.for_each(|state| state.recent.clear());
    }

    /// The same of a cohort that an anomaly named: whoever may be in it is learned anew.
    pub(super) fn adopt_cohort(&mut self, cohort: &Cohort) {
        for (name, state) in &mut self.states {
            let holds = name.as_ref().is_none_or(|(place, value)| {
                let attribute = ATTRIBUTES.get(usize::from(*place));
                attribute.is_some_and(|attribute| cohort.may_hold(attribute, value))
            });
            if holds {
                state.recent.clear();
                (state.ln_m, state.falling) = (0.0, None);
            }
        }
    }

    /// Starts the tests afresh, once an anomaly says what they found.
    pub(super) fn told(&mut self) {
        for state in self.states.values_mut() {
            (state.ln_m, state.falling) = (0.0, None);
        }
    }
}

impl State {
    fn new() -> Self {
        Self {
            week: vec![-1.0; HOURS],
            hour: (0.0, 0),
            recent: VecDeque::new(),
            combinations: 0.0,
            phi: [PRIOR_PHI; 2],
            learned: 0,
            ln_m: 0.0,
            falling: None,
            last: 0,
        }
    }

    fn observe(&mut self, minute: u64, requests: f32, combinations: f32) {
        if requests > 0.0 {
            self.last = minute;
        }
        let usual = self.usual(minute);
        self.test(minute, requests, usual);
        self.learn(minute, requests, combinations);
    }

    /// Requests of a usual minute now; `None` where that is not known.
    fn usual(&self, minute: u64) -> Option<f32> {
        let hour = (minute / 60) as usize;
        let of_week = |hour: usize| self.week.get(hour % HOURS).copied().filter(|mean| *mean >= 0.0);
        let this = of_week(hour)?;
        let next = of_week(hour + 1).unwrap_or(this);
        Some(self.just_before()?.min(this).min(next) * MARGIN as f32)
    }

    /// Mean of the minutes just before, but for the last three: a fall is not its own yardstick.
    fn just_before(&self) -> Option<f32> {
        (self.recent.len() >= RECENT).then(|| {
            let sum: f32 = self.recent.iter().take(JUST_BEFORE).sum();
            sum / JUST_BEFORE as f32
        })
    }

    fn test(&mut self, minute: u64, requests: f32, usual: Option<f32>) {
        let expected = self
            .falling
            .map(|(expected, _)| expected)
            .or(usual)
            .unwrap_or(0.0);
        if f64::from(expected) < MIN_EXPECTED || f64::from(self.combinations) < MIN_COMBINATIONS {
            (self.ln_m, self.falling) = (0.0, None);
            return;
        }
        let left = LEFT as f32;
        let phi = self.phi.iter().fold(MIN_PHI, |most, phi| most.max(*phi));
        let ratio = (requests * left.ln() + expected * (1.0 - left)) / phi;
        self.ln_m = (self.ln_m + ratio).max(0.0);
        self.falling = match (self.ln_m > 0.0, self.falling) {
            (false, _) => None,
            (true, None) => Some((expected, minute)),
            (true, falling) => falling,
        };
    }

    fn learn(&mut self, minute: u64, requests: f32, combinations: f32) {
        // Also while it falls: what falls often must not stay a surprise.
        if let Some(mean) = self.just_before().filter(|mean| *mean >= 1.0) {
            let now = (requests - mean).powi(2) / mean;
            self.learned = self.learned.saturating_add(1);
            for (phi, minutes) in self.phi.iter_mut().zip(PHI_MINUTES) {
                *phi += (now - *phi) / minutes.min(PRIOR_MINUTES + self.learned as f32);
            }
        }
        if self.falling.is_none() {
            self.combinations += (combinations - self.combinations) / JUST_BEFORE as f32;
            self.recent.push_back(requests);
            if self.recent.len() > RECENT {
                self.recent.pop_front();
            }
        }
        self.hour.0 += requests;
        self.hour.1 += 1;
        if (minute + 1).is_multiple_of(60) {
            let (sum, minutes) = std::mem::take(&mut self.hour);
            let place = (minute / 60) as usize % HOURS;
            // An hour of which half is missing says nothing.
            if let Some(mean) = self.week.get_mut(place)
                && minutes >= 30
            {
                let now = sum / f32::from(minutes);
                *mean = if *mean < 0.0 {
                    now
                } else {
                    *mean + NEW_WEEK * (now - *mean)
                };
            }
        }
    }
}
