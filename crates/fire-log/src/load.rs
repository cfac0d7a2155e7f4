//! How much a FireLog is asked to do.
//!
//! In scope: the figures, and what they say of the room that is left. Not in scope: how many FireLogs a colo is to have
//! (`crates/rule-book`).

use serde::{Deserialize, Serialize};

/// Records a second at which a FireLog has all the work that it should have. Natively one takes in, cuts and merges 50,000 in a
/// second of CPU, of which flushes are 54 % (`cargo xtask bench scale`); a twelfth of that leaves room for Wasm, searches and previews.
const MOST_RECORDS_PER_SECOND: u64 = 4_000;

/// Share of the time that flushes may take, in thousandths: merging, counting and searches need the rest.
const MOST_BUSY: u64 = 500;

pub(crate) const MINUTE_MS: u64 = 60_000;

/// What flushes asked of a FireLog in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Load {
    pub flushes: u64,
    pub records: u64,
    pub bytes: u64,
    /// Milliseconds that flushes took, together. On Cloudflare clocks stand still while code runs: nothing.
    pub busy_ms: u64,
    /// Milliseconds that the longest of them took.
    pub longest_ms: u64,
    /// Milliseconds between the newest record of a flush and its arrival, for each record.
    pub late_ms: u64,
    /// Of the database, at the end of the minute.
    pub size_bytes: u64,
    /// Records that merges did not keep: a sample of clients stands for them.
    pub left_out: u64,
}

impl Load {
    /// In thousandths of what a FireLog should have.
    #[must_use]
    pub fn utilisation(&self) -> u32 {
        let by_records = self.records * 1_000 / (MOST_RECORDS_PER_SECOND * MINUTE_MS / 1_000);
        let by_time = self.busy_ms * 1_000 * 1_000 / (MINUTE_MS * MOST_BUSY);
        u32::try_from(by_records.max(by_time)).unwrap_or(u32::MAX)
    }

    /// How long a flush took in the mean.
    #[must_use]
    pub fn flush_ms(&self) -> f64 {
        self.busy_ms as f64 / self.flushes.max(1) as f64
    }

    /// How late flushes came, in the mean over their records: a second where all is well.
    #[must_use]
    pub fn lag_ms(&self) -> f64 {
        self.late_ms as f64 / self.records.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_rulebook::FULL;

    #[test]
    fn whatever_there_is_most_of_decides() {
        let of = |records, busy_ms| {
            let load = Load {
                records,
                busy_ms,
                ..Load::default()
            };
            load.utilisation()
        };
        assert_eq!(of(0, 0), 0);
        assert_eq!(of(240_000, 0), FULL);
        assert_eq!(of(240_000, 45_000), 1_500);
        assert_eq!(of(480_000, 30_000), 2 * FULL);
    }

    #[test]
    fn what_a_fire_log_answers_is_pinned() {
        let load = r#"{"flushes":1,"records":2,"bytes":3,"busy_ms":4,"longest_ms":5,"late_ms":6,"size_bytes":7,"left_out":8}"#;
        let read: Load = serde_json::from_str(load).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), load);
    }
}
