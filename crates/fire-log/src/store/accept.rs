//! Taking a batch in: once, whole, and with as few rows as can be.

use super::{FireLog, FireLogError, enforced, losses, refine};
use crate::load::Load;
use blobwatch_pull::Record;
use blobwatch_records::{Block, Flush, Header, Reply, split};
use blobwatch_sql::{Sql, SqlValue, number};

/// Of a batch's block and header together: a row holds 2 MB, and the rest of the row is under 100 bytes.
const MAX_ROW_BYTES: usize = 1_900_000;

/// A batch's records, ready for their row.
pub(super) struct Arrival {
    pub(super) block: Block,
    header: Header,
    front: Vec<u8>,
    back: Vec<u8>,
}

impl<S: Sql> FireLog<S> {
    /// Keeps a batch, or finds that it is kept already: either way the reply acknowledges it.
    ///
    /// # Errors
    /// When the batch cannot be read or stored; then nothing of it is kept.
    pub fn accept(&mut self, body: &[u8], now_ms: u64) -> Result<Reply, FireLogError> {
        self.wake_at_once()?;
        let flush = Flush::decode(body)?;
        let block = open(&flush.segment)?;
        let asked = asked(body, block.as_ref(), now_ms);
        self.load.flushed(asked, self.sql.size_bytes(), now_ms);
        // The object has one thread: nothing comes between the question and the transaction.
        if !is_known(&self.sql, &flush)? {
            self.keep(&flush, block, now_ms)?;
        }
        Ok(Reply {
            ack: flush.seq,
            ..self.reply(flush.held, now_ms)
        })
    }

    pub(super) fn keep(
        &mut self,
        flush: &Flush,
        block: Option<Block>,
        now_ms: u64,
    ) -> Result<(), FireLogError> {
        let arrived_ms = now_ms.max(self.arrived_ms + 1);
        let (arrival, records) = match block {
            Some(block) => {
                let (arrival, records) = self.refined(block, &flush.segment)?;
                (Some(arrival), records)
            }
            None => (None, Vec::new()),
        };
        let mut dropped = self.volumes.take_dropped();
        dropped.extend(self.past.take_evicted());
        let sql = &self.sql;
        let addresses = sql.transaction(|| {
            match &arrival {
                Some(arrival) => {
                    insert(sql, flush, arrival, arrived_ms)?;
                    enforced::keep(sql, &arrival.block, now_ms)?;
                }
                None => remember(sql, flush.isolate, flush.seq, now_ms)?,
            }
            losses::add(sql, &flush.losses, now_ms)?;
            let (addresses, evicted) = self.keep_addresses(&flush.addresses, now_ms)?;
            if evicted > 0 {
                losses::add(sql, &[("addresses_evicted".to_owned(), evicted)].into(), now_ms)?;
            }
            losses::add(sql, &dropped, now_ms)?;
            Ok::<_, FireLogError>(addresses)
        })?;
        self.addresses = addresses;
        self.arrived_ms = arrived_ms;
        self.count(flush, arrival.is_some(), now_ms);
        self.sampling.count(records.len(), now_ms);
        self.guards.observe(&records, arrived_ms);
        Ok(())
    }

    /// The batch with the kinds that its clients' histories show, and its records.
    fn refined(&mut self, mut block: Block, segment: &[u8]) -> Result<(Arrival, Vec<Record>), FireLogError> {
        let took_over = self.take_over(&mut block);
        let (records, changed) = refine::refine(&mut block, &mut self.past)?;
        if !changed && !took_over {
            return Ok((Arrival::of(block, segment)?, records));
        }
        let bytes = refine::encode(block);
        let (front, back) = split(&bytes)?;
        Ok((Arrival::of(Block::open(front, back)?, &bytes)?, records))
    }

    fn count(&mut self, flush: &Flush, has_records: bool, now_ms: u64) {
        if has_records {
            self.inbox.uncut += 1;
            self.inbox.oldest_uncut_ms = if self.inbox.uncut == 1 {
                self.arrived_ms
            } else {
                self.inbox.oldest_uncut_ms
            };
        }
        self.volumes.count(&flush.volumes, now_ms);
    }
}

/// What a flush adds to the load.
fn asked(body: &[u8], block: Option<&Block>, now_ms: u64) -> Load {
    let header = block.map(Header::of);
    let late = |header: &Header| now_ms.saturating_sub(header.last.time_ms()) * u64::from(header.records);
    Load {
        flushes: 1,
        records: header.as_ref().map_or(0, |header| u64::from(header.records)),
        bytes: body.len() as u64,
        late_ms: header.as_ref().map_or(0, late),
        ..Load::default()
    }
}

/// A batch's records; `None` where it has none.
pub(super) fn open(segment: &[u8]) -> Result<Option<Block>, FireLogError> {
    if segment.is_empty() {
        return Ok(None);
    }
    let (front, back) = split(segment)?;
    let block = Block::open(front, back)?;
    Ok((!block.rows().is_empty()).then_some(block))
}

impl Arrival {
    pub(super) fn of(block: Block, segment: &[u8]) -> Result<Self, FireLogError> {
        let (front, back) = split(segment)?;
        let header = Header::of(&block);
        let bytes = segment.len() + header.encode().len();
        if bytes > MAX_ROW_BYTES {
            return Err(FireLogError::TooLarge { bytes });
        }
        Ok(Self {
            header,
            front: front.to_vec(),
            back: back.to_vec(),
            block,
        })
    }

    /// Header, front and back.
    pub(super) fn blobs(&self) -> [SqlValue; 3] {
        let blobs = [self.header.encode(), self.front.clone(), self.back.clone()];
        blobs.map(SqlValue::Blob)
    }

    /// Of front and back.
    pub(super) fn bytes(&self) -> usize {
        self.front.len() + self.back.len()
    }
}

/// An isolate sends its batches in order and one at a time: a number up to the newest is a repeat, or was given up.
fn is_known(sql: &impl Sql, flush: &Flush) -> Result<bool, FireLogError> {
    Ok(newest_seq(sql, flush.isolate)? >= flush.seq)
}

/// The newest number of an isolate; 0 where it is not known.
pub(super) fn newest_seq(sql: &impl Sql, isolate: u64) -> Result<u64, FireLogError> {
    let isolate = number(isolate);
    let waiting = sql.run(NEWEST_WAITING, std::slice::from_ref(&isolate))?;
    let merged = sql.run(NEWEST_MERGED, &[isolate])?;
    let mut newest = 0;
    for (row, name) in [(waiting.first(), "inbox.seq"), (merged.first(), "isolate.seq")] {
        if let Some(row) = row {
            newest = row.integer(0, name)?.max(newest);
        }
    }
    Ok(newest)
}

pub(super) const NEWEST_WAITING: &str = "SELECT seq FROM inbox WHERE isolate = ? ORDER BY seq DESC LIMIT 1";
pub(super) const NEWEST_MERGED: &str = "SELECT seq FROM isolate WHERE isolate = ?";

fn insert(sql: &impl Sql, flush: &Flush, arrival: &Arrival, arrived_ms: u64) -> Result<(), FireLogError> {
    let header = &arrival.header;
    let [head, front, back] = arrival.blobs();
    sql.run(
        "INSERT INTO inbox (isolate, seq, arrived_ms, first_ms, last_ms, records, header, front, back) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            number(flush.isolate),
            number(flush.seq),
            number(arrived_ms),
            number(header.first.time_ms()),
            number(header.last.time_ms()),
            number(u64::from(header.records)),
            head,
            front,
            back,
        ],
    )?;
    Ok(())
}

/// When the newest batch of the inbox came; 0 where it is empty.
pub(super) fn newest_ms(sql: &impl Sql) -> Result<u64, FireLogError> {
    let rows = sql.run("SELECT max(arrived_ms) FROM inbox", &[])?;
    match rows.first() {
        Some(row) => Ok(row.optional_integer(0, "inbox.arrived_ms")?.unwrap_or(0)),
        None => Ok(0),
    }
}

/// Remembers an isolate's newest number without a row in the inbox.
pub(super) fn remember(sql: &impl Sql, isolate: u64, seq: u64, now_ms: u64) -> Result<(), FireLogError> {
    sql.run(
        "INSERT INTO isolate (isolate, seq, last_ms) VALUES (?, ?, ?) ON CONFLICT (isolate) \
         DO UPDATE SET seq = max(seq, excluded.seq), last_ms = excluded.last_ms",
        &[number(isolate), number(seq), number(now_ms)],
    )?;
    Ok(())
}
