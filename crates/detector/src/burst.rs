//! A burst of our own making: connections reset everywhere at once, each download resumed once and then complete.
//!
//! A deploy or a reset of the edge closes every connection in one moment. What follows looks like a fault of everybody
//! and is over before anyone could act: it is noted and nobody is paged. A fault that goes on is told after the burst's
//! length and a slot more.

use super::cohort::Cohort;
use super::kind::AnomalyKind;
use super::locate::Span;
use super::normal::Rates;
use super::window::Window;

/// How long a burst lasts: clients reconnect within seconds (containerd < 0.1 s, dockerd 5 s and up).
pub(super) const BURST_SLOTS: usize = 3;

/// Of the excess, what falls into those slots.
const BURST_SHARE: f64 = 0.8;

/// Slots after the burst in which nothing more must come before it is called one.
const CALM_SLOTS: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Burst {
    /// The excess goes on, or is not everybody's.
    No,
    /// So far it looks like one.
    Perhaps,
    Yes,
}

/// Whether the excess of a cohort is one.
#[must_use]
pub(super) fn judge(window: &Window, cohort: &Cohort, kind: AnomalyKind, span: Span, rates: &Rates) -> Burst {
    let sudden = matches!(
        kind,
        AnomalyKind::ResumeSurge | AnomalyKind::AbortSurge | AnomalyKind::StartFailed
    );
    if !sudden || !cohort.is_wide() {
        return Burst::No;
    }
    of_excess(&excess(window, cohort, kind, span, rates))
}

/// Events above expectation, slot by slot.
fn excess(window: &Window, cohort: &Cohort, kind: AnomalyKind, span: Span, rates: &Rates) -> Vec<f64> {
    let length = usize::try_from(span.until.saturating_sub(span.first)).unwrap_or(0);
    let mut slots = vec![0.0; length];
    let inside = |bucket: &&super::window::Bucket| bucket.last >= span.first && bucket.last < span.until;
    for bucket in window.buckets().filter(inside) {
        let place = usize::try_from(bucket.last - span.first).unwrap_or(usize::MAX);
        let Some(slot) = slots.get_mut(place) else {
            continue;
        };
        for (key, row) in window.rows_of(bucket).filter(|(key, _)| cohort.holds(key)) {
            let counts = kind.counts(&row.counts);
            *slot += counts.events as f64 - counts.trials as f64 * rates.of_row(key);
        }
    }
    slots.iter().map(|excess| excess.max(0.0)).collect()
}

fn of_excess(slots: &[f64]) -> Burst {
    let all: f64 = slots.iter().sum();
    let runs = slots.windows(BURST_SLOTS.min(slots.len().max(1)));
    let heaviest = runs
        .map(|run| run.iter().sum::<f64>())
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1));
    match heaviest {
        Some((start, run)) if run >= BURST_SHARE * all => {
            let calm = slots.len().saturating_sub(start + BURST_SLOTS);
            if calm >= CALM_SLOTS {
                Burst::Yes
            } else {
                Burst::Perhaps
            }
        }
        _ => Burst::No,
    }
}

#[cfg(test)]
mod tests {
    use super::{Burst, of_excess};

    #[test]
    fn one_moment_is_a_burst_and_what_goes_on_is_not() {
        assert_eq!(of_excess(&[90.0, 20.0]), Burst::Perhaps);
        assert_eq!(of_excess(&[0.0, 90.0, 20.0, 5.0, 1.0]), Burst::Perhaps);
        assert_eq!(
            of_excess(&[0.0, 90.0, 20.0, 5.0, 1.0, 0.0, 0.0, 2.0, 0.0, 0.0]),
            Burst::Yes
        );
        assert_eq!(of_excess(&[30.0, 30.0, 30.0, 30.0]), Burst::No);
    }
}
