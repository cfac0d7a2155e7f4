//! Batches that wait for their slot to be tested.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BatchOutcome, Engine, MAX_EARLY_SLOTS, MAX_LATE_SLOTS};
use blobwatch_records::{Cell, CellBatch, CellCounts, CellKey, Cuts, MAX_CELLS};

/// Bytes of batches that wait; the cells of further ones are `other`. Two slots of 300 FireLogs with 384 cells each are 24 MB at
/// the 100 bytes that a cell takes in practice, and ten times that as cells.
const MAX_PENDING_BYTES: usize = 32_000_000;

/// What waits for one slot.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Pending {
    /// What a build before kept as cells; none are added.
    pub(super) cells: BTreeMap<CellKey, Cell>,
    pub(super) other: CellCounts,
    pub(super) cuts: Cuts,
    /// Encoded, with the values that are told apart. Saved beside the engine.
    #[serde(skip)]
    pub(super) batches: Vec<Vec<u8>>,
}

impl Pending {
    fn bytes(&self) -> usize {
        self.batches.iter().map(Vec::len).sum()
    }

    /// Keeps a batch, where it fits; the room that is left.
    fn keep(&mut self, batch: &CellBatch, room: usize) -> usize {
        let bytes = batch.encode();
        let left = room.checked_sub(bytes.len());
        if left.is_some() {
            self.batches.push(bytes);
        } else {
            batch.cells.iter().for_each(|cell| self.other.add(&cell.counts));
        }
        left.unwrap_or(room)
    }

    /// The batches one by one, first what an older build kept.
    fn into_batches(self) -> impl Iterator<Item = CellBatch> {
        let kept = CellBatch {
            cells: self.cells.into_values().collect(),
            other: self.other,
            cuts: self.cuts,
            ..CellBatch::default()
        };
        // They were written by this process, or by one whose saved state this build reads.
        let decoded = self.batches.into_iter();
        let decoded = decoded.filter_map(|bytes| CellBatch::decode(&bytes).ok());
        std::iter::once(kept).chain(decoded)
    }
}

impl Engine {
    /// Takes in a batch that came in slot `now`; whether it came before is the caller's to know.
    pub fn add(&mut self, batch: CellBatch, now: u64) -> BatchOutcome {
        self.add_late(batch, now, 0)
    }

    /// As [`Self::add`], where slots are tested so many slots later than usual.
    pub fn add_late(&mut self, mut batch: CellBatch, now: u64, delay: u64) -> BatchOutcome {
        let ticked = self.ticked.unwrap_or(0);
        // It says its own times, and may come as late as it likes.
        self.upstream.take(&batch.upstream, now);
        if batch.slot + MAX_LATE_SLOTS + delay < now || batch.slot > now + MAX_EARLY_SLOTS {
            self.uncounted.out_of_time += 1;
            return BatchOutcome::OutOfTime;
        }
        self.traffic.take(&batch);
        let cells = std::mem::take(&mut batch.cells).into_iter();
        let mut cells: Vec<Cell> = cells.map(|cell| self.admission.admit(cell, now)).collect();
        let mut room = MAX_PENDING_BYTES.saturating_sub(self.pending.values().map(Pending::bytes).sum());
        let pending = self.pending.entry(batch.slot.max(ticked + 1)).or_default();
        pending.other.add(&batch.other);
        while !cells.is_empty() {
            // A reader takes no more of them at once.
            let rest = cells.split_off(cells.len().min(MAX_CELLS));
            let cuts = batch.cuts;
            let part = CellBatch {
                cells,
                cuts,
                ..CellBatch::default()
            };
            room = pending.keep(&part, room);
            cells = rest;
        }
        BatchOutcome::Counted
    }

    /// What waited for all slots up to `slot`.
    pub(super) fn take_due(&mut self, slot: u64) -> impl Iterator<Item = CellBatch> + use<> {
        let later = self.pending.split_off(&(slot + 1));
        let due = std::mem::replace(&mut self.pending, later);
        due.into_values().flat_map(Pending::into_batches)
    }

    /// Batches that wait, by slot, to be saved beside the engine.
    pub(crate) fn waiting(&self) -> BTreeMap<u64, &[Vec<u8>]> {
        let pending = self.pending.iter();
        pending
            .map(|(slot, pending)| (*slot, &*pending.batches))
            .collect()
    }

    /// Takes over what waited when it was saved.
    pub(crate) fn restore_waiting(&mut self, waiting: BTreeMap<u64, Vec<Vec<u8>>>) {
        for (slot, batches) in waiting {
            self.pending.entry(slot).or_default().batches = batches;
        }
    }
}
