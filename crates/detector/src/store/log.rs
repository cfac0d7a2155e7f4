//! Batches in, ticks, and the way back after a restart.
//!
//! The state must follow from the log: before a batch that came at a time is counted, every slot that was over by then
//! is ticked. A tick between two batches changes nothing of that, so that alarms need no row.

use super::acts::LoggedAct;
use super::{Detector, count};
use crate::Outcome;
use blobwatch_guard::HarmNotice;
use blobwatch_records::{CellBatch, OpenCohort, SLOT_S, slot_of};
use blobwatch_sql::{Sql, SqlValue, StoreError, number};

/// How long after its end a slot is tested: FireLogs cut their cells by their own alarms, and send at once.
pub(crate) const GRACE_MS: u64 = 6_000;

/// The state is saved when the log has so many batches, or bytes, or is so old: reading them again takes a second. A state that is larger
/// itself waits for as many bytes: of 300 FireLogs it would be written every ten seconds.
const SAVE_BATCHES: u64 = 4_000;
const SAVE_BYTES: u64 = 8_000_000;
const SAVE_EVERY_MS: u64 = 30 * 60_000;

/// How long a harm that was told is known: the RuleBook gives up after a week.
const HEARD_MS: u64 = 14 * 86_400_000;

/// What is in the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) batches: u64,
    pub(super) bytes: u64,
}

impl<S: Sql> Detector<S> {
    /// The newest slot that is over, and all of it here.
    fn over_slot(&self, now_ms: u64) -> u64 {
        slot_of(now_ms.saturating_sub(GRACE_MS)).saturating_sub(1 + self.delay.slots())
    }

    /// Counts a batch, whose bytes these are, unless it came already; returns its number, which acknowledges it.
    ///
    /// # Errors
    /// When SQLite refuses: nothing is acknowledged then, and what is in memory is in doubt.
    pub fn accept(&mut self, bytes: &[u8], batch: CellBatch, now_ms: u64) -> Result<u64, StoreError> {
        let seq = batch.seq;
        if self.sources.has(&batch.source, batch.epoch, seq) {
            return Ok(seq);
        }
        let over = self.over_slot(now_ms);
        let outcome = self.engine.tick(over);
        self.sql.transaction(|| {
            self.log_bytes(bytes, now_ms)?;
            self.keep(&outcome, now_ms)
        })?;
        self.log.batches += 1;
        self.log.bytes += bytes.len() as u64;
        self.count(batch, now_ms);
        Ok(seq)
    }

    /// Whom open anomalies are about.
    #[must_use]
    pub fn open_cohorts(&self) -> Vec<OpenCohort> {
        self.engine.open_cohorts()
    }

    /// Keeps a harm that the guard tells of, and tells of it; one that came already changes nothing.
    ///
    /// # Errors
    /// When SQLite refuses; what is in memory is in doubt then.
    pub fn harm(&mut self, harm: &HarmNotice, now_ms: u64) -> Result<(), StoreError> {
        if self.has_heard(harm)? {
            return Ok(());
        }
        let over = self.over_slot(now_ms);
        let mut outcome = self.engine.tick(over);
        outcome.changes.extend(self.engine.harm(harm, now_ms).changes);
        let bytes = serde_json::to_vec(harm).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        self.sql.transaction(|| {
            self.log_bytes(&bytes, now_ms)?;
            self.note_heard(harm, now_ms)?;
            self.keep(&outcome, now_ms)
        })?;
        self.log.batches += 1;
        Ok(())
    }

    fn has_heard(&self, harm: &HarmNotice) -> Result<bool, StoreError> {
        let id = SqlValue::Text(harm.id.clone());
        Ok(!self.sql.run("SELECT 1 FROM harm WHERE id = ?", &[id])?.is_empty())
    }

    fn note_heard(&self, harm: &HarmNotice, now_ms: u64) -> Result<(), StoreError> {
        if harm.id.is_empty() {
            return Ok(());
        }
        self.sql.run(
            "INSERT INTO harm (id, told_ms) VALUES (?, ?)",
            &[SqlValue::Text(harm.id.clone()), number(now_ms)],
        )?;
        let before = number(now_ms.saturating_sub(HEARD_MS));
        self.sql.run("DELETE FROM harm WHERE told_ms < ?", &[before])?;
        Ok(())
    }

    pub(super) fn log_bytes(&self, bytes: &[u8], now_ms: u64) -> Result<(), StoreError> {
        self.sql.run(
            "INSERT INTO batch (arrived_ms, bytes) VALUES (?, ?)",
            &[number(now_ms), SqlValue::Blob(bytes.to_vec())],
        )?;
        Ok(())
    }

    /// Tests what is over, rolls up and forgets what is due. For the object's alarm, which saves after it.
    ///
    /// # Errors
    /// When SQLite refuses; what is in memory is in doubt then.
    pub fn tick(&mut self, now_ms: u64) -> Result<(), StoreError> {
        let over = self.over_slot(now_ms);
        let outcome = self.engine.tick(over);
        if outcome != Outcome::default() {
            self.sql.transaction(|| {
                self.keep(&outcome, now_ms)?;
                // No batch tells of this tick: what it decided must not be decided again after a restart.
                self.sql.run(
                    "INSERT OR REPLACE INTO meta (key, value) VALUES ('ticked', ?)",
                    &[number(self.engine.ticked().unwrap_or(0))],
                )?;
                Ok::<(), StoreError>(())
            })?;
        }
        self.forget_mutes(now_ms)?;
        self.forget_shares(now_ms)?;
        self.tell_conditions(now_ms)?;
        self.keep_delay()?;
        self.retain(now_ms)
    }

    /// An object that wakes must not test what is still to come.
    fn keep_delay(&mut self) -> Result<(), StoreError> {
        let slots = self.delay.slots();
        if slots != self.kept_delay {
            self.sql.run(
                "INSERT OR REPLACE INTO meta (key, value) VALUES ('delay', ?)",
                &[number(slots)],
            )?;
            self.kept_delay = slots;
        }
        Ok(())
    }

    /// When [`Detector::tick`] should run next; `None` while nothing waits for it.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn next_alarm_ms(&self, now_ms: u64) -> Result<Option<u64>, StoreError> {
        // A moment later than the slot ends: batches come in that moment, and tick by themselves.
        let after_slot = (slot_of(now_ms.saturating_sub(GRACE_MS)) + 1) * SLOT_S * 1000 + GRACE_MS + 500;
        let tick = (self.engine.is_waiting() || self.log.batches > 0).then_some(after_slot);
        let told = self.next_delivery_ms()?.map(|at| at.max(now_ms));
        let harm = self.engine.next_harm_end_ms();
        let harm = harm.map(|end| (end + SLOT_S * 1000 + GRACE_MS).max(after_slot));
        let due = [
            tick,
            told,
            harm,
            self.next_silence_ms(now_ms)?,
            self.next_loss_end_ms(now_ms)?,
            self.next_entry_ms(now_ms)?,
        ];
        Ok(due.into_iter().flatten().min())
    }

    fn count(&mut self, batch: CellBatch, now_ms: u64) {
        self.sources
            .saw(&batch.source, batch.epoch, batch.seq, batch.slot);
        let now = slot_of(now_ms);
        self.delay.saw(&batch, now);
        self.engine.add_late(batch, now, self.delay.slots());
    }

    /// Plays the log since the state that was saved; what it decides was kept when it was decided.
    pub(super) fn replay(&mut self, logged: u64) -> Result<(), StoreError> {
        self.remember_switches()?;
        self.remember_windows()?;
        let mut after = logged;
        loop {
            let mut rows = self.sql.run(
                "SELECT id, arrived_ms, bytes FROM batch WHERE id > ? ORDER BY id LIMIT 500",
                &[number(after)],
            )?;
            for row in &mut rows {
                after = row.integer(0, "batch.id")?;
                let arrived_ms = row.integer(1, "batch.arrived_ms")?;
                let bytes = row.take_blob(2, "batch.bytes")?;
                self.log.batches += 1;
                self.log.bytes += bytes.len() as u64;
                let over = self.over_slot(arrived_ms);
                self.engine.tick(over);
                // A harm is JSON: it has taken a number, which the next anomaly has not. So is an act.
                if bytes.first() == Some(&b'{') {
                    if let Some(LoggedAct { act, mutes }) = LoggedAct::read(&bytes) {
                        self.engine.act(&act);
                        self.engine.change_mutes(&mutes);
                    } else if let Ok(harm) = serde_json::from_slice(&bytes) {
                        self.engine.harm(&harm, arrived_ms);
                    }
                    continue;
                }
                // It could be read when it came: after a step back to an older build it may not be.
                if let Ok(batch) = CellBatch::decode(&bytes) {
                    self.count(batch, arrived_ms);
                }
            }
            if rows.is_empty() {
                break;
            }
        }
        let ticked = count(&self.sql, "SELECT value FROM meta WHERE key = 'ticked'", &[])?;
        if ticked > 0 {
            self.engine.tick(ticked);
        }
        let newest = count(&self.sql, "SELECT coalesce(max(id), 0) FROM anomaly", &[])?;
        self.engine.number_from(newest + 1);
        Ok(())
    }

    pub(super) fn is_save_due(&self, now_ms: u64) -> bool {
        let old = self.log.batches > 0 && now_ms >= self.saved_ms + SAVE_EVERY_MS;
        old || self.log.batches >= SAVE_BATCHES || self.log.bytes >= SAVE_BYTES.max(self.saved_bytes)
    }
}
