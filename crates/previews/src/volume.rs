//! A rule with a volume, replayed: which of its matches would have found their key above it.
//!
//! A volume is counted over all FireLogs of a colo, so their matches come together here, stretch by stretch.
//!
//! An approximation, and said to be one: live, matches count when batches arrive and isolates hear of it with their next
//! flush; here a match counts in its own millisecond and the next millisecond knows of it.

use super::FxHashMap;
use serde::{Deserialize, Serialize};

use blobwatch_fire_log::{MAX_VOLUME_KEYS, Window};
use blobwatch_rulebook::Volume;

/// What matched for one key in one millisecond, by weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u64)", into = "(u64, u64, u64)")]
struct Match {
    /// Since 1970.
    ms: u64,
    key: u64,
    weight: u64,
}

/// Matches of one FireLog in a stretch of time, oldest first. In JSON some 40 bytes each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Matches(Vec<Match>);

/// The windows of one colo's keys at the end of a stretch, for the next one.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Windows(FxHashMap<u64, Window>);

impl From<(u64, u64, u64)> for Match {
    fn from((ms, key, weight): (u64, u64, u64)) -> Self {
        Self { ms, key, weight }
    }
}

impl From<Match> for (u64, u64, u64) {
    fn from(one: Match) -> Self {
        (one.ms, one.key, one.weight)
    }
}

impl Matches {
    /// Weights by millisecond and key.
    pub(super) fn of(weights: FxHashMap<(u64, u64), u64>) -> Self {
        let matches = weights
            .into_iter()
            .map(|((ms, key), weight)| Match { ms, key, weight });
        let mut matches: Vec<Match> = matches.collect();
        matches.sort_unstable();
        Self(matches)
    }

    pub(super) fn has(&self, ms: u64, key: u64) -> bool {
        let found = self.0.binary_search_by_key(&(ms, key), |one| (one.ms, one.key));
        found.is_ok()
    }
}

/// Counts the matches before `until_ms` of all FireLogs of a colo in the order of time; answers, in the order of `colo`,
/// those that fire.
pub(super) fn fires(colo: &[Matches], until_ms: u64, volume: &Volume, windows: &mut Windows) -> Vec<Matches> {
    let places = colo.iter().zip(0..);
    let mut all: Vec<(Match, usize)> = places
        .flat_map(|(matches, place)| matches.0.iter().map(move |one| (*one, place)))
        .filter(|(one, _)| one.ms < until_ms)
        .collect();
    all.sort_unstable();
    let mut fires = vec![Matches::default(); colo.len()];
    for same in all.chunk_by(|(one, _), (next, _)| (one.ms, one.key) == (next.ms, next.key)) {
        if !windows.count(same, volume) {
            continue;
        }
        for (one, place) in same {
            if let Some(fires) = fires.get_mut(*place) {
                fires.0.push(*one);
            }
        }
    }
    if let Some((last, _)) = all.last() {
        windows.forget_quiet(span_ms(volume), last.ms);
    }
    fires
}

fn span_ms(volume: &Volume) -> u64 {
    u64::from(volume.seconds.max(1)) * 1000
}

impl Windows {
    /// Counts the matches of one key in one millisecond; says whether the key was above the volume before them.
    fn count(&mut self, same: &[(Match, usize)], volume: &Volume) -> bool {
        let Some((Match { ms, key, .. }, _)) = same.first().copied() else {
            return false;
        };
        let span_ms = span_ms(volume);
        if self.0.len() >= MAX_VOLUME_KEYS && !self.0.contains_key(&key) {
            self.forget_quiet(span_ms, ms);
            if self.0.len() >= MAX_VOLUME_KEYS {
                return false;
            }
        }
        let window = self.0.entry(key).or_default();
        let is_above = window.at(span_ms, ms).estimate(span_ms, ms) > f64::from(volume.requests);
        let weight = same.iter().map(|(one, _)| one.weight).sum();
        window.add(weight, span_ms, ms);
        is_above
    }

    fn forget_quiet(&mut self, span_ms: u64, now_ms: u64) {
        self.0.retain(|_, window| window.start_ms + 2 * span_ms > now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_rulebook::VolumeKey;

    const VOLUME: Volume = Volume {
        by: VolumeKey::Client,
        requests: 10,
        seconds: 10,
    };

    const END: u64 = u64::MAX;

    fn matches(found: impl IntoIterator<Item = (u64, u64)>) -> Matches {
        let mut weights = FxHashMap::default();
        for (ms, key) in found {
            *weights.entry((1_000_000 + ms, key)).or_default() += 1;
        }
        Matches::of(weights)
    }

    fn fired(found: impl IntoIterator<Item = (u64, u64)>) -> u64 {
        let fired = fires(&[matches(found)], END, &VOLUME, &mut Windows::default());
        fired[0].0.iter().map(|one| one.weight).sum()
    }

    #[test]
    fn matches_fire_from_the_one_after_the_volume_was_exceeded() {
        assert_eq!(fired((0..11).map(|n| (n, 1))), 0);
        assert_eq!(fired((0..15).map(|n| (n, 1))), 4);
        assert_eq!(fired((0..30).map(|n| (n, n % 3))), 0, "three keys of ten each");
        assert_eq!(fired((0..30).map(|n| (n * 2_000, 1))), 0, "one in two seconds");
    }

    #[test]
    fn matches_of_one_millisecond_do_not_know_of_each_other() {
        assert_eq!(fired((0..20).map(|_| (5, 1))), 0);
        assert_eq!(fired((0..20).map(|_| (5, 1)).chain([(6, 1), (6, 1)])), 2);
    }

    fn busy() -> Vec<(u64, u64)> {
        (0..500).map(|n| (n * 37 % 20_000, n % 7)).collect()
    }

    #[test]
    fn order_and_stretches_change_nothing() {
        let mut sorted = busy();
        let whole = fires(&[matches(busy())], END, &VOLUME, &mut Windows::default());
        sorted.sort_unstable();
        let (mut windows, mut sliced) = (Windows::default(), Matches::default());
        for slice in sorted.chunks(77) {
            let found = fires(&[matches(slice.iter().copied())], END, &VOLUME, &mut windows);
            sliced.0.extend(found.into_iter().flat_map(|found| found.0));
        }
        assert!(!sliced.0.is_empty());
        assert_eq!(vec![sliced], whole);
    }

    #[test]
    fn what_is_beyond_the_stretch_is_not_counted() {
        let mut windows = Windows::default();
        let found = matches((0..30).map(|n| (n, 1)));
        let first = fires(std::slice::from_ref(&found), 1_000_011, &VOLUME, &mut windows);
        assert_eq!(first, [Matches::default()]);
        let rest = matches((11..30).map(|n| (n, 1)));
        let second = fires(std::slice::from_ref(&rest), END, &VOLUME, &mut windows);
        assert_eq!(second, [rest]);
    }

    /// However the matches of a key are spread.
    #[test]
    fn fire_logs_change_nothing() {
        let whole = fires(&[matches(busy())], END, &VOLUME, &mut Windows::default());
        for fire_logs in [2, 5, 64] {
            let part = |place| {
                let found = busy().into_iter().enumerate();
                found.filter(move |(n, _)| n % fire_logs == place)
            };
            let parts = (0..fire_logs).map(|place| matches(part(place).map(|(_, found)| found)));
            let parts: Vec<Matches> = parts.collect();
            let found = fires(&parts, END, &VOLUME, &mut Windows::default());
            let mut found: Vec<Match> = found.into_iter().flat_map(|found| found.0).collect();
            found.sort_unstable();
            assert_eq!(vec![Matches(found)], whole);
        }
    }
}
