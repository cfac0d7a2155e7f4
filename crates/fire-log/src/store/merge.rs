//! Turning many small rows into few large ones: less to read for a query, and better dictionaries.
//!
//! What is taken from the inbox and the segment that it becomes are the same records, in one transaction for each segment.
//! The newest segment is filled up first, so that quiet hours do not leave thousands of small ones.

use super::request_sums::RequestTally;
use super::rule_fires::FireTally;
use super::{FireLog, FireLogError, Inbox, accept, losses};
use crate::pace::OPENING;
use blobwatch_records::{Block, Builder, Header, split};
use blobwatch_sql::{Pace, Row, Shared, Sql, SqlValue, StoreError, number};

/// Records of a full segment: 330 KB, a scan of its front is some 50 KB.
pub(crate) const TARGET_RECORDS: usize = 8_192;

/// A batch waits at most so long.
pub(crate) const MERGE_AFTER_MS: u64 = 60_000;

/// So many batches are merged before that.
pub(crate) const MERGE_AT_ROWS: u64 = 100;

/// Least time between two merges: the newest segment is written again by each.
pub(crate) const MERGE_EVERY_MS: u64 = 10_000;

/// Records of one step; those of a segment are in memory together: 2 MB, and its bytes.
const MAX_STEP_RECORDS: u64 = 16_384;

/// What writing one of a block's sections costs beside working on each of its records, as a share.
const PER_SECTION: usize = 16;

/// A segment is not filled up beyond this span of time: retention forgets a segment when its newest record is old.
const MAX_SPAN_MS: u64 = 6 * 3_600_000;

/// A kind that was corrected is written when its record is merged, or with the newest segment; after so long it is not.
const CORRECTED_WITHIN_MS: u64 = 10 * 60_000;

/// One row of the inbox, without its block.
struct Waiting {
    isolate: u64,
    seq: u64,
    first_ms: u64,
    records: u64,
}

/// The newest segment, where there is room in it.
struct Tail {
    id: u64,
    block: Block,
}

/// Rows that came up to a time and after it.
const WAITING: &str =
    "SELECT arrived_ms <= ?1, count(*), min(arrived_ms) FROM inbox GROUP BY arrived_ms <= ?1";

pub(super) const NEWEST: &str =
    "SELECT id, first_ms, records, front, back FROM segment WHERE last_ms >= ? ORDER BY last_ms DESC LIMIT 1";

impl<S: Sql> FireLog<S> {
    /// What waits in the inbox.
    pub(super) fn waiting(&self) -> Result<Inbox, FireLogError> {
        let rows = self.sql.run(WAITING, &[number(self.outbox.cut_ms())])?;
        let mut inbox = Inbox::default();
        for row in &rows {
            let count = row.integer(1, "count of inbox")?;
            let oldest_ms = row.integer(2, "inbox.arrived_ms")?;
            if row.integer(0, "inbox.arrived_ms up to the cut")? == 0 {
                (inbox.uncut, inbox.oldest_uncut_ms) = (count, oldest_ms);
            } else {
                (inbox.rows, inbox.oldest_ms) = (count, oldest_ms);
            }
        }
        Ok(inbox)
    }

    /// When what is counted should be merged; `None` while there is nothing.
    pub(super) fn merge_due_ms(&self) -> Option<u64> {
        let rested = self.last_merge_ms + MERGE_EVERY_MS;
        match self.inbox.rows {
            0 => None,
            rows if rows >= MERGE_AT_ROWS => Some(rested),
            _ => Some((self.inbox.oldest_ms + MERGE_AFTER_MS).max(rested)),
        }
    }

    /// Takes what one step merges. What guards know of a batch is read from the inbox again while it is there.
    fn begin_merge(&mut self, now_ms: u64) -> Result<Vec<Waiting>, FireLogError> {
        let (sql, guards) = (&self.sql, &mut self.guards);
        sql.transaction(|| guards.keep_before_merge(sql, now_ms))?;
        self.is_merging = true;
        choose(sql, self.outbox.cut_ms())
    }
}

/// One step of merging; the number of batches merged. Nothing of a segment is in the database before all of it is. A correction
/// that comes for a record after it was read is written with the newest segment.
pub(super) async fn merge<S: Sql, L: Shared<FireLog<S>, FireLogError>>(
    log: &L,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<u64, L::Error> {
    let (taken, sample) = log.with(|log| Ok((log.begin_merge(now_ms)?, log.draw(now_ms))))?;
    let mut writer = Writer::default();
    if let Some(first) = taken.first() {
        log.with(|log| writer.fill_up(log, first.first_ms))?;
        pace.spent(writer.builder.len() / OPENING).await;
    }
    let (merged, mut left_out) = (taken.len() as u64, 0);
    for waiting in taken {
        let records = waiting.records;
        match log.with(|log| read(log, &waiting))? {
            Some((block, bytes)) => {
                if writer.is_full_for(block.rows().len(), bytes) {
                    close(log, &mut writer, now_ms, pace).await?;
                }
                writer.replaced.count(&block);
                left_out += log.with(|_| Ok(sample.take(block, &mut writer.builder)?))?;
            }
            None => writer.replaced.lost += records,
        }
        writer.replaced.batches.push(waiting);
        pace.spent(records as usize).await;
    }
    close(log, &mut writer, now_ms, pace).await?;
    log.with(|log| log.end_merge(left_out, now_ms))?;
    Ok(merged)
}

/// Puts the segment in the making in the place of its batches.
async fn close<S: Sql, L: Shared<FireLog<S>, FireLogError>>(
    log: &L,
    writer: &mut Writer,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<(), L::Error> {
    let mut segment = None;
    if let Some(bytes) = writer.encode(pace).await {
        segment = Some(log.with(|_| Segment::read(&bytes))?);
        pace.spent(TARGET_RECORDS / OPENING).await;
    }
    log.with(|log| log.replace(writer, segment, now_ms))?;
    pace.spent(TARGET_RECORDS / OPENING).await;
    Ok(())
}

impl<S: Sql> FireLog<S> {
    fn replace(
        &mut self,
        writer: &mut Writer,
        segment: Option<Segment>,
        now_ms: u64,
    ) -> Result<(), FireLogError> {
        let (replaced, tail) = (std::mem::take(&mut writer.replaced), writer.tail.take());
        let sql = &self.sql;
        sql.transaction(|| {
            replaced.forget(sql, now_ms)?;
            match segment {
                Some(segment) => segment.write(sql, tail),
                None => Ok(()),
            }
        })
    }

    fn end_merge(&mut self, left_out: u64, now_ms: u64) -> Result<(), FireLogError> {
        self.past.late.forget(now_ms.saturating_sub(CORRECTED_WITHIN_MS));
        self.inbox = self.waiting()?;
        self.is_merging = false;
        self.load.left_out(left_out, now_ms);
        Ok(())
    }
}

/// Batches whose place a segment takes, and what is added up of them.
#[derive(Default)]
struct MergedBatches {
    batches: Vec<Waiting>,
    /// Records of those that cannot be read.
    lost: u64,
    fires: FireTally,
    requests: RequestTally,
}

impl MergedBatches {
    fn count(&mut self, block: &Block) {
        self.fires.count(block);
        self.requests.count(block);
    }

    fn forget(self, sql: &impl Sql, now_ms: u64) -> Result<(), FireLogError> {
        for waiting in &self.batches {
            waiting.delete(sql)?;
        }
        if self.lost > 0 {
            // A stored batch that cannot be read must not stop all others from being merged: it is dropped, and counted.
            let count = u32::try_from(self.lost).unwrap_or(u32::MAX);
            losses::add(sql, &[("records_unreadable".to_owned(), count)].into(), now_ms)?;
        }
        self.requests.put(sql)?;
        let uncounted = self.fires.put(sql)?;
        if uncounted > 0 {
            losses::add(
                sql,
                &[("rule_fires_dropped".to_owned(), uncounted)].into(),
                now_ms,
            )?;
        }
        remember(sql, &self.batches, now_ms)
    }
}

impl Waiting {
    fn key(&self) -> [SqlValue; 2] {
        [number(self.isolate), number(self.seq)]
    }

    fn delete(&self, sql: &impl Sql) -> Result<(), FireLogError> {
        let statement = "DELETE FROM inbox WHERE isolate = ? AND seq = ? RETURNING seq";
        if sql.run(statement, &self.key())?.is_empty() {
            return Err(StoreError::Corrupt("a batch that was merged meanwhile".to_owned()).into());
        }
        Ok(())
    }
}

/// The oldest rows of the inbox that are counted, as many as one step may take, at least one.
fn choose(sql: &impl Sql, cut_ms: u64) -> Result<Vec<Waiting>, FireLogError> {
    let statement = "SELECT isolate, seq, first_ms, records FROM inbox WHERE arrived_ms <= ?";
    let rows = sql.run(statement, &[number(cut_ms)])?;
    let waiting = |row: &Row| {
        Ok(Waiting {
            isolate: row.integer(0, "inbox.isolate")?,
            seq: row.integer(1, "inbox.seq")?,
            first_ms: row.integer(2, "inbox.first_ms")?,
            records: row.integer(3, "inbox.records")?,
        })
    };
    let mut all: Vec<Waiting> = rows.iter().map(waiting).collect::<Result<_, StoreError>>()?;
    all.sort_by_key(|waiting| (waiting.first_ms, waiting.isolate, waiting.seq));
    let mut records = 0;
    let fits = |waiting: &Waiting| {
        let fits = records == 0 || records + waiting.records <= MAX_STEP_RECORDS;
        records += waiting.records;
        fits
    };
    Ok(all.into_iter().take_while(fits).collect())
}

/// A batch, and how many bytes it has; `None` where it cannot be read.
fn read<S: Sql>(log: &FireLog<S>, waiting: &Waiting) -> Result<Option<(Block, usize)>, FireLogError> {
    let statement = "SELECT front, back FROM inbox WHERE isolate = ? AND seq = ?";
    let mut rows = log.sql.run(statement, &waiting.key())?;
    let row = rows
        .first_mut()
        .ok_or_else(|| StoreError::Corrupt("a batch".to_owned()))?;
    let mut batch = StoreError::readable(batch(row))?;
    if let Some((block, _)) = &mut batch {
        log.past.late.apply(block);
    }
    Ok(batch)
}

fn batch(row: &mut Row) -> Result<(Block, usize), StoreError> {
    let (front, back) = (row.take_blob(0, "inbox.front")?, row.take_blob(1, "inbox.back")?);
    Ok((Block::open(&front, &back)?, front.len() + back.len()))
}

fn tail(sql: &impl Sql, first_ms: u64) -> Result<Option<Tail>, FireLogError> {
    let mut rows = sql.run(NEWEST, &[number(first_ms.saturating_sub(MAX_SPAN_MS))])?;
    let Some(row) = rows.first_mut() else {
        return Ok(None);
    };
    let id = row.integer(0, "segment.id")?;
    let began_ms = row.integer(1, "segment.first_ms")?;
    let records = row.integer(2, "segment.records")?;
    if records >= TARGET_RECORDS as u64 || began_ms + MAX_SPAN_MS < first_ms {
        return Ok(None);
    }
    let block = StoreError::readable(tail_block(row))?;
    Ok(block.map(|block| Tail { id, block }))
}

fn tail_block(row: &mut Row) -> Result<Block, StoreError> {
    let (front, back) = (
        row.take_blob(3, "segment.front")?,
        row.take_blob(4, "segment.back")?,
    );
    Ok(Block::open(&front, &back)?)
}

fn remember(sql: &impl Sql, taken: &[Waiting], now_ms: u64) -> Result<(), FireLogError> {
    let mut newest = std::collections::BTreeMap::new();
    for waiting in taken {
        let seq = newest.entry(waiting.isolate).or_insert(0);
        *seq = waiting.seq.max(*seq);
    }
    newest
        .into_iter()
        .try_for_each(|(isolate, seq)| accept::remember(sql, isolate, seq, now_ms))
}

/// Fills segments one after the other.
#[derive(Default)]
struct Writer {
    builder: Builder,
    /// The first of the segments takes its place.
    tail: Option<u64>,
    replaced: MergedBatches,
}

/// As its row will be.
struct Segment {
    header: Header,
    front: Vec<u8>,
    back: Vec<u8>,
}

impl Writer {
    /// Begins with the newest segment, where there is room in it.
    fn fill_up<S: Sql>(&mut self, log: &FireLog<S>, first_ms: u64) -> Result<(), FireLogError> {
        if let Some(mut tail) = tail(&log.sql, first_ms)? {
            self.tail = Some(tail.id);
            log.past.late.apply(&mut tail.block);
            self.builder.append(tail.block);
        }
        Ok(())
    }

    fn is_full_for(&self, records: usize, bytes: usize) -> bool {
        let room = self.builder.has_room_for(records, bytes * 2);
        !self.builder.is_empty() && (self.builder.len() + records > TARGET_RECORDS || !room)
    }

    /// The bytes of the segment in the making; `None` where nothing is.
    async fn encode(&mut self, pace: &impl Pace) -> Option<Vec<u8>> {
        let builder = std::mem::take(&mut self.builder);
        if builder.is_empty() {
            return None;
        }
        let mut encoding = builder.encoding();
        let cost = encoding.records() / PER_SECTION;
        while encoding.put_section() {
            pace.spent(cost).await;
        }
        Some(encoding.finish())
    }
}

impl Segment {
    /// Reads it once more before it takes the place of batches.
    fn read(bytes: &[u8]) -> Result<Self, FireLogError> {
        let (front, back) = split(bytes)?;
        Ok(Self {
            header: Header::of(&Block::open(front, back)?),
            front: front.to_vec(),
            back: back.to_vec(),
        })
    }

    fn write(self, sql: &impl Sql, replaces: Option<u64>) -> Result<(), FireLogError> {
        let values = [
            number(self.header.first.time_ms()),
            number(self.header.last.time_ms()),
            number(u64::from(self.header.records)),
            number((self.front.len() + self.back.len()) as u64),
            SqlValue::Blob(self.header.encode()),
            SqlValue::Blob(self.front),
            SqlValue::Blob(self.back),
            replaces.map_or(SqlValue::Null, number),
        ];
        sql.run(
            "INSERT OR REPLACE INTO segment (first_ms, last_ms, records, bytes, header, front, back, id) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            &values,
        )?;
        Ok(())
    }
}
