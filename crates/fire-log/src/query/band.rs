//! The blocks of one stretch of time, in memory: they are read as they were found, and counted while others merge them.

use super::filter::Filter;
use super::plan::Walk;
use super::scan::{Budget, alive};
use crate::pace::{OPENING, undisturbed};
use crate::store::{Candidate, FireLogError, back_of, front_as_found};
use blobwatch_pull::RecordId;
use blobwatch_records::{Block, Front};
use blobwatch_sql::{Pace, Sql};

/// Records of the blocks of one stretch: 2.6 MB, and more only where more of them overlap in time.
const MAX_RECORDS: u32 = 65_536;

/// A block in which something may match.
pub(super) struct BlockBytes {
    front: Vec<u8>,
    back: Vec<u8>,
    /// By its front.
    pub(super) alive: Vec<bool>,
}

impl BlockBytes {
    pub(super) fn open(&self) -> Result<Block, FireLogError> {
        Ok(Block::open(&self.front, &self.back)?)
    }
}

/// Every block that may hold a match from `floor` up to where the stretch began.
pub(super) struct Band {
    pub(super) blocks: Vec<BlockBytes>,
    pub(super) floor: RecordId,
    /// Of all blocks that were looked at.
    pub(super) records: u32,
}

impl Band {
    pub(super) async fn load(
        sql: &impl Sql,
        filter: &Filter,
        before: RecordId,
        most: u32,
        pace: &impl Pace,
    ) -> Result<Self, FireLogError> {
        let budget = Budget {
            records: most.min(MAX_RECORDS),
        };
        undisturbed(pace, async |pace| {
            let plan = Walk::new(sql, filter, before)?.plan(before, &budget)?;
            let (mut blocks, mut records) = (Vec::new(), 0);
            for candidate in &plan.candidates {
                match load(sql, filter, candidate)? {
                    BlockState::Block(block) => blocks.push(block),
                    BlockState::NoMatch => {}
                    BlockState::Changed => return Ok(None),
                }
                records += candidate.header.records;
                pace.spent(candidate.header.records as usize / OPENING).await;
            }
            let floor = plan.floor;
            Ok(Some(Self {
                blocks,
                floor,
                records,
            }))
        })
        .await
    }
}

enum BlockState {
    Block(BlockBytes),
    NoMatch,
    /// It is not as it was found.
    Changed,
}

fn load(sql: &impl Sql, filter: &Filter, candidate: &Candidate) -> Result<BlockState, FireLogError> {
    let records = u64::from(candidate.header.records);
    let Some(front) = front_as_found(sql, candidate.source, records)? else {
        return Ok(BlockState::Changed);
    };
    let Some(alive) = alive(&Front::parse(&front)?, filter)? else {
        return Ok(BlockState::NoMatch);
    };
    let back = back_of(sql, candidate.source)?.unwrap_or_default();
    Ok(BlockState::Block(BlockBytes { front, back, alive }))
}
