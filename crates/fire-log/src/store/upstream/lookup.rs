//! Which stored records others tell of.

use std::collections::HashMap;

use super::UpstreamEvent;
use crate::store::{After, Candidate, FireLogError, Source, newest_first, recent, refine};
use blobwatch_pull::{Record, RecordId};
use blobwatch_records::{Block, RayKey};
use blobwatch_sql::Sql;

/// How far our time of a request may be before the other party's, and after it: clocks differ, some tell whole seconds, and a
/// request may wait for our rulebook.
const BEFORE_MS: u64 = 5_000;
const AFTER_MS: u64 = 15_000;

/// A record of the request that was told of.
#[derive(Debug)]
pub(super) struct MatchedRecord {
    pub(super) source: Source,
    pub(super) record: Record,
}

/// By place in `told`.
pub(super) fn find(
    sql: &impl Sql,
    told: &[UpstreamEvent],
) -> Result<HashMap<usize, MatchedRecord>, FireLogError> {
    let wanted = LookupKeys::of(told);
    let mut found = HashMap::new();
    let (Some(first), Some(last)) = (wanted.times.first(), wanted.times.last()) else {
        return Ok(found);
    };
    let (since_ms, until_ms) = (first.saturating_sub(BEFORE_MS), last + AFTER_MS);
    wanted.look(sql, recent(sql, since_ms, until_ms)?, &mut found)?;
    let mut after: Option<After> = None;
    loop {
        let (candidates, next) = newest_first(sql, since_ms, until_ms, after)?;
        wanted.look(sql, candidates, &mut found)?;
        match next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// What is looked for.
struct LookupKeys {
    /// In order.
    times: Vec<u64>,
    rays: HashMap<RayKey, usize>,
    ids: HashMap<RecordId, usize>,
}

impl LookupKeys {
    fn of(told: &[UpstreamEvent]) -> Self {
        let mut times: Vec<u64> = told.iter().map(|told| told.record.id.time_ms()).collect();
        times.sort_unstable();
        let rays = told
            .iter()
            .enumerate()
            .filter_map(|(place, told)| Some((RayKey::of(&told.record.ray)?, place)));
        let ids = told.iter().enumerate();
        Self {
            times,
            rays: rays.collect(),
            ids: ids.map(|(place, told)| (told.record.id, place)).collect(),
        }
    }

    /// Whether a block has records of the time of any of them.
    fn may_be_in(&self, candidate: &Candidate) -> bool {
        let first_ms = candidate.header.first.time_ms().saturating_sub(AFTER_MS);
        let last_ms = candidate.header.last.time_ms() + BEFORE_MS;
        let next = self.times.partition_point(|time| *time < first_ms);
        self.times.get(next).is_some_and(|time| *time <= last_ms)
    }

    fn look(
        &self,
        sql: &impl Sql,
        candidates: Vec<Candidate>,
        found: &mut HashMap<usize, MatchedRecord>,
    ) -> Result<(), FireLogError> {
        for candidate in candidates {
            if !self.may_be_in(&candidate) {
                continue;
            }
            if let Some(block) = refine::block(sql, candidate.source)? {
                self.look_into(&block, candidate.source, found)?;
            }
        }
        Ok(())
    }

    /// A record of ours before one that was told of.
    fn look_into(
        &self,
        block: &Block,
        source: Source,
        found: &mut HashMap<usize, MatchedRecord>,
    ) -> Result<(), FireLogError> {
        for row in block.rows() {
            let of_ray = block.ray_key(row).and_then(|ray| self.rays.get(&ray));
            let Some(place) = of_ray.or_else(|| self.ids.get(&row.id)) else {
                continue;
            };
            if found.get(place).is_none_or(|known| !known.record.seen) {
                let record = block.record(row)?;
                found.insert(*place, MatchedRecord { source, record });
            }
        }
        Ok(())
    }
}
