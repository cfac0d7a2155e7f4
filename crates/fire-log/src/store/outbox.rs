//! Cells on their way to the Detector.
//!
//! A row is one cut: one batch a slot. What was acknowledged is known in memory only, and its row is written over by a
//! later cut: that saves two rows written of three, and after a restart the Detector is told again what it knows
//! already, which it finds by number.

use std::collections::{BTreeMap, BTreeSet};

use super::{FireLogError, losses};
use blobwatch_records::Tally;
use blobwatch_sql::{Sql, SqlValue, number};
use blobwatch_wire::{Reader, put_varint};

/// Rows that wait for the Detector: an hour of one cut each 10 s. The oldest go first, and are counted as lost.
pub(crate) const MAX_WAITING: usize = 360;

/// Of one row's batches; a row holds 2 MB.
const MAX_BODY_BYTES: usize = 1_900_000;

/// The Detector is tried again after so long, twice as long after each try that fails, up to the second.
const RETRY_MS: (u64, u64) = (10_000, 320_000);

/// One batch of cells, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxBatch {
    pub seq: u64,
    /// A [`blobwatch_records::CellBatch`], encoded.
    pub body: Vec<u8>,
}

/// What is known of the outbox without reading it.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    source: String,
    epoch: u64,
    next_seq: u64,
    cut_ms: u64,
    /// Rows that wait, by the last number in them.
    waiting: BTreeMap<u64, u64>,
    /// Places of rows that were acknowledged.
    free: BTreeSet<u64>,
    /// Places used so far.
    places: u64,
    /// Tries since the last answer.
    tries: u32,
    retry_ms: u64,
}

const EPOCH: &str = "meta.value of epoch";

const ALL: &str = "SELECT place, seq, batches, cut_ms FROM outbox";
pub(super) const ONE: &str = "SELECT seq, batches, body FROM outbox WHERE place = ?";

/// A number that no other database has: what a FireLog that lost its own counts from 1 again must not look known.
const NEW_EPOCH: &str =
    "INSERT OR IGNORE INTO meta (key, value) VALUES ('epoch', abs(random() % 9007199254740991))";

impl Outbox {
    /// Reads what waits; all of it counts as not acknowledged.
    pub(super) fn open(sql: &impl Sql) -> Result<Self, FireLogError> {
        let mut outbox = Self {
            next_seq: 1,
            ..Self::default()
        };
        for row in sql.run("SELECT key, value FROM meta WHERE key IN ('epoch', 'name')", &[])? {
            match row.text(0, "meta.key")? {
                "epoch" => outbox.epoch = row.integer(1, EPOCH)?,
                _ => outbox.source = row.text(1, "meta.value of name")?.to_owned(),
            }
        }
        for row in sql.run(ALL, &[])? {
            let place = row.integer(0, "outbox.place")?;
            let seq = row.integer(1, "outbox.seq")?;
            let batches = row.integer(2, "outbox.batches")?;
            outbox.waiting.insert(seq + batches.saturating_sub(1), place);
            outbox.next_seq = outbox.next_seq.max(seq + batches);
            outbox.cut_ms = outbox.cut_ms.max(row.integer(3, "outbox.cut_ms")?);
            outbox.places = outbox.places.max(place + 1);
        }
        Ok(outbox)
    }

    /// When the newest batch came whose records are counted.
    pub(super) fn cut_ms(&self) -> u64 {
        self.cut_ms
    }

    /// Name of this FireLog; empty before it was told.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// When something is to be sent; `None` while nothing waits.
    pub(super) fn due_ms(&self) -> Option<u64> {
        (!self.waiting.is_empty()).then_some(self.retry_ms)
    }

    pub(super) fn name(&self) -> &str {
        &self.source
    }

    pub(super) fn be_named(&mut self, sql: &impl Sql, name: &str) -> Result<(), FireLogError> {
        if self.source != name {
            let statement = "INSERT OR REPLACE INTO meta (key, value) VALUES ('name', ?)";
            sql.run(statement, &[SqlValue::Text(name.to_owned())])?;
            self.source = name.to_owned();
        }
        Ok(())
    }

    /// Puts what was counted up to the batch that came at `cut_ms`. A cut that counted nothing leaves no row, and is
    /// made again after a restart, for the same nothing.
    pub(super) fn put(
        &mut self,
        sql: &impl Sql,
        tally: Tally,
        cut_ms: u64,
        now_ms: u64,
    ) -> Result<(), FireLogError> {
        self.cut_ms = cut_ms;
        if tally.is_empty() {
            return Ok(());
        }
        if self.epoch == 0 {
            sql.run(NEW_EPOCH, &[])?;
            let rows = sql.run("SELECT value FROM meta WHERE key = 'epoch'", &[])?;
            if let Some(row) = rows.first() {
                self.epoch = row.integer(0, EPOCH)?;
            }
        }
        let (mut body, mut first) = (Vec::new(), self.next_seq);
        for batch in tally.into_batches(&self.source, self.epoch, self.next_seq) {
            let bytes = batch.encode();
            if !body.is_empty() && body.len() + bytes.len() > MAX_BODY_BYTES {
                self.write(sql, first, std::mem::take(&mut body), now_ms)?;
                first = batch.seq;
            }
            put_varint(&mut body, bytes.len() as u64);
            body.extend(bytes);
            self.next_seq = batch.seq + 1;
        }
        self.write(sql, first, body, now_ms)
    }

    fn write(&mut self, sql: &impl Sql, first: u64, body: Vec<u8>, now_ms: u64) -> Result<(), FireLogError> {
        if self.waiting.len() >= MAX_WAITING
            && let Some((_, place)) = self.waiting.pop_first()
        {
            losses::add(sql, &[("cells_dropped".to_owned(), 1)].into(), now_ms)?;
            self.free.insert(place);
        }
        let numbers = [first, self.next_seq - first, self.cut_ms].map(number);
        let (place, statement) = match self.free.pop_first() {
            Some(place) => (
                place,
                "UPDATE outbox SET seq = ?, batches = ?, cut_ms = ?, body = ? WHERE place = ?",
            ),
            None => (
                self.places,
                "INSERT INTO outbox (seq, batches, cut_ms, body, place) VALUES (?, ?, ?, ?, ?)",
            ),
        };
        self.places = self.places.max(place + 1);
        let [seq, batches, cut_ms] = numbers;
        sql.run(
            statement,
            &[seq, batches, cut_ms, SqlValue::Blob(body), number(place)],
        )?;
        self.waiting.insert(self.next_seq - 1, place);
        Ok(())
    }

    pub(super) fn oldest(&self, sql: &impl Sql) -> Result<Vec<OutboxBatch>, FireLogError> {
        let Some(place) = self.waiting.values().next() else {
            return Ok(Vec::new());
        };
        let mut rows = sql.run(ONE, &[number(*place)])?;
        let Some(row) = rows.first_mut() else {
            return Ok(Vec::new());
        };
        let first = row.integer(0, "outbox.seq")?;
        let batches = row.integer(1, "outbox.batches")?;
        let body = row.take_blob(2, "outbox.body")?;
        let mut reader = Reader::new(&body);
        let mut unsent = Vec::new();
        for seq in first..first + batches {
            let length: usize = reader.narrow("length of a batch")?;
            let body = reader.take(length)?.to_vec();
            unsent.push(OutboxBatch { seq, body });
        }
        Ok(unsent)
    }

    pub(super) fn acknowledged(&mut self, seq: u64) {
        (self.tries, self.retry_ms) = (0, 0);
        while let Some(entry) = self.waiting.first_entry()
            && *entry.key() <= seq
        {
            self.free.insert(entry.remove());
        }
    }

    /// A look that finds nothing due is no try: were it one, every alarm would put the next try off, for ever.
    pub(super) fn tried(&mut self, now_ms: u64) {
        if self.due_ms().is_none_or(|due| due > now_ms) {
            return;
        }
        let (least, most) = RETRY_MS;
        self.retry_ms = now_ms + (least << self.tries.min(8)).min(most);
        self.tries += 1;
    }

    /// Forgets rows that were acknowledged, all but the newest cut's: after an hour without the Detector there are
    /// many.
    pub(super) fn shrink(&mut self, sql: &impl Sql) -> Result<(), FireLogError> {
        let newest = "SELECT place FROM outbox ORDER BY seq DESC LIMIT 1";
        let rows = sql.run(newest, &[])?;
        let newest = rows
            .first()
            .map(|row| row.integer(0, "outbox.place"))
            .transpose()?;
        for place in std::mem::take(&mut self.free) {
            if Some(place) == newest {
                self.free.insert(place);
            } else {
                sql.run("DELETE FROM outbox WHERE place = ?", &[number(place)])?;
            }
        }
        Ok(())
    }
}
