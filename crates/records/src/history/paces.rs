//! How fast bodies come, and whether one is far slower than those of the same clients were.
//!
//! Throughputs of a population differ a hundredfold, and each population's in its own way: their mean says little, and
//! no rate is slow for everybody. Each population therefore has a histogram of its own past, and a body is slow where it
//! is slower than nineteen in twenty of them *and* eight times slower than half of them. Whatever the distribution, one
//! healthy body in twenty is slow at most, and that share is what the sequential test knows; the second condition says
//! that a population whose bodies are all alike does not become slow by a few per cent.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use super::Pace;
use crate::cell::{LARGE_BYTES, PACE_FIRST, PACE_PARTS};
use crate::fair::FairMap;
use blobwatch_pull::{Method, Outcome, Record};

/// Factors of two, from 16 KB/s and less to 512 MB/s and more.
const STEPS: usize = 16;

/// Of the past, what a slow body is slower than.
const SLOWEST: f32 = 0.05;

/// Factors of two that it is below the median.
const BELOW_MEDIAN: f64 = 3.0;

/// Bodies of a population before one is judged.
const ENOUGH: f32 = 50.0;

/// Above this the past is halved, so that what is new counts: a day of a large population, weeks of a small one.
const MOST: f32 = 20_000.0;

/// What a slow body weighs in the past: while a fault lasts, hardly anything is learned from it.
const SLOW_WEIGHT: f32 = 0.125;

/// Populations; at some 170 bytes 700 KB. Where they are full, those with fewest bodies go, of the network that has most first.
const MAX_POPULATIONS: usize = 4096;

/// Hash of the AS number, the family and the system: clients that are alike, and stand in one place.
type Population = u64;

#[derive(Debug)]
pub(super) struct Paces {
    populations: FairMap<Population, Past>,
}

impl Default for Paces {
    fn default() -> Self {
        Self {
            populations: FairMap::with_room(MAX_POPULATIONS),
        }
    }
}

/// Bodies by throughput.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    steps: [f32; STEPS],
    bodies: f32,
}

impl Paces {
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.populations.len()
    }

    pub(super) fn take_evicted(&mut self) -> u32 {
        self.populations.take_evicted()
    }

    /// Says how fast a body came, and learns from it.
    pub(super) fn judge(&mut self, record: &Record) -> Pace {
        let Some(octave) = octave(record) else {
            return Pace::Unknown;
        };
        let population = population(record);
        let known = self.populations.get(&population);
        let bodies = known.map_or(0, |past| past.bodies as u64);
        let past = (self.populations).used(population, record.network, bodies, Past::default);
        let pace = past.judge(octave);
        past.learn(
            octave,
            if matches!(pace, Pace::Slow(_)) {
                SLOW_WEIGHT
            } else {
                1.0
            },
        );
        pace
    }
}

fn population(record: &Record) -> Population {
    let mut hasher = FxHasher::default();
    (record.asn, record.family, &record.os).hash(&mut hasher);
    hasher.finish()
}

impl Past {
    fn judge(&self, octave: f64) -> Pace {
        if self.bodies < ENOUGH {
            return Pace::Unknown;
        }
        let limit = self.quantile(SLOWEST).min(self.quantile(0.5) - BELOW_MEDIAN);
        let parts = (octave * f64::from(PACE_PARTS)) as u16;
        if octave < limit {
            Pace::Slow(parts)
        } else {
            Pace::Usual(parts)
        }
    }

    /// In octaves, straight through the step that it falls into.
    fn quantile(&self, share: f32) -> f64 {
        let wanted = share * self.bodies;
        let mut below = 0.0;
        for (step, bodies) in self.steps.iter().enumerate() {
            if below + bodies >= wanted && *bodies > 0.0 {
                return step as f64 + f64::from((wanted - below) / bodies);
            }
            below += bodies;
        }
        STEPS as f64
    }

    fn learn(&mut self, octave: f64, weight: f32) {
        let step = octave.clamp(0.0, (STEPS - 1) as f64) as usize;
        if let Some(bodies) = self.steps.get_mut(step) {
            *bodies += weight;
            self.bodies += weight;
        }
        if self.bodies > MOST {
            self.steps = self.steps.map(|bodies| bodies / 2.0);
            self.bodies /= 2.0;
        }
    }
}

/// Throughput of a large body that arrived, in octaves above the first step; `None` where nothing can be said. What came
/// within 20 ms was not measured by such a clock.
fn octave(record: &Record) -> Option<f64> {
    let bytes = bytes(record).filter(|bytes| *bytes >= LARGE_BYTES)?;
    let is_measured = record.outcome == Outcome::Completed && record.method == Method::Get;
    if !is_measured || !matches!(record.status, 200 | 206) || record.duration_ms == 0 {
        return None;
    }
    let per_second = bytes as f64 * 1000.0 / f64::from(record.duration_ms.max(20));
    Some((per_second.log2() - PACE_FIRST).max(0.0))
}

/// Bytes of the body: what was promised; of a whole blob its size.
fn bytes(record: &Record) -> Option<u64> {
    let part = match (record.range.start, record.range.end, record.size) {
        (Some(start), Some(end), Some(size)) => Some((end.saturating_add(1)).min(size).saturating_sub(start)),
        (Some(start), None, Some(size)) => size.checked_sub(start),
        (None, _, size) if record.status == 200 => size,
        _ => None,
    };
    record.promised.or(part)
}

#[cfg(test)]
mod tests {
    use super::{Pace, Past};

    /// A past of bodies that many octaves fast.
    fn past(octaves: impl Iterator<Item = f64>) -> Past {
        let mut past = Past::default();
        octaves.for_each(|octave| past.learn(octave, 1.0));
        past
    }

    fn is_slow(pace: Pace) -> bool {
        matches!(pace, Pace::Slow(_))
    }

    #[test]
    fn of_whatever_was_usual_at_most_one_in_twenty_is_slow() {
        for spread in [0.2, 1.0, 3.0, 6.0] {
            let usual = |n: u32| 8.0 + spread * (f64::from(n * 7919 % 1000) / 1000.0 - 0.5) * 2.0;
            let past = past((0..1000).map(usual));
            let slow = (0..1000).filter(|n| is_slow(past.judge(usual(*n)))).count();
            assert!(slow <= 50, "{slow} of 1000 at a spread of {spread}");
        }
    }

    #[test]
    fn a_fall_to_a_twentieth_is_slow_and_one_to_a_half_is_not() {
        let past = past((0..1000).map(|n| 10.0 + f64::from(n % 100) / 50.0));
        assert!(is_slow(past.judge(11.0 - 20f64.log2())));
        assert!(!is_slow(past.judge(10.0)));
    }

    #[test]
    fn the_first_bodies_say_nothing() {
        assert_eq!(past((0..49).map(|_| 8.0)).judge(0.0), Pace::Unknown);
        assert_eq!(past((0..50).map(|_| 8.0)).judge(0.0), Pace::Slow(0));
    }

    #[test]
    fn a_fault_is_learned_eight_times_slower_than_what_is_usual() {
        let mut past = past((0..1000).map(|_| 10.0));
        let mut bodies = 0;
        while is_slow(past.judge(5.0)) {
            past.learn(5.0, super::SLOW_WEIGHT);
            bodies += 1;
        }
        assert!(bodies >= 400, "{bodies}");
    }
}
