//! Batches into the detector, as a deployment does it, and what became of its anomalies.

use std::collections::BTreeMap;

use blobwatch_detector::{Anomaly, Engine, Note, Outcome};
use blobwatch_records::{Breadth, CellBatch};
use blobwatch_rulebook::AnomalyBreadth;

/// Slots that are ticked after the last one: what has begun to open may open.
const SLOTS_AFTER: u64 = 6;

#[derive(Default)]
pub(super) struct Watch {
    engine: Engine,
    anomalies: BTreeMap<u64, Anomaly>,
    pub(super) notes: Vec<Note>,
    /// Everybody in the logs.
    pub(super) senders: Breadth,
    newest: u64,
}

impl Watch {
    /// Of faults that are at least so broad.
    pub(super) fn new(least: AnomalyBreadth) -> Self {
        let mut watch = Self::default();
        watch.engine.set_breadth(least);
        watch
    }

    pub(super) fn take(&mut self, batch: CellBatch) {
        let slot = batch.slot;
        self.newest = self.newest.max(slot);
        batch.routes.iter().for_each(|of| self.senders.merge(&of.breadth));
        // The log's own time is the clock: a batch is there when its slot is over.
        self.engine.add(batch, slot);
        let outcome = self.engine.tick(slot);
        self.keep(outcome);
    }

    /// Anomalies in the order in which they opened, as they are at the end.
    pub(super) fn finish(mut self) -> (Vec<Anomaly>, Vec<Note>) {
        if self.newest > 0 {
            let outcome = self.engine.tick(self.newest + SLOTS_AFTER);
            self.keep(outcome);
        }
        for anomaly in self.engine.open() {
            self.anomalies.insert(anomaly.id, anomaly.clone());
        }
        (self.anomalies.into_values().collect(), self.notes)
    }

    fn keep(&mut self, outcome: Outcome) {
        for change in outcome.changes {
            self.anomalies.insert(change.anomaly.id, change.anomaly);
        }
        self.notes.extend(outcome.notes);
    }
}
