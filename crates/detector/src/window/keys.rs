//! The keys that rows of a window have, by number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use blobwatch_records::CellKey;

/// Keys and their numbers; numbers of keys that are gone are given again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Option<CellKey>>", into = "Vec<Option<CellKey>>")]
pub(super) struct Keys {
    pub(super) keys: Vec<Option<CellKey>>,
    pub(super) numbers: BTreeMap<CellKey, u32>,
    free: Vec<u32>,
}

impl Keys {
    pub(super) fn add(&mut self, key: &CellKey) -> u32 {
        let number = self
            .free
            .pop()
            .unwrap_or_else(|| u32::try_from(self.keys.len()).unwrap_or(u32::MAX));
        match self.keys.get_mut(number as usize) {
            Some(place) => *place = Some(key.clone()),
            None => self.keys.push(Some(key.clone())),
        }
        self.numbers.insert(key.clone(), number);
        number
    }

    pub(super) fn key(&self, number: u32) -> Option<&CellKey> {
        self.keys.get(number as usize)?.as_ref()
    }

    pub(super) fn forget(&mut self, number: u32) {
        if let Some(key) = self.keys.get_mut(number as usize).and_then(Option::take) {
            self.numbers.remove(&key);
            self.free.push(number);
        }
    }

    pub(super) fn keep(&mut self, wanted: impl Fn(u32) -> bool) {
        for (number, place) in (0u32..).zip(&mut self.keys) {
            if let Some(key) = place.take_if(|_| !wanted(number)) {
                self.numbers.remove(&key);
                self.free.push(number);
            }
        }
    }
}

impl From<Vec<Option<CellKey>>> for Keys {
    fn from(keys: Vec<Option<CellKey>>) -> Self {
        let mut numbers = BTreeMap::new();
        let mut free = Vec::new();
        for (number, key) in (0u32..).zip(&keys) {
            match key {
                Some(key) => drop(numbers.insert(key.clone(), number)),
                None => free.push(number),
            }
        }
        Self { keys, numbers, free }
    }
}

impl From<Keys> for Vec<Option<CellKey>> {
    fn from(keys: Keys) -> Self {
        keys.keys
    }
}
