//! The counts of a slot against what was expected of each cohort.

use std::collections::HashMap;

use super::Monitor;
use crate::baseline::{Estimate, IGNORANCE, elapsed, expected_level};
use crate::beta_binomial::margin;
use crate::cohort::{Key, Level};
use crate::cohorts::Cohort;
use crate::counts::{Counts, Tally};
use crate::dispersion::{Dispersion, inflation};
use crate::sequential::log_ratios;

/// What the wider cohorts of this slot say about the narrower ones.
struct Wider {
    level: Estimate,
    rate: Estimate,
    margins: HashMap<Key, Estimate>,
}

impl Monitor {
    /// Fades what is old, once an hour.
    pub(super) fn age(&mut self, slot: u64) {
        let hour = slot * self.slot_seconds / 3600;
        if hour <= self.hour {
            return;
        }
        let hours = elapsed(self.hour, hour);
        self.pools.iter_mut().for_each(|pool| pool.age(hours));
        self.hour = hour;
        let open = &self.open;
        self.cohorts
            .forget(hour, |key| open.iter().any(|incident| incident.lead == key));
    }

    /// Tests and learns the slot; returns the places of the cohorts that had trials.
    pub(super) fn score(&mut self, slot: u64) -> Vec<usize> {
        let mut wider = Wider {
            level: IGNORANCE,
            rate: IGNORANCE,
            margins: HashMap::new(),
        };
        let sums = self.sums(slot);
        let (margins, deep) = self.cohorts.sizes();
        self.budget.share(margins, deep);
        for (at, counts) in &sums {
            self.score_one(*at, slot, Tally::from(*counts), &mut wider);
        }
        sums.into_iter().map(|(at, _)| at).collect()
    }

    /// Counts of each tracked cohort, wider cohorts first.
    fn sums(&mut self, slot: u64) -> Vec<(usize, Counts)> {
        let seconds = slot * self.slot_seconds;
        let mut sums: HashMap<usize, Counts> = HashMap::new();
        let due = self.pending.extract_if(.., |(of, ..)| *of <= slot);
        for (_, leaf, counts) in due {
            for key in self.tracked.cohorts(leaf) {
                if let Some(at) = self.cohorts.place(key, seconds, counts) {
                    *sums.entry(at).or_default() += counts;
                }
            }
        }
        let mut sums: Vec<(usize, Counts)> = sums.into_iter().collect();
        sums.sort_unstable_by_key(|(at, _)| (self.cohorts.get(*at).map(|cohort| Level::of(cohort.key)), *at));
        sums
    }

    fn score_one(&mut self, at: usize, slot: u64, counts: Tally, wider: &mut Wider) {
        let Some(cohort) = self.cohorts.get_mut(at) else {
            return;
        };
        let [root, margin, pair, leaf] = &mut self.pools;
        let pool = match Level::of(cohort.key) {
            Level::Root => root,
            Level::Margin => margin,
            Level::Pair => pair,
            Level::Leaf => leaf,
        };
        cohort.baseline.enter(slot * self.slot_seconds);
        cohort.expect(pool.rho(), wider);
        cohort.test(slot, counts, pool.rho());
        if !self
            .open
            .iter()
            .any(|incident| incident.lead.overlaps(cohort.key))
        {
            cohort.learn(counts, pool);
        }
    }
}

impl Cohort {
    /// Sets what is expected of this slot, and passes it on to narrower cohorts.
    fn expect(&mut self, rho: f64, wider: &mut Wider) {
        let rate = self.rate(rho, wider);
        self.expected = rate.rate;
        self.healthy = margin(rate.rate, rate.sd());
        self.independent = 1.0 / inflation(rho, self.baseline.trials_per_slot());
    }

    fn rate(&self, rho: f64, wider: &mut Wider) -> Estimate {
        let margins: Vec<Estimate> = match Level::of(self.key) {
            Level::Root => {
                wider.level = self.baseline.level(IGNORANCE, rho);
                wider.rate = self.baseline.root_rate(wider.level, rho);
                return wider.rate;
            }
            Level::Margin => Vec::new(),
            Level::Pair | Level::Leaf => self
                .key
                .margins()
                .filter_map(|key| wider.margins.get(&key).copied())
                .collect(),
        };
        let level = self.baseline.level(expected_level(wider.level, &margins), rho);
        if Level::of(self.key) == Level::Margin {
            wider.margins.insert(self.key, level);
        }
        self.baseline.rate(level, wider.level, wider.rate, rho)
    }

    fn test(&mut self, slot: u64, counts: Tally, rho: f64) {
        self.ratios = log_ratios(counts, self.healthy, rho);
        if self.baseline.is_known() {
            self.evidence.advance(slot, counts, self.ratios);
        }
    }

    fn learn(&mut self, counts: Tally, pool: &mut Dispersion) {
        if self.baseline.is_known() {
            self.block.add(counts, self.expected);
        }
        if self.evidence.suspects() {
            self.baseline.hold(counts);
        } else {
            self.block.settle(pool);
            self.baseline.learn(counts);
        }
    }
}
