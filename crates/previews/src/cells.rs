//! Requests by what their clients have in common: the table that cohorts are found in.
//!
//! The table is bounded by telling less, not by leaving out: when it is full it forgets its last attribute and its
//! cells fall together.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::work::{CELLS, each};
use blobwatch_records::{Agent, Place, asn_text};
use blobwatch_sql::Pace;

/// Cells at one time: some 200 bytes each, 1.6 MB.
pub(super) const MAX_CELLS: usize = 8_192;

/// Attributes in the order in which they are kept.
pub(super) const ATTRIBUTES: [&str; 7] = ["family", "os", "colo", "country", "asn", "version", "fingerprint"];

/// Attributes that are never forgotten; what finds no room then is [`OTHER`].
const LEAST: usize = 2;

/// Stands for values that found no room.
pub(super) const OTHER: &str = "(other)";

/// Values in the order of [`ATTRIBUTES`], the first of them; empty where absent.
type Key = Vec<String>;

/// Requests by weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Cell {
    pub(super) requests: u64,
    pub(super) matched: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cells {
    /// Attributes that are told apart.
    depth: usize,
    keys: Vec<Key>,
    cells: Vec<Cell>,
    #[serde(skip)]
    places: HashMap<Key, u32>,
}

impl Default for Cells {
    fn default() -> Self {
        Self {
            depth: ATTRIBUTES.len(),
            keys: Vec::new(),
            cells: Vec::new(),
            places: HashMap::new(),
        }
    }
}

/// All attributes of one client.
pub(super) fn values_of(agent: &Agent, place: &Place) -> [String; ATTRIBUTES.len()] {
    [
        agent.family.as_str().to_owned(),
        agent.os.clone(),
        place.colo.clone(),
        place.country.clone(),
        asn_text(place.asn),
        agent.version.clone(),
        agent.fingerprint.clone(),
    ]
}

impl Cells {
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// The cell's number, once there is room: until then the table has to be [`Self::coarsen`]ed.
    pub(super) fn place(&mut self, values: &[String]) -> Option<u32> {
        let key = values.get(..self.depth).unwrap_or(values);
        if let Some(place) = self.places.get(key) {
            return Some(*place);
        }
        if self.keys.len() < MAX_CELLS {
            return Some(self.add(key.to_vec()));
        }
        (self.depth <= LEAST).then(|| {
            let other = vec![OTHER.to_owned(); self.depth];
            match self.places.get(&other) {
                Some(place) => *place,
                None => self.add(other),
            }
        })
    }

    fn add(&mut self, key: Key) -> u32 {
        let place = self.keys.len() as u32;
        self.places.insert(key.clone(), place);
        self.keys.push(key);
        self.cells.push(Cell::default());
        place
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Cell> {
        self.cells.get_mut(place as usize)
    }

    /// Forgets attributes until `depth` are left; answers the new number of each cell.
    pub(super) fn coarsen(&mut self, depth: usize) -> Vec<u32> {
        let depth = depth.clamp(LEAST, ATTRIBUTES.len()).min(self.depth);
        let old = std::mem::take(self);
        self.depth = depth;
        old.keys
            .into_iter()
            .zip(old.cells)
            .map(|(mut key, cell)| {
                key.truncate(depth);
                let place = self.places.get(&key).copied();
                let place = place.unwrap_or_else(|| self.add(key));
                if let Some(sum) = self.get_mut(place) {
                    sum.requests += cell.requests;
                    sum.matched += cell.matched;
                }
                place
            })
            .collect()
    }

    /// After a journey.
    pub(super) async fn index(&mut self, pace: &impl Pace) {
        if self.places.len() == self.keys.len() {
            return;
        }
        let mut places = HashMap::with_capacity(self.keys.len());
        each(self.keys.iter().zip(0..), CELLS, pace, |(key, place)| {
            places.insert(key.clone(), place);
        })
        .await;
        self.places = places;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[String], &Cell)> {
        self.keys.iter().map(Vec::as_slice).zip(&self.cells)
    }
}
