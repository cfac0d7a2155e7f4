//! What is in memory only, read again when the object wakes: what clients did before, and what guards counted since they were
//! kept.
//!
//! Until then a FireLog answers searches and hands out its rulebook. Whoever takes a batch in, counts or merges, wakes it.

use std::cell::RefCell;

use super::cut::arrived;
use super::refine;
use super::{FireLog, FireLogError};
use crate::pace::{OPENING, unpaced};
use blobwatch_pull::Record;
use blobwatch_sql::{MAX_NUMBER, Pace, Shared, Sql, Unpaced};

/// Records that guards read again: more than a minute of a busy FireLog, 0.1 s natively.
const MAX_REPLAYED: usize = 32_768;

impl<S: Sql> FireLog<S> {
    /// As [`wake`], without pauses.
    pub(super) fn wake_at_once(&mut self) -> Result<(), FireLogError> {
        unpaced(wake(&RefCell::new(self), &Unpaced))
    }
}

/// Reads the past of the clients again, unless it is known. Where somebody else did in a pause, that stands.
///
/// # Errors
/// When SQLite refuses.
pub async fn wake<S: Sql, L: Shared<FireLog<S>, FireLogError>>(
    log: &L,
    pace: &impl Pace,
) -> Result<(), L::Error> {
    if log.with(|log| Ok(log.is_awake))? {
        return Ok(());
    }
    replay(log, pace).await?;
    let records = newest(log, pace).await?;
    let remembered = refine::remember(records, pace).await;
    log.with(|log| {
        if !log.is_awake {
            (log.past, log.is_awake) = (remembered, true);
        }
        Ok(())
    })
}

/// Gives guards the batches of the inbox that came after what was kept, the oldest first. A batch counts once, however often it
/// is given.
async fn replay<S: Sql, L: Shared<FireLog<S>, FireLogError>>(
    log: &L,
    pace: &impl Pace,
) -> Result<(), L::Error> {
    let batches = log.with(|log| arrived(&log.sql, (log.guards.taken_ms(), MAX_NUMBER)))?;
    let mut replayed = 0;
    for (arrived_ms, source) in batches {
        let records = log.with(|log| {
            let records = refine::records(&log.sql, source)?;
            if !log.is_awake {
                log.guards.observe(&records, arrived_ms);
            }
            Ok(records.len())
        })?;
        replayed += records;
        pace.spent(records).await;
        if replayed >= MAX_REPLAYED {
            break;
        }
    }
    Ok(())
}

/// The newest records of the last half hour of the log, oldest first. Batches that cannot be read are passed over: merging
/// counts them.
pub(super) async fn newest<S: Sql, L: Shared<FireLog<S>, FireLogError>>(
    log: &L,
    pace: &impl Pace,
) -> Result<Vec<Record>, L::Error> {
    let mut records: Vec<Record> = Vec::new();
    for source in log.with(|log| refine::newest(&log.sql))? {
        let Some(block) = log.with(|log| refine::block(&log.sql, source))? else {
            continue;
        };
        pace.spent(block.rows().len() / OPENING).await;
        for row in block.rows() {
            records.push(log.with(|_| Ok(block.record(row)?))?);
            pace.spent(1).await;
        }
    }
    records.sort_unstable_by_key(|record| record.id);
    let over = records.len().saturating_sub(refine::MAX_REMEMBERED);
    records.drain(..over);
    Ok(records)
}
