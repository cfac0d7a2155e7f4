//! How often a rule with a volume matched, by key, and which keys are above it now.
//!
//! A window slides by weighing the one before: at 30 % of this window, 70 % of the last one's count still counts.
//! It is within a few per cent of the truth for steady traffic and needs two numbers a key.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::rulebook::Limit;
use blobwatch_records::VolumeCount;
use blobwatch_rulebook::HotKey;

/// Keys that one rule counts at a time.
pub const MAX_VOLUME_KEYS: usize = 32_768;

/// Bytes of all tables, which rules with a volume share equally: four of them have [`MAX_VOLUME_KEYS`] each.
const MAX_TABLES_BYTES: usize = 8 << 20;

/// A key with its window, in a table that is half full.
const KEY_BYTES: usize = 64;

/// A full table drops the quietest of so many: looking for them costs a new key some ten steps.
const DROPS_ONE_IN: usize = 4;

/// Keys told with one reply, the hottest first: at 60 bytes each 15 KB.
pub(crate) const MAX_HOT: usize = 256;

/// Keys that have risen, before those that have cooled since are looked for.
const MIN_RISEN: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    pub start_ms: u64,
    pub before: u64,
    pub now: u64,
}

/// Counts of all rules with a volume. Held in memory only: a row a key and second would cost more than the traffic.
#[derive(Debug, Default)]
pub(super) struct Volumes {
    tables: Vec<Table>,
}

/// The keys of one rule: what others count drops none of them.
#[derive(Debug)]
struct Table {
    limit: Limit,
    max_keys: usize,
    keys: HashMap<u64, KeyCount>,
    /// Keys that were above when they were last counted: only these can be above now.
    risen: HashSet<u64>,
    /// How many keys have risen when those that have cooled are looked for.
    next_sweep: usize,
    dropped: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct KeyCount {
    window: Window,
    last_ms: u64,
}

impl Volumes {
    /// Forgets what was counted for rules that are gone or changed.
    pub(super) fn keep_only(&mut self, limits: &[Limit]) {
        if self.tables.iter().map(|table| &table.limit).eq(limits) {
            return;
        }
        let mut old = std::mem::take(&mut self.tables);
        let max_keys = MAX_TABLES_BYTES / KEY_BYTES / limits.len().max(1);
        for limit in limits {
            let known = old.iter().position(|table| table.limit == *limit);
            let table = match known {
                Some(place) => old.swap_remove(place),
                None => Table::new(limit),
            };
            self.tables.push(Table {
                max_keys: max_keys.clamp(1, MAX_VOLUME_KEYS),
                ..table
            });
        }
    }

    /// Adds a batch's counts, once.
    pub(super) fn count(&mut self, counts: &[VolumeCount], now_ms: u64) {
        for count in counts {
            let is_it = |limit: &Limit| limit.rule == count.rule && limit.version == count.version;
            if let Some(table) = self.tables.iter_mut().find(|table| is_it(&table.limit)) {
                table.count(count.key, u64::from(count.requests), now_ms);
            }
        }
    }

    /// Keys above their rule's volume, hottest first.
    pub(super) fn hot(&self, now_ms: u64) -> Vec<HotKey> {
        let mut hot: Vec<(f64, HotKey)> = self.tables.iter().flat_map(|table| table.hot(now_ms)).collect();
        hot.sort_by(|(a, x), (b, y)| b.total_cmp(a).then(x.key.cmp(&y.key)));
        hot.into_iter().take(MAX_HOT).map(|(_, hot)| hot).collect()
    }

    /// Losses since the last call: keys that were dropped while they counted, by rule.
    pub(super) fn take_dropped(&mut self) -> BTreeMap<String, u32> {
        let dropped = self.tables.iter_mut().filter(|table| table.dropped > 0);
        dropped
            .map(|table| {
                let name = format!("volume_keys_dropped:{}", table.limit.rule);
                (name, std::mem::take(&mut table.dropped))
            })
            .collect()
    }
}

impl Table {
    fn new(limit: &Limit) -> Self {
        Self {
            limit: limit.clone(),
            max_keys: MAX_VOLUME_KEYS,
            keys: HashMap::new(),
            risen: HashSet::new(),
            next_sweep: MIN_RISEN,
            dropped: 0,
        }
    }

    fn count(&mut self, key: u64, requests: u64, now_ms: u64) {
        if self.keys.len() >= self.max_keys && !self.keys.contains_key(&key) {
            self.make_room(now_ms);
        }
        let span_ms = span_ms(&self.limit);
        let counted = self.keys.entry(key).or_default();
        counted.window.add(requests, span_ms, now_ms);
        counted.last_ms = now_ms;
        if counted.window.estimate(span_ms, now_ms) > self.most() {
            self.risen.insert(key);
            if self.risen.len() > self.next_sweep {
                self.forget_cooled(now_ms);
            }
        }
    }

    /// Drops what is over, or else the quietest keys; of equally quiet ones those that were counted longest ago.
    fn make_room(&mut self, now_ms: u64) {
        let span_ms = span_ms(&self.limit);
        let rate = |counted: &KeyCount| counted.window.at(span_ms, now_ms).estimate(span_ms, now_ms);
        self.keys.retain(|_, counted| rate(counted) > 0.0);
        let most = self.max_keys - self.max_keys.div_ceil(DROPS_ONE_IN);
        let surplus = self.keys.len().saturating_sub(most);
        if surplus > 0 {
            let mut by_rate: Vec<(f64, u64, u64)> = self
                .keys
                .iter()
                .map(|(key, counted)| (rate(counted), counted.last_ms, *key))
                .collect();
            let quieter = |a: &(f64, u64, u64), b: &(f64, u64, u64)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
            by_rate.select_nth_unstable_by(surplus - 1, quieter);
            for (_, _, key) in by_rate.into_iter().take(surplus) {
                self.keys.remove(&key);
            }
            self.dropped = self
                .dropped
                .saturating_add(u32::try_from(surplus).unwrap_or(u32::MAX));
        }
        self.risen.retain(|key| self.keys.contains_key(key));
    }

    fn forget_cooled(&mut self, now_ms: u64) {
        let (span_ms, most) = (span_ms(&self.limit), self.most());
        let is_above =
            |counted: &KeyCount| counted.window.at(span_ms, now_ms).estimate(span_ms, now_ms) > most;
        self.risen.retain(|key| self.keys.get(key).is_some_and(is_above));
        self.next_sweep = MIN_RISEN.max(2 * self.risen.len());
    }

    fn hot(&self, now_ms: u64) -> impl Iterator<Item = (f64, HotKey)> {
        let (span_ms, most) = (span_ms(&self.limit), self.most());
        self.risen.iter().filter_map(move |key| {
            let window = self.keys.get(key)?.window.at(span_ms, now_ms);
            let rate = window.estimate(span_ms, now_ms);
            let hot = || HotKey {
                rule: self.limit.rule.clone(),
                version: self.limit.version,
                key: *key,
                until_ms: window.cools_at(most, span_ms, now_ms),
            };
            (rate > most).then(|| (rate / most.max(1.0), hot()))
        })
    }

    fn most(&self) -> f64 {
        f64::from(self.limit.volume.requests)
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
        volumes.count(&[count], now_ms);
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
        (0..MAX_VOLUME_KEYS as u64).for_each(|key| count(&mut volumes, 2, key, 1, 0));
        assert_eq!(volumes.tables[0].keys.len(), MAX_VOLUME_KEYS);
        count(&mut volumes, 2, u64::MAX, 500, 20_000);
        assert_eq!((volumes.tables[0].keys.len(), volumes.hot(20_000).len()), (1, 1));
        assert!(volumes.take_dropped().is_empty(), "what is over is no loss");
        (0..2 * MAX_VOLUME_KEYS as u64).for_each(|key| {
            count(&mut volumes, 2, key, 1, 20_000);
            assert!(volumes.tables[0].keys.len() <= MAX_VOLUME_KEYS);
        });
        assert_eq!(volumes.hot(20_000).len(), 1, "the busiest stay");
        let dropped = 2 * MAX_VOLUME_KEYS + 1 - volumes.tables[0].keys.len();
        let name = "volume_keys_dropped:a".to_owned();
        assert_eq!(volumes.take_dropped(), BTreeMap::from([(name, dropped as u32)]));
        assert!(volumes.take_dropped().is_empty(), "told once");
    }

    fn limit(rule: &str, requests: u32, seconds: u32) -> Limit {
        let volume = Volume {
            by: VolumeKey::Client,
            requests,
            seconds,
        };
        Limit {
            rule: rule.to_owned(),
            version: 1,
            volume,
        }
    }

    /// Second by second: at which of them a key that matches `rate` times a second in rule `of` is hot, while `others`
    /// further keys a second are counted, each once, in each of `rules`.
    fn hot_at(rules: &[Limit], of: &str, rate: f64, others: u64) -> Vec<u64> {
        let mut volumes = Volumes::default();
        volumes.keep_only(rules);
        let key = |rule: &str, key, requests| VolumeCount {
            rule: rule.to_owned(),
            version: 1,
            key,
            requests,
        };
        let (mut hot_at, mut matched) = (Vec::new(), 0.0);
        for second in 0..120_u64 {
            let now_ms = 1_000_000_000 + second * 1_000;
            let strangers = (0..others).map(|n| 1_000_000 + second * others + n);
            let mut counts: Vec<VolumeCount> = strangers
                .flat_map(|stranger| rules.iter().map(move |limit| key(&limit.rule, stranger, 1)))
                .collect();
            let due = (rate * (second + 1) as f64).floor() - matched;
            matched += due;
            if due > 0.0 {
                counts.push(key(of, 7, due as u32));
            }
            volumes.count(&counts, now_ms);
            if volumes
                .hot(now_ms)
                .iter()
                .any(|hot| hot.rule == of && hot.key == 7)
            {
                hot_at.push(second);
            }
        }
        hot_at
    }

    /// Whatever the volume, and whichever rules the others match: 100,000 other keys a minute change nothing.
    #[test]
    fn other_keys_leave_a_rule_as_sharp_as_it_was() {
        let rules = [
            limit("sweep", 200, 60),
            limit("signature", 100, 10),
            limit("slow", 60, 3_600),
        ];
        for (of, rate) in [("sweep", 4.0), ("signature", 11.0), ("slow", 1.0)] {
            let alone = hot_at(&rules, of, rate, 0);
            assert!(!alone.is_empty(), "{of}");
            assert_eq!(hot_at(&rules, of, rate, 1_700), alone, "{of}");
        }
    }

    #[test]
    fn many_rules_share_the_room() {
        let many: Vec<Limit> = (0..500).map(|n| limit(&n.to_string(), 10, 10)).collect();
        let mut volumes = Volumes::default();
        volumes.keep_only(&many[..1]);
        assert_eq!(volumes.tables[0].max_keys, MAX_VOLUME_KEYS);
        volumes.keep_only(&many);
        let keys: usize = volumes.tables.iter().map(|table| table.max_keys).sum();
        assert!(keys * KEY_BYTES <= MAX_TABLES_BYTES, "{keys}");
    }

    #[test]
    fn what_has_cooled_is_not_looked_at_for_ever() {
        let mut volumes = volumes();
        for batch in 0..20_u64 {
            let keys = batch * 1_000..(batch + 1) * 1_000;
            keys.for_each(|key| count(&mut volumes, 2, key, 101, batch * 20_000));
        }
        assert!(volumes.tables[0].risen.len() <= 2 * MIN_RISEN);
        assert_eq!(volumes.hot(19 * 20_000).len(), MAX_HOT);
    }

    #[test]
    fn told_keys_are_bounded_and_the_hottest_come_first() {
        let mut volumes = volumes();
        (0..300).for_each(|key| count(&mut volumes, 2, key, 101 + key as u32, 0));
        let hot = volumes.hot(0);
        assert_eq!((hot.len(), hot[0].key), (MAX_HOT, 299));
    }
}
