//! Places in a table that are found by the hash of what stands there: a key is kept once, in the table itself.

use std::hash::{BuildHasher, Hash, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

#[derive(Debug)]
pub(crate) struct Places {
    table: HashTable<u32>,
    /// Clients choose what is hashed.
    hasher: RandomState,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            table: HashTable::new(),
            hasher: RandomState::new(),
        }
    }
}

impl Places {
    /// Where a key stands; `keys` says what stands at a place.
    pub(crate) fn find<'a, K: Hash + Eq + 'a>(
        &self,
        key: &K,
        keys: impl Fn(usize) -> Option<&'a K>,
    ) -> Option<usize> {
        let is_it = |at: &u32| keys(*at as usize) == Some(key);
        let found = self.table.find(self.hasher.hash_one(key), is_it)?;
        Some(*found as usize)
    }

    /// Where a key stands; at `next` from now on, where it is new.
    pub(crate) fn place<'a, K: Hash + Eq + 'a>(
        &mut self,
        key: &K,
        keys: impl Fn(usize) -> Option<&'a K>,
        next: usize,
    ) -> usize {
        let hasher = &self.hasher;
        let is_it = |at: &u32| keys(*at as usize) == Some(key);
        let hash = |at: &u32| keys(*at as usize).map_or(0, |key| hasher.hash_one(key));
        match self.table.entry(hasher.hash_one(key), is_it, hash) {
            Entry::Occupied(found) => *found.get() as usize,
            Entry::Vacant(place) => {
                place.insert(u32::try_from(next).unwrap_or(u32::MAX));
                next
            }
        }
    }

    /// Forgets all places.
    pub(crate) fn clear(&mut self) {
        self.table.clear();
    }
}
