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

/// Things by their 64-bit keys, each with the cells it was seen in and flags that add up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sample {
    level: u32,
    pairs: FxHashMap<(u64, u32), u8>,
}

impl Sample {
    pub(super) fn insert(&mut self, key: u64, cell: u32, flags: u8) {
        if !self.takes(key) {
            return;
        }
        *self.pairs.entry((key, cell)).or_default() |= flags;
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
        let mut keys: Vec<u64> = self
            .pairs
            .iter()
            .filter(|((_, cell), flags)| holds(*cell, **flags))
            .map(|((key, _), _)| *key)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        (keys.len() as u64) << self.level.min(63)
    }

    /// Each thing once, with the cell of lowest number that holds and all of its flags there and elsewhere.
    pub(super) fn things(&self) -> Vec<(u32, u8)> {
        let mut all: Vec<(u64, u32, u8)> = self
            .pairs
            .iter()
            .map(|((key, cell), flags)| (*key, *cell, *flags))
            .collect();
        all.sort_unstable();
        all.dedup_by(|next, first| {
            let same = next.0 == first.0;
            if same {
                first.2 |= next.2;
            }
            same
        });
        all.into_iter().map(|(_, cell, flags)| (cell, flags)).collect()
    }

    /// Cells have new numbers: `to` has them by the old ones.
    pub(super) fn renumber(&mut self, to: &[u32]) {
        let pairs = std::mem::take(&mut self.pairs);
        for ((key, cell), flags) in pairs {
            let cell = to.get(cell as usize).copied().unwrap_or(cell);
            *self.pairs.entry((key, cell)).or_default() |= flags;
        }
    }

    /// Adds another's things, whose cells have the numbers `to` here.
    pub(super) fn join(&mut self, other: &Self, to: &[u32]) {
        if other.level > self.level {
            self.rise(other.level);
        }
        for ((key, cell), flags) in &other.pairs {
            let cell = to.get(*cell as usize).copied().unwrap_or(*cell);
            self.insert(*key, cell, *flags);
        }
    }
}

/// Between objects: hex of 13 bytes a pair.
#[derive(Serialize, Deserialize)]
struct Wire {
    level: u32,
    pairs: String,
}

/// Hex digits of a pair: key, cell, flags.
const DIGITS: usize = 16 + 8 + 2;

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pairs = String::with_capacity(self.pairs.len() * DIGITS);
        for ((key, cell), flags) in &self.pairs {
            pairs.push_str(&format!("{key:016x}{cell:08x}{flags:02x}"));
        }
        let level = self.level;
        Wire { level, pairs }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("a sample has another form");
        if !wire.pairs.is_ascii() || wire.level > 63 || !wire.pairs.len().is_multiple_of(DIGITS) {
            return Err(wrong());
        }
        let mut sample = Self {
            level: wire.level,
            pairs: FxHashMap::default(),
        };
        for at in (0..wire.pairs.len()).step_by(DIGITS) {
            let number = |from: usize, to: usize| {
                let digits = wire.pairs.get(at + from..at + to).unwrap_or_default();
                u64::from_str_radix(digits, 16).map_err(|_| wrong())
            };
            let (key, cell, flags) = (number(0, 16)?, number(16, 24)?, number(24, 26)?);
            sample.pairs.insert((key, cell as u32), flags as u8);
        }
        Ok(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: impl Iterator<Item = u64>, cells: u64) -> Sample {
        let mut sample = Sample::default();
        keys.for_each(|key| sample.insert(key, (key % cells) as u32, 1 << (key % 3)));
        sample
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
