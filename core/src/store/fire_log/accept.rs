//! Taking a batch in: once, whole, and with as few rows as can be.

use super::{FireLog, FireLogError, enforced, integer, losses, number};
use crate::flush::{Flush, Reply};
use crate::segment::{Block, Header, split};
use crate::store::{Sql, SqlValue};

/// Of a batch's block and header together: a row holds 2 MB, and the rest of the row is under 100 bytes.
const MAX_ROW_BYTES: usize = 1_900_000;

/// A batch's records, ready for their row.
struct Arrival {
    block: Block,
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
        let flush = Flush::decode(body)?;
        let arrival = Arrival::of(&flush.segment)?;
        let sql = &self.sql;
        let is_new = sql.transaction(|| {
            if is_known(sql, &flush)? {
                return Ok(false);
            }
            match &arrival {
                Some(arrival) => keep(sql, &flush, arrival, now_ms)?,
                None => remember(sql, flush.isolate, flush.seq, now_ms)?,
            }
            losses::add(sql, &flush.losses, now_ms)?;
            Ok::<_, FireLogError>(true)
        })?;
        if is_new {
            self.count(&flush, arrival.is_some(), now_ms);
        }
        Ok(Reply {
            ack: flush.seq,
            ..self.reply(flush.revision, now_ms)
        })
    }

    fn count(&mut self, flush: &Flush, has_records: bool, now_ms: u64) {
        if has_records {
            self.inbox.rows += 1;
            self.inbox.oldest_ms = if self.inbox.rows == 1 {
                now_ms
            } else {
                self.inbox.oldest_ms
            };
        }
        let limits = self
            .rulebook
            .as_ref()
            .map(|kept| kept.volumes.as_slice())
            .unwrap_or_default();
        self.volumes.count(limits, &flush.volumes, now_ms);
    }
}

impl Arrival {
    fn of(segment: &[u8]) -> Result<Option<Self>, FireLogError> {
        if segment.is_empty() {
            return Ok(None);
        }
        let (front, back) = split(segment)?;
        let block = Block::open(front, back)?;
        let header = Header::of(&block);
        let bytes = segment.len() + header.encode().len();
        if bytes > MAX_ROW_BYTES {
            return Err(FireLogError::TooLarge { bytes });
        }
        let arrival = Self {
            header,
            front: front.to_vec(),
            back: back.to_vec(),
            block,
        };
        Ok((!arrival.block.rows().is_empty()).then_some(arrival))
    }
}

/// An isolate sends its batches in order and one at a time: a number up to the newest is a repeat, or was given up.
fn is_known(sql: &impl Sql, flush: &Flush) -> Result<bool, FireLogError> {
    let isolate = number(flush.isolate);
    let waiting = sql.run(NEWEST_WAITING, std::slice::from_ref(&isolate))?;
    let merged = sql.run(NEWEST_MERGED, &[isolate])?;
    Ok(waiting
        .iter()
        .chain(&merged)
        .any(|row| integer(row, 0) >= flush.seq))
}

pub(super) const NEWEST_WAITING: &str = "SELECT seq FROM inbox WHERE isolate = ? ORDER BY seq DESC LIMIT 1";
pub(super) const NEWEST_MERGED: &str = "SELECT seq FROM isolate WHERE isolate = ?";

fn keep(sql: &impl Sql, flush: &Flush, arrival: &Arrival, now_ms: u64) -> Result<(), FireLogError> {
    let header = &arrival.header;
    sql.run(
        "INSERT INTO inbox (isolate, seq, arrived_ms, first_ms, last_ms, records, header, front, back) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            number(flush.isolate),
            number(flush.seq),
            number(now_ms),
            number(header.first.time_ms()),
            number(header.last.time_ms()),
            number(u64::from(header.records)),
            SqlValue::Blob(header.encode()),
            SqlValue::Blob(arrival.front.clone()),
            SqlValue::Blob(arrival.back.clone()),
        ],
    )?;
    enforced::keep(sql, &arrival.block, now_ms)
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
