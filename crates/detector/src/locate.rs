//! Where: the cohorts that explain what a kind counts too much of.

use std::collections::BTreeMap;

use blobwatch_detect::counts::Counts;
use blobwatch_detect::localize::{CrossSection, Options, localize};

use super::cohort::{ATTRIBUTES, Cohort, values};
use super::kind::AnomalyKind;
use super::literals::plainly;
use super::normal::{Rates, combination};
use super::spared::{CellSums, without_spared};
use super::window::{Row, Window};
use blobwatch_pull::Family;
use blobwatch_records::{Breadth, CellKey};

/// Combinations that are searched: those with most events, seen or expected. 29 ms for 5,000 on the machine of
/// docs/detection.md.
const MAX_SEARCHED: usize = 5_000;

/// What a healthy rate may exceed the expected one by: the margin of the sequential test.
const MARGIN: f64 = 1.25;

/// Of the trials, and of the requests, from which one program is said to be all that there is of a kind.
const ALL_TRIALS: f64 = 0.98;
const MOST_REQUESTS: f64 = 0.8;

/// A stretch of slots: from `first` on, before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub first: u64,
    pub until: u64,
}

/// A cohort and what it counted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LocatedCohort {
    pub cohort: Cohort,
    /// Nats.
    pub score: f64,
}

/// What was counted of one combination in a span, and who is behind the events.
#[derive(Debug, Clone, Default)]
pub(super) struct Combination {
    pub counts: Counts,
    breadth: Breadth,
}

/// In the order of keys, each once.
pub(super) type Combinations = Vec<(CellKey, Combination)>;

impl Combination {
    fn take(&mut self, kind: AnomalyKind, row: &Row) {
        let counts = kind.counts(&row.counts);
        if counts.trials == 0 {
            return;
        }
        self.counts += counts;
        if let Some((affected, event)) = row.affected.as_deref().zip(kind.event()) {
            self.breadth.merge(affected.of(event));
        }
    }

    fn merge(&mut self, other: &Self) {
        self.counts += other.counts;
        self.breadth.merge(&other.breadth);
    }
}

/// Every combination in a span.
pub(super) fn combinations(window: &Window, kind: AnomalyKind, span: Span) -> Combinations {
    let sums = window.sums(span.first, span.until, |sum: &mut Combination, row| {
        sum.take(kind, row);
    });
    let mut all = Combinations::new();
    for (key, sum) in sums.into_iter().filter(|(_, sum)| sum.counts.trials > 0) {
        let key = combination(key);
        match all.last_mut() {
            // Keys that differ in their rules stand side by side.
            Some((last, known)) if *last == key => known.merge(&sum),
            _ => all.push((key, sum)),
        }
    }
    all
}

/// The cohorts that explain the excess, the strongest first; none where there is nothing to name.
#[must_use]
pub(super) fn locate(kind: AnomalyKind, sums: &Combinations, rates: &Rates) -> Vec<LocatedCohort> {
    let searched = sums.iter().map(|(key, sum)| SearchCell {
        key,
        observed: sum.counts.events as f64,
        expected: sum.counts.trials as f64 * healthy(kind, rates, key),
        clients: sum.breadth.count_clients() as f64,
    });
    search(&mut searched.collect())
}

/// The highest rate that is healthy for a combination.
pub(super) fn healthy(kind: AnomalyKind, rates: &Rates, key: &CellKey) -> f64 {
    MARGIN * rates.of(key) + kind.margin_rate()
}

/// The cohort with the program that all trials are of, where others send requests too: nobody else can have the event, so
/// nothing else tells it from them.
#[must_use]
pub(super) fn narrowed(window: &Window, kind: AnomalyKind, cohort: Cohort, span: Span) -> Cohort {
    if cohort.0.iter().any(|literal| literal.attribute == "family") {
        return cohort;
    }
    let mut families: BTreeMap<Family, (u64, u64)> = BTreeMap::new();
    let rows = window.rows(span.first, span.until);
    for (key, row) in rows.filter(|(key, _)| cohort.holds(key)) {
        let sums = families.entry(key.family).or_default();
        sums.0 += kind.counts(&row.counts).trials;
        sums.1 += u64::from(row.counts.requests);
    }
    let all = families
        .values()
        .fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    let is_it = |(_, of): &(&Family, &(u64, u64))| {
        of.0 as f64 >= ALL_TRIALS * all.0 as f64 && of.1 as f64 <= MOST_REQUESTS * all.1 as f64
    };
    match families.iter().find(is_it) {
        Some((family, _)) => cohort.with("family", family.as_str()),
        None => cohort,
    }
}

/// The cohort without values that fare well though hardly any event is expected of it, in the shorter words; `known` is what it
/// was called before.
#[must_use]
pub(super) fn spared(
    cohort: Cohort,
    known: &Cohort,
    kind: AnomalyKind,
    sums: &Combinations,
    rates: &Rates,
) -> Cohort {
    let cells = sums.iter().map(|(key, Combination { counts, .. })| CellSums {
        key,
        trials: counts.trials as f64,
        events: counts.events as f64,
        expected: counts.trials as f64 * healthy(kind, rates, key),
    });
    let cohort = without_spared(cohort, known, &cells.collect::<Vec<_>>());
    plainly(
        cohort,
        known,
        &sums.iter().map(|(key, _)| key).collect::<Vec<_>>(),
    )
}

/// One combination that is searched.
pub(super) struct SearchCell<'a> {
    pub key: &'a CellKey,
    pub observed: f64,
    pub expected: f64,
    /// Behind what was observed, as far as they are known.
    pub clients: f64,
}

impl SearchCell<'_> {
    fn weight(&self) -> f64 {
        self.observed + self.expected
    }
}

/// Names the excess over what is expected.
pub(super) fn search(cells: &mut Vec<SearchCell<'_>>) -> Vec<LocatedCohort> {
    cells.sort_by(|a, b| b.weight().total_cmp(&a.weight()).then_with(|| a.key.cmp(b.key)));
    cells.truncate(MAX_SEARCHED);
    let Ok(mut section) = CrossSection::new(&ATTRIBUTES) else {
        return Vec::new();
    };
    for cell in cells {
        let values = values(cell.key);
        let values: Vec<&str> = values.iter().map(|value| &**value).collect();
        // Refused only beyond 4,096 values of one attribute: what is left out then is small.
        let _ = section.push_of_clients(&values, cell.observed, cell.expected, cell.clients);
    }
    let options = Options {
        // What is expected is a rate of all clients alike.
        forecasts_err: false,
        ..Options::default()
    };
    let found = localize(&section, &options);
    found
        .iter()
        .map(|cause| LocatedCohort {
            cohort: Cohort::of(&cause.cohort),
            score: cause.score,
        })
        .collect()
}

/// How much two cohorts have in common in a span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Overlap {
    /// Of the requests of both together.
    pub requests: f64,
    /// Of the first one's events.
    pub of_first: f64,
    /// Of the second one's events.
    pub of_second: f64,
}

#[must_use]
pub(super) fn overlap(
    window: &Window,
    kind: AnomalyKind,
    first: &Cohort,
    second: &Cohort,
    span: Span,
) -> Overlap {
    let (mut requests, mut events) = ([0u64; 3], [0u64; 3]);
    for (key, row) in window.rows(span.first, span.until) {
        let (a, b) = (first.holds(key), second.holds(key));
        let of_row = [u64::from(row.counts.requests), kind.counts(&row.counts).events];
        for (sums, count) in [&mut requests, &mut events].into_iter().zip(of_row) {
            let [in_first, in_second, in_both] = sums;
            *in_first += if a { count } else { 0 };
            *in_second += if b { count } else { 0 };
            *in_both += if a && b { count } else { 0 };
        }
    }
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    let ([all_a, all_b, all_both], [a, b, both]) = (requests, events);
    Overlap {
        requests: share(all_both, all_a + all_b - all_both),
        of_first: share(both, a),
        of_second: share(both, b),
    }
}
