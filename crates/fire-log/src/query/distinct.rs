//! How many different clients: exact while they are few, then an estimate that still joins over FireLogs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use blobwatch_wire::splitmix;

/// Clients counted exactly: 2 KB a group.
const MAX_EXACT: usize = 256;

/// Registers of the estimate (HyperLogLog, Flajolet et al. 2007): 1 KB, standard error 1.04 / √1024 = 3.3 %.
const REGISTERS: usize = 1024;
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();

/// A set of clients, as far as its size matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distinct {
    Exact(BTreeSet<u64>),
    Estimate(Vec<u8>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Exact(BTreeSet::new())
    }
}

impl Distinct {
    /// Client keys are hashes already; they are mixed again so that no deployment's keys can be unlucky.
    pub fn insert(&mut self, key: u64) {
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

    pub fn join(&mut self, other: &Self) {
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

    #[must_use]
    pub fn is_exact(&self) -> bool {
        matches!(self, Self::Exact(_))
    }

    #[must_use]
    pub fn count(&self) -> u64 {
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

/// Between objects: hex, because JSON has no bytes.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wire {
    Exact(Vec<String>),
    Estimate(String),
}

impl Serialize for Distinct {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exact(keys) => Wire::Exact(keys.iter().map(|key| format!("{key:x}")).collect()),
            Self::Estimate(registers) => {
                let letter = |rank: &u8| char::from(b'0' + (*rank).min(70));
                Wire::Estimate(registers.iter().map(letter).collect())
            }
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Wire::deserialize(deserializer)? {
            Wire::Exact(keys) if keys.len() <= MAX_EXACT => {
                let key = |key: &String| u64::from_str_radix(key, 16).map_err(serde::de::Error::custom);
                keys.iter().map(key).collect::<Result<_, _>>().map(Self::Exact)
            }
            Wire::Estimate(text) if text.len() == REGISTERS => {
                let rank = |letter: u8| letter.saturating_sub(b'0').min(64);
                Ok(Self::Estimate(text.bytes().map(rank).collect()))
            }
            _ => Err(serde::de::Error::custom("a set of clients has another size")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: impl Iterator<Item = u64>) -> Distinct {
        let mut distinct = Distinct::default();
        keys.for_each(|key| distinct.insert(key));
        distinct
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
        for distinct in [of(0..3), of(0..5000), of(std::iter::once(u64::MAX))] {
            let text = serde_json::to_string(&distinct).unwrap();
            assert_eq!(serde_json::from_str::<Distinct>(&text).unwrap(), distinct);
        }
        assert!(serde_json::from_str::<Distinct>("{\"estimate\":\"00\"}").is_err());
    }
}
