//! The last hour, cell by cell: what localisation, rules, breadth and examples are read from.
//!
//! Slots for the newest minutes, minutes before that. A cell's key is kept once, however many minutes it is in.

mod keys;
mod pieces;

use std::collections::{BTreeMap, HashSet, VecDeque};

use serde::{Deserialize, Serialize};

use blobwatch_records::{
    Affected, BlobCount, Bounds, Cell, CellCounts, CellKey, Cuts, Evidence, MAX_EVIDENCE, SampledRequest,
    note_blob,
};

use keys::Keys;
pub(crate) use pieces::WindowPlace;

/// Slots of a minute.
pub(crate) const MINUTE_SLOTS: u64 = 6;

/// Slots kept one by one: the onset of what opens now is in them at most volumes.
pub(super) const FINE_SLOTS: u64 = 6 * MINUTE_SLOTS;

/// How far back the window reaches.
pub(super) const WINDOW_SLOTS: u64 = 60 * MINUTE_SLOTS;

/// Of all buckets, about: some 38,000 rows of which a third has sketches, or 26,000 that all have. Beyond it the oldest
/// buckets go, so that 20,000 live cohorts stay below 64 MB at any number of requests (docs/detection.md).
const MAX_WINDOW_BYTES: usize = 24_000_000;

/// A row without its sketches and evidence, and its place among others.
const ROW_BYTES: usize = 380;

/// Sampled requests of one bucket: some 300 in practice, as most are in several strata.
pub(super) const MAX_SAMPLED: Bounds = Bounds {
    with_event: 48,
    trials: 96,
};

/// Cells of one bucket; further ones are added up in its `other`. Those that are in the window before come first: which requests
/// it shows must not change from one slot to the next, or some would seem to vanish.
pub(super) const MAX_BUCKET_CELLS: usize = 5_000;

/// Slots kept one by one beside those of the newest minute where there is no room for more.
const CROWDED_FINE_SLOTS: u64 = 0;

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
    /// Of the slot that is counted now.
    #[serde(skip)]
    newcomers: Newcomers,
}

/// Keys that came for the first time in the slot that is counted now.
#[derive(Debug, Clone, Default)]
struct Newcomers {
    numbers: HashSet<u32>,
    /// There was no room for one of this weight.
    too_light: Option<Weight>,
}

/// Whether it has events, and its requests.
type Weight = (bool, u32);

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

    fn weight(&self) -> Weight {
        (self.affected.is_some(), self.counts.requests)
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
        Self {
            keys,
            buckets,
            ..Self::default()
        }
    }

    /// Takes in cells of a slot, which is not before the newest; `cuts` are of their samples. Once all of the slot's came,
    /// [`Window::settle`] says so.
    pub fn push(&mut self, slot: u64, cells: &[Cell], other: &CellCounts, cuts: &Cuts) {
        if self.buckets.back().is_none_or(|newest| newest.last != slot) {
            self.buckets.push_back(Bucket {
                first: slot,
                last: slot,
                ..Bucket::default()
            });
        }
        let Some(bucket) = self.buckets.back_mut() else {
            return;
        };
        bucket.other.add(other);
        let mut sample = Vec::new();
        for cell in cells {
            let Some(number) = self.newcomers.number(&mut self.keys, cell) else {
                bucket.other.add(&cell.counts);
                continue;
            };
            let row = bucket.rows.entry(number).or_default();
            row.take(&cell.counts, &cell.affected, &cell.evidence, &cell.blobs);
            sample.extend(cell.sample.iter().map(|request| (number, request.clone())));
        }
        bucket.take_sample(sample, cuts);
        if bucket.rows.len() > 2 * MAX_BUCKET_CELLS {
            self.thin();
        }
    }

    /// All cells of the newest slot came.
    pub fn settle(&mut self) {
        self.thin();
        self.newcomers = Newcomers::default();
    }

    /// Leaves out what is one too many in the newest bucket: newcomers first, of these the lightest first.
    fn thin(&mut self) {
        let Some(bucket) = self.buckets.back_mut() else {
            return;
        };
        let surplus = bucket.rows.len().saturating_sub(MAX_BUCKET_CELLS);
        if surplus == 0 {
            return;
        }
        let is_new = |number: &u32| self.newcomers.numbers.contains(number);
        let rank = |(number, row): (&u32, &Row)| (!is_new(number), row.weight(), *number);
        let mut ranks: Vec<(bool, Weight, u32)> = bucket.rows.iter().map(rank).collect();
        ranks.select_nth_unstable(surplus - 1);
        for (_, weight, number) in ranks.into_iter().take(surplus) {
            if let Some(row) = bucket.rows.remove(&number) {
                bucket.other.add(&row.counts);
            }
            if self.newcomers.numbers.remove(&number) {
                self.newcomers.too_light = self.newcomers.too_light.max(Some(weight));
                self.keys.forget(number);
            }
        }
        bucket
            .sample
            .retain(|(number, _)| bucket.rows.contains_key(number));
    }

    /// Puts old slots together into minutes and gives out what has left the window, oldest first.
    pub fn age(&mut self, slot: u64) -> Vec<Bucket> {
        self.merge_minutes(slot, FINE_SLOTS);
        let mut bytes = self.bytes();
        if bytes > MAX_WINDOW_BYTES {
            self.merge_minutes(slot, CROWDED_FINE_SLOTS);
            bytes = self.bytes();
        }
        let mut gone = Vec::new();
        // Of a minute that goes on more will come: it stays whole.
        let is_over = |bucket: &Bucket| bucket.minute() < (slot + 1) / MINUTE_SLOTS;
        while let Some(oldest) = self.buckets.front()
            && (oldest.last + WINDOW_SLOTS <= slot
                || (bytes > MAX_WINDOW_BYTES && self.buckets.len() > 1 && is_over(oldest)))
        {
            bytes -= oldest.bytes();
            gone.extend(self.buckets.pop_front());
        }
        gone
    }

    fn bytes(&self) -> usize {
        self.buckets.iter().map(Bucket::bytes).sum()
    }

    /// Whether something should leave it before the minute ends.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes() > MAX_WINDOW_BYTES
    }

    /// Forgets the keys that no bucket holds; after what [`Window::age`] gave was read.
    pub fn forget_keys(&mut self) {
        let mut used = vec![false; self.keys.keys.len()];
        for number in self.buckets.iter().flat_map(|bucket| bucket.rows.keys()) {
            if let Some(used) = used.get_mut(*number as usize) {
                *used = true;
            }
        }
        self.keys
            .keep(|number| used.get(number as usize).copied().unwrap_or_default());
    }

    fn merge_minutes(&mut self, slot: u64, fine_slots: u64) {
        let fine = slot.saturating_sub(fine_slots) / MINUTE_SLOTS;
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

    /// The key of a row's number.
    pub(super) fn key(&self, number: u32) -> Option<&CellKey> {
        self.keys.key(number)
    }

    /// By number, the keys that rows have; none where a number waits for another.
    pub(super) fn keys(&self) -> impl Iterator<Item = Option<&CellKey>> {
        self.keys.keys.iter().map(Option::as_ref)
    }

    /// What is taken of the rows between these slots, added up by key, in the order of keys.
    pub(super) fn sums<V: Default>(
        &self,
        first: u64,
        until: u64,
        mut take: impl FnMut(&mut V, &Row),
    ) -> Vec<(&CellKey, V)> {
        let mut sums: Vec<Option<V>> = Vec::new();
        sums.resize_with(self.keys.keys.len(), || None);
        for bucket in self.between(first, until) {
            for (number, row) in &bucket.rows {
                if let Some(sum) = sums.get_mut(*number as usize) {
                    take(sum.get_or_insert_default(), row);
                }
            }
        }
        let sum = |(key, number): (_, &u32)| Some((key, sums.get_mut(*number as usize)?.take()?));
        self.keys.numbers.iter().filter_map(sum).collect()
    }

    /// Sampled requests of the buckets from `first` on and before `until`, with their bucket, which has the cuts.
    pub fn sampled(
        &self,
        first: u64,
        until: u64,
    ) -> impl Iterator<Item = (&Bucket, &CellKey, &SampledRequest)> {
        self.between(first, until).flat_map(move |bucket| {
            let sample = self.sample_of(bucket);
            sample.map(move |(key, request)| (bucket, key, request))
        })
    }

    /// The sampled requests of one bucket, as [`Window::rows_of`].
    pub fn sample_of<'a>(
        &'a self,
        bucket: &'a Bucket,
    ) -> impl Iterator<Item = (&'a CellKey, &'a SampledRequest)> {
        let sample = bucket.sample.iter();
        sample.filter_map(|(number, request)| Some((self.keys.key(*number)?, request)))
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

impl Newcomers {
    /// The number of a cell's key; `None` where it is new, and lighter than what there was no room for.
    fn number(&mut self, keys: &mut Keys, cell: &Cell) -> Option<u32> {
        if let Some(number) = keys.numbers.get(&cell.key) {
            return Some(*number);
        }
        let weight = (!cell.affected.is_empty(), cell.counts.requests);
        if self.too_light.is_some_and(|too_light| weight <= too_light) {
            return None;
        }
        let number = keys.add(&cell.key);
        self.numbers.insert(number);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, MAX_BUCKET_CELLS, MAX_WINDOW_BYTES, Row, Window};
    use blobwatch_pull::{ClientKey, Family, NetworkKey};
    use blobwatch_records::{Affected, Cell, CellCounts, CellKey, Cuts, Event, SKETCH};

    /// A combination that no other number is, with so many requests.
    fn cell(number: usize, requests: u32) -> Cell {
        let mut cell = Cell::new(CellKey {
            route: "hub".into(),
            colo: format!("C{number:05}").into(),
            country: "".into(),
            asn: None,
            family: Family::Docker,
            os: "".into(),
            fingerprint: "".into(),
            rules: Vec::new(),
        });
        cell.counts.requests = requests;
        cell
    }

    fn take(window: &mut Window, slot: u64, cells: &[Cell]) {
        for part in cells.chunks(384) {
            window.push(slot, part, &CellCounts::default(), &Cuts::default());
        }
        window.settle();
    }

    /// Who is told apart stays so: nobody seems to vanish because others came.
    #[test]
    fn newcomers_have_the_room_that_is_left() {
        let (known, new) = (MAX_BUCKET_CELLS - 100, 3 * MAX_BUCKET_CELLS);
        let mut window = Window::default();
        let mut cells: Vec<Cell> = (0..known).map(|number| cell(number, 1)).collect();
        take(&mut window, 1, &cells);
        // The heaviest come neither first nor last.
        cells.splice(
            0..0,
            (0..new).map(|at| cell(known + at, 2 + (at * 7 % new) as u32)),
        );
        take(&mut window, 2, &cells);
        let newest = window.buckets().next_back().unwrap();
        assert_eq!(newest.rows.len(), MAX_BUCKET_CELLS);
        let shown: Vec<(&CellKey, u32)> = window
            .rows_of(newest)
            .map(|(key, row)| (key, row.counts.requests))
            .collect();
        let is_known = |requests: &u32| *requests == 1;
        assert_eq!(
            shown.iter().filter(|(_, requests)| is_known(requests)).count(),
            known
        );
        let lightest = shown
            .iter()
            .map(|(_, requests)| *requests)
            .filter(|requests| !is_known(requests));
        assert_eq!(
            lightest.min(),
            Some((new - 100) as u32 + 2),
            "the heaviest of the others"
        );
        let all: u32 = cells.iter().map(|cell| cell.counts.requests).sum();
        let told: u32 = shown.iter().map(|(_, requests)| requests).sum();
        assert_eq!(newest.other.requests, all - told, "the rest is counted");
        window.forget_keys();
        assert_eq!(
            window.keys.numbers.len(),
            MAX_BUCKET_CELLS,
            "and its names are forgotten"
        );
    }

    #[test]
    fn a_crowded_window_puts_slots_together_before_it_forgets_any() {
        let cells: Vec<Cell> = (0..MAX_BUCKET_CELLS).map(|number| cell(number, 1)).collect();
        let mut window = Window::default();
        for slot in 0..24 {
            take(&mut window, slot, &cells);
        }
        assert!(window.bytes() > MAX_WINDOW_BYTES);
        assert!(window.age(23).is_empty());
        assert!(window.bytes() <= MAX_WINDOW_BYTES);
        let spans = window.buckets().map(|bucket| (bucket.first, bucket.last));
        let newest = (18..24).map(|slot| (slot, slot));
        let expected = [(0, 5), (6, 11), (12, 17)].into_iter().chain(newest);
        assert!(spans.eq(expected));
    }

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
        for slot in 0..24 {
            window.buckets.push_back(Bucket {
                first: slot,
                last: slot,
                rows: (0..MAX_BUCKET_CELLS as u32)
                    .map(|number| (number, row.clone()))
                    .collect(),
                ..Bucket::default()
            });
        }
        let bytes = |window: &Window| window.buckets().map(Bucket::bytes).sum::<usize>();
        assert!(bytes(&window) > 2 * MAX_WINDOW_BYTES);
        let gone = window.age(24);
        assert!(bytes(&window) <= MAX_WINDOW_BYTES);
        assert_eq!(gone.first().map(|bucket| bucket.first), Some(0), "the oldest go");
    }
}
