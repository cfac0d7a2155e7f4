//! Which of other parties' rules goes with an anomaly: association, not proof.
//!
//! Of requests that came through and that the other party told of, the contrast is that of our own rules. What it stopped never
//! came to us: there a rule is held by whom it acts on. It is named if it began to act, or to act on many more, within the
//! onset, and acts on the cohort far more often than on everybody else.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::super::normal::combination;
use super::super::rules::{
    Contrast, MAX_RATIO, MIN_RATIO, MIN_SWITCHED_SHARE, Question, Ratio, Suspect, build, strata,
};
use super::Fires;
use blobwatch_pull::Origin;
use blobwatch_records::{CellKey, SLOT_S};

/// Requests of a cohort that a rule acted on, from which on it is named.
const MIN_ACTED: f64 = 10.0;

/// Of everybody's requests, where the cohort is everybody.
const MIN_SHARE_OF_ALL: f64 = 0.05;

/// Requests, and those that a rule acted on, inside a cohort and outside.
#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    inside: (f64, f64),
    outside: (f64, f64),
}

impl Reach {
    fn side(&mut self, is_inside: bool) -> &mut (f64, f64) {
        if is_inside {
            &mut self.inside
        } else {
            &mut self.outside
        }
    }

    /// How many times more often the rule acts on the cohort; where nobody is outside, on everybody.
    fn ratio(&self) -> f64 {
        let rate = |(requests, acted): (f64, f64)| (acted + 0.5) / (requests + acted + 1.0);
        (rate(self.inside) / rate(self.outside)).min(MAX_RATIO)
    }

    fn is_named(&self) -> bool {
        let (requests, acted) = self.inside;
        if acted < MIN_ACTED {
            return false;
        }
        if self.outside.0 == 0.0 {
            return acted >= MIN_SHARE_OF_ALL * (requests + acted);
        }
        self.ratio() > MIN_RATIO && acted >= MIN_SWITCHED_SHARE * (acted + self.outside.1)
    }
}

impl Question<'_> {
    /// Other parties' rules that did anything since the onset.
    pub(in super::super) fn upstream_rules(&self) -> BTreeSet<Arc<str>> {
        let told = self.fires().map(|((_, rule), _)| Arc::clone(rule));
        let stood = self.inside().flat_map(|(key, ..)| &key.rules).map(Arc::clone);
        told.chain(stood)
            .filter(|rule| Origin::of(rule) == Origin::Upstream)
            .collect()
    }

    fn fires(&self) -> impl Iterator<Item = (&(CellKey, Arc<str>), &Fires)> {
        let minute = |slot: u64| slot.saturating_mul(SLOT_S) / 60;
        let minutes = minute(self.span.first)..=minute(self.span.until);
        self.upstream.minutes.range(minutes).flat_map(|(_, of)| of)
    }

    fn fires_of(&self, rule: &str) -> impl Iterator<Item = (&CellKey, &Fires)> {
        let of_rule = self.fires().filter(move |((_, known), _)| **known == *rule);
        of_rule.map(|((key, _), fires)| (key, fires))
    }

    pub(in super::super) fn upstream_suspect(&self, rule: &str) -> Option<Suspect> {
        let (switched_ms, switched) = self.upstream_switch(rule).unzip();
        let ([inside, outside], touched, events) = self.joined(rule);
        let share = if events > 0.0 {
            (touched / events).min(1.0)
        } else {
            0.0
        };
        let reach = self.reach(rule);
        let named = |contrast, lift, share, events: f64| Suspect {
            rule: rule.to_owned(),
            lift,
            share,
            events: events as u64,
            contrast,
            switched_ms,
            switched: switched.clone(),
        };
        if inside.is_named() && touched > 0.0 {
            return Some(named(Contrast::Inside, inside.ratio(), share, touched));
        }
        if outside.is_named() && touched > 0.0 {
            return Some(named(Contrast::Outside, outside.ratio(), share, touched));
        }
        let of_it = reach.inside.1 / (reach.inside.1 + reach.outside.1).max(1.0);
        (switched_ms.is_some() && reach.is_named())
            .then(|| named(Contrast::Reach, reach.ratio(), of_it, reach.inside.1))
    }

    /// Within the cohort and against similar clients: the ratios; and the cohort's events that the rule fired on, of all.
    fn joined(&self, rule: &str) -> ([Ratio; 2], f64, f64) {
        let (mut touched, events) = self.touched(rule);
        let mut inside = strata(rule, self.inside(), combination);
        let mut outside = strata(rule, self.all(), build);
        for (key, fires) in self.fires_of(rule) {
            let counts = self.kind.counts(&fires.counts);
            let (n, k) = (counts.trials as f64, counts.events as f64);
            outside.entry(build(key)).or_default().change_side((n, k));
            if self.cohort.holds(key) {
                inside.entry(combination(key)).or_default().change_side((n, k));
                touched += k;
            }
        }
        ([Ratio::of(&inside), Ratio::of(&outside)], touched, events)
    }

    /// Whom the rule acts on. A request that was stopped at one host belongs to no other host's route.
    fn reach(&self, rule: &str) -> Reach {
        let cohort = self.cohort.wherever();
        let mut reach = Reach::default();
        for (key, row) in self.window.rows(self.span.first, self.span.until) {
            reach.side(cohort.holds(key)).0 += f64::from(row.counts.requests);
        }
        for (key, fires) in self.fires_of(rule) {
            reach.side(cohort.holds(key)).1 += f64::from(fires.acted);
        }
        reach
    }

    /// The onset is uncertain by minutes, and what came before the alarm may be its cause.
    pub(super) fn until_opened(&self) -> RangeInclusive<u64> {
        *self.onset().start()..=self.opened_ms.max(*self.onset().end())
    }

    /// When it began to act by its own account, or to act on many more of the cohort, within the onset.
    fn upstream_switch(&self, rule: &str) -> Option<(u64, String)> {
        let within = self.until_opened();
        let switch = self.upstream.rule(rule).and_then(super::KnownRule::switch);
        let switch = switch.filter(|(time_ms, _)| within.contains(time_ms));
        let cohort = self.cohort.wherever();
        let span = (*within.start(), *within.end());
        switch.or_else(|| self.upstream.rise(rule, |key| cohort.holds(key), span))
    }
}
