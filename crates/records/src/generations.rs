//! A map that forgets in two generations: what no turn has carried over since the turn before the last is gone.

use std::collections::HashMap;
use std::hash::Hash;

/// At most `most` entries where each insertion comes after a [`Self::turn`] with that number.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    turned_ms: u64,
}

impl<K, V> Default for Generations<K, V> {
    fn default() -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            turned_ms: 0,
        }
    }
}

impl<K: Eq + Hash, V> Generations<K, V> {
    /// Begins a new generation where the young one is older than `after_ms`, or has half of the room; whether it did.
    pub(crate) fn turn(&mut self, now_ms: u64, after_ms: u64, most: usize) -> bool {
        let is_due = now_ms.saturating_sub(self.turned_ms) > after_ms || self.young.len() >= most / 2;
        if is_due {
            self.old = std::mem::take(&mut self.young);
            self.turned_ms = now_ms;
        }
        is_due
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.young.insert(key, value);
    }

    /// What is in the young generation already.
    pub(crate) fn young_mut(&mut self, key: &K) -> Option<&mut V> {
        self.young.get_mut(key)
    }

    /// Takes an entry out of the old generation, to be carried over.
    pub(crate) fn take_old(&mut self, key: &K) -> Option<V> {
        self.old.remove(key)
    }

    /// Entries of the young and the old generation.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.young.len(), self.old.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Generations;

    #[test]
    fn what_is_not_carried_over_is_gone_after_two_turns() {
        let mut map = Generations::default();
        assert!(!map.turn(1_000, 1_000, 8));
        map.insert("kept", 1);
        map.insert("forgotten", 2);
        assert!(map.turn(1_001, 1_000, 8));
        assert_eq!((map.get(&"kept"), map.get(&"forgotten")), (Some(&1), Some(&2)));
        assert_eq!(map.young_mut(&"kept"), None);
        let kept = map.take_old(&"kept").unwrap();
        map.insert("kept", kept);
        assert!(map.turn(2_002, 1_000, 8));
        assert_eq!((map.get(&"kept"), map.get(&"forgotten")), (Some(&1), None));
    }

    #[test]
    fn there_are_never_more_than_there_is_room_for() {
        let mut map = Generations::default();
        for key in 0..1_000 {
            map.turn(0, 1_000, 8);
            map.insert(key, ());
            let (young, old) = map.sizes();
            assert!(young + old <= 8);
            assert_eq!(map.get(&key), Some(&()));
        }
    }
}
