//! What an alarm does: merge what waits, forget what is old or too much.

use std::cell::RefCell;

use super::cut::cut;
use super::merge::merge;
use super::wake::wake;
use super::{FireLog, FireLogError};
use crate::pace::unpaced;
use blobwatch_pull::RecordId;
use blobwatch_sql::{Pace, Row, Shared, Sql, SqlValue, Unpaced, number};

/// Retention runs so often: it matters to the hour.
pub(super) const RETAIN_EVERY_MS: u64 = 3_600_000;

/// Segments forgotten by one alarm: 2.6 million records, 20 MB of pages to free.
const MAX_FORGOTTEN: u64 = 64;

/// What forgetting a segment costs, in records: 300 KB of pages to free.
const FORGETTING: usize = 256;

/// Rows of other tables forgotten by one alarm.
const MAX_ROWS: u64 = 2_000;

/// An isolate's numbers are forgotten an hour after its last batch was merged; it gives a batch up after 10 minutes.
const ISOLATE_MS: u64 = 3_600_000;

/// What an alarm did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MaintenanceResult {
    /// Batches that became part of segments.
    pub merged: u64,
    /// Segments forgotten.
    pub forgotten: u64,
    /// More is due at once.
    pub more: bool,
}

pub(super) const OLDER: &str = "SELECT id, bytes FROM segment WHERE last_ms < ? ORDER BY last_ms LIMIT ?";
pub(super) const OLDEST: &str = "SELECT id, bytes FROM segment ORDER BY last_ms LIMIT ?";
pub(super) const ENFORCED_OLDER: &str =
    "DELETE FROM enforced WHERE id IN (SELECT id FROM enforced WHERE id < ? ORDER BY id LIMIT ?)";

impl<S: Sql> FireLog<S> {
    /// Does one bounded step of whatever is due, without pauses.
    ///
    /// # Errors
    /// When SQLite refuses; the step may be done in part, and none of its parts by halves.
    pub fn tend(&mut self, now_ms: u64) -> Result<MaintenanceResult, FireLogError> {
        unpaced(tend(&RefCell::new(self), now_ms, &Unpaced))
    }
}

/// As [`FireLog::tend`], in slices: what is done by halves in a pause is in memory only. Nobody else tends the FireLog
/// meanwhile.
///
/// # Errors
/// As there.
pub async fn tend<S: Sql, L: Shared<FireLog<S>, FireLogError>>(
    log: &L,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<MaintenanceResult, L::Error> {
    wake(log, pace).await?;
    let is_due = |at_ms: Option<u64>| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
    let mut tended = MaintenanceResult::default();
    log.with(|log| {
        if is_due(log.upstream_due_ms()) {
            log.tend_upstream(now_ms)?;
        }
        Ok(())
    })?;
    if log.with(|log| Ok(is_due(log.cut_due_ms())))? {
        cut(log, now_ms, pace).await?;
        tended.more = log.with(|log| Ok(is_due(log.cut_due_ms())))?;
    }
    if log.with(|log| Ok(is_due(log.merge_due_ms())))? {
        tended.merged = merge(log, now_ms, pace).await?;
        tended.more |= log.with(|log| Ok(log.merged(now_ms)))?;
    }
    // Not before all is merged: batches take twice the room of segments, and would cost older records theirs.
    if !tended.more && log.with(|log| Ok(log.last_retain_ms + RETAIN_EVERY_MS <= now_ms))? {
        log.with(|log| log.forget_unseen(now_ms))?;
        tended.forgotten = retain(log, now_ms, pace).await?;
        tended.more = tended.forgotten >= MAX_FORGOTTEN;
        let last_retain_ms = if tended.more { 0 } else { now_ms };
        log.with(|log| {
            log.last_retain_ms = last_retain_ms;
            Ok(())
        })?;
    }
    Ok(tended)
}

/// Forgets what is too old or too much; how many segments.
async fn retain<S: Sql, L: Shared<FireLog<S>, FireLogError>>(
    log: &L,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<u64, L::Error> {
    let horizon_ms = log.with(|log| log.forget_rows(now_ms))?;
    let old = log.with(|log| segments(&log.sql, OLDER, &[number(horizon_ms), number(MAX_FORGOTTEN)]))?;
    let mut forgotten = 0;
    for segment in old {
        log.with(|log| forget(&log.sql, segment.id))?;
        forgotten += 1;
        pace.spent(FORGETTING).await;
    }
    let mut over = log.with(|log| Ok(log.bytes_over()))?;
    if over == 0 {
        return Ok(forgotten);
    }
    for segment in log.with(|log| segments(&log.sql, OLDEST, &[number(MAX_FORGOTTEN - forgotten)]))? {
        if over == 0 {
            break;
        }
        log.with(|log| forget(&log.sql, segment.id))?;
        over = over.saturating_sub(segment.bytes);
        forgotten += 1;
        pace.spent(FORGETTING).await;
    }
    Ok(forgotten)
}

impl<S: Sql> FireLog<S> {
    /// After a step of merging; whether more is to be merged. What a step left is due like what it took.
    fn merged(&mut self, now_ms: u64) -> bool {
        let more = self.inbox.rows > 0;
        self.last_merge_ms = if more { 0 } else { now_ms };
        more
    }

    /// Forgets old rows of other tables than the segments; from when on records are kept.
    fn forget_rows(&mut self, now_ms: u64) -> Result<u64, FireLogError> {
        let retention_ms = u64::from(self.settings().retention_hours) * 3_600_000;
        let horizon_ms = now_ms.saturating_sub(retention_ms);
        let (sql, outbox) = (&self.sql, &mut self.outbox);
        sql.transaction(|| {
            outbox.shrink(sql)?;
            let first = SqlValue::Text(RecordId::first_at(horizon_ms).to_string());
            sql.run(ENFORCED_OLDER, &[first, number(MAX_ROWS)])?;
            let quiet = now_ms.saturating_sub(ISOLATE_MS);
            sql.run(
                "DELETE FROM isolate WHERE isolate IN (SELECT isolate FROM isolate WHERE last_ms < ? LIMIT ?)",
                &[number(quiet), number(MAX_ROWS)],
            )?;
            Ok(horizon_ms)
        })
    }

    fn bytes_over(&self) -> u64 {
        self.sql
            .size_bytes()
            .saturating_sub(self.settings().retention_bytes)
    }
}

struct Segment {
    id: u64,
    bytes: u64,
}

fn segments(sql: &impl Sql, statement: &str, parameters: &[SqlValue]) -> Result<Vec<Segment>, FireLogError> {
    let segment = |row: &Row| {
        Ok(Segment {
            id: row.integer(0, "segment.id")?,
            bytes: row.integer(1, "segment.bytes")?,
        })
    };
    sql.run(statement, parameters)?.iter().map(segment).collect()
}

fn forget(sql: &impl Sql, id: u64) -> Result<(), FireLogError> {
    sql.run("DELETE FROM segment WHERE id = ?", &[number(id)])?;
    Ok(())
}
