//! Finding records in one FireLog's database.

use super::filter::{Filter, Kind};
use super::page::Page;
use super::plan::Walk;
use crate::pace::{OPENING, undisturbed};
use crate::store::{Candidate, FireLogError, Source, back_of, find_enforced, front_as_found};
use blobwatch_pull::{Record, RecordId};
use blobwatch_records::{Block, Codes, Front};
use blobwatch_sql::{Pace, Sql};
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
    /// Of its block.
    records: u32,
    row: usize,
}

/// The newest matches older than `before`, at most `limit`, and from where on they are all.
///
/// # Errors
/// When SQLite refuses or a stored block cannot be read.
pub async fn scan_page(
    sql: &impl Sql,
    filter: &Filter,
    before: RecordId,
    limit: usize,
    budget: Budget,
    pace: &impl Pace,
) -> Result<Page, FireLogError> {
    undisturbed(pace, async |pace| {
        page(sql, filter, before, limit, budget, &pace).await
    })
    .await
}

/// `None` where a block is not as it was found.
async fn page(
    sql: &impl Sql,
    filter: &Filter,
    before: RecordId,
    limit: usize,
    budget: Budget,
    pace: &impl Pace,
) -> Result<Option<Page>, FireLogError> {
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
            let Some(found) = hits_of(sql, filter, &candidate, before)? else {
                return Ok(None);
            };
            hits.extend(found);
            pace.spent(candidate.header.records as usize / OPENING).await;
        }
    };
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.id));
    hits.retain(|hit| hit.id >= floor);
    let cut = hits.len() > limit;
    hits.truncate(limit);
    let floor = hits.last().filter(|_| cut).map_or(floor, |hit| hit.id);
    let records = read(sql, &hits, pace).await?;
    Ok(records.map(|records| Page { records, floor }))
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

/// Every match of one block; `None` where it is not as it was found.
fn hits_of(
    sql: &impl Sql,
    filter: &Filter,
    candidate: &Candidate,
    before: RecordId,
) -> Result<Option<Vec<Hit>>, FireLogError> {
    let (source, records) = (candidate.source, candidate.header.records);
    let Some(bytes) = front_as_found(sql, source, u64::from(records))? else {
        return Ok(None);
    };
    let front = Front::parse(&bytes)?;
    let Some(mut alive) = alive(&front, filter)? else {
        return Ok(Some(Vec::new()));
    };
    if filter.reads_back() && !keep_by_back(sql, &front, filter, source, &mut alive)? {
        return Ok(Some(Vec::new()));
    }
    let rows = front
        .ids()?
        .into_iter()
        .enumerate()
        .zip(alive)
        .filter(|(_, alive)| *alive);
    let hits = rows.map(|((row, id), _)| Hit {
        id,
        source,
        records,
        row,
    });
    let hits = hits.filter(|hit| hit.id < before && filter.in_time(hit.id));
    Ok(Some(hits.collect()))
}

/// Puts out what does not hold by its client, blob or ray; `false` where nothing is left. Most segments are done with
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
    if filter.reads_clients() {
        let clients: Vec<bool> = front
            .clients(&back)?
            .iter()
            .map(|client| filter.client(client))
            .collect();
        front.client_codes(&back)?.keep(&clients, alive);
    }
    if filter.reads_blobs() && alive.contains(&true) {
        let (digests, blobs) = front.blobs(&back)?;
        let blobs: Vec<bool> = blobs.iter().map(|blob| filter.blob(blob, &digests)).collect();
        front.blob_codes(&back)?.keep(&blobs, alive);
    }
    if filter.reads_rays() && alive.contains(&true) {
        for (ray, alive) in front.rays(&back)?.iter().zip(alive.iter_mut()) {
            *alive &= filter.ray(ray.as_ref());
        }
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

/// Reads the records of hits, opening each block once; `None` where one is not as it was found.
async fn read(sql: &impl Sql, hits: &[Hit], pace: &impl Pace) -> Result<Option<Vec<Record>>, FireLogError> {
    let mut blocks: Vec<(Source, Block)> = Vec::new();
    let mut records = Vec::with_capacity(hits.len());
    for hit in hits {
        if blocks.last().is_none_or(|(source, _)| *source != hit.source) {
            let known = blocks.iter().position(|(source, _)| *source == hit.source);
            let block = match known {
                Some(place) => blocks.remove(place),
                None => {
                    let Some(front) = front_as_found(sql, hit.source, u64::from(hit.records))? else {
                        return Ok(None);
                    };
                    let back = back_of(sql, hit.source)?.unwrap_or_default();
                    let block = Block::open(&front, &back)?;
                    pace.spent(hit.records as usize / OPENING).await;
                    (hit.source, block)
                }
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
        pace.spent(1).await;
    }
    Ok(Some(records))
}

/// Opened blocks kept while records are read: at 2 MB each, 32 MB of an object's 128.
const MAX_OPEN: usize = 16;

/// One record by its id.
///
/// # Errors
/// As [`scan_page`].
pub async fn find(sql: &impl Sql, id: RecordId, pace: &impl Pace) -> Result<Option<Record>, FireLogError> {
    if let Some(record) = find_enforced(sql, id)? {
        return Ok(Some(record));
    }
    let filter = Filter {
        kind: Kind::Requests,
        ids: vec![id],
        ..Filter::default()
    };
    let budget = Budget { records: u32::MAX };
    let page = scan_page(sql, &filter, RecordId(u128::MAX), 1, budget, pace).await?;
    Ok(page.records.into_iter().next())
}
