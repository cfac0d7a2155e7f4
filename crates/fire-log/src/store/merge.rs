//! Turning many small rows into few large ones: less to read for a query, and better dictionaries.
//!
//! One step is one transaction: what it takes from the inbox and what it writes as segments are the same records.
//! The newest segment is filled up first, so that quiet hours do not leave thousands of small ones.

use super::refine::Late;
use super::{FireLog, FireLogError, Inbox, accept, losses};
use blobwatch_records::{Block, Builder, Header, split};
use blobwatch_sql::{Row, Sql, SqlValue, StoreError, number};

/// Records of a full segment: 330 KB, a scan of its front is some 50 KB.
pub(crate) const TARGET_RECORDS: usize = 8_192;

/// A batch waits at most so long.
pub(crate) const MERGE_AFTER_MS: u64 = 60_000;

/// So many batches are merged before that.
pub(crate) const MERGE_AT_ROWS: u64 = 100;

/// Least time between two merges: the newest segment is written again by each.
pub(crate) const MERGE_EVERY_MS: u64 = 10_000;

/// Records of one step: about 25 ms natively, a few times that in Wasm. An object may use 30 s at a time.
const MAX_STEP_RECORDS: u64 = 16_384;

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

    /// One step of merging; the number of batches merged.
    pub(super) fn merge(&mut self, now_ms: u64) -> Result<u64, FireLogError> {
        let (sql, late, cut_ms) = (&self.sql, &mut self.late, self.outbox.cut_ms());
        let guards = &mut self.guards;
        let merged = sql.transaction(|| {
            // What guards know of a batch is read from the inbox again while it is there.
            guards.keep_before_merge(sql, now_ms)?;
            step(sql, late, cut_ms, now_ms)
        })?;
        self.inbox = self.waiting()?;
        self.last_merge_ms = now_ms;
        Ok(merged)
    }
}

fn step(sql: &impl Sql, late: &mut Late, cut_ms: u64, now_ms: u64) -> Result<u64, FireLogError> {
    let taken = choose(sql, cut_ms)?;
    let mut writer = Writer {
        sql,
        builder: Builder::default(),
        replaces: None,
    };
    if let Some(first) = taken.first()
        && let Some(mut tail) = tail(sql, first.first_ms)?
    {
        writer.replaces = Some(tail.id);
        late.apply(&mut tail.block);
        writer.builder.append(tail.block);
    }
    for waiting in &taken {
        match StoreError::readable(read(sql, waiting))? {
            Some((mut block, bytes)) => {
                late.apply(&mut block);
                writer.add(block, bytes)?;
            }
            None => lost(sql, waiting, now_ms)?,
        }
        let key = [number(waiting.isolate), number(waiting.seq)];
        sql.run("DELETE FROM inbox WHERE isolate = ? AND seq = ?", &key)?;
    }
    writer.write()?;
    late.forget(now_ms.saturating_sub(CORRECTED_WITHIN_MS));
    remember(sql, &taken, now_ms)?;
    Ok(taken.len() as u64)
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

/// A batch, and how many bytes it has.
fn read(sql: &impl Sql, waiting: &Waiting) -> Result<(Block, usize), StoreError> {
    let key = [number(waiting.isolate), number(waiting.seq)];
    let mut rows = sql.run(
        "SELECT front, back FROM inbox WHERE isolate = ? AND seq = ?",
        &key,
    )?;
    let row = rows
        .first_mut()
        .ok_or_else(|| StoreError::Corrupt("a batch".to_owned()))?;
    let (front, back) = (row.take_blob(0, "inbox.front")?, row.take_blob(1, "inbox.back")?);
    Ok((Block::open(&front, &back)?, front.len() + back.len()))
}

/// A stored batch that cannot be read must not stop all others from being merged: it is dropped, and counted.
fn lost(sql: &impl Sql, waiting: &Waiting, now_ms: u64) -> Result<(), FireLogError> {
    let count = u32::try_from(waiting.records).unwrap_or(u32::MAX);
    losses::add(sql, &[("records_unreadable".to_owned(), count)].into(), now_ms)
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
struct Writer<'a, S> {
    sql: &'a S,
    builder: Builder,
    replaces: Option<u64>,
}

impl<S: Sql> Writer<'_, S> {
    fn add(&mut self, block: Block, bytes: usize) -> Result<(), FireLogError> {
        let records = block.rows().len();
        let full =
            self.builder.len() + records > TARGET_RECORDS || !self.builder.has_room_for(records, bytes * 2);
        if full && !self.builder.is_empty() {
            self.write()?;
        }
        self.builder.append(block);
        Ok(())
    }

    fn write(&mut self) -> Result<(), FireLogError> {
        let builder = std::mem::take(&mut self.builder);
        if builder.is_empty() {
            return Ok(());
        }
        let bytes = builder.encode();
        let (front, back) = split(&bytes)?;
        let header = Header::of(&Block::open(front, back)?);
        let values = [
            number(header.first.time_ms()),
            number(header.last.time_ms()),
            number(u64::from(header.records)),
            number(bytes.len() as u64),
            SqlValue::Blob(header.encode()),
            SqlValue::Blob(front.to_vec()),
            SqlValue::Blob(back.to_vec()),
            self.replaces.take().map_or(SqlValue::Null, number),
        ];
        self.sql.run(
            "INSERT OR REPLACE INTO segment (first_ms, last_ms, records, bytes, header, front, back, id) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            &values,
        )?;
        Ok(())
    }
}
