//! Counting cells: from batches as they came to batches of cells in the outbox, each record once.
//!
//! A cut counts the batches that came since the one before, and its row in the outbox says up to which. What is merged was counted before, so a record is counted once whatever fails in between. A cut comes some
//! seconds after its slot has ended: isolates send once a second, and a kind may be another when the next batch comes.
//! Nothing is taken back after that.

use super::outbox::OutboxBatch;
use super::{FireLog, FireLogError, Source, losses, refine};
use blobwatch_pull::Record;
use blobwatch_records::{History, SLOT_S, Tally};
use blobwatch_sql::{Pace, Row, Shared, Sql, StoreError, number};
use blobwatch_wire::{FNV_START, fnv1a};

/// A batch is counted when it has been here for so long.
pub(crate) const SETTLE_MS: u64 = 2_000;

/// After the end of a slot; see [`SETTLE_MS`]: a batch that came 1.5 s after the slot's end is counted with it.
pub(crate) const CUT_AFTER_SLOT_MS: u64 = 3_500;

/// FireLogs of one process do not all count at once: each has a time of its own within this long.
pub(crate) const CUT_SPREAD_MS: u64 = 750;

/// Batches of one cut: 25,600 records, 0.1 s natively.
const MAX_CUT_ROWS: usize = 100;

/// Records that are counted at once: a millisecond natively.
const COUNTED_RECORDS: usize = 64;

const ARRIVED: &str = "SELECT arrived_ms, isolate, seq FROM inbox WHERE arrived_ms > ? AND arrived_ms <= ?";

impl<S: Sql> FireLog<S> {
    /// When cells are to be counted; `None` while there is nothing to count.
    pub(super) fn cut_due_ms(&self) -> Option<u64> {
        let slot_ms = SLOT_S * 1000;
        let oldest_ms = self.inbox.oldest_uncut_ms;
        let after_slot_ms = CUT_AFTER_SLOT_MS + spread_ms(self.outbox.source());
        (self.inbox.uncut > 0).then(|| (oldest_ms / slot_ms + 1) * slot_ms + after_slot_ms)
    }
}

/// A FireLog's own; 0 while it has no name.
fn spread_ms(name: &str) -> u64 {
    match name {
        "" => 0,
        name => fnv1a(FNV_START, name.as_bytes()) % CUT_SPREAD_MS,
    }
}

/// One step of counting. Batches that come in its pauses are counted by the next one.
pub(super) async fn cut<S: Sql, L: Shared<FireLog<S>, FireLogError>>(
    log: &L,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<(), L::Error> {
    let (after_ms, mut batches) = log.with(|log| {
        let after_ms = log.outbox.cut_ms();
        let until_ms = now_ms.saturating_sub(SETTLE_MS);
        Ok((after_ms, arrived(&log.sql, (after_ms, until_ms))?))
    })?;
    batches.truncate(MAX_CUT_ROWS);
    let mut tally = Tally::default();
    for (_, source) in &batches {
        let records = log.with(|log| refine::records(&log.sql, *source))?;
        pace.spent(records.len()).await;
        for some in records.chunks(COUNTED_RECORDS) {
            log.with(|log| {
                count(&log.past.history, &mut tally, some);
                Ok(())
            })?;
            pace.spent(some.len()).await;
        }
    }
    let cut_ms = batches.last().map_or(after_ms, |(arrived_ms, _)| *arrived_ms);
    log.with(|log| {
        let (sql, outbox) = (&log.sql, &mut log.outbox);
        if outbox.cut_ms() != after_ms {
            return Err(StoreError::Corrupt("batches that were counted meanwhile".to_owned()).into());
        }
        // The batches say up to when it is: what became known since the cut before counts once, as they do.
        for (due_ms, record) in log.past.challenges.unanswered(after_ms, cut_ms) {
            tally.count_unanswered(record, due_ms);
        }
        let dropped = log.past.challenges.take_dropped();
        sql.transaction(|| -> Result<(), FireLogError> {
            outbox.put(sql, tally, cut_ms, now_ms)?;
            if dropped > 0 {
                losses::add(sql, &[("challenges_dropped".to_owned(), dropped)].into(), now_ms)?;
            }
            Ok(())
        })?;
        log.past.challenges.forget(cut_ms);
        log.inbox = log.waiting()?;
        Ok(())
    })
}

fn count(history: &History, tally: &mut Tally, records: &[Record]) {
    for record in records {
        tally.count(record, &history.recall(record));
    }
}

/// The batches of the inbox that came in `(after, until]`, in that order.
pub(super) fn arrived(
    sql: &impl Sql,
    (after_ms, until_ms): (u64, u64),
) -> Result<Vec<(u64, Source)>, FireLogError> {
    let rows = sql.run(ARRIVED, &[number(after_ms), number(until_ms)])?;
    let mut arrived: Vec<(u64, Source)> = rows.iter().map(arrival).collect::<Result<_, _>>()?;
    arrived.sort_unstable_by_key(|(arrived_ms, _)| *arrived_ms);
    Ok(arrived)
}

fn arrival(row: &Row) -> Result<(u64, Source), StoreError> {
    let isolate = row.integer(1, "inbox.isolate")?;
    let seq = row.integer(2, "inbox.seq")?;
    Ok((
        row.integer(0, "inbox.arrived_ms")?,
        Source::Inbox { isolate, seq },
    ))
}

impl<S: Sql> FireLog<S> {
    /// Cells that the Detector has not acknowledged, the oldest first: some of them, those of one row. None while a
    /// try is not answered and the next one is not due.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn due_cells(&self, now_ms: u64) -> Result<Vec<OutboxBatch>, FireLogError> {
        if self.outbox.due_ms().is_some_and(|due| due <= now_ms) {
            self.outbox.oldest(&self.sql)
        } else {
            Ok(Vec::new())
        }
    }

    /// The Detector holds the cells of this number and all before it.
    pub fn cells_acknowledged(&mut self, seq: u64) {
        self.outbox.acknowledged(seq);
    }

    /// Cells are on their way: without an acknowledgement they are due again later.
    pub fn cells_tried(&mut self, now_ms: u64) {
        self.outbox.tried(now_ms);
    }

    /// Keeps the object's own name, which it must tell the Detector when an alarm wakes it.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn be_named(&mut self, name: &str) -> Result<(), FireLogError> {
        self.outbox.be_named(&self.sql, name)
    }

    /// The object's own name; empty before its first batch.
    #[must_use]
    pub fn name(&self) -> &str {
        self.outbox.name()
    }
}
