//! What an alarm does: merge what waits, forget what is old or too much.

use super::{FireLog, FireLogError};
use blobwatch_pull::RecordId;
use blobwatch_sql::{Sql, SqlValue, number};

/// Retention runs so often: it matters to the hour.
pub(super) const RETAIN_EVERY_MS: u64 = 3_600_000;

/// Segments forgotten by one alarm: 2.6 million records, 20 MB of pages to free.
const MAX_FORGOTTEN: u64 = 64;

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
    /// Does one bounded step of whatever is due.
    ///
    /// # Errors
    /// When SQLite refuses; then nothing of the step is done.
    pub fn tend(&mut self, now_ms: u64) -> Result<MaintenanceResult, FireLogError> {
        let mut tended = MaintenanceResult::default();
        if self.cut_due_ms().is_some_and(|due| due <= now_ms) {
            self.cut(now_ms)?;
            tended.more = self.cut_due_ms().is_some_and(|due| due <= now_ms);
        }
        if self.merge_due_ms().is_some_and(|due| due <= now_ms) {
            tended.merged = self.merge(now_ms)?;
            // What a step left is due like what it took.
            let more = self.inbox.rows > 0;
            self.last_merge_ms = if more { 0 } else { now_ms };
            tended.more |= more;
        }
        // Not before all is merged: batches take twice the room of segments, and would cost older records theirs.
        if !tended.more && self.last_retain_ms + RETAIN_EVERY_MS <= now_ms {
            tended.forgotten = self.retain(now_ms)?;
            let more = tended.forgotten >= MAX_FORGOTTEN;
            tended.more = more;
            self.last_retain_ms = if more { 0 } else { now_ms };
        }
        Ok(tended)
    }

    fn retain(&mut self, now_ms: u64) -> Result<u64, FireLogError> {
        let settings = self.settings();
        let horizon_ms = now_ms.saturating_sub(u64::from(settings.retention_hours) * 3_600_000);
        let (sql, outbox) = (&self.sql, &mut self.outbox);
        sql.transaction(|| {
            outbox.shrink(sql)?;
            let old = sql.run(OLDER, &[number(horizon_ms), number(MAX_FORGOTTEN)])?;
            for row in &old {
                forget(sql, row.integer(0, "segment.id")?)?;
            }
            let first = SqlValue::Text(RecordId::first_at(horizon_ms).to_string());
            sql.run(ENFORCED_OLDER, &[first, number(MAX_ROWS)])?;
            let quiet = now_ms.saturating_sub(ISOLATE_MS);
            sql.run(
                "DELETE FROM isolate WHERE isolate IN (SELECT isolate FROM isolate WHERE last_ms < ? LIMIT ?)",
                &[number(quiet), number(MAX_ROWS)],
            )?;
            let over = sql.size_bytes().saturating_sub(settings.retention_bytes);
            let left = MAX_FORGOTTEN - old.len() as u64;
            Ok(old.len() as u64 + forget_bytes(sql, over, left)?)
        })
    }
}

/// Forgets the oldest segments until `over` bytes are gone, at most `most` of them.
fn forget_bytes(sql: &impl Sql, over: u64, most: u64) -> Result<u64, FireLogError> {
    let (mut gone, mut segments) = (0, 0);
    if over == 0 {
        return Ok(0);
    }
    for row in sql.run(OLDEST, &[number(most)])? {
        if gone >= over {
            break;
        }
        forget(sql, row.integer(0, "segment.id")?)?;
        gone += row.integer(1, "segment.bytes")?;
        segments += 1;
    }
    Ok(segments)
}

fn forget(sql: &impl Sql, id: u64) -> Result<(), FireLogError> {
    sql.run("DELETE FROM segment WHERE id = ?", &[number(id)])?;
    Ok(())
}
