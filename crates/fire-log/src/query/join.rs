//! One answer from the pages of several FireLogs.

use super::page::Page;
use blobwatch_pull::{Record, RecordId};

/// The next records of all FireLogs together, newest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MergedPage {
    pub(crate) records: Vec<Record>,
    /// Where the next page begins; `None` at the end. A page may be empty and yet not the last: the FireLogs had
    /// searched as much as one call may.
    pub(crate) before: Option<RecordId>,
}

/// Joins pages that all began at the same place. What one FireLog has not searched yet is in no answer: records
/// below the highest floor wait for the next page.
pub(crate) fn join(pages: Vec<Page>, limit: usize) -> MergedPage {
    let floor = pages.iter().map(|page| page.floor).max().unwrap_or(RecordId(0));
    let mut records: Vec<Record> = pages.into_iter().flat_map(|page| page.records).collect();
    records.retain(|record| record.id >= floor);
    records.sort_by_key(|record| std::cmp::Reverse(record.id));
    let cut = records.len() > limit;
    records.truncate(limit);
    let next = records.last().filter(|_| cut).map_or(floor, |record| record.id);
    MergedPage {
        records,
        before: (next > RecordId(0)).then_some(next),
    }
}
