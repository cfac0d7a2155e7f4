//! What is due once a minute.

use std::collections::BTreeMap;

use super::{Engine, Note, Outcome, REOPEN_SLOTS, Rollup, slot_ms};
use crate::window::{Bucket, FINE_SLOTS, MINUTE_SLOTS, WINDOW_SLOTS};
use blobwatch_records::{CellCounts, CellKey};

impl Engine {
    /// What is due once a minute: minutes given out, the past learned, requests missed.
    pub(super) fn minute(&mut self, slot: u64, outcome: &mut Outcome) {
        let gone = self.window.age(slot);
        self.roll(slot, &gone, outcome);
        outcome.notes.extend(self.admission.note().map(|text| Note {
            time_ms: slot_ms(slot + 1),
            text,
        }));
        for bucket in &gone {
            let rows: Vec<(CellKey, CellCounts)> = self
                .window
                .rows_of(bucket)
                .filter(|(key, _)| !self.was_wrong(bucket.first, bucket.last, key))
                .map(|(key, row)| (key.clone(), row.counts))
                .collect();
            self.normal.learn(rows.iter().map(|(key, counts)| (key, counts)));
        }
        self.window.forget_keys();
        self.normal.age(slot);
        self.miss(slot, outcome);
        let forgotten = slot.saturating_sub(REOPEN_SLOTS + WINDOW_SLOTS);
        self.closed.retain(|watch| watch.closed_slot >= forgotten);
        self.past.retain(|past| past.last >= forgotten);
    }

    fn roll(&mut self, slot: u64, gone: &[Bucket], outcome: &mut Outcome) {
        let complete = (slot + 1).saturating_sub(FINE_SLOTS) / MINUTE_SLOTS;
        let rolled = self.rolled;
        let mut minutes: BTreeMap<u64, Rollup> = BTreeMap::new();
        for bucket in gone.iter().chain(self.window.buckets()) {
            let minute = bucket.minute();
            if minute <= rolled || minute >= complete {
                continue;
            }
            let rollup = minutes.entry(minute).or_insert_with(|| Rollup {
                minute,
                cells: Vec::new(),
                other: CellCounts::default(),
            });
            rollup.other.add(&bucket.other);
            let rows = self.window.rows_of(bucket);
            rollup
                .cells
                .extend(rows.map(|(key, row)| (key.clone(), row.counts)));
        }
        if let Some(newest) = minutes.keys().next_back() {
            self.rolled = *newest;
        }
        outcome.minutes.extend(minutes.into_values());
    }
}
