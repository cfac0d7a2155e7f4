//! The last hour, cell by cell: what localisation, rules, breadth and examples are read from.
//!
//! Slots for the newest minutes, minutes before that. A cell's key is kept once, however many minutes it is in.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use blobwatch_records::{
    Affected, BlobCount, Bounds, Cell, CellCounts, CellKey, Cuts, Evidence, MAX_EVIDENCE, SampledRequest,
    note_blob,
};

/// Slots of a minute.
pub(crate) const MINUTE_SLOTS: u64 = 6;

/// Slots kept one by one: the onset of what opens now is in them at most volumes.
pub(super) const FINE_SLOTS: u64 = 6 * MINUTE_SLOTS;

/// How far back the window reaches.
pub(super) const WINDOW_SLOTS: u64 = 60 * MINUTE_SLOTS;

/// Of all buckets, about: some 45,000 rows of which a third has sketches, or 30,000 that all have. Beyond it the oldest
/// buckets go, so that 20,000 live cohorts stay below 64 MB at any number of requests (docs/detection.md).
const MAX_WINDOW_BYTES: usize = 28_000_000;

/// A row without its sketches and evidence, and its place among others.
const ROW_BYTES: usize = 380;

/// Sampled requests of one bucket: some 300 in practice, as most are in several strata.
pub(super) const MAX_SAMPLED: Bounds = Bounds {
    with_event: 48,
    trials: 96,
};

/// Cells of one bucket; further ones are added up in its `other`.
pub(super) const MAX_BUCKET_CELLS: usize = 6_000;

/// Counts of one combination in one bucket.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Row {
    pub counts: CellCounts,
    /// Most rows have no event.
    pub affected: Option<Box<Affected>>,
    pub evidence: Vec<Evidence>,
    /// As [`Cell::blobs`].
    pub blobs: Vec<BlobCount>,
}

/// Slots `first` to `last`, both included.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Bucket {
    pub first: u64,
    pub last: u64,
    /// By the key's number.
    pub rows: BTreeMap<u32, Row>,
    pub other: CellCounts,
    /// Requests with the number of their row's key.
    pub sample: Vec<(u32, SampledRequest)>,
    pub cuts: Cuts,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Window {
    keys: Keys,
    buckets: VecDeque<Bucket>,
}

/// Keys and their numbers; numbers of keys that are gone are given again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Option<CellKey>>", into = "Vec<Option<CellKey>>")]
struct Keys {
    keys: Vec<Option<CellKey>>,
    numbers: BTreeMap<CellKey, u32>,
    free: Vec<u32>,
}

impl Row {
    fn take(&mut self, counts: &CellCounts, affected: &Affected, evidence: &[Evidence], blobs: &[BlobCount]) {
        self.counts.add(counts);
        for blob in blobs {
            note_blob(&mut self.blobs, &blob.digest, blob.times);
        }
        if !affected.is_empty() {
            self.affected.get_or_insert_default().merge(affected);
        }
        for one in evidence {
            let kept = self
                .evidence
                .iter()
                .filter(|kept| kept.event == one.event)
                .count();
            if kept < MAX_EVIDENCE && !self.evidence.contains(one) {
                self.evidence.push(*one);
            }
        }
    }

    /// About.
    fn bytes(&self) -> usize {
        let sketches = self.affected.as_deref().map_or(0, Affected::bytes);
        let blobs: usize = self
            .blobs
            .iter()
            .map(|blob| blob.digest.len() + size_of::<BlobCount>())
            .sum();
        ROW_BYTES + sketches + blobs + self.evidence.len() * size_of::<Evidence>()
    }

    fn merge(&mut self, other: &Self) {
        let none = Affected::default();
        let affected = other.affected.as_deref().unwrap_or(&none);
        self.take(&other.counts, affected, &other.evidence, &other.blobs);
    }
}

impl Bucket {
    fn take(&mut self, number: u32, row: &Row) {
        if self.rows.len() >= MAX_BUCKET_CELLS && !self.rows.contains_key(&number) {
            self.other.add(&row.counts);
        } else {
            self.rows.entry(number).or_default().merge(row);
        }
    }

    /// Takes in a sample, as far as its rows are told apart.
    fn take_sample(&mut self, sample: impl IntoIterator<Item = (u32, SampledRequest)>, cuts: &Cuts) {
        let known = sample
            .into_iter()
            .filter(|(number, _)| self.rows.contains_key(number));
        self.sample.extend(known);
        self.cuts.merge(cuts);
        self.cuts.trim(&mut self.sample, MAX_SAMPLED);
    }

    fn merge(&mut self, other: &Self) {
        for (number, row) in &other.rows {
            self.take(*number, row);
        }
        self.other.add(&other.other);
        self.take_sample(other.sample.iter().cloned(), &other.cuts);
    }

    /// About.
    fn bytes(&self) -> usize {
        let sample = self.sample.iter().map(|(_, request)| request.bytes());
        self.rows.values().map(Row::bytes).chain(sample).sum()
    }

    /// Minute of the bucket's first slot, since 1970.
    #[must_use]
    pub fn minute(&self) -> u64 {
        self.first / MINUTE_SLOTS
    }
}

impl Window {
    /// As an older build saved it.
    pub(super) fn of_parts(keys: Vec<Option<CellKey>>, buckets: VecDeque<Bucket>) -> Self {
        let keys = Keys::from(keys);
        Self { keys, buckets }
    }

    /// Takes in the cells of a slot, which is not before the newest; `cuts` are of their samples.
    pub fn push(&mut self, slot: u64, cells: &[Cell], other: &CellCounts, cuts: &Cuts) {
        let mut bucket = Bucket {
            first: slot,
            last: slot,
            ..Bucket::default()
        };
        bucket.other.add(other);
        for cell in cells {
            let number = self.keys.number(&cell.key);
            let mut row = Row::default();
            row.take(&cell.counts, &cell.affected, &cell.evidence, &cell.blobs);
            bucket.take(number, &row);
            bucket
                .sample
                .extend(cell.sample.iter().map(|request| (number, request.clone())));
        }
        let sample = std::mem::take(&mut bucket.sample);
        bucket.take_sample(sample, cuts);
        match self.buckets.back_mut() {
            Some(newest) if newest.last == slot => newest.merge(&bucket),
            _ => self.buckets.push_back(bucket),
        }
    }

    /// Puts old slots together into minutes and gives out what has left the window, oldest first.
    pub fn age(&mut self, slot: u64) -> Vec<Bucket> {
        self.merge_minutes(slot);
        let mut gone = Vec::new();
        let mut bytes: usize = self.buckets.iter().map(Bucket::bytes).sum();
        while let Some(oldest) = self.buckets.front()
            && (oldest.last + WINDOW_SLOTS <= slot || (bytes > MAX_WINDOW_BYTES && self.buckets.len() > 1))
        {
            bytes -= oldest.bytes();
            gone.extend(self.buckets.pop_front());
        }
        gone
    }

    /// Forgets the keys that no bucket holds; after what [`Window::age`] gave was read.
    pub fn forget_keys(&mut self) {
        let used: std::collections::BTreeSet<u32> = self
            .buckets
            .iter()
            .flat_map(|bucket| bucket.rows.keys().copied())
            .collect();
        self.keys.keep(|number| used.contains(&number));
    }

    fn merge_minutes(&mut self, slot: u64) {
        let fine = slot.saturating_sub(FINE_SLOTS) / MINUTE_SLOTS;
        let mut merged: VecDeque<Bucket> = VecDeque::with_capacity(self.buckets.len());
        for bucket in std::mem::take(&mut self.buckets) {
            match merged.back_mut() {
                Some(before) if before.minute() == bucket.minute() && bucket.minute() < fine => {
                    before.last = bucket.last;
                    before.merge(&bucket);
                }
                _ => merged.push_back(bucket),
            }
        }
        self.buckets = merged;
    }

    /// Buckets from oldest to newest.
    pub fn buckets(&self) -> impl DoubleEndedIterator<Item = &Bucket> {
        self.buckets.iter()
    }

    /// Buckets with a slot from `first` on, and before `until`.
    pub fn between(&self, first: u64, until: u64) -> impl Iterator<Item = &Bucket> {
        let inside = move |bucket: &&Bucket| bucket.last >= first && bucket.last < until;
        self.buckets.iter().filter(inside)
    }

    /// Their rows.
    pub fn rows(&self, first: u64, until: u64) -> impl Iterator<Item = (&CellKey, &Row)> {
        self.between(first, until).flat_map(|bucket| self.rows_of(bucket))
    }

    /// Sampled requests of the buckets from `first` on and before `until`, with their bucket, which has the cuts.
    pub fn sampled(
        &self,
        first: u64,
        until: u64,
    ) -> impl Iterator<Item = (&Bucket, &CellKey, &SampledRequest)> {
        self.between(first, until).flat_map(move |bucket| {
            let sample = bucket.sample.iter();
            sample.filter_map(move |(number, request)| Some((bucket, self.keys.key(*number)?, request)))
        })
    }

    /// The rows of one of this window's buckets, also of one that [`Window::age`] gave just now.
    pub fn rows_of<'a>(&'a self, bucket: &'a Bucket) -> impl Iterator<Item = (&'a CellKey, &'a Row)> {
        bucket
            .rows
            .iter()
            .filter_map(|(number, row)| Some((self.keys.key(*number)?, row)))
    }

    /// First slot that is in the window.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        self.buckets.front().map(|bucket| bucket.first)
    }
}

impl Keys {
    fn number(&mut self, key: &CellKey) -> u32 {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
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

    fn key(&self, number: u32) -> Option<&CellKey> {
        self.keys.get(number as usize)?.as_ref()
    }

    fn keep(&mut self, wanted: impl Fn(u32) -> bool) {
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

#[cfg(test)]
mod tests {
    use super::{Bucket, MAX_WINDOW_BYTES, Row, Window};
    use blobwatch_pull::{ClientKey, NetworkKey};
    use blobwatch_records::{Affected, Event, SKETCH};

    #[test]
    fn full_sketches_shorten_the_window() {
        let mut affected = Affected::default();
        for event in Event::ALL {
            for member in 0..SKETCH as u64 {
                affected.insert(event, ClientKey(member), NetworkKey(member));
            }
        }
        let row = Row {
            affected: Some(Box::new(affected)),
            ..Row::default()
        };
        let mut window = Window::default();
        for slot in 0..6 {
            window.buckets.push_back(Bucket {
                first: slot,
                last: slot,
                rows: (0..6_000).map(|number| (number, row.clone())).collect(),
                ..Bucket::default()
            });
        }
        let bytes = |window: &Window| window.buckets().map(Bucket::bytes).sum::<usize>();
        assert!(bytes(&window) > 2 * MAX_WINDOW_BYTES);
        let gone = window.age(6);
        assert!(bytes(&window) <= MAX_WINDOW_BYTES);
        assert_eq!(gone.first().map(|bucket| bucket.first), Some(0), "the oldest go");
    }
}
