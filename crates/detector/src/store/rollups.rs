//! Counts by combination, a row a minute and a row an hour: what timelines and cohort tables are read from.

use std::collections::BTreeMap;

use super::marginals::{Marginals, keep_marginals};
use super::{Detector, count};
use crate::normal::make_room;
use crate::{MinuteSample, Rollup};
use blobwatch_records::{Cell, CellBatch, CellCounts, CellKey, MAX_CELLS, SampledRequest};
use blobwatch_sql::{Pace, Shared, Sql, SqlValue, StoreError, number};

/// Minutes are kept for two days, hours for 90.
const MINUTES_KEPT: u64 = 2 * 1440;
const HOURS_KEPT: u64 = 90 * 24;

/// Minutes of the hour and after it, within which its last minute is a row, if anything came in it.
const ROLLED_WITHIN: u64 = 60 + 15;

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

const AFTER_HOURS: &str = "SELECT coalesce(max(hour) + 1, 0) FROM hour WHERE hour <= ?";
const OLDEST_HOUR: &str = "SELECT coalesce(min(hour), 0) FROM hour";
const OLDEST_MINUTE: &str = "SELECT coalesce(min(minute), 0) FROM minute WHERE minute >= ? AND minute < ?";

/// Stands before each batch: its length.
const LENGTH_BYTES: usize = 4;

/// The source of batches that have the minute's sample: their cells have no counts, which is what older builds read.
const SAMPLE: &str = "sample";

/// What a row has the counts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Minute,
    Hour,
}

impl Unit {
    /// Of its table, and of the column of its time.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
        }
    }

    const fn minutes(self) -> u64 {
        match self {
            Self::Minute => 1,
            Self::Hour => 60,
        }
    }
}

impl<S: Sql> Detector<S> {
    pub(super) fn keep_minutes(&self, minutes: &[Rollup]) -> Result<(), StoreError> {
        for rollup in minutes {
            self.forget_marginals(rollup.minute)?;
            self.sql.run(
                "INSERT OR REPLACE INTO minute (minute, bytes) VALUES (?, ?)",
                &[number(rollup.minute), SqlValue::Blob(encode(rollup))],
            )?;
        }
        Ok(())
    }

    fn put_hour(&self, row: &StoredRollup, marginals: &Marginals) -> Result<(), StoreError> {
        self.sql.transaction(|| {
            self.sql.run(
                "INSERT OR REPLACE INTO hour (hour, bytes) VALUES (?, ?)",
                &[number(row.time()), SqlValue::Blob(row.bytes.clone())],
            )?;
            self.put_marginals(row, marginals)
        })
    }

    /// The oldest hour that is complete, and no row yet.
    fn next_hour(&self, now_ms: u64) -> Result<Option<u64>, StoreError> {
        let now = now_ms / 60_000;
        let first = count(&self.sql, AFTER_HOURS, &[number(now / 60)])? * 60;
        let hour = count(&self.sql, OLDEST_MINUTE, &[number(first), number(now)])? / 60;
        let is_over = self.engine.rolled() >= hour * 60 + 59 || now >= hour * 60 + ROLLED_WITHIN;
        Ok((hour > 0 && is_over).then_some(hour))
    }

    /// The first row from `first` on, before `until`.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn rollup_from(
        &self,
        unit: Unit,
        first: u64,
        until: u64,
    ) -> Result<Option<StoredRollup>, StoreError> {
        let name = unit.name();
        let statement = format!(
            "SELECT {name}, bytes FROM {name} WHERE {name} >= ? AND {name} < ? ORDER BY {name} LIMIT 1"
        );
        let mut rows = self.sql.run(&statement, &[number(first), number(until)])?;
        let Some(row) = rows.first_mut() else {
            return Ok(None);
        };
        let time = row.integer(0, "the time of counts")?;
        let bytes = row.take_blob(1, "the bytes of counts")?;
        Ok(Some(StoredRollup::new(unit, time, bytes)))
    }

    /// The first hour of which counts are kept; 0 where there is none.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn oldest_hour(&self) -> Result<u64, StoreError> {
        count(&self.sql, OLDEST_HOUR, &[])
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
        self.retain_marginals()
    }
}

/// Batches of cells without sketches, each after its length: the pinned format of `cell`.
pub(super) fn encode(rollup: &Rollup) -> Vec<u8> {
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
        put_batch(&mut out, &batch);
    }
    for batch in sample_batches(&rollup.sample) {
        put_batch(&mut out, &batch);
    }
    out
}

fn put_batch(out: &mut Vec<u8>, batch: &CellBatch) {
    let bytes = batch.encode();
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(bytes);
}

fn sample_batches(sample: &MinuteSample) -> Vec<CellBatch> {
    let mut cells: BTreeMap<&CellKey, Vec<SampledRequest>> = BTreeMap::new();
    for (key, request) in &sample.requests {
        cells.entry(key).or_default().push(request.clone());
    }
    let mut cells = cells.into_iter().map(|(key, sample)| Cell {
        sample,
        ..Cell::new(key.clone())
    });
    std::iter::from_fn(|| {
        let cells: Vec<Cell> = cells.by_ref().take(MAX_CELLS).collect();
        (!cells.is_empty()).then(|| CellBatch {
            source: SAMPLE.to_owned(),
            cells,
            cuts: sample.cuts,
            ..CellBatch::default()
        })
    })
    .collect()
}

/// A row, read batch by batch.
#[derive(Debug)]
pub(crate) struct StoredRollup {
    pub(super) unit: Unit,
    /// Since 1970; the first one of an hour.
    pub(crate) minute: u64,
    bytes: Vec<u8>,
    read: usize,
}

impl StoredRollup {
    /// `time` is in units since 1970.
    pub(super) fn new(unit: Unit, time: u64, bytes: Vec<u8>) -> Self {
        Self {
            unit,
            minute: time * unit.minutes(),
            bytes,
            read: 0,
        }
    }

    /// How long it is.
    pub(crate) fn minutes(&self) -> u64 {
        self.unit.minutes()
    }

    pub(super) fn time(&self) -> u64 {
        self.minute / self.unit.minutes()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The next batch of its cells; `None` at the end.
    ///
    /// # Errors
    /// When it is not what was written.
    pub(crate) fn next_part(&mut self) -> Result<Option<Rollup>, StoreError> {
        let Some(batch) = self.next_batch(false)? else {
            return Ok(None);
        };
        let cells = batch.cells.into_iter().map(|cell| (cell.key, cell.counts));
        Ok(Some(Rollup {
            minute: self.minute,
            cells: cells.collect(),
            other: batch.other,
            sample: MinuteSample::default(),
        }))
    }

    /// The minute's sample; none of an hour, and of a minute that an older build kept.
    ///
    /// # Errors
    /// When it is not what was written.
    pub(crate) fn sample(mut self) -> Result<MinuteSample, StoreError> {
        let mut sample = MinuteSample::default();
        while let Some(batch) = self.next_batch(true)? {
            sample.cuts = batch.cuts;
            for cell in batch.cells {
                let requests = cell.sample.into_iter();
                sample
                    .requests
                    .extend(requests.map(|request| (cell.key.clone(), request)));
            }
        }
        Ok(sample)
    }

    /// The next batch of the sample, or of the counts.
    fn next_batch(&mut self, is_sample: bool) -> Result<Option<CellBatch>, StoreError> {
        let corrupt = || StoreError::Corrupt(format!("the counts of minute {}", self.minute));
        loop {
            let unread = self.bytes.get(self.read..).unwrap_or_default();
            if unread.is_empty() {
                return Ok(None);
            }
            let (length, rest) = unread.split_first_chunk::<LENGTH_BYTES>().ok_or_else(corrupt)?;
            let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| corrupt())?;
            let bytes = rest.get(..length).ok_or_else(corrupt)?;
            self.read += LENGTH_BYTES + length;
            if (CellBatch::source_in(bytes)? == SAMPLE) == is_sample {
                return Ok(Some(CellBatch::decode(bytes)?));
            }
        }
    }
}

/// Adds up in slices what was counted: a minute by each attribute, and minutes hour by hour; the minutes stay.
///
/// # Errors
/// When SQLite refuses.
pub async fn keep_sums<S: Sql, L: Shared<Detector<S>, StoreError>>(
    shared: &L,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<(), L::Error> {
    keep_marginals(shared, pace).await?;
    while let Some(hour) = shared.with(|store| store.next_hour(now_ms))? {
        let rollup = hour_of(shared, hour, pace).await?;
        pace.spent(rollup.cells.len()).await;
        let mut row = StoredRollup::new(Unit::Hour, hour, encode(&rollup));
        drop(rollup);
        let marginals = Marginals::of(&mut row, pace).await;
        shared.with(|store| store.put_hour(&row, &marginals?))?;
    }
    Ok(())
}

/// The sum of an hour's minutes.
async fn hour_of<S: Sql, L: Shared<Detector<S>, StoreError>>(
    shared: &L,
    hour: u64,
    pace: &impl Pace,
) -> Result<Rollup, L::Error> {
    let mut sums: BTreeMap<CellKey, CellCounts> = BTreeMap::new();
    let mut other = CellCounts::default();
    let (mut minute, until) = (hour * 60, hour * 60 + 60);
    while let Some(mut row) = shared.with(|store| store.rollup_from(Unit::Minute, minute, until))? {
        minute = row.minute + 1;
        // What cannot be read must not stop every hour after it.
        while let Some(part) = shared.with(|_| Ok(StoreError::readable(row.next_part())?.flatten()))? {
            other.add(&part.other);
            pace.spent(part.cells.len()).await;
            for (key, counts) in part.cells {
                make_room(
                    &mut sums,
                    &key,
                    |counts| counts.requests as f32,
                    |gone| other.add(&gone),
                );
                sums.entry(key).or_default().add(&counts);
            }
        }
    }
    Ok(Rollup {
        minute: hour * 60,
        cells: sums.into_iter().collect(),
        other,
        sample: MinuteSample::default(),
    })
}
