//! What the counts of a kind say beyond its name: with which status, how slow, which blob.

use crate::cohort::Cohort;
use crate::kind::AnomalyKind;
use crate::window::Window;
use blobwatch_records::{BlobCount, CellCounts, note_blob};
use blobwatch_wire::visible;

/// Share of the events that are alike, from which all of them are said to be.
const MOST: f64 = 0.8;

/// Share of the events of one blob: three in four of what a cell counts may be lost among others.
const MOST_OF_BLOB: f64 = 0.5;

/// Words to stand behind the kind's noun; empty where there are none.
/// `before` is the throughput before the onset: kept by the caller, as the window soon begins after it.
pub(super) fn of(
    window: &Window,
    cohort: &Cohort,
    kind: AnomalyKind,
    first: u64,
    before: &mut Option<f64>,
) -> String {
    let during = sum(window, cohort, first, u64::MAX);
    match kind {
        AnomalyKind::StartFailed => failed(&during).to_owned(),
        AnomalyKind::StartRefused => refused(&during).to_owned(),
        AnomalyKind::RangeRefused if is_most(during.multi_refused, during.refused) => {
            " of several ranges at once (multi-range only)".to_owned()
        }
        AnomalyKind::SlowSurge => {
            *before = sum(window, cohort, 0, first).throughput().or(*before);
            slow(*before, during.throughput())
        }
        AnomalyKind::ContentSuspect => blob(window, cohort, first)
            .map(|digest| format!(" (blob {}: its content may be wrong)", visible(&digest)))
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// The blob that most of the suspect fetches since `first` were of.
pub(super) fn blob(window: &Window, cohort: &Cohort, first: u64) -> Option<String> {
    let (mut blobs, mut events): (Vec<BlobCount>, u32) = (Vec::new(), 0);
    for (_, row) in window.rows(first, u64::MAX).filter(|(key, _)| cohort.holds(key)) {
        events = events.saturating_add(row.counts.suspect);
        for blob in &row.blobs {
            note_blob(&mut blobs, &blob.digest, blob.times);
        }
    }
    let most = blobs.into_iter().max_by_key(|blob| blob.times)?;
    (f64::from(most.times) >= MOST_OF_BLOB * f64::from(events)).then_some(most.digest)
}

fn sum(window: &Window, cohort: &Cohort, first: u64, until: u64) -> CellCounts {
    let mut sum = CellCounts::default();
    let rows = window.rows(first, until).filter(|(key, _)| cohort.holds(key));
    rows.for_each(|(_, row)| sum.add(&row.counts));
    sum
}

fn is_most(part: u32, whole: u32) -> bool {
    part > 0 && f64::from(part) >= MOST * f64::from(whole)
}

fn failed(counts: &CellCounts) -> &'static str {
    if is_most(counts.silent, counts.failed) {
        " without an answer"
    } else if is_most(counts.failed - counts.silent.min(counts.failed), counts.failed) {
        " with 5xx"
    } else {
        " with 5xx or without an answer"
    }
}

fn refused(counts: &CellCounts) -> &'static str {
    if is_most(counts.unauthorized, counts.turned_away) {
        " with 401, and no success after it"
    } else if is_most(counts.limited, counts.turned_away) {
        " with 429"
    } else if is_most(counts.forbidden, counts.turned_away) {
        " with 403"
    } else {
        " with 4xx"
    }
}

/// Throughput before, if it is known, and now.
fn slow(before: Option<f64>, now: Option<f64>) -> String {
    match (before, now) {
        (Some(before), Some(now)) => format!(" (from {} to {})", speed(before), speed(now)),
        (None, Some(now)) => format!(" ({})", speed(now)),
        _ => String::new(),
    }
}

/// "30 MB/s", "1.4 MB/s", "64 kB/s".
pub(crate) fn speed(bytes_per_second: f64) -> String {
    let megabytes = bytes_per_second / 1e6;
    if megabytes >= 10.0 {
        format!("{megabytes:.0} MB/s")
    } else if megabytes >= 1.0 {
        format!("{megabytes:.1} MB/s")
    } else {
        format!("{:.0} kB/s", bytes_per_second / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::{failed, refused, slow, speed};
    use blobwatch_records::CellCounts;

    #[test]
    fn what_most_of_the_events_are_is_said() {
        #[track_caller]
        fn case(unauthorized: u32, limited: u32, forbidden: u32, expected: &str) {
            let counts = CellCounts {
                turned_away: 10,
                unauthorized,
                limited,
                forbidden,
                ..CellCounts::default()
            };
            assert_eq!(refused(&counts), expected);
        }
        case(0, 0, 10, " with 403");
        case(0, 9, 1, " with 429");
        case(8, 0, 2, " with 401, and no success after it");
        case(5, 0, 5, " with 4xx");
        let counts = |silent| CellCounts {
            failed: 10,
            silent,
            ..CellCounts::default()
        };
        assert_eq!(failed(&counts(0)), " with 5xx");
        assert_eq!(failed(&counts(9)), " without an answer");
        assert_eq!(failed(&counts(5)), " with 5xx or without an answer");
    }

    #[test]
    fn speeds_are_said_in_the_units_that_people_use() {
        for (speed_of, expected) in [(3.1e7, "31 MB/s"), (1.42e6, "1.4 MB/s"), (6.4e4, "64 kB/s")] {
            assert_eq!(speed(speed_of), expected);
        }
        let of = |octaves: u32| {
            let counts = CellCounts {
                paced: 10,
                pace_sum: 10 * 16 * octaves,
                ..CellCounts::default()
            };
            counts.throughput()
        };
        assert_eq!(slow(of(11), of(6)), " (from 34 MB/s to 1.0 MB/s)");
        assert_eq!(slow(None, of(6)), " (1.0 MB/s)");
        assert_eq!(slow(None, None), "");
    }
}
