//! Which records are kept where the settings keep a sample: what routes say, how busy this FireLog is, and whose requests are
//! kept whole because an anomaly is about them.
//!
//! A sample is drawn when batches are merged. Cells, guards, volumes and what rules did were counted then, of every request.
//! All of it is in memory: a FireLog that wakes keeps everything until the Detector has told it which anomalies are open.

use super::FireLog;
use blobwatch_records::{ClientSample, MAX_ONE_IN, OpenCohort};
use blobwatch_sql::Sql;

/// What a rate is a mean of: a burst of some seconds halves nothing.
const MEAN_MS: f64 = 60_000.0;

/// A share grows again when the load is by this much below what would make it smaller at once.
const SLACK: f64 = 0.8;

#[derive(Debug, Default)]
pub(super) struct Sampling {
    /// As the Detector last told; `None` before it has.
    open: Option<Vec<OpenCohort>>,
    /// Records within about a minute, newer ones counting more.
    recent: f64,
    counted_ms: u64,
    /// One client in how many is kept for the load's sake.
    load: u32,
}

impl Sampling {
    pub(super) fn count(&mut self, records: usize, now_ms: u64) {
        self.recent = self.recent(now_ms) + records as f64;
        self.counted_ms = self.counted_ms.max(now_ms);
    }

    fn recent(&self, now_ms: u64) -> f64 {
        self.recent * (-(now_ms.saturating_sub(self.counted_ms) as f64) / MEAN_MS).exp()
    }

    fn per_s(&self, now_ms: u64) -> f64 {
        self.recent(now_ms) * 1000.0 / MEAN_MS
    }

    /// Follows the load: down at once as far as is needed, up one step at a time.
    fn follow(&mut self, most_per_s: Option<u32>, now_ms: u64) {
        let Some(most) = most_per_s.map(f64::from) else {
            self.load = 1;
            return;
        };
        let per_s = self.per_s(now_ms);
        let mut load = self.load.max(1);
        while per_s / f64::from(load) > most && load < MAX_ONE_IN {
            load *= 2;
        }
        if load == self.load && load > 1 && per_s / f64::from(load / 2) < most * SLACK {
            load /= 2;
        }
        self.load = load;
    }
}

impl<S: Sql> FireLog<S> {
    /// The Detector tells whom open anomalies are about.
    pub fn open_cohorts(&mut self, open: Vec<OpenCohort>) {
        self.sampling.open = Some(open);
    }

    /// The sample that the next merge draws.
    pub(super) fn draw(&mut self, now_ms: u64) -> ClientSample {
        let most = self
            .rulebook
            .as_ref()
            .and_then(|kept| kept.settings.max_records_per_s);
        self.sampling.follow(most, now_ms);
        self.sample()
    }

    /// That of the merge before.
    pub(super) fn sample(&self) -> ClientSample {
        let Some(open) = &self.sampling.open else {
            return ClientSample::default();
        };
        ClientSample {
            routes: self
                .rulebook
                .as_ref()
                .map(|kept| kept.keep.clone())
                .unwrap_or_default(),
            load: self.sampling.load,
            open: open.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the load asks for after so many records a second for a while.
    fn after(sampling: &mut Sampling, from_s: u64, per_s: usize, seconds: u64, most: Option<u32>) -> u32 {
        for s in from_s..from_s + seconds {
            sampling.count(per_s, s * 1000);
            if s % 10 == 0 {
                sampling.follow(most, s * 1000);
            }
        }
        sampling.load
    }

    #[test]
    fn a_share_follows_the_load() {
        let mut sampling = Sampling::default();
        let most = Some(1_000);
        assert_eq!(after(&mut sampling, 0, 900, 300, most), 1);
        assert_eq!(after(&mut sampling, 300, 5_000, 300, most), 8);
        assert_eq!(
            after(&mut sampling, 600, 900, 600, most),
            2,
            "900 are not well below 1,000"
        );
        assert_eq!(after(&mut sampling, 1_200, 500, 600, most), 1);
        assert_eq!(after(&mut sampling, 1_800, 10_000_000, 300, most), MAX_ONE_IN);
        assert_eq!(after(&mut sampling, 2_100, 10_000_000, 10, None), 1);
    }

    #[test]
    fn a_burst_of_a_second_asks_for_nothing() {
        let mut sampling = Sampling::default();
        sampling.count(30_000, 1_000);
        sampling.follow(Some(1_000), 1_000);
        assert_eq!(sampling.load, 1);
    }

    #[test]
    fn a_clock_that_is_set_back_counts_on() {
        let mut sampling = Sampling::default();
        sampling.count(600, 100_000);
        sampling.count(600, 1_000);
        assert!((sampling.per_s(100_000) - 20.0).abs() < 1e-9);
    }
}
