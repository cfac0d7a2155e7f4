//! What is due once a minute, and what leaves the window.

use std::collections::BTreeMap;

use super::{Engine, MinuteSample, Note, Outcome, REOPEN_SLOTS, Rollup, slot_ms};
use crate::window::{Bucket, FINE_SLOTS, MINUTE_SLOTS, WINDOW_SLOTS};
use blobwatch_records::{CellCounts, CellKey};

impl Engine {
    /// What is due once a minute: minutes given out, the past learned, requests missed.
    pub(super) fn minute(&mut self, slot: u64, outcome: &mut Outcome) {
        self.age_window(slot, outcome);
        outcome.notes.extend(self.admission.note().map(|text| Note {
            time_ms: slot_ms(slot + 1),
            text,
        }));
        self.normal.age(slot);
        self.miss(slot, outcome);
        let forgotten = slot.saturating_sub(REOPEN_SLOTS + WINDOW_SLOTS);
        self.closed.retain(|watch| watch.closed_slot >= forgotten);
        self.past.retain(|past| past.last >= forgotten);
    }

    /// Gives out minutes that are complete, and learns what leaves the window.
    pub(super) fn age_window(&mut self, slot: u64, outcome: &mut Outcome) {
        let gone = self.window.age(slot);
        self.roll(slot, &gone, outcome);
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
    }

    fn roll(&mut self, slot: u64, gone: &[Bucket], outcome: &mut Outcome) {
        // What has left the window is read from nowhere else; of a minute that is over nothing comes any more.
        let left = gone.last().map_or(0, |bucket| bucket.minute() + 1);
        let complete = left.max((slot + 1).saturating_sub(FINE_SLOTS) / MINUTE_SLOTS);
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
                sample: MinuteSample::default(),
            });
            rollup.other.add(&bucket.other);
            rollup.sample.merge(self.window.sample_of(bucket), &bucket.cuts);
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

#[cfg(test)]
mod tests {
    use super::{Engine, Outcome};
    use crate::window::MINUTE_SLOTS;
    use blobwatch_pull::{ClientKey, Family, NetworkKey};
    use blobwatch_records::{Cell, CellCounts, CellKey, Cuts, Event, SKETCH};

    const CELLS: u32 = 1_500;

    /// One request, with as many clients and networks behind each event as are told.
    fn cell(asn: u32) -> Cell {
        let mut cell = Cell::new(CellKey {
            route: "hub".into(),
            colo: "FRA".into(),
            country: "DE".into(),
            asn: Some(asn),
            family: Family::Docker,
            os: "".into(),
            fingerprint: "".into(),
            rules: Vec::new(),
        });
        cell.counts.requests = 1;
        for event in Event::ALL {
            for member in 0..SKETCH as u64 {
                cell.affected.insert(event, ClientKey(member), NetworkKey(member));
            }
        }
        cell
    }

    #[test]
    fn minutes_that_leave_a_crowded_window_are_kept() {
        let cells: Vec<Cell> = (0..CELLS).map(cell).collect();
        let (mut engine, mut outcome) = (Engine::default(), Outcome::default());
        let (first, slots) = (600, 3 * MINUTE_SLOTS);
        for slot in first..first + slots {
            let other = CellCounts::default();
            engine.window.push(slot, &cells, &other, &Cuts::default());
            engine.window.settle();
            if (slot + 1).is_multiple_of(MINUTE_SLOTS) {
                engine.minute(slot, &mut outcome);
            } else if engine.window.is_full() {
                engine.age_window(slot, &mut outcome);
            }
        }
        assert!(engine.window.first() > Some(first), "it is crowded");
        let kept = outcome.minutes.iter().flat_map(|minute| &minute.cells);
        let kept: u32 = kept.map(|(_, counts)| counts.requests).sum();
        let later = engine.window.buckets();
        let later = later.filter(|bucket| bucket.minute() > engine.rolled());
        let rows = later.flat_map(|bucket| bucket.rows.values());
        let waiting: u32 = rows.map(|row| row.counts.requests).sum();
        assert_eq!(kept + waiting, CELLS * slots as u32, "each is counted once");
    }
}
