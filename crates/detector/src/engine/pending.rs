//! Cells that wait for their slot to be tested.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Added, Engine, MAX_EARLY_SLOTS, MAX_LATE_SLOTS};
use crate::window::MAX_SAMPLED;
use blobwatch_records::{Cell, CellBatch, CellCounts, CellKey, Cuts};

/// Cells that wait for their slot; beyond it they are `other`. 300 FireLogs with 100 cells each.
const MAX_PENDING: usize = 30_000;

/// Sampled requests that wait for their slot; beyond it what a bucket of the window keeps of them. At some 300 bytes 3 MB.
const MAX_PENDING_SAMPLED: usize = 10_000;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) cells: BTreeMap<CellKey, Cell>,
    pub(super) other: CellCounts,
    pub(super) cuts: Cuts,
}

impl Pending {
    /// Keeps the samples within their bound.
    fn thin(&mut self) {
        let sampled: usize = self.cells.values().map(|cell| cell.sample.len()).sum();
        if sampled <= MAX_PENDING_SAMPLED {
            return;
        }
        let all = self.cells.values().flat_map(|cell| &cell.sample);
        self.cuts.tighten(all, MAX_SAMPLED);
        for cell in self.cells.values_mut() {
            cell.sample.retain_mut(|request| self.cuts.keep(request));
        }
    }
}

impl Engine {
    /// Takes in a batch that came in slot `now`; whether it came before is the caller's to know.
    pub fn add(&mut self, batch: CellBatch, now: u64) -> Added {
        self.add_late(batch, now, 0)
    }

    /// As [`Self::add`], where slots are tested so many slots later than usual.
    pub fn add_late(&mut self, batch: CellBatch, now: u64, delay: u64) -> Added {
        let ticked = self.ticked.unwrap_or(0);
        // It says its own times, and may come as late as it likes.
        self.upstream.take(&batch.upstream, now);
        if batch.slot + MAX_LATE_SLOTS + delay < now || batch.slot > now + MAX_EARLY_SLOTS {
            self.uncounted.out_of_time += 1;
            return Added::OutOfTime;
        }
        self.traffic.take(&batch);
        let waiting: usize = self.pending.values().map(|pending| pending.cells.len()).sum();
        let mut room = MAX_PENDING.saturating_sub(waiting);
        let slot = batch.slot.max(ticked + 1);
        let pending = self.pending.entry(slot).or_default();
        pending.other.add(&batch.other);
        pending.cuts.merge(&batch.cuts);
        for cell in batch.cells {
            let cell = self.admission.admit(cell, now);
            match pending.cells.get_mut(&cell.key) {
                Some(known) => known.merge(&cell),
                None if room == 0 => pending.other.add(&cell.counts),
                None => {
                    room -= 1;
                    pending.cells.insert(cell.key.clone(), cell);
                }
            }
        }
        pending.thin();
        Added::Counted
    }

    /// Cells of all slots up to `slot`.
    pub(super) fn take_due(&mut self, slot: u64) -> (Vec<Cell>, CellCounts, Cuts) {
        let later = self.pending.split_off(&(slot + 1));
        let mut all = Pending::default();
        for (_, due) in std::mem::replace(&mut self.pending, later) {
            all.other.add(&due.other);
            all.cuts.merge(&due.cuts);
            if all.cells.is_empty() {
                all.cells = due.cells;
                continue;
            }
            for (key, cell) in due.cells {
                match all.cells.get_mut(&key) {
                    Some(known) => known.merge(&cell),
                    None => drop(all.cells.insert(key, cell)),
                }
            }
        }
        self.uncounted.other_requests += u64::from(all.other.requests);
        (all.cells.into_values().collect(), all.other, all.cuts)
    }
}
