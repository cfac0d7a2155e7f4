//! Sums since the beginning, for those who draw their own plots.

use serde::{Deserialize, Serialize};

use super::Engine;
use blobwatch_records::{Cell, CellCounts};

/// Routes that are counted one by one; further ones are not in the counters.
const MAX_ROUTES: usize = 64;

const COUNTED: usize = 10;

/// A counter as Prometheus names it.
pub(super) struct Counter {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    place: usize,
}

const fn counter(place: usize, name: &'static str, help: &'static str) -> Counter {
    Counter { name, help, place }
}

/// In the order of [`Totals`].
pub(super) const COUNTERS: [Counter; COUNTED] = [
    counter(0, "blobwatch_requests_total", "Watched requests."),
    counter(1, "blobwatch_blob_starts_total", "Blob downloads started."),
    counter(2, "blobwatch_resumes_total", "Requests for the rest of a blob."),
    counter(
        3,
        "blobwatch_repeats_total",
        "Resumes at an offset that was requested before.",
    ),
    counter(
        4,
        "blobwatch_restarts_total",
        "Blob downloads started again from the first byte.",
    ),
    counter(
        5,
        "blobwatch_ranged_total",
        "Ranged requests for which it is known whether they were honoured.",
    ),
    counter(
        6,
        "blobwatch_range_refused_total",
        "Ranged requests that were not honoured.",
    ),
    counter(
        7,
        "blobwatch_observed_total",
        "Downloads that were observed to their end.",
    ),
    counter(
        8,
        "blobwatch_aborted_total",
        "Observed downloads that the client cut short.",
    ),
    counter(
        9,
        "blobwatch_denied_total",
        "Requests that a rule blocked or throttled.",
    ),
];

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Totals([u64; COUNTED]);

impl Totals {
    fn add(&mut self, counts: &CellCounts) {
        let more = [
            counts.requests,
            counts.starts,
            counts.resumes,
            counts.repeats,
            counts.restarts,
            counts.ranged,
            counts.refused,
            counts.observed,
            counts.aborted,
            counts.denied,
        ];
        for (total, more) in self.0.iter_mut().zip(more) {
            *total += u64::from(more);
        }
    }

    pub(super) fn of(&self, counter: &Counter) -> u64 {
        self.0.get(counter.place).copied().unwrap_or_default()
    }
}

impl Engine {
    pub(super) fn total(&mut self, cells: &[Cell]) {
        for cell in cells {
            let route = &*cell.key.route;
            if let Some(totals) = self.totals.get_mut(route) {
                totals.add(&cell.counts);
            } else if self.totals.len() < MAX_ROUTES {
                self.totals.entry(route.to_owned()).or_default().add(&cell.counts);
            }
        }
    }
}
