//! Which blocks a call opens: those that may hold a match, newest first, until the work is enough for one call.

use super::filter::Filter;
use super::scan::Budget;
use crate::store::{After, Candidate, FireLogError, newest_first, recent};
use blobwatch_pull::RecordId;
use blobwatch_sql::Sql;

/// Blocks to open, those with the newest record first, and from where on the answer is whole.
pub(super) struct Plan {
    pub(super) candidates: Vec<Candidate>,
    /// Every match from here up to where the page began is in one of the candidates.
    pub(super) floor: RecordId,
}

/// Blocks newest first, one page of headers at a time.
pub(super) struct Walk<'a, S> {
    sql: &'a S,
    filter: &'a Filter,
    since_ms: u64,
    until_ms: u64,
    /// Not given yet, the newest at the end.
    inbox: Vec<Candidate>,
    segments: Vec<Candidate>,
    after: Option<After>,
    done: bool,
}

impl<'a, S: Sql> Walk<'a, S> {
    pub(super) fn new(sql: &'a S, filter: &'a Filter, before: RecordId) -> Result<Self, FireLogError> {
        let oldest_id = filter.ids.iter().map(|id| id.time_ms()).min().unwrap_or(0);
        let newest_id = filter
            .ids
            .iter()
            .map(|id| id.time_ms() + 1)
            .max()
            .unwrap_or(u64::MAX);
        let since_ms = filter.since_ms.unwrap_or(0).max(oldest_id);
        let until_ms = filter
            .until_ms
            .unwrap_or(u64::MAX)
            .min(before.time_ms() + 1)
            .min(newest_id);
        let mut inbox = recent(sql, since_ms, until_ms)?;
        inbox.retain(|candidate| filter.may_match(&candidate.header));
        inbox.sort_by_key(|candidate| candidate.header.last);
        Ok(Self {
            sql,
            filter,
            since_ms,
            until_ms,
            inbox,
            segments: Vec::new(),
            after: None,
            done: false,
        })
    }

    fn fill(&mut self) -> Result<(), FireLogError> {
        while self.segments.is_empty() && !self.done {
            let (page, next) = newest_first(self.sql, self.since_ms, self.until_ms, self.after)?;
            self.after = next;
            self.done = next.is_none();
            self.segments = page;
            self.segments.reverse();
            self.segments
                .retain(|candidate| self.filter.may_match(&candidate.header));
        }
        Ok(())
    }

    /// The newest millisecond of what is left.
    pub(super) fn newest_left(&mut self) -> Result<Option<u64>, FireLogError> {
        self.fill()?;
        let newest = |candidates: &[Candidate]| candidates.last().map(|c| c.header.last.time_ms());
        Ok(newest(&self.inbox).max(newest(&self.segments)))
    }

    pub(super) fn next(&mut self) -> Result<Option<Candidate>, FireLogError> {
        self.fill()?;
        let newest = |candidates: &[Candidate]| candidates.last().map(|c| c.header.last.time_ms());
        let from_inbox = newest(&self.inbox) > newest(&self.segments);
        Ok(if from_inbox {
            self.inbox.pop()
        } else {
            self.segments.pop().or_else(|| self.inbox.pop())
        })
    }

    /// Takes blocks until the budget is spent. At least as many that the floor comes below `before`: a call always
    /// gets further than the one before it.
    pub(super) fn plan(&mut self, before: RecordId, budget: &Budget) -> Result<Plan, FireLogError> {
        let mut candidates = Vec::new();
        let mut records = 0;
        while let Some(newest_ms) = self.newest_left()? {
            let floor = RecordId::first_at(newest_ms + 1);
            if records >= budget.records && floor < before {
                return Ok(Plan { candidates, floor });
            }
            if let Some(candidate) = self.next()? {
                records += candidate.header.records;
                candidates.push(candidate);
            }
        }
        Ok(Plan {
            candidates,
            floor: RecordId(0),
        })
    }
}
