//! Distinct things and where they were seen: all of them while they are few, then a uniform sample.
//!
//! A thing is kept while its hash ends in as many zeros as the sample's level; a full sample goes up one level and so
//! halves (Gibbons, "Distinct sampling for highly-accurate answers to distinct values queries", VLDB 2001). Samples of
//! two FireLogs join to the sample of both.

use super::FxHashMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use blobwatch_wire::splitmix;

/// Pairs of a thing and a cell that are kept: some 40 bytes each, 650 KB. From 8,192 of them on, where a sample has just
/// halved, a count has a standard error of 1/√8192 = 1.1 %.
pub(super) const MAX_PAIRS: usize = 16_384;

/// Things by their 64-bit keys, each with the cells it was seen in and flags that add up. Where records are a sample of clients, a
/// thing stands for as many as the lightest record says in which it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sample {
    level: u32,
    pairs: FxHashMap<(u64, u32), Sighting>,
}

/// A thing in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sighting {
    pub(super) flags: u8,
    pub(super) weight: u32,
}

impl Sighting {
    fn add(&mut self, other: Self) {
        self.flags |= other.flags;
        self.weight = self.weight.min(other.weight);
    }
}

impl Sample {
    pub(super) fn insert(&mut self, key: u64, cell: u32, sighting: Sighting) {
        if !self.takes(key) {
            return;
        }
        self.pairs
            .entry((key, cell))
            .and_modify(|known| known.add(sighting))
            .or_insert(sighting);
        while self.pairs.len() > MAX_PAIRS {
            self.rise(self.level + 1);
        }
    }

    /// Keys are mixed, so that no deployment's keys can be unlucky.
    fn takes(&self, key: u64) -> bool {
        splitmix(key).trailing_zeros() >= self.level
    }

    fn rise(&mut self, level: u32) {
        self.level = self.level.max(level);
        let mask = (1u64 << self.level.min(63)) - 1;
        self.pairs.retain(|(key, _), _| splitmix(*key) & mask == 0);
    }

    pub(super) fn is_exact(&self) -> bool {
        self.level == 0
    }

    /// Different things, seen in any cell.
    pub(super) fn count(&self) -> u64 {
        self.count_where(|_, _| true)
    }

    /// Different things with a pair of cell and flags that holds.
    pub(super) fn count_where(&self, holds: impl Fn(u32, u8) -> bool) -> u64 {
        let held = self
            .pairs
            .iter()
            .filter(|((_, cell), seen)| holds(*cell, seen.flags));
        let mut things: Vec<(u64, u32)> = held.map(|((key, _), seen)| (*key, seen.weight)).collect();
        things.sort_unstable();
        things.dedup_by_key(|(key, _)| *key);
        let counted: u64 = things.iter().map(|(_, weight)| u64::from(*weight)).sum();
        counted << self.level.min(63)
    }

    /// Each thing once, with the cell of lowest number that holds, all of its flags there and elsewhere, and what it stands for.
    pub(super) fn things(&self) -> Vec<(u32, Sighting)> {
        let mut all: Vec<(u64, u32, Sighting)> = self
            .pairs
            .iter()
            .map(|((key, cell), seen)| (*key, *cell, *seen))
            .collect();
        all.sort_unstable();
        all.dedup_by(|next, first| {
            let same = next.0 == first.0;
            if same {
                first.2.add(next.2);
            }
            same
        });
        all.into_iter().map(|(_, cell, seen)| (cell, seen)).collect()
    }

    /// Cells have new numbers: `to` has them by the old ones.
    pub(super) fn renumber(&mut self, to: &[u32]) {
        let pairs = std::mem::take(&mut self.pairs);
        for ((key, cell), seen) in pairs {
            let cell = to.get(cell as usize).copied().unwrap_or(cell);
            self.pairs
                .entry((key, cell))
                .and_modify(|known| known.add(seen))
                .or_insert(seen);
        }
    }

    /// Adds another's things, whose cells have the numbers `to` here.
    pub(super) fn join(&mut self, other: &Self, to: &[u32]) {
        if other.level > self.level {
            self.rise(other.level);
        }
        for ((key, cell), seen) in &other.pairs {
            let cell = to.get(*cell as usize).copied().unwrap_or(*cell);
            self.insert(*key, cell, *seen);
        }
    }
}

/// Between objects: hex of 13 bytes a pair, and of 4 more for what it stands for, where that is more than one.
#[derive(Serialize, Deserialize)]
struct Wire {
    level: u32,
    pairs: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    weights: String,
}

/// Hex digits of a pair: key, cell, flags.
const DIGITS: usize = 16 + 8 + 2;

/// Hex digits of a weight.
const WEIGHT_DIGITS: usize = 8;

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_weighted = self.pairs.values().any(|seen| seen.weight != 1);
        let (mut pairs, mut weights) = (String::with_capacity(self.pairs.len() * DIGITS), String::new());
        for ((key, cell), Sighting { flags, weight }) in &self.pairs {
            pairs.push_str(&format!("{key:016x}{cell:08x}{flags:02x}"));
            if is_weighted {
                weights.push_str(&format!("{weight:08x}"));
            }
        }
        let level = self.level;
        Wire {
            level,
            pairs,
            weights,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("a sample has another form");
        let count = wire.pairs.len() / DIGITS;
        let is_whole = wire.pairs.len() == count * DIGITS
            && (wire.weights.is_empty() || wire.weights.len() == count * WEIGHT_DIGITS);
        if !wire.pairs.is_ascii() || !wire.weights.is_ascii() || wire.level > 63 || !is_whole {
            return Err(wrong());
        }
        let number = |text: &str, from: usize, digits: usize| {
            let digits = text.get(from..from + digits).unwrap_or_default();
            u64::from_str_radix(digits, 16).map_err(|_| wrong())
        };
        let mut sample = Self {
            level: wire.level,
            pairs: FxHashMap::default(),
        };
        for place in 0..count {
            let at = place * DIGITS;
            let key = number(&wire.pairs, at, 16)?;
            let cell = number(&wire.pairs, at + 16, 8)? as u32;
            let flags = number(&wire.pairs, at + 24, 2)? as u8;
            let weight = match wire.weights.as_str() {
                "" => 1,
                weights => number(weights, place * WEIGHT_DIGITS, WEIGHT_DIGITS)? as u32,
            };
            sample.pairs.insert((key, cell), Sighting { flags, weight });
        }
        Ok(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: impl Iterator<Item = u64>, cells: u64) -> Sample {
        let mut sample = Sample::default();
        let seen = |key: u64| Sighting {
            flags: 1 << (key % 3),
            weight: 1,
        };
        keys.for_each(|key| sample.insert(key, (key % cells) as u32, seen(key)));
        sample
    }

    #[test]
    fn a_thing_stands_for_as_many_as_its_lightest_record_says() {
        let mut sample = Sample::default();
        let seen = |flags, weight| Sighting { flags, weight };
        (0..10).for_each(|key| sample.insert(key, 0, seen(1, 8)));
        sample.insert(3, 0, seen(2, 1));
        sample.insert(4, 1, seen(4, 1));
        assert_eq!(sample.count(), 8 * 8 + 2);
        assert_eq!(sample.count_where(|cell, _| cell == 0), 9 * 8 + 1);
        let things: u32 = sample.things().iter().map(|(_, seen)| seen.weight).sum();
        assert_eq!(things, 8 * 8 + 2);
        let text = serde_json::to_string(&sample).unwrap();
        assert_eq!(serde_json::from_str::<Sample>(&text).unwrap(), sample);
        let short = text.replacen("\"weights\":\"0000", "\"weights\":\"", 1);
        assert!(serde_json::from_str::<Sample>(&short).is_err());
    }

    /// Of a FireLog of a build that draws no samples.
    #[test]
    fn a_sample_without_weights_is_read() {
        let older = r#"{"level":0,"pairs":"000000000000000100000002040000000000000002000000000f"}"#;
        let sample: Sample = serde_json::from_str(older).unwrap();
        assert_eq!(sample.count(), 2);
        let seen = Sighting { flags: 4, weight: 1 };
        assert!(sample.things().contains(&(2, seen)));
    }

    #[test]
    fn few_are_counted_exactly() {
        let sample = of((0..16_384).chain(0..16_384), 7);
        assert_eq!((sample.count(), sample.is_exact()), (16_384, true));
        assert_eq!(sample.count_where(|cell, _| cell == 0), 2_341);
        assert_eq!(sample.things().len(), 16_384);
    }

    #[test]
    fn many_are_estimated_within_four_standard_errors() {
        for truth in [20_000u64, 100_000, 1_000_000] {
            let sample = of(0..truth, 5);
            let off = |count: u64, truth: f64| (count as f64 / truth - 1.0).abs();
            assert!(!sample.is_exact() && sample.pairs.len() <= MAX_PAIRS);
            assert!(
                off(sample.count(), truth as f64) < 0.045,
                "{truth}: {}",
                sample.count()
            );
            let fifth = sample.count_where(|cell, _| cell == 3);
            assert!(off(fifth, truth as f64 / 5.0) < 0.1, "{truth}: {fifth}");
        }
    }

    #[test]
    fn joining_is_counting_together_in_any_split() {
        bolero::check!().with_type::<(u16, u16)>().for_each(|(a, b)| {
            let (a, b) = (u64::from(*a), u64::from(*b));
            let mut joined = of(0..a, 3);
            joined.join(&of(a / 2..b, 3), &[0, 1, 2]);
            assert_eq!(joined, of((0..a).chain(a / 2..b), 3));
        });
    }

    #[test]
    fn a_sample_travels_as_json() {
        for sample in [of(0..3, 2), of(0..40_000, 9), Sample::default()] {
            let text = serde_json::to_string(&sample).unwrap();
            assert_eq!(serde_json::from_str::<Sample>(&text).unwrap(), sample);
        }
        assert!(serde_json::from_str::<Sample>(r#"{"level":0,"pairs":"00"}"#).is_err());
    }
}
