//! What packets that a rule drops have in common, against those that pass at the same places.
//!
//! What passes says what is usual: were packets dropped whatever they are, the dropped ones would be like the others. What stands
//! out is named as a cohort is. Samples are what is tested; shares are of the packets that they stand for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use blobwatch_detect::localize::{self, CrossSection, Options};
use blobwatch_upstream::{PACKET_ATTRIBUTES, PacketOutcome};
use serde::{Deserialize, Serialize};

use super::{PacketSums, Packets, RuleTexts, words};
use crate::cohort::Cohort;

/// Attributes of the place, which come first.
const PLACES: usize = 2;

/// A place is one of a rule's from this share of what it drops on.
const PLACE_SHARE: f64 = 0.01;

/// Samples on either side below which nothing is named.
const MIN_SAMPLES: u64 = 20;

/// Combinations that are searched, those with most samples; rules that are named.
const MAX_SEARCHED: usize = 5_000;
const MAX_RULES: usize = 10;

/// Packets that one rule dropped or would have dropped, and what sets them apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PacketFinding {
    pub rule: String,
    pub system: String,
    /// What the source says of the rule.
    pub words: String,
    pub outcome: PacketOutcome,
    pub samples: u64,
    pub packets: u64,
    /// Packets that passed at the same places.
    pub passed: u64,
    /// Where it drops; empty where that is everywhere.
    pub destinations: Vec<String>,
    pub colos: Vec<String>,
    /// What they share; none where nothing sets them apart, or too little was sampled.
    pub cohort: Option<Cohort>,
    /// Of what it drops, and of what passes there, what is in the cohort.
    pub share: f64,
    pub rest: f64,
}

impl PacketFinding {
    /// "98 % of what cloudflare:3b (upstream) drops at FRA, GRU has TTL 255 and window 26,883; 0.3 % of what passes there".
    #[must_use]
    pub fn sentence(&self) -> String {
        words::sentence(self)
    }
}

/// One for each rule, those that drop most first.
pub(crate) fn findings(sums: &PacketSums) -> Vec<PacketFinding> {
    let mut of_rules: BTreeMap<(PacketOutcome, &Arc<str>), Packets> = BTreeMap::new();
    for ((outcome, rule, _), packets) in &sums.rows {
        if *outcome != PacketOutcome::Passed {
            of_rules.entry((*outcome, rule)).or_default().add(*packets);
        }
    }
    let mut of_rules: Vec<_> = of_rules.into_iter().collect();
    of_rules.sort_by(|((a, _), of_a), ((b, _), of_b)| (b, of_b.packets).cmp(&(a, of_a.packets)));
    of_rules.truncate(MAX_RULES);
    let found = of_rules.into_iter();
    found
        .map(|((outcome, rule), all)| finding(sums, outcome, rule, all))
        .collect()
}

fn finding(sums: &PacketSums, outcome: PacketOutcome, rule: &Arc<str>, all: Packets) -> PacketFinding {
    let places = Places::of(sums, outcome, rule, all.samples);
    let sides = Sides::of(sums, outcome, rule, &places);
    let cohort = sides.cohort();
    let within = |side: &Side| cohort.as_ref().map_or(0.0, |cohort| side.share(cohort));
    let RuleTexts { system, words } = sums.rules.get(rule).cloned().unwrap_or_default();
    let [destinations, colos] = places.named(sums);
    PacketFinding {
        rule: rule.to_string(),
        system,
        words,
        outcome,
        samples: all.samples,
        packets: all.packets,
        passed: sides.passed.sum().packets,
        destinations,
        colos,
        share: within(&sides.dropped),
        rest: within(&sides.passed),
        cohort,
    }
}

/// Values of the attributes of the place where a rule drops.
struct Places([BTreeSet<String>; PLACES]);

impl Places {
    fn of(sums: &PacketSums, outcome: PacketOutcome, rule: &Arc<str>, samples: u64) -> Self {
        let of_rule = || {
            sums.rows
                .iter()
                .filter(|((o, r, _), _)| (o, r) == (&outcome, rule))
        };
        let place = |place: usize| {
            let mut sums: BTreeMap<&String, u64> = BTreeMap::new();
            for ((_, _, values), packets) in of_rule() {
                if let Some(value) = values.get(place) {
                    *sums.entry(value).or_default() += packets.samples;
                }
            }
            let is_place = |sum: u64| sum as f64 >= PLACE_SHARE * samples as f64;
            let places = sums.into_iter().filter(|(_, sum)| is_place(*sum));
            places.map(|(value, _)| value.clone()).collect()
        };
        Self(std::array::from_fn(place))
    }

    fn hold(&self, values: &[String]) -> bool {
        self.0
            .iter()
            .zip(values)
            .all(|(places, value)| places.contains(value))
    }

    /// Those that are worth a word: not where packets pass at no other.
    fn named(&self, sums: &PacketSums) -> [Vec<String>; PLACES] {
        let elsewhere = |place: usize| {
            let places = self.0.get(place);
            let passed = sums
                .rows
                .keys()
                .filter(|(outcome, ..)| *outcome == PacketOutcome::Passed);
            let mut values = passed.filter_map(|(_, _, values)| values.get(place));
            values.any(|value| places.is_some_and(|places| !places.contains(value)))
        };
        std::array::from_fn(|place| match self.0.get(place) {
            Some(places) if elsewhere(place) => {
                places.iter().filter(|value| !value.is_empty()).cloned().collect()
            }
            _ => Vec::new(),
        })
    }
}

/// Packets by the values that are no places.
#[derive(Default)]
struct Side<'a>(BTreeMap<&'a [String], Packets>);

impl<'a> Side<'a> {
    fn add(&mut self, values: &'a [String], packets: Packets) {
        self.0.entry(values).or_default().add(packets);
    }

    fn sum(&self) -> Packets {
        let mut sum = Packets::default();
        self.0.values().for_each(|packets| sum.add(*packets));
        sum
    }

    fn share(&self, cohort: &Cohort) -> f64 {
        let inside = self.0.iter().filter(|(values, _)| holds(cohort, values));
        let packets: u64 = inside.map(|(_, packets)| packets.packets).sum();
        packets as f64 / self.sum().packets.max(1) as f64
    }
}

/// What a rule dropped, and what passed at the same places.
struct Sides<'a> {
    dropped: Side<'a>,
    passed: Side<'a>,
}

impl<'a> Sides<'a> {
    fn of(sums: &'a PacketSums, outcome: PacketOutcome, rule: &Arc<str>, places: &Places) -> Self {
        let (mut dropped, mut passed) = (Side::default(), Side::default());
        for ((of, by, values), packets) in sums.rows.iter().filter(|((_, _, values), _)| places.hold(values))
        {
            let rest = values.get(PLACES..).unwrap_or_default();
            if (of, by) == (&outcome, rule) {
                dropped.add(rest, *packets);
            } else if *of == PacketOutcome::Passed {
                passed.add(rest, *packets);
            }
        }
        Self { dropped, passed }
    }

    /// What sets what is dropped apart.
    fn cohort(&self) -> Option<Cohort> {
        let (dropped, passed) = (self.dropped.sum().samples, self.passed.sum().samples);
        if dropped.min(passed) < MIN_SAMPLES {
            return None;
        }
        let expected = dropped as f64 / passed as f64;
        let mut cells: BTreeMap<&[String], (f64, f64)> = BTreeMap::new();
        for (values, packets) in &self.dropped.0 {
            cells.entry(values).or_default().0 += packets.samples as f64;
        }
        for (values, packets) in &self.passed.0 {
            cells.entry(values).or_default().1 += packets.samples as f64 * expected;
        }
        search(cells)
    }
}

fn search(cells: BTreeMap<&[String], (f64, f64)>) -> Option<Cohort> {
    let mut cells: Vec<_> = cells.into_iter().collect();
    cells.sort_by(|a, b| {
        (b.1.0 + b.1.1)
            .total_cmp(&(a.1.0 + a.1.1))
            .then_with(|| a.0.cmp(b.0))
    });
    cells.truncate(MAX_SEARCHED);
    let mut section = CrossSection::new(PACKET_ATTRIBUTES.get(PLACES..)?).ok()?;
    for (values, (observed, expected)) in cells {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        // Refused beyond 4,096 values of one attribute: what is left out then is small.
        let _ = section.push(&values, observed, expected);
    }
    let options = Options {
        // What is expected is the rate of all packets alike.
        forecasts_err: false,
        ..Options::default()
    };
    let first = localize::localize(&section, &options).into_iter().next()?;
    Some(Cohort::of(&first.cohort)).filter(|cohort| !cohort.0.is_empty())
}

fn holds(cohort: &Cohort, values: &[String]) -> bool {
    let attributes = PACKET_ATTRIBUTES.iter().skip(PLACES);
    cohort.0.iter().all(|literal| {
        let place = attributes.clone().position(|name| **name == *literal.attribute);
        let value = place.and_then(|place| values.get(place));
        value.is_some_and(|value| literal.values.contains(value) != literal.not)
    })
}
