//! Distinct things and where they were seen: all of them while they are few, then a uniform sample.
//!
//! A thing is kept while its hash ends in as many zeros as the sample's level; a full sample goes up one level and so
//! halves (Gibbons, "Distinct sampling for highly-accurate answers to distinct values queries", VLDB 2001). Samples of
//! two FireLogs join to the sample of both.

use super::FxHashMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::work::{PAIRS, WHOLE_SLICE, each};
use blobwatch_sql::Pace;
use blobwatch_wire::{put_hex, splitmix, unhex};

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
    pub(super) async fn count(&self, pace: &impl Pace) -> u64 {
        self.count_where(|_, _| true, pace).await
    }

    /// Different things with a pair of cell and flags that holds.
    pub(super) async fn count_where(&self, holds: impl Fn(u32, u8) -> bool, pace: &impl Pace) -> u64 {
        let mut things: Vec<(u64, u32)> = Vec::new();
        each(&self.pairs, PAIRS, pace, |((key, cell), seen)| {
            if holds(*cell, seen.flags) {
                things.push((*key, seen.weight));
            }
        })
        .await;
        things.sort_unstable();
        pace.spent(WHOLE_SLICE).await;
        things.dedup_by_key(|(key, _)| *key);
        let counted: u64 = things.iter().map(|(_, weight)| u64::from(*weight)).sum();
        counted << self.level.min(63)
    }

    /// Each thing once, with the cell of lowest number that holds, all of its flags there and elsewhere, and what it stands for.
    pub(super) async fn things(&self, pace: &impl Pace) -> Vec<(u32, Sighting)> {
        let mut all: Vec<(u64, u32, Sighting)> = self
            .pairs
            .iter()
            .map(|((key, cell), seen)| (*key, *cell, *seen))
            .collect();
        all.sort_unstable();
        pace.spent(WHOLE_SLICE).await;
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
    pub(super) async fn join(&mut self, other: &Self, to: &[u32], pace: &impl Pace) {
        if other.level > self.level {
            self.rise(other.level);
        }
        let room = MAX_PAIRS.saturating_sub(self.pairs.len());
        self.pairs.reserve(other.pairs.len().min(room));
        each(&other.pairs, PAIRS, pace, |((key, cell), seen)| {
            let cell = to.get(*cell as usize).copied().unwrap_or(*cell);
            self.insert(*key, cell, *seen);
        })
        .await;
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

/// Bytes of a pair: key, cell, flags. Each is two hex digits.
const PAIR_BYTES: usize = 8 + 4 + 1;

/// Those of a weight.
const WEIGHT_BYTES: usize = 4;

fn bytes_of(key: u64, cell: u32, flags: u8) -> [u8; PAIR_BYTES] {
    let mut bytes = [flags; PAIR_BYTES];
    let numbers = key.to_be_bytes().into_iter().chain(cell.to_be_bytes());
    bytes
        .iter_mut()
        .zip(numbers)
        .for_each(|(byte, number)| *byte = number);
    bytes
}

/// Key, cell and flags.
fn pair_of(bytes: [u8; PAIR_BYTES]) -> Option<(u64, u32, u8)> {
    let (key, rest) = bytes.split_first_chunk()?;
    let (cell, rest) = rest.split_first_chunk()?;
    Some((
        u64::from_be_bytes(*key),
        u32::from_be_bytes(*cell),
        *rest.first()?,
    ))
}

/// As many bytes as each item has, item by item.
fn unhexed<const N: usize>(text: &str) -> impl Iterator<Item = Option<[u8; N]>> {
    let digits = text.as_bytes().chunks(2 * N);
    digits.map(|digits| unhex(std::str::from_utf8(digits).ok()?))
}

fn text_of(digits: Vec<u8>) -> String {
    String::from_utf8(digits).unwrap_or_default()
}

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_weighted = self.pairs.values().any(|seen| seen.weight != 1);
        let (mut pairs, mut weights) = (Vec::with_capacity(2 * PAIR_BYTES * self.pairs.len()), Vec::new());
        for ((key, cell), Sighting { flags, weight }) in &self.pairs {
            put_hex(&mut pairs, &bytes_of(*key, *cell, *flags));
            if is_weighted {
                put_hex(&mut weights, &weight.to_be_bytes());
            }
        }
        let (pairs, weights) = (text_of(pairs), text_of(weights));
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
        let count = wire.pairs.len() / (2 * PAIR_BYTES);
        let is_whole = wire.weights.is_empty() || wire.weights.len() == count * 2 * WEIGHT_BYTES;
        if wire.level > 63 || !is_whole {
            return Err(wrong());
        }
        let mut sample = Self {
            level: wire.level,
            pairs: FxHashMap::with_capacity_and_hasher(count, Default::default()),
        };
        let mut weights = unhexed(&wire.weights);
        for pair in unhexed(&wire.pairs) {
            let (key, cell, flags) = pair.and_then(pair_of).ok_or_else(wrong)?;
            let weight = match weights.next() {
                Some(weight) => u32::from_be_bytes(weight.ok_or_else(wrong)?),
                None => 1,
            };
            sample.pairs.insert((key, cell), Sighting { flags, weight });
        }
        Ok(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_sql::{Unpaced, at_once};

    fn count(sample: &Sample) -> u64 {
        at_once(sample.count(&Unpaced)).unwrap()
    }

    fn count_where(sample: &Sample, holds: impl Fn(u32, u8) -> bool) -> u64 {
        at_once(sample.count_where(holds, &Unpaced)).unwrap()
    }

    fn things(sample: &Sample) -> Vec<(u32, Sighting)> {
        at_once(sample.things(&Unpaced)).unwrap()
    }

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
        assert_eq!(count(&sample), 8 * 8 + 2);
        assert_eq!(count_where(&sample, |cell, _| cell == 0), 9 * 8 + 1);
        let things: u32 = things(&sample).iter().map(|(_, seen)| seen.weight).sum();
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
        assert_eq!(count(&sample), 2);
        let seen = Sighting { flags: 4, weight: 1 };
        assert!(things(&sample).contains(&(2, seen)));
    }

    #[test]
    fn few_are_counted_exactly() {
        let sample = of((0..16_384).chain(0..16_384), 7);
        assert_eq!((count(&sample), sample.is_exact()), (16_384, true));
        assert_eq!(count_where(&sample, |cell, _| cell == 0), 2_341);
        assert_eq!(things(&sample).len(), 16_384);
    }

    #[test]
    fn many_are_estimated_within_four_standard_errors() {
        for truth in [20_000u64, 100_000, 1_000_000] {
            let sample = of(0..truth, 5);
            let off = |count: u64, truth: f64| (count as f64 / truth - 1.0).abs();
            assert!(!sample.is_exact() && sample.pairs.len() <= MAX_PAIRS);
            assert!(
                off(count(&sample), truth as f64) < 0.045,
                "{truth}: {}",
                count(&sample)
            );
            let fifth = count_where(&sample, |cell, _| cell == 3);
            assert!(off(fifth, truth as f64 / 5.0) < 0.1, "{truth}: {fifth}");
        }
    }

    #[test]
    fn joining_is_counting_together_in_any_split() {
        bolero::check!().with_type::<(u16, u16)>().for_each(|(a, b)| {
            let (a, b) = (u64::from(*a), u64::from(*b));
            let mut joined = of(0..a, 3);
            at_once(joined.join(&of(a / 2..b, 3), &[0, 1, 2], &Unpaced)).unwrap();
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
