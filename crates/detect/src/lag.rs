//! Trials whose events are still to come.
//!
//! A download that is cut is resumed seconds to minutes after it began. When a deploy or the cron jobs of a full hour end,
//! a few resumes of theirs are left, and hardly anything else is there: held against the trials of their own slot they
//! are a rate of one half. So a slot after a sudden fall is held against what there was just before.

use serde::{Deserialize, Serialize};

use crate::counts::Tally;

/// In how many seconds half of what there was is forgotten: clients retry for about a minute.
const HALF_SECONDS: f64 = 60.0;

/// What is a sudden fall: less than a quarter of what there was, by more than a handful.
const FALL: f64 = 4.0;
const HANDFUL: f64 = 2.0;

/// The most trials of a slot that were no events, fading: 16 bytes.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Lag {
    most: f64,
    slot: u64,
}

impl Lag {
    /// The slot as it is to be tested: with the trials that its events may be of.
    pub fn exposed(&mut self, slot: u64, counts: Tally, slot_seconds: u64) -> Tally {
        let quiet = (slot.saturating_sub(self.slot) * slot_seconds) as f64;
        let before = self.most * 0.5_f64.powf(quiet / HALF_SECONDS);
        let uneventful = counts.trials - counts.events;
        (self.most, self.slot) = (before.max(uneventful), slot);
        if before > FALL * uneventful + HANDFUL {
            Tally {
                trials: before + counts.events,
                ..counts
            }
        } else {
            counts
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lag;
    use crate::counts::Tally;

    fn tally(trials: f64, events: f64) -> Tally {
        Tally { trials, events }
    }

    #[test]
    fn what_a_burst_leaves_behind_is_held_against_the_burst() {
        let mut lag = Lag::default();
        for slot in 0..30 {
            lag.exposed(slot, tally(300.0, 1.0), 10);
        }
        let tail = lag.exposed(30, tally(4.0, 3.0), 10);
        assert!(tail.trials > 200.0 && tail.events == 3.0, "{tail:?}");
        let later = lag.exposed(300, tally(4.0, 3.0), 10);
        assert_eq!(later, tally(4.0, 3.0));
    }

    #[test]
    fn ordinary_slots_are_as_they_are() {
        let mut lag = Lag::default();
        for slot in 0..1000 {
            let counts = tally(((slot * 7) % 5 + 2) as f64, 1.0);
            assert_eq!(lag.exposed(slot, counts, 10), counts);
        }
    }
}
