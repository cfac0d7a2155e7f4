//! How much of a past there is to test against.

use super::Monitor;
use crate::baseline::{MIN_SLOTS, MIN_TRIALS};

/// What is known of a cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learned {
    /// Trials so far, faded.
    pub trials: u64,
    /// Whether the cohort is tested by itself. Until then it is tested in those that it is part of.
    pub is_tested: bool,
}

impl Learned {
    /// Trials from which on a cohort is tested by itself; it also needs five minutes with trials.
    pub const MIN_TRIALS: u64 = MIN_TRIALS as u64;
}

impl Monitor {
    /// The slot from which on everything together is tested, however little there was. `None` before the first slot.
    #[must_use]
    pub fn tested_from(&self) -> Option<u64> {
        Some(self.began? + u64::from(MIN_SLOTS))
    }

    /// What is known of everybody with one value. `None` where nobody with it was seen.
    #[must_use]
    pub fn learned(&self, attribute: &str, value: &str) -> Option<Learned> {
        let cohort = self.cohorts.of(self.names.margin(attribute, value)?)?;
        Some(Learned {
            trials: cohort.baseline.trials().round() as u64,
            is_tested: cohort.baseline.is_known(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::monitor::{Cell, IGNORANCE, Settings};

    #[test]
    fn a_cohort_is_tested_after_thirty_slots_and_a_hundred_trials() {
        let mut monitor = Monitor::new(Settings {
            attributes: vec!["route".to_owned(), "colo".to_owned()],
            slot_seconds: 10,
            days_per_false_alarm: 30.0,
            max_cohorts: 100,
            usual: IGNORANCE,
        });
        assert_eq!(
            (monitor.tested_from(), monitor.learned("route", "hub")),
            (None, None)
        );
        for slot in 100..140 {
            let cell = |route, trials| Cell {
                values: if route { &["hub", "FRA"] } else { &["edge", "FRA"] },
                counts: Counts { trials, events: 0 },
            };
            monitor.observe(slot, [cell(true, 10), cell(false, 1)]);
            let hub = monitor.learned("route", "hub").unwrap();
            assert_eq!(hub.is_tested, slot >= 129, "{slot}: {hub:?}");
        }
        assert_eq!(monitor.tested_from(), Some(130));
        let edge = Learned {
            trials: 40,
            is_tested: false,
        };
        assert_eq!(monitor.learned("route", "edge"), Some(edge));
        assert_eq!(monitor.learned("route", "nobody"), None);
        assert_eq!(monitor.learned("weather", "hub"), None);
    }
}
