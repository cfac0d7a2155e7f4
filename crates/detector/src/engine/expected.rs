//! Expected rates: of what was learned, and of what the window has from before.

use super::Engine;
use crate::kind::AnomalyKind;
use crate::normal::{CombinationNumbers, KindSums, PastCounts, Rates, combination};
use crate::window::Bucket;
use blobwatch_records::{CellCounts, CellKey};
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
        let of = RatesOf::Before(first);
        let buckets = self.window.buckets().filter(|bucket| bucket.last < of.until());
        let rows = buckets.flat_map(|bucket| self.well_rows(of, bucket));
        let numbered = self
            .numbered
            .get_or_init(|| CombinationNumbers::of(&self.normal, &self.window));
        numbered.rates(
            kind,
            &self.normal,
            rows.map(|(number, _, counts)| (number, counts)),
        )
    }

    /// The rows of a bucket that say what is normal: number, key and counts. What an anomaly was about that is over says nothing of
    /// health: else one that comes back would be taken for normal.
    fn well_rows<'a>(
        &'a self,
        of: RatesOf,
        bucket: &'a Bucket,
    ) -> impl Iterator<Item = (u32, &'a CellKey, &'a CellCounts)> {
        let facts = self.facts();
        let was_wrong = move |key: &CellKey| match of {
            RatesOf::Before(_) => facts.was_wrong(bucket, key),
            RatesOf::WhenWell => self.was_wrong(bucket.first, bucket.last, key),
        };
        bucket.rows.iter().filter_map(move |(number, row)| {
            let key = self.window.key(*number).filter(|key| !was_wrong(key))?;
            Some((*number, key, &row.counts))
        })
    }

    /// Counts of the next bucket of the window from slot `from` on, and the slot after it.
    pub(crate) fn recent_part(&self, kind: AnomalyKind, of: RatesOf, from: u64) -> Option<RecentPart> {
        let is_next = |bucket: &&Bucket| bucket.first >= from && bucket.last < of.until();
        let bucket = self.window.buckets().find(is_next)?;
        let rows = self.well_rows(of, bucket);
        let part = rows.map(|(_, key, counts)| (combination(key), KindSums::of(kind, counts)));
        Some((bucket.last + 1, part.collect()))
    }
}
