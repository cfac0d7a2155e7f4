//! What others lost on the way, as far as somebody should know of it: which, and when it was last counted.

use std::collections::BTreeMap;

use super::Detector;
use blobwatch_sql::{Sql, StoreError, json};
use blobwatch_wire::Loss;

/// How long nothing more must be lost until it is over.
const OVER_MS: u64 = 3_600_000;

const KEPT: &str = "meta.value of losses";

/// When each was last counted, by name: there are as many as [`blobwatch_wire::DATA_LOSSES`].
type Losses = BTreeMap<String, u64>;

impl<S: Sql> Detector<S> {
    /// Takes what an object counted so far; what is told again says nothing new.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn lost(&self, losses: &[Loss], now_ms: u64) -> Result<(), StoreError> {
        let mut known = self.losses()?;
        let before = known.clone();
        for loss in losses.iter().filter(|loss| loss.is_of_data()) {
            let last_ms = known.entry(loss.name.clone()).or_default();
            *last_ms = (*last_ms).max(loss.last_ms.min(now_ms));
        }
        if known == before {
            return Ok(());
        }
        let keep = "INSERT OR REPLACE INTO meta (key, value) VALUES ('losses', ?)";
        self.sql.run(keep, &[json(&known, KEPT)?])?;
        self.tell_conditions(now_ms)
    }

    /// Those that are not over.
    pub(super) fn losses_at(&self, now_ms: u64) -> Result<Losses, StoreError> {
        let mut losses = self.losses()?;
        losses.retain(|_, last_ms| *last_ms + OVER_MS > now_ms);
        Ok(losses)
    }

    /// When the next of them is over, if no more is lost.
    pub(super) fn next_loss_end_ms(&self, now_ms: u64) -> Result<Option<u64>, StoreError> {
        let ends = self
            .losses_at(now_ms)?
            .into_values()
            .map(|last_ms| last_ms + OVER_MS);
        Ok(ends.min())
    }

    fn losses(&self) -> Result<Losses, StoreError> {
        let rows = self.sql.run("SELECT value FROM meta WHERE key = 'losses'", &[])?;
        let known: Option<Losses> = rows.first().map(|row| row.json(0, KEPT)).transpose()?;
        Ok(known.unwrap_or_default())
    }
}
