//! The statements that queries read with: headers first, blocks only of what was chosen.

use super::FireLogError;
use blobwatch_records::{Front, Header};
use blobwatch_sql::{MAX_NUMBER, Row, Sql, StoreError, number};

/// Where a block is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    Inbox { isolate: u64, seq: u64 },
    Segment { id: u64 },
}

/// A block that may hold what is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) source: Source,
    pub(crate) header: Header,
}

/// The last segment of a page: its newest and its oldest millisecond, and its id.
pub(crate) type After = (u64, u64, u64);

/// Headers read with one statement.
const PAGE: u64 = 64;

pub(super) const RECENT: &str = "SELECT isolate, seq, header FROM inbox WHERE last_ms >= ? AND first_ms < ?";
/// Past the last row of the page before; the index alone tells which rows are in the span, and in which order.
pub(super) const NEWEST_FIRST: &str = "SELECT id, last_ms, first_ms, header FROM segment \
    WHERE last_ms >= ? AND first_ms < ? AND (last_ms, first_ms, id) < (?, ?, ?) \
    ORDER BY last_ms DESC, first_ms DESC, id DESC LIMIT ?";

/// Batches that wait to be merged and overlap `[since, until)`, in no order.
pub(crate) fn recent(sql: &impl Sql, since_ms: u64, until_ms: u64) -> Result<Vec<Candidate>, FireLogError> {
    let candidate = |mut row: Row| {
        let source = Source::Inbox {
            isolate: row.integer(0, "inbox.isolate")?,
            seq: row.integer(1, "inbox.seq")?,
        };
        let header = Header::decode(&row.take_blob(2, "inbox.header")?)?;
        Ok(Candidate { source, header })
    };
    sql.run(RECENT, &[number(since_ms), number(until_ms)])?
        .into_iter()
        .map(candidate)
        .collect()
}

/// Segments that overlap `[since, until)`, those with the newest record first, past the row `after`; the next
/// such row, where there may be more.
pub(crate) fn newest_first(
    sql: &impl Sql,
    since_ms: u64,
    until_ms: u64,
    after: Option<After>,
) -> Result<(Vec<Candidate>, Option<After>), FireLogError> {
    let (last_ms, first_ms, id) = after.unwrap_or((MAX_NUMBER, MAX_NUMBER, MAX_NUMBER));
    let parameters = [since_ms, until_ms, last_ms, first_ms, id, PAGE].map(number);
    let rows = sql.run(NEWEST_FIRST, &parameters)?;
    let full = rows.len() as u64 == PAGE;
    let next = rows.last().filter(|_| full).map(after_row).transpose()?;
    let candidate = |mut row: Row| {
        let id = row.integer(0, "segment.id")?;
        let header = Header::decode(&row.take_blob(3, "segment.header")?)?;
        let source = Source::Segment { id };
        Ok(Candidate { source, header })
    };
    let candidates = rows
        .into_iter()
        .map(candidate)
        .collect::<Result<_, FireLogError>>()?;
    Ok((candidates, next))
}

fn after_row(row: &Row) -> Result<After, StoreError> {
    let last_ms = row.integer(1, "segment.last_ms")?;
    let first_ms = row.integer(2, "segment.first_ms")?;
    Ok((last_ms, first_ms, row.integer(0, "segment.id")?))
}

/// A block that overlaps a time, without its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub source: Source,
    pub first_ms: u64,
    pub records: u64,
}

pub(super) const SPANS_OF_INBOX: &str =
    "SELECT isolate, seq, first_ms, records FROM inbox WHERE last_ms >= ? AND first_ms < ?";
pub(super) const SPANS_OF_SEGMENTS: &str =
    "SELECT id, first_ms, records FROM segment WHERE last_ms >= ? AND first_ms < ?";

/// Every block that overlaps `[since, until)`, those that begin first before the others. At 32 bytes each, the blocks
/// of 5 GB are 400 KB.
pub fn oldest_first(sql: &impl Sql, since_ms: u64, until_ms: u64) -> Result<Vec<Span>, FireLogError> {
    let within = [since_ms, until_ms].map(number);
    let mut spans = Vec::new();
    for row in sql.run(SPANS_OF_INBOX, &within)? {
        let isolate = row.integer(0, "inbox.isolate")?;
        let seq = row.integer(1, "inbox.seq")?;
        spans.push(Span {
            source: Source::Inbox { isolate, seq },
            first_ms: row.integer(2, "inbox.first_ms")?,
            records: row.integer(3, "inbox.records")?,
        });
    }
    for row in sql.run(SPANS_OF_SEGMENTS, &within)? {
        let id = row.integer(0, "segment.id")?;
        spans.push(Span {
            source: Source::Segment { id },
            first_ms: row.integer(1, "segment.first_ms")?,
            records: row.integer(2, "segment.records")?,
        });
    }
    spans.sort_by_key(|span| span.first_ms);
    Ok(spans)
}

pub(super) const FRONT_OF_SEGMENT: &str = "SELECT front FROM segment WHERE id = ?";
pub(super) const FRONT_OF_INBOX: &str = "SELECT front FROM inbox WHERE isolate = ? AND seq = ?";

/// A block's front; `None` where it was merged or forgotten since.
pub(crate) fn front_of(sql: &impl Sql, source: Source) -> Result<Option<Vec<u8>>, StoreError> {
    let mut rows = match source {
        Source::Segment { id } => sql.run(FRONT_OF_SEGMENT, &[number(id)])?,
        Source::Inbox { isolate, seq } => sql.run(FRONT_OF_INBOX, &[number(isolate), number(seq)])?,
    };
    let front = rows.first_mut().map(|row| row.take_blob(0, "front of a block"));
    front.transpose()
}

/// A block's front, if it has so many records still; `None` where it was merged, filled up or forgotten
/// since it was found.
pub(crate) fn front_as_found(
    sql: &impl Sql,
    source: Source,
    records: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(front) = front_of(sql, source)? else {
        return Ok(None);
    };
    let found = Front::parse(&front)?.records() as u64;
    Ok((found == records).then_some(front))
}

/// A block's front and back.
pub type FrontAndBack = (Vec<u8>, Vec<u8>);

/// Both of them; `None` as for `front_as_found`.
///
/// # Errors
/// When SQLite refuses or the block cannot be read.
pub fn block_as_found(sql: &impl Sql, span: &Span) -> Result<Option<FrontAndBack>, StoreError> {
    let Some(front) = front_as_found(sql, span.source, span.records)? else {
        return Ok(None);
    };
    Ok(back_of(sql, span.source)?.map(|back| (front, back)))
}

/// A block's back.
pub(crate) fn back_of(sql: &impl Sql, source: Source) -> Result<Option<Vec<u8>>, StoreError> {
    let mut rows = match source {
        Source::Segment { id } => sql.run("SELECT back FROM segment WHERE id = ?", &[number(id)])?,
        Source::Inbox { isolate, seq } => sql.run(
            "SELECT back FROM inbox WHERE isolate = ? AND seq = ?",
            &[number(isolate), number(seq)],
        )?,
    };
    let back = rows.first_mut().map(|row| row.take_blob(0, "back of a block"));
    back.transpose()
}
