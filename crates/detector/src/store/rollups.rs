//! Counts by combination, a row a minute and a row an hour: what timelines and cohort tables are read from.

use std::collections::BTreeMap;

use super::Detector;
use crate::Rollup;
use blobwatch_records::{Cell, CellBatch, CellCounts, CellKey, MAX_CELLS};
use blobwatch_sql::{Sql, SqlValue, StoreError, number};

/// Minutes are kept for two days, hours for 90.
const MINUTES_KEPT: u64 = 2 * 1440;
const HOURS_KEPT: u64 = 90 * 24;

/// Marks and what was delivered are kept as long as hours; anomalies a year.
const MARKS_KEPT_MS: u64 = 90 * 86_400_000;
const ANOMALIES_KEPT_MS: u64 = 366 * 86_400_000;

/// How often what is old is deleted.
const RETAIN_EVERY_MS: u64 = 600_000;

/// Above this the oldest roll-ups go before their time; an object may hold 10 GB.
const MAX_BYTES: u64 = 2_000_000_000;

/// Rows deleted at a time when the database is too large.
const DELETE_ROWS: u64 = 60;

/// Combinations of one row: at some 60 bytes 240 KB, and decoding a day of minutes takes a second. What has least
/// requests is `other`.
const MAX_ROW_CELLS: usize = 4_000;

/// Stands before each batch: its length.
const LENGTH_BYTES: usize = 4;

impl<S: Sql> Detector<S> {
    pub(super) fn keep_minutes(&self, minutes: &[Rollup]) -> Result<(), StoreError> {
        for rollup in minutes {
            self.sql.run(
                "INSERT OR REPLACE INTO minute (minute, bytes) VALUES (?, ?)",
                &[number(rollup.minute), SqlValue::Blob(encode(rollup))],
            )?;
            if (rollup.minute + 1).is_multiple_of(60) {
                self.keep_hour(rollup.minute / 60)?;
            }
        }
        Ok(())
    }

    fn keep_hour(&self, hour: u64) -> Result<(), StoreError> {
        let mut sums: BTreeMap<CellKey, CellCounts> = BTreeMap::new();
        let mut other = CellCounts::default();
        for rollup in self.minutes(hour * 60, hour * 60 + 60)? {
            other.add(&rollup.other);
            for (key, counts) in rollup.cells {
                sums.entry(key).or_default().add(&counts);
            }
        }
        let rollup = Rollup {
            minute: hour * 60,
            cells: sums.into_iter().collect(),
            other,
        };
        self.sql.run(
            "INSERT OR REPLACE INTO hour (hour, bytes) VALUES (?, ?)",
            &[number(hour), SqlValue::Blob(encode(&rollup))],
        )?;
        Ok(())
    }

    /// Minutes from `first` on, before `until`, as far as they are complete, oldest first.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub fn minutes(&self, first: u64, until: u64) -> Result<Vec<Rollup>, StoreError> {
        let rows = self.sql.run(
            "SELECT minute, bytes FROM minute WHERE minute >= ? AND minute < ? ORDER BY minute",
            &[number(first), number(until)],
        )?;
        rows.into_iter()
            .map(|mut row| {
                decode(
                    row.integer(0, "minute.minute")?,
                    &row.take_blob(1, "minute.bytes")?,
                )
            })
            .collect()
    }

    /// Hours from `first` on, before `until`, as far as they are complete, oldest first; each begins at its minute.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub fn hours(&self, first: u64, until: u64) -> Result<Vec<Rollup>, StoreError> {
        let rows = self.sql.run(
            "SELECT hour, bytes FROM hour WHERE hour >= ? AND hour < ? ORDER BY hour",
            &[number(first), number(until)],
        )?;
        rows.into_iter()
            .map(|mut row| {
                decode(
                    row.integer(0, "hour.hour")? * 60,
                    &row.take_blob(1, "hour.bytes")?,
                )
            })
            .collect()
    }

    /// Deletes what is old, now and then.
    pub(super) fn retain(&mut self, now_ms: u64) -> Result<(), StoreError> {
        if now_ms < self.kept_ms + RETAIN_EVERY_MS {
            return Ok(());
        }
        self.kept_ms = now_ms;
        let minute = now_ms / 60_000;
        let old: [(&str, u64); 6] = [
            (
                "DELETE FROM minute WHERE minute < ?",
                minute.saturating_sub(MINUTES_KEPT),
            ),
            (
                "DELETE FROM hour WHERE hour < ?",
                (minute / 60).saturating_sub(HOURS_KEPT),
            ),
            (
                "DELETE FROM mark WHERE time_ms < ?",
                now_ms.saturating_sub(MARKS_KEPT_MS),
            ),
            (
                "DELETE FROM change WHERE time_ms < ?",
                now_ms.saturating_sub(MARKS_KEPT_MS),
            ),
            (
                "DELETE FROM delivery WHERE next_ms IS NULL AND created_ms < ? AND id < (SELECT max(id) FROM delivery)",
                now_ms.saturating_sub(MARKS_KEPT_MS),
            ),
            (
                "DELETE FROM anomaly WHERE closed_ms < ?",
                now_ms.saturating_sub(ANOMALIES_KEPT_MS),
            ),
        ];
        for (statement, before) in old {
            self.sql.run(statement, &[number(before)])?;
        }
        if self.sql.size_bytes() > MAX_BYTES {
            self.sql.run(
                "DELETE FROM minute WHERE minute IN (SELECT minute FROM minute ORDER BY minute LIMIT ?)",
                &[number(DELETE_ROWS)],
            )?;
        }
        Ok(())
    }
}

/// Batches of cells without sketches, each after its length: the pinned format of `cell`.
fn encode(rollup: &Rollup) -> Vec<u8> {
    let mut cells: Vec<&(CellKey, CellCounts)> = rollup.cells.iter().collect();
    let mut other = rollup.other;
    if cells.len() > MAX_ROW_CELLS {
        cells.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.requests));
        for (_, counts) in cells.split_off(MAX_ROW_CELLS) {
            other.add(counts);
        }
        cells.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let mut out = Vec::new();
    let mut batches: Vec<&[&(CellKey, CellCounts)]> = cells.chunks(MAX_CELLS).collect();
    if batches.is_empty() {
        batches.push(&[]);
    }
    for batch in batches {
        let cell = |(key, counts): &&(CellKey, CellCounts)| Cell {
            counts: *counts,
            ..Cell::new(key.clone())
        };
        let batch = CellBatch {
            cells: batch.iter().map(cell).collect(),
            other: std::mem::take(&mut other),
            ..CellBatch::default()
        };
        let bytes = batch.encode();
        out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(bytes);
    }
    out
}

fn decode(minute: u64, mut bytes: &[u8]) -> Result<Rollup, StoreError> {
    let mut rollup = Rollup {
        minute,
        cells: Vec::new(),
        other: CellCounts::default(),
    };
    let corrupt = || StoreError::Corrupt(format!("the counts of minute {minute}"));
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>().ok_or_else(corrupt)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| corrupt())?;
        let (batch, rest) = rest.split_at_checked(length).ok_or_else(corrupt)?;
        let batch = CellBatch::decode(batch)?;
        rollup
            .cells
            .extend(batch.cells.into_iter().map(|cell| (cell.key, cell.counts)));
        rollup.other.add(&batch.other);
        bytes = rest;
    }
    Ok(rollup)
}
