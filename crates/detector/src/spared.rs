//! Values of a cohort that fare well though the rest of it does not: "7 colos, not IAD", where hardly any event is expected.
//!
//! `localize` holds a cohort against what is expected of it. Where that is next to nothing, a value without an event has no
//! fewer than expected, and leaving it out is worth nothing. Such a value is held against the rest of the cohort here.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::cohort::{ATTRIBUTES, Cohort, MAX_VALUES, value_at};
use blobwatch_records::CellKey;

/// Events expected of a cohort from which on `localize` tells by itself who has fewer.
const HARDLY_ANY: f64 = 1.0;

/// A value fares well if it has at most this much of the events that it would have if it were like the rest.
const FEW: f64 = 0.1;

/// How much likelier a cluster of events is than independent ones, as for names by sampled requests.
const DISPERSION: f64 = 2.0;

/// What is left out is so many times likelier to fare well than to be like the rest, whichever of all values it is.
const CERTAIN: f64 = 5.0;

/// Values left out at once.
const MAX_SPARED: usize = 8;

/// Counts of one combination, and the events that would be healthy.
pub(super) struct CellSums<'a> {
    pub(super) key: &'a CellKey,
    pub(super) trials: f64,
    pub(super) events: f64,
    pub(super) expected: f64,
}

/// Sums over some combinations.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    trials: f64,
    events: f64,
    expected: f64,
}

impl Side {
    fn add(&mut self, cell: &CellSums<'_>) {
        self.trials += cell.trials;
        self.events += cell.events;
        self.expected += cell.expected;
    }

    /// How much likelier these events are of somebody who fares well than of one like the rest of `all`. Nats.
    fn fares_well(&self, all: &Side) -> Option<f64> {
        let (trials, events) = (all.trials - self.trials, all.events - self.events);
        if trials <= 0.0 {
            return None;
        }
        let like_them = self.trials * events / trials;
        if self.events > FEW * like_them {
            return None;
        }
        let some = if self.events > 0.0 {
            self.events * (self.events / like_them).ln()
        } else {
            0.0
        };
        Some((like_them - self.events + some) / DISPERSION)
    }
}

/// The cohort without values that fare well. What `known` leaves out already stays out for as long as nothing speaks against it.
pub(super) fn without_spared(mut cohort: Cohort, known: &Cohort, cells: &[CellSums<'_>]) -> Cohort {
    for _ in 0..MAX_SPARED {
        match narrower(&cohort, known, cells) {
            Some(narrower) => cohort = narrower,
            None => break,
        }
    }
    cohort
}

fn narrower(cohort: &Cohort, known: &Cohort, cells: &[CellSums<'_>]) -> Option<Cohort> {
    let inside: Vec<&CellSums<'_>> = cells.iter().filter(|cell| cohort.holds(cell.key)).collect();
    let mut all = Side::default();
    inside.iter().for_each(|cell| all.add(cell));
    if all.events == 0.0 || all.expected > HARDLY_ANY {
        return None;
    }
    let mut best: Option<(f64, Cohort)> = None;
    for (place, attribute) in ATTRIBUTES.into_iter().enumerate() {
        let sides = by_value(&inside, place);
        let price = (CERTAIN * (sides.len() * ATTRIBUTES.len()) as f64).ln();
        for (value, side) in &sides {
            let price = if known.may_hold(attribute, value) {
                price
            } else {
                0.0
            };
            let worth = side.fares_well(&all).unwrap_or_default() - price;
            if worth > best.as_ref().map_or(0.0, |(worth, _)| *worth) {
                let rest = sides.keys().filter(|other| *other != value);
                let rest: Vec<String> = rest.map(|value| value.clone().into_owned()).collect();
                best = Some((worth, cohort.clone().without(attribute, value, rest)));
            }
        }
    }
    best.map(|(_, cohort)| cohort)
        .filter(|cohort| cohort.0.iter().all(|literal| literal.values.len() <= MAX_VALUES))
}

fn by_value<'a>(inside: &[&CellSums<'a>], place: usize) -> BTreeMap<Cow<'a, str>, Side> {
    let mut sides: BTreeMap<Cow<'a, str>, Side> = BTreeMap::new();
    for cell in inside {
        if let Some(value) = value_at(cell.key, place) {
            sides.entry(value).or_default().add(cell);
        }
    }
    sides
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOS: [&str; 8] = ["IAD", "FRA", "NRT", "SIN", "LHR", "GRU", "SYD", "AMS"];

    fn key(colo: &str, os: &str) -> CellKey {
        CellKey {
            route: "hub".into(),
            colo: colo.into(),
            country: "".into(),
            asn: Some(16_509),
            family: blobwatch_pull::Family::Docker,
            os: os.into(),
            fingerprint: "".into(),
            rules: Vec::new(),
        }
    }

    /// Of each colo and system, trials and events; of each trial so many are expected.
    #[track_caller]
    fn case(
        cohort: &Cohort,
        known: &Cohort,
        expected: f64,
        counts: impl Fn(&str, &str) -> (f64, f64),
        words: &str,
    ) {
        let keys: Vec<CellKey> = COLOS
            .iter()
            .flat_map(|colo| ["amzn2", "el8"].map(|os| key(colo, os)))
            .collect();
        let cells = keys.iter().map(|key| {
            let (trials, events) = counts(&key.colo, &key.os);
            CellSums {
                key,
                trials,
                events,
                expected: expected * trials,
            }
        });
        let cells: Vec<CellSums<'_>> = cells.collect();
        let found = without_spared(cohort.clone(), known, &cells);
        assert_eq!(found.to_string(), words);
        assert_eq!(without_spared(found.clone(), &found, &cells), found, "{words}");
    }

    fn amazon() -> Cohort {
        Cohort::default().with("os", "amzn2")
    }

    #[test]
    fn a_value_that_fares_well_is_left_out() {
        let hit = |colo: &str, os: &str| (40.0, if os == "amzn2" && colo != "IAD" { 20.0 } else { 0.0 });
        let all = Cohort::default();
        case(&amazon(), &all, 0.001, hit, "clients on amzn2, 7 colos, not IAD");
        // Of everybody, first the system, then the colo.
        case(&all, &all, 0.0005, hit, "clients on amzn2, 7 colos, not IAD");
        let two = |colo: &str, _: &str| (40.0, if matches!(colo, "IAD" | "FRA") { 0.0 } else { 20.0 });
        case(
            &amazon(),
            &all,
            0.001,
            two,
            "clients on amzn2, 6 colos, not FRA or IAD",
        );
    }

    #[test]
    fn a_value_that_may_be_like_the_rest_stays() {
        let all = Cohort::default();
        let few = |colo: &str, _: &str| {
            (
                if colo == "IAD" { 5.0 } else { 40.0 },
                if colo == "IAD" { 0.0 } else { 20.0 },
            )
        };
        case(&amazon(), &all, 0.001, few, "clients on amzn2");
        let less = |colo: &str, _: &str| (40.0, if colo == "IAD" { 5.0 } else { 20.0 });
        case(&amazon(), &all, 0.001, less, "clients on amzn2");
        // Where events are expected, `localize` has weighed it.
        let hit = |colo: &str, _: &str| (40.0, if colo == "IAD" { 0.0 } else { 20.0 });
        case(&amazon(), &all, 0.1, hit, "clients on amzn2");
        case(&amazon(), &all, 0.001, |_, _| (40.0, 0.0), "clients on amzn2");
    }

    #[test]
    fn what_is_left_out_already_stays_out_until_it_is_hit() {
        let known = amazon().without("colo", "IAD", COLOS.map(str::to_owned).to_vec());
        let few = |colo: &str, _: &str| {
            (
                if colo == "IAD" { 5.0 } else { 40.0 },
                if colo == "IAD" { 0.0 } else { 20.0 },
            )
        };
        case(
            &amazon(),
            &known,
            0.001,
            few,
            "clients on amzn2, 7 colos, not IAD",
        );
        case(&amazon(), &known, 0.001, |_, _| (40.0, 20.0), "clients on amzn2");
    }
}
