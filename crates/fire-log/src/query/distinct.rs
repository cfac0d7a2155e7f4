//! How many different clients: exact while they are few, then an estimate that still joins over FireLogs.
//!
//! Where a sample of clients was kept, each stands for as many as the lightest of its records says: a client of whom one record
//! is kept in any case is always here, and stands for itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use blobwatch_wire::splitmix;

/// Clients counted exactly: 2 KB a group.
const MAX_EXACT: usize = 256;

/// Registers of the estimate (HyperLogLog, Flajolet et al. 2007): 1 KB, standard error 1.04 / √1024 = 3.3 %.
const REGISTERS: usize = 1024;
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();

/// Sets of a count: samples are drawn at eleven rates, and a record of another kind may have any weight.
const MAX_WEIGHTS: usize = 16;

/// Clients by the weights of their records, lightest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Distinct(BTreeMap<u32, Set>);

impl Distinct {
    /// A client with a record of this weight.
    pub fn insert(&mut self, key: u64, weight: u32) {
        self.of_weight(weight).insert(key);
    }

    pub fn join(&mut self, other: &Self) {
        for (weight, set) in &other.0 {
            self.of_weight(*weight).join(set);
        }
    }

    /// The set of that weight, or where there are too many that of the next lighter one.
    fn of_weight(&mut self, weight: u32) -> &mut Set {
        let is_full = self.0.len() >= MAX_WEIGHTS && !self.0.contains_key(&weight);
        let lighter = self
            .0
            .range(..weight)
            .next_back()
            .or_else(|| self.0.iter().next());
        let weight = match lighter {
            Some((lighter, _)) if is_full => *lighter,
            _ => weight,
        };
        self.0.entry(weight).or_default()
    }

    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.0.iter().all(|(weight, set)| *weight == 1 && set.is_exact())
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        let (mut union, mut before, mut count) = (Set::default(), 0, 0);
        for (weight, set) in &self.0 {
            union.join(set);
            let clients = union.count();
            count += clients.saturating_sub(before) * u64::from(*weight);
            before = before.max(clients);
        }
        count
    }
}

/// A set of clients, as far as its size matters.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Set {
    Exact(BTreeSet<u64>),
    Estimate(Vec<u8>),
}

impl Default for Set {
    fn default() -> Self {
        Self::Exact(BTreeSet::new())
    }
}

impl Set {
    /// Client keys are hashes already; they are mixed again so that no deployment's keys can be unlucky.
    fn insert(&mut self, key: u64) {
        match self {
            Self::Exact(keys) => {
                keys.insert(key);
                if keys.len() > MAX_EXACT {
                    *self = Self::Estimate(registers(keys));
                }
            }
            Self::Estimate(registers) => add(registers, key),
        }
    }

    fn join(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::Exact(keys)) => keys.iter().for_each(|key| self.insert(*key)),
            (Self::Exact(keys), Self::Estimate(theirs)) => {
                let mut joined = theirs.clone();
                keys.iter().for_each(|key| add(&mut joined, *key));
                *self = Self::Estimate(joined);
            }
            (Self::Estimate(ours), Self::Estimate(theirs)) => {
                ours.iter_mut()
                    .zip(theirs)
                    .for_each(|(ours, theirs)| *ours = (*ours).max(*theirs));
            }
        }
    }

    fn is_exact(&self) -> bool {
        matches!(self, Self::Exact(_))
    }

    fn count(&self) -> u64 {
        match self {
            Self::Exact(keys) => keys.len() as u64,
            Self::Estimate(registers) => estimate(registers).round() as u64,
        }
    }
}

fn registers(keys: &BTreeSet<u64>) -> Vec<u8> {
    let mut registers = vec![0; REGISTERS];
    keys.iter().for_each(|key| add(&mut registers, *key));
    registers
}

fn add(registers: &mut [u8], key: u64) {
    let hash = splitmix(key);
    let rank = ((hash << INDEX_BITS).leading_zeros().min(64 - INDEX_BITS) + 1) as u8;
    if let Some(register) = registers.get_mut((hash >> (64 - INDEX_BITS)) as usize) {
        *register = rank.max(*register);
    }
}

fn estimate(registers: &[u8]) -> f64 {
    let count = REGISTERS as f64;
    let alpha = 0.7213 / (1.0 + 1.079 / count);
    let sum: f64 = registers.iter().map(|rank| (-f64::from(*rank)).exp2()).sum();
    let raw = alpha * count * count / sum;
    let empty = registers.iter().filter(|rank| **rank == 0).count() as f64;
    // Below 2.5 registers a client, counting empty ones is closer (linear counting, same paper).
    if raw <= 2.5 * count && empty > 0.0 {
        count * (count / empty).ln()
    } else {
        raw
    }
}

/// Between objects: hex, because JSON has no bytes. Builds that draw no samples know the first two.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wire {
    Exact(Vec<String>),
    Estimate(String),
    Weighted(Vec<(u32, Self)>),
}

impl From<&Set> for Wire {
    fn from(set: &Set) -> Self {
        match set {
            Set::Exact(keys) => Self::Exact(keys.iter().map(|key| format!("{key:x}")).collect()),
            Set::Estimate(registers) => {
                let letter = |rank: &u8| char::from(b'0' + (*rank).min(70));
                Self::Estimate(registers.iter().map(letter).collect())
            }
        }
    }
}

impl Wire {
    fn set<E: serde::de::Error>(self) -> Result<Set, E> {
        match self {
            Self::Exact(keys) if keys.len() <= MAX_EXACT => {
                let key = |key: &String| u64::from_str_radix(key, 16).map_err(E::custom);
                keys.iter().map(key).collect::<Result<_, _>>().map(Set::Exact)
            }
            Self::Estimate(text) if text.len() == REGISTERS => {
                let rank = |letter: u8| letter.saturating_sub(b'0').min(64);
                Ok(Set::Estimate(text.bytes().map(rank).collect()))
            }
            _ => Err(E::custom("a set of clients has another size")),
        }
    }
}

impl Serialize for Distinct {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = match (self.0.len(), self.0.get(&1)) {
            (0, _) => Wire::Exact(Vec::new()),
            (1, Some(set)) => Wire::from(set),
            _ => Wire::Weighted(
                self.0
                    .iter()
                    .map(|(weight, set)| (*weight, Wire::from(set)))
                    .collect(),
            ),
        };
        wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut distinct = Self::default();
        match Wire::deserialize(deserializer)? {
            Wire::Weighted(sets) => {
                for (weight, set) in sets {
                    distinct.of_weight(weight).join(&set.set()?);
                }
            }
            Wire::Exact(keys) if keys.is_empty() => {}
            set => drop(distinct.0.insert(1, set.set()?)),
        }
        Ok(distinct)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: impl Iterator<Item = u64>) -> Distinct {
        let mut distinct = Distinct::default();
        keys.for_each(|key| distinct.insert(key, 1));
        distinct
    }

    /// Of sampled clients, one in `weight`.
    fn sampled(keys: impl Iterator<Item = u64>, weight: u32) -> Distinct {
        let mut distinct = Distinct::default();
        keys.for_each(|key| distinct.insert(key, weight));
        distinct
    }

    #[test]
    fn a_client_stands_for_as_many_as_its_lightest_record_says() {
        let mut distinct = sampled(0..50, 8);
        assert_eq!((distinct.count(), distinct.is_exact()), (400, false));
        distinct.join(&sampled(40..60, 1));
        assert_eq!(distinct.count(), 40 * 8 + 20);
        distinct.join(&sampled(0..5, 4));
        assert_eq!(distinct.count(), 35 * 8 + 5 * 4 + 20);
    }

    #[test]
    fn many_sampled_clients_are_estimated() {
        let mut distinct = sampled(0..20_000, 16);
        distinct.join(&of(20_000..21_000));
        let truth = 20_000.0 * 16.0 + 1_000.0;
        let error = (distinct.count() as f64 / truth - 1.0).abs();
        assert!(error < 0.1, "{}", distinct.count());
    }

    #[test]
    fn weights_are_bounded() {
        let mut distinct = Distinct::default();
        (1..=1_000).for_each(|n| distinct.insert(u64::from(n), n));
        assert_eq!(distinct.0.len(), MAX_WEIGHTS);
    }

    #[test]
    fn few_are_counted_exactly() {
        let distinct = of((0..256).chain(0..256));
        assert_eq!((distinct.count(), distinct.is_exact()), (256, true));
    }

    #[test]
    fn many_are_estimated_within_a_tenth() {
        for truth in [300u64, 1_000, 2_500, 10_000, 200_000] {
            let distinct = of(0..truth);
            let error = (distinct.count() as f64 / truth as f64 - 1.0).abs();
            assert!(
                !distinct.is_exact() && error < 0.1,
                "{truth}: {}",
                distinct.count()
            );
        }
    }

    #[test]
    fn joining_is_counting_together_in_any_split() {
        bolero::check!()
            .with_type::<(u16, u16, u16)>()
            .for_each(|(a, b, c)| {
                let (a, b, c) = (u64::from(*a) % 2000, u64::from(*b) % 2000, u64::from(*c) % 2000);
                let mut joined = of(0..a);
                joined.join(&of(b..b + c));
                assert_eq!(joined.count(), of((0..a).chain(b..b + c)).count());
            });
    }

    #[test]
    fn a_set_travels_as_json() {
        let mut mixed = sampled(0..3, 8);
        mixed.join(&of(0..5000));
        for distinct in [
            Distinct::default(),
            of(0..3),
            of(0..5000),
            of(std::iter::once(u64::MAX)),
            sampled(0..3, 8),
            mixed,
        ] {
            let text = serde_json::to_string(&distinct).unwrap();
            assert_eq!(serde_json::from_str::<Distinct>(&text).unwrap(), distinct);
        }
        assert!(serde_json::from_str::<Distinct>("{\"estimate\":\"00\"}").is_err());
        // A FireLog of a build that draws no samples.
        assert_eq!(
            serde_json::from_str::<Distinct>("{\"exact\":[\"1\",\"2\"]}").unwrap(),
            of(1..3)
        );
        assert_eq!(
            serde_json::to_string(&of(1..3)).unwrap(),
            "{\"exact\":[\"1\",\"2\"]}"
        );
    }
}
