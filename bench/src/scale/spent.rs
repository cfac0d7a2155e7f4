//! What was asked, and what CPU each part of Blobwatch took for it.

use crate::detect::cost::thread_cpu;

/// A part whose CPU is counted by itself.
#[derive(Clone, Copy)]
pub(super) enum Part {
    /// Isolates: decided, settled, batched, learned.
    Requests,
    /// FireLogs: batches taken in.
    Flushes,
    /// FireLogs: cells counted, segments merged, the old forgotten.
    Alarms,
    /// The Detector: batches of cells taken in, and slots tested.
    Cells,
    Ticks,
    /// The Detector: minutes and hours added up.
    Sums,
    /// The RuleBook: loads heard, the rulebook changed and told.
    RuleBook,
}

const PARTS: usize = 7;

#[derive(Default, Clone)]
pub(super) struct Spent {
    seconds: [f64; PARTS],
    pub(super) requests: u64,
    pub(super) flushes: u64,
    pub(super) object_requests: u64,
    pub(super) alarms: u64,
    /// Each is a row.
    pub(super) alarms_set: u64,
}

impl Spent {
    /// Does something, at the cost of a part.
    pub(super) fn of<T>(&mut self, part: Part, work: impl FnOnce() -> T) -> T {
        let before = thread_cpu().unwrap_or_default();
        let done = work();
        let spent = thread_cpu().unwrap_or_default().saturating_sub(before);
        if let Some(seconds) = self.seconds.get_mut(part as usize) {
            *seconds += spent.as_secs_f64();
        }
        done
    }

    pub(super) fn seconds(&self, part: Part) -> f64 {
        self.seconds.get(part as usize).copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in self.seconds.iter_mut().zip(other.seconds) {
            *sum += more;
        }
        self.requests += other.requests;
        self.flushes += other.flushes;
        self.object_requests += other.object_requests;
        self.alarms += other.alarms;
        self.alarms_set += other.alarms_set;
    }

    pub(super) fn all_seconds(&self) -> f64 {
        self.seconds.iter().sum()
    }
}
