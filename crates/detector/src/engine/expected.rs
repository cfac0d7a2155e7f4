//! Expected rates: of what was learned, and of what the window has from before.

use super::Engine;
use crate::kind::AnomalyKind;
use crate::normal::{CombinationNumbers, KindSums, PastCounts, Rates, combination};
use crate::window::Bucket;
use blobwatch_records::CellKey;
use blobwatch_sql::Pace;

/// Which times say what is expected.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RatesOf {
    /// Those before a slot, but for anomalies that are over.
    Before(u64),
    /// All times at which nothing was wrong, the newest included: for a past that is too short to hold anything against.
    WhenWell,
}

impl RatesOf {
    fn until(self) -> u64 {
        match self {
            Self::Before(first) => first,
            Self::WhenWell => u64::MAX,
        }
    }
}

/// The slot after a bucket, and its counts.
pub(crate) type RecentPart = (u64, Vec<(CellKey, KindSums)>);

/// Expected rates of a kind in slices: from what was `learned`, part by part, and what is in the window, bucket by bucket.
pub(crate) async fn rates<E>(
    learned: impl Fn(Option<&CellKey>) -> Result<Vec<(CellKey, KindSums)>, E>,
    recent: impl Fn(u64) -> Result<Option<RecentPart>, E>,
    pace: &impl Pace,
) -> Result<Rates, E> {
    let (mut past, mut last, mut next) = (PastCounts::default(), None, 0);
    loop {
        let part = learned(last.as_ref())?;
        let Some((key, _)) = part.last() else {
            break;
        };
        last = Some(key.clone());
        pace.spent(part.len()).await;
        past.add(part);
    }
    while let Some((after, part)) = recent(next)? {
        next = after;
        pace.spent(part.len()).await;
        past.add(part);
    }
    Ok(past.rates(pace).await)
}

impl Engine {
    /// Expected rates of a kind from `first` on.
    pub(crate) fn rates_before(&self, kind: AnomalyKind, first: u64) -> Rates {
        let facts = self.facts();
        let is_before = |bucket: &&Bucket| bucket.last < RatesOf::Before(first).until();
        let rows = self.window.buckets().filter(is_before).flat_map(|bucket| {
            let rows = bucket.rows.iter();
            let was_well = move |number: &u32| {
                let key = self.window.key(*number);
                key.is_some_and(|key| !facts.was_wrong(bucket, key))
            };
            rows.filter(move |(number, _)| was_well(number))
        });
        let numbered = self
            .numbered
            .get_or_init(|| CombinationNumbers::of(&self.normal, &self.window));
        numbered.rates(
            kind,
            &self.normal,
            rows.map(|(number, row)| (*number, &row.counts)),
        )
    }

    /// Counts of the next bucket of the window from slot `from` on, and the slot after it. What an anomaly was about that
    /// is over says nothing of health: else one that comes back would be taken for normal.
    pub(crate) fn recent_part(&self, kind: AnomalyKind, of: RatesOf, from: u64) -> Option<RecentPart> {
        let facts = self.facts();
        let is_next = |bucket: &&Bucket| bucket.first >= from && bucket.last < of.until();
        let bucket = self.window.buckets().find(is_next)?;
        let was_wrong = |key: &CellKey| match of {
            RatesOf::Before(_) => facts.was_wrong(bucket, key),
            RatesOf::WhenWell => self.was_wrong(bucket.first, bucket.last, key),
        };
        let rows = self.window.rows_of(bucket).filter(|(key, _)| !was_wrong(key));
        let part = rows.map(|(key, row)| (combination(key), KindSums::of(kind, &row.counts)));
        Some((bucket.last + 1, part.collect()))
    }
}
