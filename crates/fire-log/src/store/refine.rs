//! What needs the client's history, range kinds and the other half of a redirected pull: given to records when they come, and
//! once more when they are merged.
//!
//! The history is in memory. When the object wakes it is read again from the newest records.

use std::collections::HashMap;

use super::{FireLogError, Source, back_of, front_of, newest_first, recent};
use blobwatch_pull::{RangeKind, Record, RecordId};
use blobwatch_records::{Block, Builder, Challenges, FirstHalf, Halves, History, MAX_CORRECTIONS, WINDOW_MS};
use blobwatch_sql::{MAX_NUMBER, Pace, Sql, StoreError};

/// Records read when the object wakes: some 60 ms natively, at 600 bytes 10 MB.
pub(super) const MAX_REMEMBERED: usize = 16_384;

/// What stored records turned out to be, until those are merged.
#[derive(Debug, Default)]
pub(super) struct Late {
    kinds: HashMap<RecordId, RangeKind>,
    halves: HashMap<RecordId, FirstHalf>,
}

impl Late {
    fn add_kind(&mut self, id: RecordId, kind: RangeKind) {
        if self.kinds.len() < MAX_CORRECTIONS {
            self.kinds.insert(id, kind);
        }
    }

    fn add_half(&mut self, id: RecordId, half: FirstHalf) {
        if self.halves.len() < MAX_CORRECTIONS {
            self.halves.insert(id, half);
        }
    }

    /// Whether the block has changed.
    pub(super) fn apply(&self, block: &mut Block) -> bool {
        let kinds = block.set_kinds(&self.kinds);
        block.set_halves(&self.halves) || kinds
    }

    /// Forgets what was found out of records that came before.
    pub(super) fn forget(&mut self, before_ms: u64) {
        self.kinds.retain(|id, _| id.time_ms() > before_ms);
        self.halves.retain(|id, _| id.time_ms() > before_ms);
    }
}

/// The fetches among these records whose redirects are known; those that were stored before theirs came are `late`.
fn join(halves: &mut Halves, records: &mut [Record], late: &mut Late) -> HashMap<RecordId, FirstHalf> {
    for record in records.iter() {
        if let Some((id, half)) = halves.take_redirect(record) {
            late.add_half(id, half);
        }
    }
    let mut joined = HashMap::new();
    for record in records {
        if let Some(half) = halves.take_fetch(record) {
            half.complete(record);
            joined.insert(record.id, half);
        }
    }
    joined
}

/// What a FireLog remembers of the requests before.
#[derive(Debug, Default)]
pub(super) struct PastRequests {
    pub(super) history: History,
    pub(super) halves: Halves,
    pub(super) challenges: Challenges<Record>,
    pub(super) late: Late,
}

impl PastRequests {
    /// What was forgotten for want of room since this was last asked, as a loss.
    pub(super) fn take_evicted(&mut self) -> Option<(String, u32)> {
        let evicted = (self.history.take_evicted()).saturating_add(self.halves.take_evicted());
        (evicted > 0).then(|| ("history_evicted".to_owned(), evicted))
    }
}

/// Gives the records of a new block what their clients' past says; the records as they are then, and whether the block has
/// changed.
pub(super) fn refine(
    block: &mut Block,
    past: &mut PastRequests,
) -> Result<(Vec<Record>, bool), FireLogError> {
    let PastRequests {
        history,
        halves,
        challenges,
        late,
    } = past;
    let mut records = read(block)?;
    let halves = join(halves, &mut records, late);
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
        if is_stored(&correction.id) {
            late.add_kind(correction.id, correction.kind);
        }
    }
    let changed = Late { kinds, halves }.apply(block);
    Ok((records, changed))
}

/// A block's bytes, written anew.
pub(super) fn encode(block: Block) -> Vec<u8> {
    let mut builder = Builder::default();
    builder.append(block);
    builder.encode()
}

/// Of stored records, oldest first.
pub(super) async fn remember(mut records: Vec<Record>, pace: &impl Pace) -> PastRequests {
    let mut remembered = PastRequests::default();
    let PastRequests {
        history,
        halves,
        challenges,
        late,
    } = &mut remembered;
    for (id, half) in join(halves, &mut records, late) {
        late.add_half(id, half);
    }
    for record in &records {
        history.take(record);
        challenges.see(record, || record.clone());
        pace.spent(1).await;
    }
    // They were counted when they were dropped first.
    challenges.take_dropped();
    history.take_evicted();
    halves.take_evicted();
    history.corrections();
    for record in &records {
        let kind = history.recall(record).kind;
        if kind != record.range.kind {
            late.add_kind(record.id, kind);
        }
        pace.spent(1).await;
    }
    remembered
}

/// Adds what another FireLog has of these clients: its records stay as they are, whatever is found out of them here. Challenges are
/// counted where they came.
pub(super) fn take_over(mut records: Vec<Record>, past: &mut PastRequests) {
    join(&mut past.halves, &mut records, &mut Late::default());
    for record in &records {
        past.history.take(record);
    }
    past.history.corrections();
}

/// The blocks with the newest records of the last half hour of the log.
pub(super) fn newest(sql: &impl Sql) -> Result<Vec<Source>, FireLogError> {
    let (segments, _) = newest_first(sql, 0, MAX_NUMBER, None)?;
    let mut candidates = recent(sql, 0, MAX_NUMBER)?;
    candidates.extend(segments);
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.header.last));
    let newest_ms = candidates
        .first()
        .map_or(0, |newest| newest.header.last.time_ms());
    let (mut sources, mut records) = (Vec::new(), 0);
    for candidate in candidates {
        let is_old = candidate.header.last.time_ms().saturating_add(WINDOW_MS) < newest_ms;
        if is_old || records >= MAX_REMEMBERED {
            break;
        }
        records += candidate.header.records as usize;
        sources.push(candidate.source);
    }
    Ok(sources)
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

/// The records of a batch; none of one that cannot be read, which is counted as lost when it is merged.
pub(super) fn records(sql: &impl Sql, source: Source) -> Result<Vec<Record>, FireLogError> {
    let block = block(sql, source)?;
    block.map_or_else(|| Ok(Vec::new()), |block| read(&block))
}

pub(super) fn read(block: &Block) -> Result<Vec<Record>, FireLogError> {
    let records: Result<_, _> = block.rows().iter().map(|row| block.record(row)).collect();
    Ok(records?)
}
