//! Packets that other parties sampled, a row a minute.

use std::collections::BTreeSet;

use super::{Detector, count};
use crate::packets::PacketSums;
use blobwatch_sql::{Sql, SqlValue, StoreError, number};
use blobwatch_upstream::PacketCounts;

pub(super) const PACKET: &str = "CREATE TABLE packet (minute INTEGER PRIMARY KEY, bytes BLOB NOT NULL)";

/// Bodies that were counted: one that comes again is known.
pub(super) const PACKET_BODY: &str =
    "CREATE TABLE packet_body (id INTEGER PRIMARY KEY, told_ms INTEGER NOT NULL)";
pub(super) const PACKET_BODY_TIME: &str = "CREATE INDEX packet_body_time ON packet_body (told_ms)";

/// Minutes that are kept: a day, at some 45 KB where all outcomes are full 65 MB. Older packets go at once.
const MINUTES_KEPT: u64 = 1_440;

/// Of bodies, which come every half minute or so: those of longer than what is kept.
const MAX_BODIES: u64 = 10_000;

impl<S: Sql> Detector<S> {
    /// Counts packets, unless the body came before.
    pub(super) fn keep_packets(&self, counts: &PacketCounts, now_ms: u64) -> Result<(), StoreError> {
        // Numbers of SQLite have 63 bits and a sign.
        let id = number(counts.body >> 1);
        if counts.is_empty() || self.has_counted(&id)? {
            return Ok(());
        }
        self.sql.transaction(|| {
            self.sql.run(
                "INSERT INTO packet_body (id, told_ms) VALUES (?, ?)",
                &[id, number(now_ms)],
            )?;
            let minutes: BTreeSet<u64> = counts
                .rows
                .iter()
                .map(|row| row.minute)
                .chain(counts.unplaced.keys().copied())
                .collect();
            minutes
                .into_iter()
                .try_for_each(|minute| self.add_packets(minute, counts))?;
            self.forget_packets(now_ms / 60_000)
        })
    }

    fn has_counted(&self, id: &SqlValue) -> Result<bool, StoreError> {
        let known = "SELECT 1 FROM packet_body WHERE id = ?";
        Ok(count(&self.sql, known, std::slice::from_ref(id))? > 0)
    }

    fn add_packets(&self, minute: u64, counts: &PacketCounts) -> Result<(), StoreError> {
        let mut sums = self
            .packets_from(minute, minute + 1)?
            .map(|(_, sums)| sums)
            .unwrap_or_default();
        sums.take(minute, counts);
        self.sql.run(
            "INSERT OR REPLACE INTO packet (minute, bytes) VALUES (?, ?)",
            &[number(minute), SqlValue::Blob(sums.encode()?)],
        )?;
        Ok(())
    }

    fn forget_packets(&self, now: u64) -> Result<(), StoreError> {
        self.sql.run(
            "DELETE FROM packet WHERE minute < ?",
            &[number(now.saturating_sub(MINUTES_KEPT))],
        )?;
        self.sql.run(
            "DELETE FROM packet_body WHERE told_ms < \
             (SELECT told_ms FROM packet_body ORDER BY told_ms DESC LIMIT 1 OFFSET ?)",
            &[number(MAX_BODIES)],
        )?;
        Ok(())
    }

    /// The first minute from `first` on, before `until`, and its packets: none where a newer build wrote them.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn packets_from(
        &self,
        first: u64,
        until: u64,
    ) -> Result<Option<(u64, PacketSums)>, StoreError> {
        let mut rows = self.sql.run(
            "SELECT minute, bytes FROM packet WHERE minute >= ? AND minute < ? ORDER BY minute LIMIT 1",
            &[number(first), number(until)],
        )?;
        let Some(row) = rows.first_mut() else {
            return Ok(None);
        };
        let bytes = row.take_blob(1, "packet.bytes")?;
        let sums = PacketSums::decode(&bytes).unwrap_or_default();
        Ok(Some((row.integer(0, "packet.minute")?, sums)))
    }
}
