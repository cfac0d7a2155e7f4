//! Records of an applied enforcement: a row of their own, so that the id on a refusal is found at once.

use super::FireLogError;
use blobwatch_pull::{Record, RecordId};
use blobwatch_records::{Block, Builder, Row, decode};
use blobwatch_sql::{Sql, SqlValue, number};

/// An attack that is refused must not be billed by the refusal: 600 rows a minute are at most 0.04 USD an hour. What
/// is beyond is in its batch like every record, and found a little slower.
pub(crate) const MAX_OWN_ROWS_PER_MINUTE: u64 = 600;

pub(super) const OF_LAST_MINUTE: &str = "SELECT count(*) FROM (SELECT 1 FROM enforced WHERE id >= ? LIMIT ?)";
pub(super) const BY_ID: &str = "SELECT block FROM enforced WHERE id = ?";

pub(super) fn keep(sql: &impl Sql, block: &Block, now_ms: u64) -> Result<(), FireLogError> {
    let mut enforced = enforced(block).peekable();
    if enforced.peek().is_none() {
        return Ok(());
    }
    let room = MAX_OWN_ROWS_PER_MINUTE.saturating_sub(of_last_minute(sql, now_ms)?);
    for row in enforced.take(usize::try_from(room).unwrap_or(0)) {
        write(
            sql,
            "INSERT OR IGNORE INTO enforced (block, id) VALUES (?, ?)",
            block,
            row,
        )?;
    }
    Ok(())
}

/// Those of a block on which an enforcement was applied.
fn enforced(block: &Block) -> impl Iterator<Item = &Row> {
    let acted = |row: &&_| block.treatment(row).is_some_and(|t| t.verdict.intervenes());
    block.rows().iter().filter(acted)
}

/// Runs a statement with the record as a block of its own, and its id.
fn write(sql: &impl Sql, statement: &'static str, block: &Block, row: &Row) -> Result<(), FireLogError> {
    let mut one = Builder::default();
    one.push(block.record(row)?);
    let id = SqlValue::Text(row.id.to_string());
    sql.run(statement, &[SqlValue::Blob(one.encode()), id])?;
    Ok(())
}

fn of_last_minute(sql: &impl Sql, now_ms: u64) -> Result<u64, FireLogError> {
    let since = RecordId::first_at(now_ms.saturating_sub(60_000)).to_string();
    let rows = sql.run(
        OF_LAST_MINUTE,
        &[SqlValue::Text(since), number(MAX_OWN_ROWS_PER_MINUTE)],
    )?;
    match rows.first() {
        Some(row) => Ok(row.integer(0, "count of enforced")?),
        None => Ok(0),
    }
}

/// The record of an applied enforcement, where it has a row of its own.
pub(crate) fn find(sql: &impl Sql, id: RecordId) -> Result<Option<Record>, FireLogError> {
    let mut rows = sql.run(BY_ID, &[SqlValue::Text(id.to_string())])?;
    let Some(row) = rows.first_mut() else {
        return Ok(None);
    };
    Ok(decode(&row.take_blob(0, "enforced.block")?)?.into_iter().next())
}

/// Writes those records anew that have a row of their own.
pub(super) fn replace(sql: &impl Sql, block: &Block, ids: &[RecordId]) -> Result<(), FireLogError> {
    for row in enforced(block).filter(|row| ids.contains(&row.id)) {
        write(sql, "UPDATE enforced SET block = ? WHERE id = ?", block, row)?;
    }
    Ok(())
}
