//! Finding records in one FireLog's database.

use super::filter::{Filter, Kind};
use super::page::Page;
use super::plan::Walk;
use crate::store::{FireLogError, Source, back_of, find_enforced, front_of};
use blobwatch_pull::{Record, RecordId};
use blobwatch_records::{Block, Codes, Front};
use blobwatch_sql::Sql;
use blobwatch_wire::DecodeError;

/// How much one call may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Records of the blocks that are opened. A Durable Object may use 30 s of CPU at a time and serves flushes
    /// meanwhile from its queue: a million records are some 30 ms natively.
    pub records: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { records: 1_000_000 }
    }
}

/// A match, before its record is read.
#[derive(Debug, Clone, Copy)]
struct Hit {
    id: RecordId,
    source: Source,
    row: usize,
}

/// The newest matches older than `before`, at most `limit`, and from where on they are all.
///
/// # Errors
/// When SQLite refuses or a stored block cannot be read.
pub fn scan_page(
    sql: &impl Sql,
    filter: &Filter,
    before: RecordId,
    limit: usize,
    budget: Budget,
) -> Result<Page, FireLogError> {
    let mut hits: Vec<Hit> = Vec::new();
    let mut walk = Walk::new(sql, filter, before)?;
    let mut opened = 0;
    let floor = loop {
        let Some(newest_ms) = walk.newest_left()? else {
            break RecordId(0);
        };
        let whole_from = RecordId::first_at(newest_ms + 1);
        let enough = nth_newest(&mut hits, limit).is_some_and(|id| id >= whole_from);
        if enough || (opened >= budget.records && whole_from < before) {
            break whole_from;
        }
        if let Some(candidate) = walk.next()? {
            opened += candidate.header.records;
            hits.extend(hits_of(sql, filter, candidate.source, before)?);
        }
    };
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.id));
    hits.retain(|hit| hit.id >= floor);
    let cut = hits.len() > limit;
    hits.truncate(limit);
    let floor = hits.last().filter(|_| cut).map_or(floor, |hit| hit.id);
    Ok(Page {
        records: read(sql, &hits)?,
        floor,
    })
}

/// The id of the `limit`th newest hit.
fn nth_newest(hits: &mut [Hit], limit: usize) -> Option<RecordId> {
    let last = limit.checked_sub(1)?;
    if hits.len() < limit {
        return None;
    }
    let (_, nth, _) = hits.select_nth_unstable_by_key(last, |hit| std::cmp::Reverse(hit.id));
    Some(nth.id)
}

/// Every match of one block.
fn hits_of(
    sql: &impl Sql,
    filter: &Filter,
    source: Source,
    before: RecordId,
) -> Result<Vec<Hit>, FireLogError> {
    let Some(bytes) = front_of(sql, source)? else {
        return Ok(Vec::new());
    };
    let front = Front::parse(&bytes)?;
    let Some(mut alive) = alive(&front, filter)? else {
        return Ok(Vec::new());
    };
    if filter.reads_back() && !keep_by_back(sql, &front, filter, source, &mut alive)? {
        return Ok(Vec::new());
    }
    let rows = front
        .ids()?
        .into_iter()
        .enumerate()
        .zip(alive)
        .filter(|(_, alive)| *alive);
    let hits = rows.map(|((row, id), _)| Hit { id, source, row });
    Ok(hits
        .filter(|hit| hit.id < before && filter.in_time(hit.id))
        .collect())
}

/// Puts out what does not hold by its client or blob; `false` where nothing is left. Most segments are done with
/// their list of clients: it is read without the rest.
fn keep_by_back(
    sql: &impl Sql,
    front: &Front<'_>,
    filter: &Filter,
    source: Source,
    alive: &mut [bool],
) -> Result<bool, FireLogError> {
    let Some(back) = back_of(sql, source)? else {
        return Ok(false);
    };
    if !filter.clients.is_empty() {
        let clients: Vec<bool> = front
            .clients(&back)?
            .iter()
            .map(|client| filter.client(client))
            .collect();
        front.client_codes(&back)?.keep(&clients, alive);
    }
    if !(filter.digests.is_empty() && filter.repositories.is_empty()) && alive.contains(&true) {
        let (digests, blobs) = front.blobs(&back)?;
        let blobs: Vec<bool> = blobs.iter().map(|blob| filter.blob(blob, &digests)).collect();
        front.blob_codes(&back)?.keep(&blobs, alive);
    }
    Ok(alive.contains(&true))
}

/// Which records of a block hold as far as its front can tell; `None` for none of them.
pub(super) fn alive(front: &Front<'_>, filter: &Filter) -> Result<Option<Vec<bool>>, DecodeError> {
    let mut alive = vec![true; front.records()];
    let mut keep = |codes: Codes<'_>, wanted: Vec<bool>| {
        let some = wanted.contains(&true);
        if some && wanted.contains(&false) {
            codes.keep(&wanted, &mut alive);
        }
        some
    };
    if filter.reads_treatments() {
        let wanted = front
            .treatments()?
            .iter()
            .map(|treatment| filter.treatment(treatment))
            .collect();
        if !keep(front.treatment_codes()?, wanted) {
            return Ok(None);
        }
    }
    if filter.reads_agents() {
        let wanted = front.agents()?.iter().map(|agent| filter.agent(agent)).collect();
        if !keep(front.agent_codes()?, wanted) {
            return Ok(None);
        }
    }
    if filter.reads_places() {
        let wanted = front.places()?.iter().map(|place| filter.place(place)).collect();
        if !keep(front.place_codes()?, wanted) {
            return Ok(None);
        }
    }
    Ok(alive.contains(&true).then_some(alive))
}

fn open(sql: &impl Sql, source: Source, front: &[u8]) -> Result<Block, FireLogError> {
    let back = back_of(sql, source)?.unwrap_or_default();
    Ok(Block::open(front, &back)?)
}

/// Reads the records of hits, opening each block once.
fn read(sql: &impl Sql, hits: &[Hit]) -> Result<Vec<Record>, FireLogError> {
    let mut blocks: Vec<(Source, Block)> = Vec::new();
    let mut records = Vec::with_capacity(hits.len());
    for hit in hits {
        if blocks.last().is_none_or(|(source, _)| *source != hit.source) {
            let known = blocks.iter().position(|(source, _)| *source == hit.source);
            let block = match known {
                Some(place) => blocks.remove(place),
                None => (
                    hit.source,
                    open(sql, hit.source, &front_of(sql, hit.source)?.unwrap_or_default())?,
                ),
            };
            // Blocks that overlap in time alternate; a few are enough to keep.
            if blocks.len() >= MAX_OPEN {
                blocks.remove(0);
            }
            blocks.push(block);
        }
        if let Some((_, block)) = blocks.last()
            && let Some(row) = block.rows().get(hit.row)
        {
            records.push(block.record(row)?);
        }
    }
    Ok(records)
}

/// Opened blocks kept while records are read: at 2 MB each, 32 MB of an object's 128.
const MAX_OPEN: usize = 16;

/// One record by its id.
///
/// # Errors
/// As [`scan_page`].
pub fn find(sql: &impl Sql, id: RecordId) -> Result<Option<Record>, FireLogError> {
    if let Some(record) = find_enforced(sql, id)? {
        return Ok(Some(record));
    }
    let filter = Filter {
        kind: Kind::Requests,
        ids: vec![id],
        ..Filter::default()
    };
    let page = scan_page(sql, &filter, RecordId(u128::MAX), 1, Budget { records: u32::MAX })?;
    Ok(page.records.into_iter().next())
}
