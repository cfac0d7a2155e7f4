//! The load of this FireLog by the minute, and when the RuleBook is told of it. In memory only: it begins anew with the object.

use std::collections::VecDeque;

use super::FireLog;
use crate::load::{Load, MINUTE_MS};
use blobwatch_records::{colo_of, place_of};
use blobwatch_rulebook::{FULL, LoadReport};
use blobwatch_sql::Sql;

/// Whole minutes that are remembered: a colo's FireLogs become fewer only after so many quiet ones.
pub(crate) const MINUTES: usize = 10;

/// Minutes in a row that must be full before the RuleBook is told: one may be a deploy, or a prefetch.
const SUSTAINED: usize = 2;

#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Number of the current minute since 1970.
    minute: u64,
    current: Load,
    /// The newest first.
    whole: VecDeque<Load>,
    /// Minute in which the RuleBook was told last.
    told: u64,
}

impl Meter {
    pub(super) fn flushed(&mut self, flush: Load, size_bytes: u64, now_ms: u64) {
        self.roll(now_ms);
        let sums = &mut self.current;
        sums.flushes += flush.flushes;
        sums.records += flush.records;
        sums.bytes += flush.bytes;
        sums.late_ms += flush.late_ms;
        sums.size_bytes = size_bytes;
    }

    /// A merge kept a sample.
    pub(super) fn left_out(&mut self, records: u64, now_ms: u64) {
        self.roll(now_ms);
        self.current.left_out += records;
    }

    fn took(&mut self, began_ms: u64, ended_ms: u64) {
        let took_ms = ended_ms.saturating_sub(began_ms);
        self.current.busy_ms += took_ms;
        self.current.longest_ms = self.current.longest_ms.max(took_ms);
    }

    /// Closes minutes that are over; a clock that was set back closes none.
    fn roll(&mut self, now_ms: u64) {
        let minute = now_ms / MINUTE_MS;
        if self.minute == 0 {
            (self.minute, self.told) = (minute, minute);
        }
        let over = minute.saturating_sub(self.minute);
        for _ in 0..over.min(MINUTES as u64) {
            let size_bytes = self.current.size_bytes;
            self.whole.push_front(std::mem::take(&mut self.current));
            self.current.size_bytes = size_bytes;
        }
        self.whole.truncate(MINUTES);
        self.minute = self.minute.max(minute);
    }

    /// The least of the newest minutes, where all of them are known.
    fn sustained(&self) -> u32 {
        let newest = self.whole.iter().take(SUSTAINED);
        let is_known = self.whole.len() >= SUSTAINED;
        newest
            .map(Load::utilisation)
            .min()
            .filter(|_| is_known)
            .unwrap_or(0)
    }

    fn peak(&self) -> u32 {
        self.whole.iter().map(Load::utilisation).max().unwrap_or(0)
    }

    /// When a report is due where nothing is wrong.
    fn quiet_due_ms(&self) -> u64 {
        (self.told + MINUTES as u64) * MINUTE_MS
    }
}

impl<S: Sql> FireLog<S> {
    /// Says how long a flush took, where the platform's clock tells.
    pub fn flush_took(&mut self, began_ms: u64, ended_ms: u64) {
        self.load.took(began_ms, ended_ms);
    }

    /// The load of the last whole minute.
    pub fn load(&mut self, now_ms: u64) -> Load {
        self.load.roll(now_ms);
        self.load.whole.front().copied().unwrap_or_default()
    }

    /// What the RuleBook is to be told of the load; `None` while nothing is due. It is told once: when it cannot be reached, the next
    /// minute tells as much.
    pub fn load_report(&mut self, now_ms: u64) -> Option<LoadReport> {
        self.load.roll(now_ms);
        let meter = &self.load;
        let is_over = meter.sustained() >= FULL && meter.told < meter.minute;
        let is_quiet = self.may_join() && meter.quiet_due_ms() <= now_ms;
        if !is_over && !is_quiet {
            return None;
        }
        self.load.told = self.load.minute;
        let source = self.outbox.source();
        Some(LoadReport {
            colo: colo_of(source)?.to_ascii_uppercase(),
            place: place_of(source)?,
            sustained: self.load.sustained(),
            peak: self.load.peak(),
        })
    }

    /// When the RuleBook is to be told that there is little to do; that there is much is found at alarms that ring anyhow.
    pub(super) fn load_due_ms(&self) -> Option<u64> {
        (self.may_join() && self.load.minute > 0).then(|| self.load.quiet_due_ms())
    }

    fn may_join(&self) -> bool {
        let source = self.outbox.source();
        self.rulebook.as_ref().is_some_and(|kept| kept.may_join(source))
    }
}
