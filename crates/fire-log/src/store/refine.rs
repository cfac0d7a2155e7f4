//! Range kinds that need the client's history: given to records when they come, and once more when they are merged.
//!
//! The history is in memory. When the object wakes it is read again from the newest records.

use std::collections::HashMap;

use super::{FireLogError, Source, back_of, front_of, newest_first, recent};
use blobwatch_pull::{RangeKind, Record, RecordId};
use blobwatch_records::{Block, Builder, Challenges, History, MAX_CORRECTIONS, WINDOW_MS};
use blobwatch_sql::{MAX_NUMBER, Sql, StoreError};

/// Records read when the object wakes: some 60 ms natively, at 600 bytes 10 MB.
pub(super) const MAX_REMEMBERED: usize = 16_384;

/// Kinds of stored records that turned out to be others, until those are merged.
pub(super) type Late = HashMap<RecordId, RangeKind>;

/// Gives the records of a new block their kinds; the records as they are then, and whether the block has changed.
pub(super) fn refine(
    block: &mut Block,
    history: &mut History,
    challenges: &mut Challenges<Record>,
    late: &mut Late,
) -> Result<(Vec<Record>, bool), FireLogError> {
    let mut records = read(block)?;
    for record in &records {
        history.take(record);
        challenges.see(record, || record.clone());
    }
    let mut kinds = HashMap::new();
    for record in &mut records {
        let kind = history.recall(record).kind;
        if kind != record.range.kind {
            kinds.insert(record.id, kind);
            record.range.kind = kind;
        }
    }
    let is_stored = |id: &RecordId| records.binary_search_by_key(id, |record| record.id).is_err();
    for correction in history.corrections() {
        if is_stored(&correction.id) && late.len() < MAX_CORRECTIONS {
            late.insert(correction.id, correction.kind);
        }
    }
    let changed = block.set_kinds(&kinds);
    Ok((records, changed))
}

/// A block's bytes, written anew.
pub(super) fn encode(block: Block) -> Vec<u8> {
    let mut builder = Builder::default();
    builder.append(block);
    builder.encode()
}

/// Reads the newest records of the last half hour of the log, and what they are beside each other.
pub(super) fn remember(
    sql: &impl Sql,
    late: &mut Late,
) -> Result<(History, Challenges<Record>), FireLogError> {
    let (mut history, mut challenges) = (History::default(), Challenges::default());
    let records = newest(sql)?;
    for record in &records {
        history.take(record);
        challenges.see(record, || record.clone());
    }
    history.corrections();
    for record in &records {
        let kind = history.recall(record).kind;
        if kind != record.range.kind && late.len() < MAX_CORRECTIONS {
            late.insert(record.id, kind);
        }
    }
    Ok((history, challenges))
}

/// Oldest first. Batches that cannot be read are passed over: merging counts them.
fn newest(sql: &impl Sql) -> Result<Vec<Record>, FireLogError> {
    let (segments, _) = newest_first(sql, 0, MAX_NUMBER, None)?;
    let mut candidates = recent(sql, 0, MAX_NUMBER)?;
    candidates.extend(segments);
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.header.last));
    let newest_ms = candidates
        .first()
        .map_or(0, |newest| newest.header.last.time_ms());
    let mut records = Vec::new();
    for candidate in candidates {
        let is_old = candidate.header.last.time_ms().saturating_add(WINDOW_MS) < newest_ms;
        if is_old || records.len() >= MAX_REMEMBERED {
            break;
        }
        if let Some(block) = block(sql, candidate.source)? {
            records.extend(read(&block)?);
        }
    }
    records.sort_unstable_by_key(|record| record.id);
    let over = records.len().saturating_sub(MAX_REMEMBERED);
    records.drain(..over);
    Ok(records)
}

/// `None` where it cannot be read.
pub(super) fn block(sql: &impl Sql, source: Source) -> Result<Option<Block>, FireLogError> {
    Ok(StoreError::readable(open(sql, source))?)
}

fn open(sql: &impl Sql, source: Source) -> Result<Block, StoreError> {
    let front = front_of(sql, source)?.unwrap_or_default();
    let back = back_of(sql, source)?.unwrap_or_default();
    Ok(Block::open(&front, &back)?)
}

pub(super) fn read(block: &Block) -> Result<Vec<Record>, FireLogError> {
    let records: Result<_, _> = block.rows().iter().map(|row| block.record(row)).collect();
    Ok(records?)
}
