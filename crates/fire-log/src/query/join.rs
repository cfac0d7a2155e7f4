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

/// Pages that all began at the same place, joined as they come: no more is kept than the answer has, however many FireLogs there are.
/// What one FireLog has not searched yet is in no answer: records below the highest floor wait for the next page.
#[derive(Debug)]
pub(crate) struct Joining {
    limit: usize,
    floor: RecordId,
    /// Newest first, one more than the answer has where there are more.
    records: Vec<Record>,
}

impl Joining {
    pub(crate) fn of(limit: usize) -> Self {
        Self {
            limit,
            floor: RecordId(0),
            records: Vec::new(),
        }
    }

    pub(crate) fn take(&mut self, page: Page) {
        self.floor = self.floor.max(page.floor);
        self.records.extend(page.records);
        self.records.retain(|record| record.id >= self.floor);
        self.records.sort_by_key(|record| std::cmp::Reverse(record.id));
        self.records.truncate(self.limit.saturating_add(1));
    }

    /// Nothing older than that is in the answer; `None` while there is room.
    pub(crate) fn since_ms(&self) -> Option<u64> {
        let last = self.limit.checked_sub(1)?;
        self.records.get(last).map(|oldest| oldest.id.time_ms())
    }

    pub(crate) fn finish(mut self) -> MergedPage {
        let cut = self.records.len() > self.limit;
        self.records.truncate(self.limit);
        let last = self.records.last().filter(|_| cut);
        let next = last.map_or(self.floor, |record| record.id);
        MergedPage {
            records: self.records,
            before: (next > RecordId(0)).then_some(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Joining;
    use crate::query::Page;
    use blobwatch_pull::{RecordId, sample};

    fn page(ids: &[u128], floor: u128) -> Page {
        let record = |id: &u128| blobwatch_pull::Record {
            id: RecordId(*id),
            ..sample::full()
        };
        Page {
            records: ids.iter().map(record).collect(),
            floor: RecordId(floor),
        }
    }

    #[track_caller]
    fn case(limit: usize, pages: &[Page], ids: &[u128], before: Option<u128>) {
        // In whatever order they answer.
        for first in 0..pages.len() {
            let mut joining = Joining::of(limit);
            for page in pages.iter().cycle().skip(first).take(pages.len()) {
                joining.take(page.clone());
                assert!(
                    joining.records.len() <= limit + 1,
                    "no more than the answer is kept"
                );
            }
            let joined = joining.finish();
            let found: Vec<u128> = joined.records.iter().map(|record| record.id.0).collect();
            assert_eq!(
                (&*found, joined.before),
                (ids, before.map(RecordId)),
                "from page {first}"
            );
        }
    }

    #[test]
    fn a_page_is_cut_where_it_is_full() {
        let pages = [page(&[9, 6, 3], 0), page(&[8, 5], 0), page(&[7, 4, 2, 1], 0)];
        case(4, &pages, &[9, 8, 7, 6], Some(6));
        case(9, &pages, &[9, 8, 7, 6, 5, 4, 3, 2, 1], None);
    }

    #[test]
    fn what_one_has_not_searched_waits() {
        let pages = [page(&[9, 6, 3], 0), page(&[8], 7), page(&[4], 2)];
        case(4, &pages, &[9, 8], Some(7));
        case(1, &pages, &[9], Some(9));
        case(4, &[page(&[], 5), page(&[4], 0)], &[], Some(5));
    }
}
