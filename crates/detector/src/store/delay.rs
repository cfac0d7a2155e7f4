//! How far behind the clock slots are tested.
//!
//! Where Blobwatch sees requests itself, a slot's cells are here seconds after its end. A deployment that is only told of
//! requests hears of them minutes late, some earlier and some later: there slots are tested late by as much, so that requests
//! count in the slot in which they were made. While as much as one request in a hundred is seen at once, nothing waits for what is told.

use std::collections::VecDeque;

use blobwatch_records::CellBatch;

/// Cells of our own requests come one or two slots after theirs; what is told waits for those, and comes after five.
const LATE_SLOTS: u64 = 4;

/// A quarter of an hour: what comes later counts when it comes.
pub(super) const MAX_DELAY_SLOTS: u64 = 90;

/// For how long the latest batch holds the tests back: half an hour.
const REMEMBERED_SLOTS: u64 = 180;

/// One request in so many that is seen at once makes it a deployment that sees.
const SEEN_SHARE: u64 = 100;

/// What came lately, by the slot in which it came; 30 bytes a slot.
#[derive(Debug, Default)]
pub(super) struct Delay {
    slots: VecDeque<Came>,
    /// What it was before this object woke, until as much is known again.
    before: u64,
    /// When something came first.
    since: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Came {
    slot: u64,
    /// Requests.
    seen: u64,
    told: u64,
    latest: u64,
}

impl Delay {
    pub(super) fn after(before: u64) -> Self {
        Self {
            before: before.min(MAX_DELAY_SLOTS),
            ..Self::default()
        }
    }

    pub(super) fn saw(&mut self, batch: &CellBatch, now: u64) {
        let requests = batch
            .cells
            .iter()
            .map(|cell| u64::from(cell.counts.requests))
            .sum::<u64>();
        if self.slots.back().is_none_or(|came| came.slot < now) {
            self.slots.push_back(Came {
                slot: now,
                ..Came::default()
            });
        }
        while self
            .slots
            .front()
            .is_some_and(|came| came.slot + REMEMBERED_SLOTS < now)
        {
            self.slots.pop_front();
        }
        if now > *self.since.get_or_insert(now) + REMEMBERED_SLOTS {
            self.before = 0;
        }
        let late = now.saturating_sub(batch.slot);
        if let Some(came) = self.slots.back_mut() {
            if late <= LATE_SLOTS {
                came.seen += requests;
            } else {
                came.told += requests;
                came.latest = came.latest.max(late);
            }
        }
    }

    /// In slots; 0 while requests are seen.
    pub(super) fn slots(&self) -> u64 {
        let seen: u64 = self.slots.iter().map(|came| came.seen).sum();
        let told: u64 = self.slots.iter().map(|came| came.told).sum();
        if seen > 0 && seen * SEEN_SHARE >= told {
            return 0;
        }
        let latest = self.slots.iter().map(|came| came.latest).max();
        latest.unwrap_or_default().max(self.before).min(MAX_DELAY_SLOTS)
    }
}

#[cfg(test)]
mod tests {
    use blobwatch_pull::Family;
    use blobwatch_records::{Cell, CellBatch, CellCounts, CellKey};

    use super::{Delay, MAX_DELAY_SLOTS, REMEMBERED_SLOTS};

    fn batch(slot: u64, requests: u32) -> CellBatch {
        let mut cell = Cell::new(CellKey {
            route: "hub".into(),
            colo: "".into(),
            country: "".into(),
            asn: None,
            family: Family::Docker,
            os: "".into(),
            fingerprint: "".into(),
            rules: Vec::new(),
        });
        cell.counts = CellCounts {
            requests,
            ..CellCounts::default()
        };
        CellBatch {
            slot,
            cells: vec![cell],
            ..CellBatch::default()
        }
    }

    #[test]
    fn only_a_deployment_that_is_told_of_everything_waits() {
        let mut delay = Delay::default();
        delay.saw(&batch(1_000, 50), 1_001);
        assert_eq!(delay.slots(), 0);
        delay.saw(&batch(990, 4_000), 1_002);
        assert_eq!(delay.slots(), 0);
        delay.saw(&batch(985, 2_000), 1_003);
        assert_eq!(delay.slots(), 18);
        delay.saw(&batch(1_003, 100), 1_004);
        assert_eq!(delay.slots(), 0);
    }

    #[test]
    fn what_held_before_holds_until_as_much_is_known_again() {
        let mut delay = Delay::after(40);
        assert_eq!(delay.slots(), 40);
        delay.saw(&batch(1_000, 10), 1_010);
        assert_eq!(delay.slots(), 40);
        delay.saw(&batch(1_181, 10), 1_011 + REMEMBERED_SLOTS);
        assert_eq!(delay.slots(), 10);
        let mut seen = Delay::after(40);
        seen.saw(&batch(1_009, 10), 1_010);
        assert_eq!(seen.slots(), 0);
    }

    #[test]
    fn the_latest_batch_of_half_an_hour_counts_up_to_a_bound() {
        let mut delay = Delay::default();
        delay.saw(&batch(1_000, 10), 1_040);
        delay.saw(&batch(1_040, 10), 1_050);
        assert_eq!(delay.slots(), 40);
        delay.saw(&batch(1_211, 10), 1_041 + REMEMBERED_SLOTS);
        assert_eq!(delay.slots(), 10);
        delay.saw(&batch(100, 10), 1_242);
        assert_eq!(delay.slots(), MAX_DELAY_SLOTS);
    }
}
