//! What other parties' rules did lately, and since when each of them acts: told by FireLogs, minutes late.
//!
//! In scope: what is known of the rules, what they did by minute and client attributes, and when one of them was switched by
//! its own account. Not in scope: what follows for an anomaly (`suspect`).

mod open_window;
mod remedy;
mod suspect;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cohort::Cohort;
use super::rules::Switch;
use blobwatch_records::{CellCounts, CellKey, SLOT_S, UpstreamCells, UpstreamRule};
pub(crate) use open_window::OpenWindow;
pub(crate) use open_window::{window_name, window_text};
pub(crate) use remedy::remedy;

/// Rules that are remembered: a zone has some hundred managed rules that match anything. At some 400 bytes 0.4 MB. The one that
/// was silent longest makes room.
const MAX_RULES: usize = 1_024;

/// Counts by minute, combination and rule: at some 500 bytes 10 MB. The oldest minute makes room.
const MAX_COUNTS: usize = 20_000;

/// Minutes that are remembered: those that the window reaches back, and an hour before the onset to compare with.
const MINUTES: u64 = 120;

/// A rule that is silent for so long and acts again was switched, or what it acts on came back.
const QUIET_MS: u64 = 30 * 60_000;

/// A rule acts more than before from this many times its own past on, and from so many requests a minute.
const RISEN: f64 = 5.0;
const MIN_RISEN: u64 = 10;

const MINUTE_MS: u64 = 60_000;

/// When a rule did one thing without a pause.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Period {
    since_ms: u64,
    last_ms: u64,
    /// The source's own word.
    action: String,
}

/// What is known of one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRule {
    pub system: String,
    pub description: String,
    pub host: String,
    logged: Option<Period>,
    acted: Option<Period>,
}

/// What a rule did to one combination in one minute.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Fires {
    acted: u32,
    logged: u32,
    /// Of the requests among them that we saw.
    counts: CellCounts,
}

type OfMinute = BTreeMap<(CellKey, Arc<str>), Fires>;

/// All of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct UpstreamFires {
    rules: BTreeMap<Arc<str>, KnownRule>,
    minutes: BTreeMap<u64, OfMinute>,
    /// Requests that rules acted on, and that they logged, for ever.
    totals: BTreeMap<Arc<str>, BTreeMap<String, [u64; 2]>>,
    /// Fires for which there was no room, here or in a batch.
    dropped: u64,
}

impl Period {
    fn of(rule: &UpstreamRule) -> Self {
        Self {
            since_ms: rule.first_ms,
            last_ms: rule.last_ms,
            action: rule.action.clone(),
        }
    }

    /// Events come out of order: an earlier one that belongs to the period makes it begin earlier.
    fn take(&mut self, rule: &UpstreamRule) {
        if rule.first_ms > self.last_ms + QUIET_MS {
            *self = Self::of(rule);
        } else if rule.last_ms + QUIET_MS >= self.since_ms {
            self.since_ms = self.since_ms.min(rule.first_ms);
            if rule.last_ms >= self.last_ms {
                (self.last_ms, self.action) = (rule.last_ms, rule.action.clone());
            }
        }
    }
}

impl KnownRule {
    /// A rule of which no event told.
    pub(crate) fn named(system: &str, host: &str) -> Self {
        Self {
            system: system.to_owned(),
            host: host.to_owned(),
            ..Self::default()
        }
    }

    fn take(&mut self, rule: &UpstreamRule) {
        if self.last_ms() <= rule.last_ms {
            self.system.clone_from(&rule.system);
            self.description.clone_from(&rule.description);
            self.host.clone_from(&rule.host);
        }
        let period = if rule.acts {
            &mut self.acted
        } else {
            &mut self.logged
        };
        match period {
            Some(known) => known.take(rule),
            None => *period = Some(Period::of(rule)),
        }
    }

    fn last_ms(&self) -> u64 {
        let of = |period: &Option<Period>| period.as_ref().map_or(0, |period| period.last_ms);
        of(&self.logged).max(of(&self.acted))
    }

    /// Since when it acts.
    #[must_use]
    pub fn acts_since_ms(&self) -> Option<u64> {
        self.acted.as_ref().map(|period| period.since_ms)
    }

    /// The source's word for what it did last.
    #[must_use]
    pub fn action(&self) -> &str {
        let newest = [&self.acted, &self.logged].into_iter().flatten();
        let newest = newest.max_by_key(|period| period.last_ms);
        newest.map_or("", |period| &period.action)
    }

    /// "log to block, in its own events".
    fn switch(&self) -> Option<(u64, String)> {
        let acted = self.acted.as_ref()?;
        let before = self
            .logged
            .as_ref()
            .filter(|logged| logged.since_ms < acted.since_ms);
        let words = match before {
            Some(logged) => format!("{} to {}, in its own events", logged.action, acted.action),
            None => format!("first seen acting ({})", acted.action),
        };
        Some((acted.since_ms, words))
    }
}

impl UpstreamFires {
    /// Takes in what a FireLog tells; counts of minutes that are forgotten already are dropped.
    pub(crate) fn take(&mut self, cells: &UpstreamCells, now_slot: u64) {
        self.dropped += u64::from(cells.dropped);
        for rule in &cells.rules {
            self.rules.entry(Arc::clone(&rule.id)).or_default().take(rule);
        }
        let oldest = (now_slot * SLOT_S / 60).saturating_sub(MINUTES);
        for count in &cells.counts {
            self.total(&count.rule, &count.key.route, [count.acted, count.logged]);
            if count.minute < oldest {
                self.dropped += u64::from(count.acted) + u64::from(count.logged);
                continue;
            }
            let minute = self.minutes.entry(count.minute).or_default();
            let key = (count.key.clone(), Arc::clone(&count.rule));
            let fires = minute.entry(key).or_default();
            fires.acted = fires.acted.saturating_add(count.acted);
            fires.logged = fires.logged.saturating_add(count.logged);
            fires.counts.add(&count.counts);
        }
        self.forget(oldest);
    }

    fn forget(&mut self, oldest: u64) {
        self.minutes = self.minutes.split_off(&oldest);
        let mut counts: usize = self.minutes.values().map(BTreeMap::len).sum();
        while counts > MAX_COUNTS
            && let Some((_, gone)) = self.minutes.pop_first()
        {
            counts -= gone.len();
            let fires = gone
                .values()
                .map(|fires| u64::from(fires.acted) + u64::from(fires.logged));
            self.dropped += fires.sum::<u64>();
        }
        while self.rules.len() > MAX_RULES
            && let Some(silent) = self.silent_longest()
        {
            self.rules.remove(&silent);
            self.totals.remove(&silent);
        }
    }

    fn silent_longest(&self) -> Option<Arc<str>> {
        let silent = self.rules.iter().min_by_key(|(_, rule)| rule.last_ms());
        silent.map(|(id, _)| Arc::clone(id))
    }

    fn total(&mut self, rule: &Arc<str>, route: &str, more: [u32; 2]) {
        if !self.rules.contains_key(rule) {
            return;
        }
        let of_routes = self.totals.entry(Arc::clone(rule)).or_default();
        // Routes are the operator's own: as many as a rulebook has.
        let sums = of_routes.entry(route.to_owned()).or_default();
        for (sum, more) in sums.iter_mut().zip(more) {
            *sum = sum.saturating_add(u64::from(more));
        }
    }

    /// Rule, route, and the requests that it acted on and logged.
    pub(crate) fn totals(&self) -> impl Iterator<Item = (&str, &str, [u64; 2])> {
        self.totals.iter().flat_map(|(rule, of_routes)| {
            let of = move |(route, sums): (_, &[u64; 2])| (&**rule, route, *sums);
            of_routes
                .iter()
                .map(|(route, sums)| (route.as_str(), sums))
                .map(of)
        })
    }

    /// Fires for which there was no room.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&KnownRule> {
        self.rules.get(id)
    }

    /// When rules began to act, by their own account.
    pub(crate) fn switches(&self) -> impl Iterator<Item = Switch> {
        self.rules.iter().filter_map(|(id, rule)| {
            let (time_ms, words) = rule.switch()?;
            Some(Switch {
                rule: Some(id.to_string()),
                route: None,
                time_ms,
                text: format!("{id}: {words}"),
            })
        })
    }

    /// By rule, the requests of a cohort, at whichever host, that it acted on and logged.
    pub(crate) fn of_cohort(&self, cohort: &Cohort, since_ms: u64) -> BTreeMap<&str, [u64; 2]> {
        let cohort = cohort.wherever();
        let mut sums: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
        let minutes = self.minutes.range(since_ms / MINUTE_MS..);
        for ((key, rule), fires) in minutes.flat_map(|(_, of)| of) {
            if cohort.holds(key) {
                let [acted, logged] = sums.entry(rule).or_default();
                *acted += u64::from(fires.acted);
                *logged += u64::from(fires.logged);
            }
        }
        sums
    }

    /// The first minute from which on all is remembered that was told: what is forgotten early is so many that little else is left.
    pub(crate) fn complete_from(&self, now_slot: u64) -> u64 {
        let counts: usize = self.minutes.values().map(BTreeMap::len).sum();
        let oldest = (now_slot * SLOT_S / 60).saturating_sub(MINUTES);
        match self.minutes.keys().next() {
            Some(first) if counts > MAX_COUNTS / 2 => oldest.max(*first),
            _ => oldest,
        }
    }

    /// Minute by minute from one on, of each combination, the requests that rules acted on and logged.
    pub(crate) fn since_minute(&self, minute: u64) -> impl Iterator<Item = (u64, &CellKey, [u32; 2])> {
        let minutes = self.minutes.range(minute..);
        minutes.flat_map(|(minute, of)| {
            of.iter()
                .map(move |((key, _), fires)| (*minute, key, [fires.acted, fires.logged]))
        })
    }

    /// When a rule that acted before began to act on many more of these clients, between two times.
    fn rise(
        &self,
        rule: &str,
        holds: impl Fn(&CellKey) -> bool,
        within: (u64, u64),
    ) -> Option<(u64, String)> {
        let (first, last) = (within.0 / MINUTE_MS, within.1 / MINUTE_MS);
        let acted = |of_minute: &OfMinute| -> u64 {
            let of_rule = of_minute
                .iter()
                .filter(|((key, known), _)| **known == *rule && holds(key));
            of_rule.map(|(_, fires)| u64::from(fires.acted)).sum()
        };
        let before: u64 = self.minutes.range(..first).map(|(_, of)| acted(of)).sum();
        let minutes = first.saturating_sub(*self.minutes.keys().next()?).max(1);
        let usual = before as f64 / minutes as f64;
        let risen = |count: u64| count >= MIN_RISEN && count as f64 >= RISEN * usual;
        let minute = self.minutes.range(first..=last).find(|(_, of)| risen(acted(of)));
        let (minute, of_minute) = minute?;
        let words = format!(
            "from {usual:.1} to {} requests a minute, in its own events",
            acted(of_minute)
        );
        Some((minute * MINUTE_MS, words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_MS: u64 = 1_594_036_800_000;

    fn rule(action: &str, acts: bool, first_s: u64, last_s: u64) -> UpstreamRule {
        UpstreamRule {
            id: "cf:a".into(),
            system: "l7ddos".to_owned(),
            description: String::new(),
            action: action.to_owned(),
            acts,
            host: "cdn.example".to_owned(),
            first_ms: NOON_MS + first_s * 1000,
            last_ms: NOON_MS + last_s * 1000,
        }
    }

    #[track_caller]
    fn case(rules: &[UpstreamRule], expected: Option<(u64, &str)>) {
        for reversed in [false, true] {
            let mut rules = rules.to_vec();
            if reversed {
                rules.reverse();
            }
            let mut fires = UpstreamFires::default();
            let cells = UpstreamCells {
                rules,
                ..UpstreamCells::default()
            };
            fires.take(&cells, NOON_MS / 10_000);
            let found = fires.switches().next();
            let found = found.map(|switch| ((switch.time_ms - NOON_MS) / 1000, switch.text));
            let expected = expected.map(|(at, words)| (at, format!("cf:a: {words}")));
            assert_eq!(found, expected);
        }
    }

    /// Whatever the order in which FireLogs tell.
    #[test]
    fn the_first_event_of_an_action_is_a_switch() {
        case(&[rule("log", false, 0, 600)], None);
        case(
            &[rule("block", true, 60, 90)],
            Some((60, "first seen acting (block)")),
        );
        case(
            &[
                rule("log", false, 0, 600),
                rule("block", true, 610, 700),
                rule("block", true, 605, 606),
            ],
            Some((605, "log to block, in its own events")),
        );
        // It goes on to log what is beside the threshold.
        case(
            &[
                rule("log", false, 0, 900),
                rule("managedchallenge", true, 300, 900),
            ],
            Some((300, "log to managedchallenge, in its own events")),
        );
    }

    #[test]
    fn a_rule_that_comes_back_after_a_pause_is_switched_again() {
        let mut fires = UpstreamFires::default();
        for (first, last) in [(0, 60), (3600, 3700), (1, 2)] {
            let cells = UpstreamCells {
                rules: vec![rule("block", true, first, last)],
                ..UpstreamCells::default()
            };
            fires.take(&cells, NOON_MS / 10_000);
        }
        assert_eq!(
            fires.rule("cf:a").unwrap().acts_since_ms(),
            Some(NOON_MS + 3_600_000)
        );
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut fires = UpstreamFires::default();
        let minute = NOON_MS / 60_000;
        for n in 0..2 * MAX_RULES as u64 {
            let id: Arc<str> = format!("cf:{n}").into();
            let count = blobwatch_records::UpstreamCount {
                minute: minute - n % 90,
                key: CellKey::of(&blobwatch_pull::sample::full()),
                rule: Arc::clone(&id),
                acted: 1,
                logged: 0,
                counts: CellCounts::default(),
            };
            let os = |place: u64| CellKey {
                os: place.to_string().into(),
                ..count.key.clone()
            };
            let many = (0..20).map(|place| blobwatch_records::UpstreamCount {
                key: os(place),
                ..count.clone()
            });
            let cells = UpstreamCells {
                rules: vec![UpstreamRule {
                    id,
                    ..rule("block", true, n, n)
                }],
                counts: many.collect(),
                dropped: 0,
            };
            fires.take(&cells, NOON_MS / 10_000);
        }
        let counts: usize = fires.minutes.values().map(BTreeMap::len).sum();
        assert!(counts <= MAX_COUNTS && fires.rules.len() <= MAX_RULES);
        assert!(fires.rule("cf:0").is_none() && fires.rule("cf:2047").is_some());
        assert!(fires.dropped() > 0, "and it says so");
    }
}
