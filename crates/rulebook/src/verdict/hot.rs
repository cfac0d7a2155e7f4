//! The keys that exceed a rule's volume, as the FireLog last said.

use std::collections::BTreeMap;

/// About 50 bytes each, so 200 KB of an isolate; a flood of more distinct keys than this is no longer one key's.
pub(crate) const MAX_HOT_KEYS: usize = 4_096;

/// A key that a rule with a volume fires for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotKey {
    pub rule: String,
    pub version: u32,
    pub key: u64,
    /// Milliseconds since 1970: from then on it is not, if nothing more comes.
    pub until_ms: u64,
}

/// What an isolate knows of hot keys. Lookups allocate nothing.
#[derive(Debug, Clone, Default)]
pub struct HotKeys {
    by_rule: BTreeMap<String, BTreeMap<u64, Until>>,
    count: usize,
}

#[derive(Debug, Clone, Copy)]
struct Until {
    version: u32,
    until_ms: u64,
}

impl HotKeys {
    /// Whether this version of the rule is above its volume for `key` at `now_ms`.
    #[must_use]
    pub fn is_hot(&self, rule: &str, version: u32, key: u64, now_ms: u64) -> bool {
        self.by_rule
            .get(rule)
            .and_then(|keys| keys.get(&key))
            .is_some_and(|known| known.version == version && now_ms < known.until_ms)
    }

    /// Takes over what a flush reply says, after forgetting what has expired. Answers how many found no room:
    /// those stay cold, since a rule that cannot be sure does not act.
    pub fn update(&mut self, keys: impl IntoIterator<Item = HotKey>, now_ms: u64) -> usize {
        self.forget_expired(now_ms);
        keys.into_iter()
            .filter(|key| now_ms < key.until_ms)
            .map(|key| usize::from(!self.insert(key)))
            .sum()
    }

    /// Keys that are held, expired ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn insert(&mut self, key: HotKey) -> bool {
        let until = Until {
            version: key.version,
            until_ms: key.until_ms,
        };
        let keys = self.by_rule.entry(key.rule).or_default();
        if let Some(known) = keys.get_mut(&key.key) {
            // Of two FireLogs that count the key, after a split, one has seen less: it does not say that the other is wrong.
            let is_longer = known.version == until.version && until.until_ms < known.until_ms;
            *known = if is_longer { *known } else { until };
            return true;
        }
        if self.count >= MAX_HOT_KEYS {
            return false;
        }
        keys.insert(key.key, until);
        self.count += 1;
        true
    }

    fn forget_expired(&mut self, now_ms: u64) {
        self.by_rule.retain(|_, keys| {
            keys.retain(|_, known| now_ms < known.until_ms);
            !keys.is_empty()
        });
        self.count = self.by_rule.values().map(BTreeMap::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hot(rule: &str, version: u32, key: u64, until_ms: u64) -> HotKey {
        HotKey {
            rule: rule.to_owned(),
            version,
            key,
            until_ms,
        }
    }

    #[test]
    fn a_key_is_hot_for_its_rule_and_version_until_its_time() {
        let mut keys = HotKeys::default();
        assert_eq!(keys.update([hot("sweep", 2, 16509, 100)], 0), 0);
        assert!(keys.is_hot("sweep", 2, 16509, 99));
        assert!(!keys.is_hot("sweep", 2, 16509, 100));
        assert!(!keys.is_hot("sweep", 3, 16509, 99));
        assert!(!keys.is_hot("other", 2, 16509, 99));
        assert!(!keys.is_hot("sweep", 2, 14618, 99));
    }

    #[test]
    fn the_last_word_on_a_key_holds() {
        let mut keys = HotKeys::default();
        keys.update([hot("sweep", 1, 1, 100), hot("sweep", 2, 1, 200)], 0);
        assert!(keys.is_hot("sweep", 2, 1, 150));
        assert_eq!(keys.len(), 1);
    }

    #[test]
    fn whoever_has_seen_less_of_a_key_does_not_cool_it() {
        let mut keys = HotKeys::default();
        keys.update([hot("sweep", 1, 1, 200)], 0);
        keys.update([hot("sweep", 1, 1, 100)], 0);
        assert!(keys.is_hot("sweep", 1, 1, 199));
        keys.update([hot("sweep", 2, 1, 100)], 0);
        assert!(keys.is_hot("sweep", 2, 1, 99) && !keys.is_hot("sweep", 2, 1, 100));
    }

    const LATE: u64 = u64::MAX;

    #[test]
    fn a_full_set_keeps_new_keys_cold_until_old_ones_expire() {
        let mut keys = HotKeys::default();
        let many = (0..MAX_HOT_KEYS as u64).map(|n| hot("sweep", 1, n, 100));
        assert_eq!(keys.update(many, 0), 0);
        assert_eq!(keys.update([hot("sweep", 1, LATE, 200)], 50), 1);
        assert!(!keys.is_hot("sweep", 1, LATE, 60));
        assert_eq!(
            keys.update([hot("sweep", 1, 7, 200)], 50),
            0,
            "a known key needs no room"
        );
        assert_eq!(keys.update([hot("sweep", 1, LATE, 200)], 100), 0);
        assert!(keys.is_hot("sweep", 1, LATE, 150));
        assert_eq!(keys.len(), 2);
    }
}
