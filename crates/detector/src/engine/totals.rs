//! Sums since the beginning, for those who draw their own plots.

use serde::{Deserialize, Serialize};

use super::Engine;
use blobwatch_records::{Cell, CellCounts};

/// Routes that are counted one by one; further ones are not in the counters.
const MAX_ROUTES: usize = 64;

const COUNTED: usize = 28;

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
    counter(
        10,
        "blobwatch_starts_failed_total",
        "Blob downloads that were answered with 5xx or not at all.",
    ),
    counter(
        11,
        "blobwatch_starts_refused_total",
        "Blob downloads that the origin refused.",
    ),
    counter(
        12,
        "blobwatch_redirects_unreached_total",
        "Redirects that were requested again and again without a fetch from their target.",
    ),
    counter(
        13,
        "blobwatch_range_loops_total",
        "Ranges behind the end of a blob that were requested again.",
    ),
    counter(
        14,
        "blobwatch_paced_total",
        "Downloads of 1 MiB or more whose throughput was compared with the past.",
    ),
    counter(
        15,
        "blobwatch_slow_total",
        "Downloads that were far slower than the same clients' downloads before.",
    ),
    counter(
        16,
        "blobwatch_content_suspect_total",
        "Blobs that arrived whole and were requested again at once.",
    ),
    counter(17, "blobwatch_blocked_total", "Requests that a rule blocked."),
    counter(
        18,
        "blobwatch_detoured_total",
        "Requests that a rule sent to another origin.",
    ),
    counter(19, "blobwatch_tagged_total", "Requests that a rule tagged."),
    counter(
        20,
        "blobwatch_restarts_after_cut_total",
        "Blobs requested again after a body that was cut short.",
    ),
    counter(
        21,
        "blobwatch_restarts_after_whole_total",
        "Blobs requested again after a body that had arrived whole.",
    ),
    counter(22, "blobwatch_answers_none_total", "Requests without an answer."),
    counter(
        23,
        "blobwatch_answers_2xx_total",
        "Requests that were answered with 2xx.",
    ),
    counter(
        24,
        "blobwatch_answers_3xx_total",
        "Requests that were answered with 3xx.",
    ),
    counter(
        25,
        "blobwatch_answers_4xx_total",
        "Requests that were answered with 4xx.",
    ),
    counter(
        26,
        "blobwatch_answers_5xx_total",
        "Requests that were answered with 5xx.",
    ),
    counter(
        27,
        "blobwatch_allowed_total",
        "Requests that an allow rule kept from later rules.",
    ),
];

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub(super) struct Totals([u64; COUNTED]);

impl From<Totals> for Vec<u64> {
    fn from(Totals(totals): Totals) -> Self {
        totals.to_vec()
    }
}

/// What an older build did not count begins at 0.
impl From<Vec<u64>> for Totals {
    fn from(known: Vec<u64>) -> Self {
        let mut totals = Self::default();
        for (total, value) in totals.0.iter_mut().zip(known) {
            *total = value;
        }
        totals
    }
}

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
            counts.failed,
            counts.turned_away,
            counts.unreached,
            counts.looped,
            counts.paced,
            counts.slow,
            counts.suspect,
            counts.blocked,
            counts.detoured,
            counts.tagged,
            counts.again_cut,
            counts.again_whole,
        ];
        let more = more.into_iter().chain(counts.answered()).chain([counts.allowed]);
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
