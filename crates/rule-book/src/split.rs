//! When the FireLogs of a colo become more, and when fewer.
//!
//! In scope: what FireLogs told of their load, and what follows from it. Not in scope: measuring (`crates/fire-log`), and the change
//! itself (`calls`).
//!
//! Doubling sends half of each FireLog's clients to another one, and halving brings two together; so numbers are doubled and
//! halved, as far as the bounds let them be.

use std::collections::BTreeMap;

use blobwatch_rulebook::{FULL, FireLogBounds, FireLogLayout, LoadReport, Rulebook};

/// What the busiest FireLog is to have after a split, in thousandths: far from the next one.
const AFTER_SPLIT: u32 = 600;

/// What the busiest FireLog is to have after a join at most, in thousandths: less than a split leaves.
const AFTER_JOIN: u32 = 400;

/// After a change, until what FireLogs tell is of the new layout alone: the minute that it began in, and two whole ones.
const SPLIT_REST_MS: u64 = 3 * 60_000;

/// Between a change and a join: a colo is busy by day, and prefetches come by the hour.
const JOIN_REST_MS: u64 = 60 * 60_000;

/// A report that there is too much is of now for so long.
const SPLIT_FRESH_MS: u64 = 2 * 60_000;

/// A FireLog that has little to do says so every ten minutes.
const JOIN_FRESH_MS: u64 = 25 * 60_000;

/// Isolates count by the new layout this much after the decision, or do not serve: a push, a flush a second, and a RuleBook that is
/// busy.
const FOLLOWED_WITHIN_MS: u64 = 60_000;

/// FireLogs whose reports are remembered: 64 of each of 64 colos that have several; 60 bytes each.
const MAX_REPORTS: usize = 4_096;

/// What FireLogs told of their load. In memory only: whoever has too much to do, or little, tells it again.
#[derive(Debug, Default)]
pub struct Loads(BTreeMap<(String, u32), ReportedLoad>);

#[derive(Debug, Clone, Copy)]
struct ReportedLoad {
    at_ms: u64,
    sustained: u32,
    peak: u32,
}

impl Loads {
    pub(crate) fn take(&mut self, report: &LoadReport, now_ms: u64) {
        if self.0.len() >= MAX_REPORTS {
            self.0
                .retain(|_, load| load.at_ms.saturating_add(JOIN_FRESH_MS) > now_ms);
        }
        let key = (report.colo.clone(), report.place);
        if self.0.len() < MAX_REPORTS || self.0.contains_key(&key) {
            let load = ReportedLoad {
                at_ms: now_ms,
                sustained: report.sustained,
                peak: report.peak,
            };
            self.0.insert(key, load);
        }
    }

    /// How many FireLogs a colo is to have from now on; `None`: as many as it has.
    #[must_use]
    pub(crate) fn wanted(&self, layout: &FireLogLayout, bounds: FireLogBounds, now_ms: u64) -> Option<u32> {
        let more = self.split(layout, bounds, now_ms);
        more.or_else(|| self.join(layout, bounds, now_ms))
    }

    fn split(&self, layout: &FireLogLayout, bounds: FireLogBounds, now_ms: u64) -> Option<u32> {
        let rested = layout.since_ms.saturating_add(SPLIT_REST_MS) <= now_ms;
        if !rested || layout.count >= bounds.most || layout.is_full(now_ms) {
            return None;
        }
        let loads = self.of(layout, SPLIT_FRESH_MS, now_ms);
        let busiest = loads.map(|load| load.sustained).max().unwrap_or(0);
        (busiest >= FULL).then(|| {
            let mut count = layout.count;
            while count < bounds.most && after(busiest, layout.count, count) > AFTER_SPLIT {
                count = count.saturating_mul(2).min(bounds.most);
            }
            count
        })
    }

    fn join(&self, layout: &FireLogLayout, bounds: FireLogBounds, now_ms: u64) -> Option<u32> {
        let rested = layout.since_ms.saturating_add(JOIN_REST_MS) <= now_ms;
        if !rested || layout.count <= bounds.least || layout.is_changing(now_ms) {
            return None;
        }
        // One that says nothing may have too much to do to say so.
        if self.of(layout, JOIN_FRESH_MS, now_ms).count() < layout.count as usize {
            return None;
        }
        let fewer = (layout.count / 2).max(bounds.least).max(1);
        let most = self.busiest(layout, now_ms);
        (after(most, layout.count, fewer) <= AFTER_JOIN).then_some(fewer)
    }

    /// In thousandths: the most that a FireLog of a layout had to do in ten minutes.
    pub(crate) fn busiest(&self, layout: &FireLogLayout, now_ms: u64) -> u32 {
        let loads = self.of(layout, JOIN_FRESH_MS, now_ms);
        loads.map(|load| load.peak).max().unwrap_or(0)
    }

    /// What FireLogs of a layout told of themselves since it began, lately.
    fn of(&self, layout: &FireLogLayout, within_ms: u64, now_ms: u64) -> impl Iterator<Item = ReportedLoad> {
        let first = (layout.colo.clone(), 0);
        let found = self.0.range(first..(layout.colo.clone(), layout.count));
        let since_ms = layout.since_ms;
        found
            .map(|(_, load)| *load)
            .filter(move |load| load.at_ms > since_ms && load.at_ms.saturating_add(within_ms) > now_ms)
    }
}

/// What each of `after` FireLogs has of what each of `before` had.
fn after(load: u32, before: u32, after: u32) -> u32 {
    let load = u64::from(load) * u64::from(before) / u64::from(after.max(1));
    u32::try_from(load).unwrap_or(u32::MAX)
}

/// Until when the FireLogs of a layout go on to count volumes that another follows now: a window that slides looks back by two
/// windows.
pub(crate) fn volumes_until_ms(book: &Rulebook, now_ms: u64) -> u64 {
    let volumes = book.rules.iter().filter_map(|rule| rule.volume.as_ref());
    let longest = volumes.map(|volume| u64::from(volume.seconds)).max();
    longest.map_or(now_ms, |seconds| {
        now_ms + 2 * seconds * 1_000 + FOLLOWED_WITHIN_MS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_593_975_600_000;
    const BOUNDS: FireLogBounds = FireLogBounds { least: 1, most: 16 };

    fn layout(count: u32, age_ms: u64) -> FireLogLayout {
        FireLogLayout::new("FRA", 1).followed_by(count, NOW - age_ms, NOW - age_ms)
    }

    fn loads(told: &[(u32, u32, u32)]) -> Loads {
        let mut loads = Loads::default();
        for (place, sustained, peak) in told {
            let report = LoadReport {
                colo: "FRA".to_owned(),
                place: *place,
                sustained: *sustained,
                peak: *peak,
            };
            loads.take(&report, NOW);
        }
        loads
    }

    #[track_caller]
    fn case(told: &[(u32, u32, u32)], (count, age_ms): (u32, u64), wanted: Option<u32>) {
        assert_eq!(loads(told).wanted(&layout(count, age_ms), BOUNDS, NOW), wanted);
    }

    const HOUR_MS: u64 = 3_600_000;

    #[test]
    fn one_that_has_too_much_splits_into_as_many_as_have_room() {
        case(&[(0, 999, 2_000)], (1, HOUR_MS), None);
        case(&[(0, 1_000, 1_000)], (1, HOUR_MS), Some(2));
        case(&[(0, 1_300, 1_300)], (1, HOUR_MS), Some(4));
        case(&[(0, 99_000, 99_000)], (1, HOUR_MS), Some(16));
        case(&[(0, 100, 100), (1, 1_000, 1_000)], (2, HOUR_MS), Some(4));
        // It may be what the layout before had.
        case(&[(1, 1_000, 1_000)], (2, SPLIT_REST_MS - 1), None);
        case(&[(1, 1_000, 1_000)], (2, SPLIT_REST_MS), Some(4));
        case(&[(0, 99_000, 99_000)], (16, HOUR_MS), None);
        // No FireLog of this layout.
        case(&[(2, 9_000, 9_000)], (2, HOUR_MS), None);
    }

    #[test]
    fn they_join_when_all_of_them_have_had_little_for_long() {
        let quiet: Vec<_> = (0..4).map(|place| (place, 0, 200)).collect();
        case(&quiet, (4, HOUR_MS), Some(2));
        case(&quiet, (4, HOUR_MS - 1), None);
        case(&quiet[1..], (4, HOUR_MS), None);
        let mut one_is_not = quiet.clone();
        one_is_not[2].2 = 201;
        case(&one_is_not, (4, HOUR_MS), None);
        let bounds = FireLogBounds { least: 3, most: 16 };
        assert_eq!(loads(&quiet).wanted(&layout(4, HOUR_MS), bounds, NOW), Some(3));
        let bounds = FireLogBounds::exactly(4);
        assert_eq!(loads(&quiet).wanted(&layout(4, HOUR_MS), bounds, NOW), None);
        assert_eq!(
            loads(&quiet).wanted(&layout(4, HOUR_MS), BOUNDS, NOW + JOIN_FRESH_MS),
            None
        );
    }

    /// Whatever the load, what a split made is not what a join undoes, and the other way round.
    #[test]
    fn a_load_that_stays_changes_the_number_once() {
        for total in (0..64_000).step_by(17) {
            let mut layout = layout(4, HOUR_MS);
            let mut changes = 0;
            for hours in 1..8 {
                let now = NOW + hours * 2 * HOUR_MS;
                let mut loads = Loads::default();
                for place in 0..layout.count {
                    let each = total / layout.count;
                    let report = LoadReport {
                        colo: "FRA".to_owned(),
                        place,
                        sustained: each,
                        peak: each,
                    };
                    loads.take(&report, now);
                }
                if let Some(count) = loads.wanted(&layout, BOUNDS, now) {
                    let grows = count > layout.count;
                    assert!(changes == 0 || !grows, "{total}: {layout:?} to {count}");
                    layout = layout.followed_by(count, now, now);
                    changes += 1;
                }
            }
            assert!(changes <= 2, "{total}: {layout:?}");
        }
    }

    #[test]
    fn a_layout_that_counts_volumes_is_not_forgotten_for_load() {
        let mut many = FireLogLayout::new("FRA", 1);
        for count in [2, 3, 4, 5] {
            many = many.followed_by(count, NOW - HOUR_MS, NOW + 1);
        }
        let loads = loads(&[(0, 2_000, 2_000)]);
        assert_eq!(loads.wanted(&many, BOUNDS, NOW), None);
        assert_eq!(loads.wanted(&many, BOUNDS, NOW + 1), Some(16));
    }

    #[test]
    fn reports_are_bounded() {
        let mut loads = Loads::default();
        for n in 0..2 * MAX_REPORTS as u64 {
            let report = LoadReport {
                colo: format!("C{n}"),
                place: 0,
                sustained: 0,
                peak: 0,
            };
            loads.take(&report, NOW);
            assert!(loads.0.len() <= MAX_REPORTS);
        }
        loads.take(&loads_report("NEW"), NOW + JOIN_FRESH_MS);
        assert_eq!(loads.0.len(), 1, "what is not of now makes room");
    }

    fn loads_report(colo: &str) -> LoadReport {
        LoadReport {
            colo: colo.to_owned(),
            place: 0,
            sustained: 0,
            peak: 0,
        }
    }
}
