//! A rule with a volume, replayed: which of its matches would have found their key above it.
//!
//! An approximation, and said to be one: a colo's FireLog counts when batches arrive and isolates hear of it with their
//! next flush; here a match counts at its own time and the next one knows of it.

use super::FxHashMap;
use serde::{Deserialize, Serialize};

use blobwatch_fire_log::{MAX_VOLUME_KEYS, Window};
use blobwatch_pull::RecordId;
use blobwatch_rulebook::Volume;

/// One match, in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match {
    pub(super) id: RecordId,
    pub(super) key: u64,
    pub(super) weight: u32,
}

/// The windows of one FireLog's keys at the end of a slice, for the next one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Windows(Vec<(String, u64, u64, u64)>);

/// Counts matches in the order of time; answers the ids of those that fire, sorted.
pub(super) fn replay(mut matches: Vec<Match>, volume: &Volume, windows: &mut Windows) -> Vec<RecordId> {
    matches.sort_unstable();
    let span_ms = u64::from(volume.seconds.max(1)) * 1000;
    let mut open = windows.open();
    let mut fired = Vec::new();
    for one in &matches {
        let now_ms = one.id.time_ms();
        if open.len() >= MAX_VOLUME_KEYS && !open.contains_key(&one.key) {
            open.retain(|_, window| window.start_ms + 2 * span_ms > now_ms);
            if open.len() >= MAX_VOLUME_KEYS {
                continue;
            }
        }
        let window = open.entry(one.key).or_default();
        if window.at(span_ms, now_ms).estimate(span_ms, now_ms) > f64::from(volume.requests) {
            fired.push(one.id);
        }
        window.add(u64::from(one.weight), span_ms, now_ms);
    }
    if let Some(last) = matches.last() {
        open.retain(|_, window| window.start_ms + 2 * span_ms > last.id.time_ms());
    }
    *windows = Windows::close(open);
    fired
}

impl Windows {
    fn open(&self) -> FxHashMap<u64, Window> {
        let window = |(key, start_ms, before, now): &(String, u64, u64, u64)| {
            let key = u64::from_str_radix(key, 16).ok()?;
            Some((
                key,
                Window {
                    start_ms: *start_ms,
                    before: *before,
                    now: *now,
                },
            ))
        };
        self.0.iter().filter_map(window).collect()
    }

    fn close(open: FxHashMap<u64, Window>) -> Self {
        let mut windows: Vec<_> = open
            .into_iter()
            .map(|(key, window)| (format!("{key:x}"), window.start_ms, window.before, window.now))
            .collect();
        windows.sort_unstable();
        Self(windows)
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

    fn at(ms: u64, key: u64) -> Match {
        Match {
            id: RecordId::from_parts(1_000_000 + ms, 1, ms as u32),
            key,
            weight: 1,
        }
    }

    fn fired(matches: Vec<Match>) -> usize {
        replay(matches, &VOLUME, &mut Windows::default()).len()
    }

    #[test]
    fn matches_fire_from_the_one_after_the_volume_was_exceeded() {
        assert_eq!(fired((0..11).map(|n| at(n, 1)).collect()), 0);
        assert_eq!(fired((0..15).map(|n| at(n, 1)).collect()), 4);
        assert_eq!(
            fired((0..30).map(|n| at(n, n % 3)).collect()),
            0,
            "three keys of ten each"
        );
        assert_eq!(
            fired((0..30).map(|n| at(n * 2_000, 1)).collect()),
            0,
            "one in two seconds"
        );
    }

    #[test]
    fn order_and_slices_change_nothing() {
        let all: Vec<Match> = (0..500).map(|n| at(n * 37 % 20_000, n % 7)).collect();
        let whole = replay(all.clone(), &VOLUME, &mut Windows::default());
        let mut sorted = all;
        sorted.sort_unstable();
        let (mut windows, mut sliced) = (Windows::default(), Vec::new());
        for slice in sorted.chunks(77) {
            let text = serde_json::to_string(&windows).unwrap();
            windows = serde_json::from_str(&text).unwrap();
            sliced.extend(replay(slice.to_vec(), &VOLUME, &mut windows));
        }
        assert!(!whole.is_empty());
        assert_eq!(sliced, whole);
    }
}
