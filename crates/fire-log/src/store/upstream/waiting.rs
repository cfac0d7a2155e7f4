//! What waits for the record of its request: one row for events, one for whole requests.

use super::{ONE_RECORD_BYTES, UpstreamEvent};
use crate::store::{FireLogError, refine};
use blobwatch_records::{Block, Builder, split};
use blobwatch_sql::{Row, Sql, SqlValue, StoreError, number};

/// A segment each, written over whenever something comes or goes.
pub(in crate::store) const TABLE: &str =
    "CREATE TABLE upstream (kind INTEGER PRIMARY KEY, due_ms INTEGER NOT NULL, segment BLOB NOT NULL)";

const EVENTS: u64 = 0;
const REQUESTS: u64 = 1;

/// One row.
pub(super) struct Waiting {
    kind: u64,
    due_ms: u64,
    /// Empty where nothing waits.
    segment: Vec<u8>,
}

/// What waits. A row that cannot be read is as good as empty: whoever told sends again, or the events are lost with it.
pub(super) fn read(sql: &impl Sql) -> Result<Vec<UpstreamEvent>, FireLogError> {
    let mut told = Vec::new();
    for mut row in sql.run("SELECT kind, segment FROM upstream", &[])? {
        let is_request = row.integer(0, "upstream.kind")? == REQUESTS;
        let Some(block) = StoreError::readable(block(&mut row))? else {
            continue;
        };
        told.extend(refine::read(&block)?.into_iter().map(|record| UpstreamEvent {
            record,
            is_request,
            waits: true,
        }));
    }
    Ok(told)
}

fn block(row: &mut Row) -> Result<Block, StoreError> {
    let segment = row.take_blob(1, "upstream.segment")?;
    let (front, back) = split(&segment)?;
    Ok(Block::open(front, back)?)
}

/// When the first of what waits is due.
pub(in crate::store) fn due_ms(sql: &impl Sql) -> Result<Option<u64>, FireLogError> {
    let rows = sql.run("SELECT min(due_ms) FROM upstream", &[])?;
    let due_ms = rows.first().map(|row| row.optional_integer(0, "upstream.due_ms"));
    Ok(due_ms.transpose()?.flatten())
}

/// The rows of what waits, when the first of it is due, and how much does not fit.
pub(super) fn rows(wait: Vec<UpstreamEvent>, now_ms: u64) -> (Vec<Waiting>, Option<u64>, u64) {
    let mut builders = [
        (EVENTS, u64::MAX, Builder::default()),
        (REQUESTS, u64::MAX, Builder::default()),
    ];
    let mut dropped = 0;
    for told in wait {
        let [events, requests] = &mut builders;
        let (_, due_ms, builder) = if told.is_request { requests } else { events };
        if !builder.has_room_for(1, ONE_RECORD_BYTES) {
            dropped += 1;
            continue;
        }
        *due_ms = (*due_ms).min(told.stands_ms(now_ms).max(now_ms + 1));
        builder.push(told.record);
    }
    let due_ms = builders.iter().map(|(_, due_ms, _)| *due_ms).min();
    let row = |(kind, due_ms, builder): (u64, u64, Builder)| Waiting {
        kind,
        due_ms,
        segment: if builder.is_empty() {
            Vec::new()
        } else {
            builder.encode()
        },
    };
    let rows = builders.into_iter().map(row).collect();
    (rows, due_ms.filter(|due_ms| *due_ms < u64::MAX), dropped)
}

pub(super) fn write(sql: &impl Sql, rows: &[Waiting]) -> Result<(), FireLogError> {
    for row in rows {
        if row.segment.is_empty() {
            sql.run("DELETE FROM upstream WHERE kind = ?", &[number(row.kind)])?;
        } else {
            sql.run(
                "INSERT OR REPLACE INTO upstream (kind, due_ms, segment) VALUES (?, ?, ?)",
                &[
                    number(row.kind),
                    number(row.due_ms),
                    SqlValue::Blob(row.segment.clone()),
                ],
            )?;
        }
    }
    Ok(())
}
