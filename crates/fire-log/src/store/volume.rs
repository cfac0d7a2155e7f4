//! How often a rule with a volume matched, by key, and which keys are above it now.
//!
//! A window slides by weighing the one before: at 30 % of this window, 70 % of the last one's count still counts.
//! It is within a few per cent of the truth for steady traffic and needs two numbers a key.

use std::collections::{HashMap, HashSet};

use super::rulebook::Limit;
use blobwatch_records::VolumeCount;
use blobwatch_rulebook::HotKey;

/// Keys counted at one time, about 100 bytes each: 3 MB. A key that has gone quiet makes room for the next.
pub const MAX_VOLUME_KEYS: usize = 32_768;

/// HotKey keys told with one reply, the hottest first: at 60 bytes each 15 KB.
pub(crate) const MAX_HOT: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    rule: usize,
    key: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    pub start_ms: u64,
    pub before: u64,
    pub now: u64,
}

/// Counts of all rules with a volume. Held in memory only: a row a key and second would cost more than the traffic.
#[derive(Debug, Default)]
pub(super) struct Volumes {
    limits: Vec<Limit>,
    windows: HashMap<Key, Window>,
    /// Keys that were above when they were last counted: only these can be above now.
    risen: HashSet<Key>,
}

impl Volumes {
    /// Forgets what was counted for rules that are gone or changed.
    pub(super) fn keep_only(&mut self, limits: &[Limit]) {
        if self.limits != limits {
            let old = std::mem::replace(&mut self.limits, limits.to_vec());
            let place = |rule: usize| limits.iter().position(|limit| old.get(rule) == Some(limit));
            let kept = self.windows.drain().filter_map(|(key, window)| {
                Some((
                    Key {
                        rule: place(key.rule)?,
                        ..key
                    },
                    window,
                ))
            });
            self.windows = kept.collect();
            self.risen = self.windows.keys().copied().collect();
        }
    }

    /// Adds a batch's counts, once.
    pub(super) fn count(&mut self, limits: &[Limit], counts: &[VolumeCount], now_ms: u64) {
        for count in counts {
            let is_it = |limit: &Limit| limit.rule == count.rule && limit.version == count.version;
            let Some((rule, limit)) = limits.iter().enumerate().find(|(_, limit)| is_it(limit)) else {
                continue;
            };
            let span_ms = span_ms(limit);
            let key = Key { rule, key: count.key };
            if self.windows.len() >= MAX_VOLUME_KEYS && !self.windows.contains_key(&key) {
                self.forget_quiet(now_ms);
            }
            if self.windows.len() < MAX_VOLUME_KEYS || self.windows.contains_key(&key) {
                let window = self.windows.entry(key).or_default();
                window.add(u64::from(count.requests), span_ms, now_ms);
                if window.estimate(span_ms, now_ms) > f64::from(limit.volume.requests) {
                    self.risen.insert(key);
                }
            }
        }
    }

    /// Keys whose last two windows are over make room.
    fn forget_quiet(&mut self, now_ms: u64) {
        let limits = &self.limits;
        let span = |key: &Key| limits.get(key.rule).map_or(0, span_ms);
        self.windows
            .retain(|key, window| window.start_ms + 2 * span(key) > now_ms);
        self.risen.retain(|key| self.windows.contains_key(key));
    }

    /// Keys above their rule's volume, hottest first.
    pub(super) fn hot(&self, now_ms: u64) -> Vec<HotKey> {
        let mut hot: Vec<(f64, HotKey)> = Vec::new();
        for key in &self.risen {
            let (Some(limit), Some(window)) = (self.limits.get(key.rule), self.windows.get(key)) else {
                continue;
            };
            let (span_ms, most) = (span_ms(limit), f64::from(limit.volume.requests));
            let window = window.at(span_ms, now_ms);
            let rate = window.estimate(span_ms, now_ms);
            if rate > most {
                let until_ms = window.cools_at(most, span_ms, now_ms);
                let (rule, version) = (limit.rule.clone(), limit.version);
                hot.push((
                    rate / most.max(1.0),
                    HotKey {
                        rule,
                        version,
                        key: key.key,
                        until_ms,
                    },
                ));
            }
        }
        hot.sort_by(|(a, x), (b, y)| b.total_cmp(a).then(x.key.cmp(&y.key)));
        hot.into_iter().take(MAX_HOT).map(|(_, hot)| hot).collect()
    }
}

fn span_ms(limit: &Limit) -> u64 {
    u64::from(limit.volume.seconds.max(1)) * 1000
}

impl Window {
    pub fn add(&mut self, requests: u64, span_ms: u64, now_ms: u64) {
        *self = self.at(span_ms, now_ms);
        self.now += requests;
    }

    /// This window as it stands at a later time.
    pub fn at(self, span_ms: u64, now_ms: u64) -> Self {
        let start_ms = now_ms - now_ms % span_ms;
        match start_ms.saturating_sub(self.start_ms) / span_ms {
            0 => self,
            1 => Self {
                start_ms,
                before: self.now,
                now: 0,
            },
            _ => Self {
                start_ms,
                before: 0,
                now: 0,
            },
        }
    }

    /// Requests in the last span.
    pub fn estimate(self, span_ms: u64, now_ms: u64) -> f64 {
        let passed = now_ms.saturating_sub(self.start_ms) as f64 / span_ms as f64;
        self.before as f64 * (1.0 - passed.min(1.0)) + self.now as f64
    }

    /// When the estimate falls to `most` if nothing more comes: within this window while the one before fades, or
    /// in the next while this one does.
    fn cools_at(self, most: f64, span_ms: u64, now_ms: u64) -> u64 {
        let fades = |start_ms: u64, count: u64, rest: f64| {
            let share = 1.0 - (most - rest).max(0.0) / (count as f64).max(1.0);
            start_ms + (share * span_ms as f64).ceil() as u64
        };
        let at = if self.now as f64 > most {
            fades(self.start_ms + span_ms, self.now, 0.0)
        } else {
            fades(self.start_ms, self.before, self.now as f64)
        };
        at.max(now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_rulebook::{Volume, VolumeKey};

    fn limits() -> Vec<Limit> {
        let volume = Volume {
            by: VolumeKey::Client,
            requests: 100,
            seconds: 10,
        };
        vec![Limit {
            rule: "a".to_owned(),
            version: 2,
            volume,
        }]
    }

    fn volumes() -> Volumes {
        let mut volumes = Volumes::default();
        volumes.keep_only(&limits());
        volumes
    }

    fn count(volumes: &mut Volumes, version: u32, key: u64, requests: u32, now_ms: u64) {
        let count = VolumeCount {
            rule: "a".to_owned(),
            version,
            key,
            requests,
        };
        volumes.count(&limits(), &[count], now_ms);
    }

    #[test]
    fn a_key_is_hot_above_its_volume_and_cools_without_requests() {
        let mut volumes = volumes();
        count(&mut volumes, 2, 7, 100, 1_000_000);
        assert!(
            volumes.hot(1_000_000).is_empty(),
            "the volume itself is not above it"
        );
        count(&mut volumes, 2, 7, 100, 1_001_000);
        let hot = volumes.hot(1_001_000);
        assert_eq!((hot[0].rule.as_str(), hot[0].version, hot[0].key), ("a", 2, 7));
        // 200 requests in the window that ends at 1,010,000 fade to 100 half a window later.
        assert_eq!(hot[0].until_ms, 1_015_000);
        assert_eq!(volumes.hot(1_014_999).len(), 1);
        assert!(volumes.hot(1_015_000).is_empty());
    }

    #[test]
    fn a_steady_rate_above_the_volume_stays_hot() {
        let mut volumes = volumes();
        for second in 0..60 {
            count(&mut volumes, 2, 7, 11, 1_000_000 + second * 1000);
            assert_eq!(
                volumes.hot(1_000_000 + second * 1000).len(),
                usize::from(second > 8),
                "{second}"
            );
        }
    }

    #[test]
    fn another_version_or_key_counts_for_itself() {
        let mut volumes = volumes();
        count(&mut volumes, 1, 7, 1000, 0);
        count(&mut volumes, 2, 8, 60, 0);
        count(&mut volumes, 2, 9, 60, 0);
        assert!(volumes.hot(0).is_empty());
    }

    #[test]
    fn a_changed_rule_starts_anew() {
        let mut volumes = volumes();
        count(&mut volumes, 2, 7, 1000, 0);
        volumes.keep_only(&[]);
        volumes.keep_only(&limits());
        assert!(volumes.hot(0).is_empty());
    }

    #[test]
    fn keys_are_bounded_and_quiet_ones_make_room() {
        let mut volumes = volumes();
        (0..MAX_VOLUME_KEYS as u64 + 5).for_each(|key| count(&mut volumes, 2, key, 1, 0));
        assert_eq!(volumes.windows.len(), MAX_VOLUME_KEYS);
        count(&mut volumes, 2, u64::MAX, 500, 20_000);
        assert_eq!((volumes.windows.len(), volumes.hot(20_000).len()), (1, 1));
    }

    #[test]
    fn told_keys_are_bounded_and_the_hottest_come_first() {
        let mut volumes = volumes();
        (0..300).for_each(|key| count(&mut volumes, 2, key, 101 + key as u32, 0));
        let hot = volumes.hot(0);
        assert_eq!((hot.len(), hot[0].key), (MAX_HOT, 299));
    }
}
