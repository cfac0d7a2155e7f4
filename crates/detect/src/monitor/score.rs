//! The counts of a slot against what was expected of each cohort.

use super::Monitor;
use crate::baseline::{Estimate, MIN_SLOTS, elapsed, expected_level};
use crate::beta_binomial::margin;
use crate::cohort::{Key, Level};
use crate::cohorts::{Cohort, RecentPlaces, Share};
use crate::counts::{Counts, Tally};
use crate::dispersion::{Dispersion, inflation};
use crate::incident::Incident;
use crate::sequential::log_ratios;

/// What a cohort's own past expects is worked out anew after so many slots: it moves over hours.
const REFRESH_SLOTS: u64 = 6;

/// What everything together says about narrower cohorts; before the root is scored, what is said of the root.
#[derive(Clone, Copy)]
struct Wider {
    level: Estimate,
    rate: Estimate,
}

impl Monitor {
    /// Makes room for new cohorts, and fades what is old, once an hour.
    pub(super) fn age(&mut self, slot: u64, leaves: &[(Key, Counts)]) {
        if slot.is_multiple_of(REFRESH_SLOTS) {
            let open = &self.open;
            let keeps = |key| open.iter().flat_map(Incident::keys).any(|kept| kept == key);
            self.cohorts.make_room(slot, self.slot_seconds, keeps);
            let incidents = self.open.iter().chain(&self.closed).flat_map(Incident::keys);
            let pending = self.pending.iter().map(|(_, leaf, _)| *leaf);
            let leaves = leaves.iter().map(|(leaf, _)| *leaf);
            let rows = self.cohorts.iter().map(|row| row.key);
            let used = rows.chain(incidents).chain(pending).chain(leaves);
            self.names.forget_unused(used);
        }
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

    /// Tests and learns the slot; returns the places of the cohorts that had trials, wider cohorts first.
    pub(super) fn score(&mut self, slot: u64, leaves: Vec<(Key, Counts)>) -> Vec<usize> {
        let mut wider = Wider {
            level: self.usual,
            rate: self.usual,
        };
        let touched = self.sum(slot, leaves);
        let (margins, deep) = self.cohorts.sizes();
        self.budget.share(margins, deep);
        let mut levels = Vec::new();
        for at in &touched {
            let share = self.cohorts.take_share(*at);
            self.cohorts.margin_levels(*at, &mut levels);
            self.score_one(*at, slot, share, &mut wider, &levels);
        }
        touched
    }

    /// Sums the slot into each tracked cohort; returns their places, wider cohorts first.
    fn sum(&mut self, slot: u64, mut leaves: Vec<(Key, Counts)>) -> Vec<usize> {
        let seconds = slot * self.slot_seconds;
        let mut touched = Vec::new();
        let due = self.pending.extract_if(.., |(of, ..)| *of <= slot);
        leaves.extend(due.map(|(_, leaf, counts)| (leaf, counts)));
        // Room for a slot's cells would stay for ever, in each of several monitors.
        if self.pending.is_empty() {
            self.pending = Vec::new();
        }
        leaves.sort_unstable_by_key(|(leaf, _)| *leaf);
        leaves.dedup_by(|(next, more), (leaf, counts)| {
            let same = next == leaf;
            if same {
                *counts += *more;
            }
            same
        });
        let mut recent = RecentPlaces::default();
        for leaf in leaves {
            let new = (&self.tracked, seconds);
            self.cohorts.add(leaf, new, &mut recent, &mut touched);
        }
        touched.sort_unstable_by_key(|at| (self.cohorts.get(*at).map(|cohort| Level::of(cohort.key)), *at));
        touched
    }

    fn score_one(&mut self, at: usize, slot: u64, share: Share, wider: &mut Wider, margins: &[Estimate]) {
        let watched = slot - self.began.unwrap_or(slot);
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
        cohort.refresh(slot, self.slot_seconds, pool.rho(), wider, margins);
        cohort.expect(share.mix, share.counts.trials as f64);
        let counts = Tally::from(share.counts);
        let exposed = cohort.lag.exposed(slot, counts, self.slot_seconds);
        cohort.latest = exposed;
        if cohort.is_tested(watched) {
            cohort.test(slot, exposed);
        }
        if !self
            .open
            .iter()
            .any(|incident| incident.lead.overlaps(cohort.key))
        {
            cohort.learn(counts, exposed, pool);
        }
    }
}

impl Cohort {
    /// Works out what its own past expects, where that is due.
    fn refresh(&mut self, slot: u64, slot_seconds: u64, pool: f64, wider: &mut Wider, margins: &[Estimate]) {
        let changed = self.baseline.enter(slot * slot_seconds);
        if changed {
            self.own.age(1.0);
        }
        let root = Level::of(self.key) == Level::Root;
        if root || changed || slot >= self.refreshed + REFRESH_SLOTS || !self.baseline.is_known() {
            self.refreshed = slot;
            self.rho = self.own.rho_within(pool);
            self.estimate = self.rate(wider, margins);
            self.independent = 1.0 / inflation(self.rho, self.baseline.trials_per_slot());
        }
        if root {
            *wider = Wider {
                level: self.level,
                rate: self.estimate,
            };
        }
    }

    fn rate(&mut self, wider: &Wider, margins: &[Estimate]) -> Estimate {
        if Level::of(self.key) == Level::Root {
            self.level = self.baseline.level(wider.level, self.rho);
            return self.baseline.root_rate(self.level, self.rho);
        }
        self.level = self
            .baseline
            .level(expected_level(wider.level, margins), self.rho);
        self.baseline.rate(self.level, wider.level, wider.rate, self.rho)
    }

    /// Sets what is healthy in this slot. Where its leaves are known and their mix alone explains a higher rate than its
    /// own past does, that is no fault: the clients that always resume more are busier today.
    fn expect(&mut self, mix: Tally, trials: f64) {
        self.expected = self.estimate.rate;
        if mix.trials > trials / 2.0 {
            self.expected = self.expected.max(mix.rate());
        }
        self.healthy = margin(self.expected, self.estimate.sd());
    }

    /// Whether enough is known after so many `watched` slots.
    fn is_tested(&self, watched: u64) -> bool {
        self.baseline.is_known() || Level::of(self.key) == Level::Root && watched >= u64::from(MIN_SLOTS)
    }

    fn test(&mut self, slot: u64, counts: Tally) {
        let ratios = log_ratios(counts, self.healthy, self.rho);
        self.evidence.advance(slot, counts, ratios);
    }

    fn learn(&mut self, counts: Tally, exposed: Tally, pool: &mut Dispersion) {
        if self.baseline.is_known() {
            self.block.add(exposed, self.estimate.rate);
        }
        if self.evidence.suspects() {
            self.baseline.hold(counts);
        } else {
            self.block.settle(&mut self.own, pool);
            self.baseline.learn(counts);
        }
    }
}
