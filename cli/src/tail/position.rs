//! What was sent: a time up to which it was, and what is known of the time before.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use blobwatch_pull::RecordId;
use serde::{Deserialize, Serialize};

use crate::export::Window;
use crate::problem::Problem;
use crate::whole;

/// Of the form. A newer one is refused.
const VERSION: u32 = 1;

/// Ids that are kept to tell late records from those that were sent: a state file of 4 MB. Of more, the oldest are forgotten.
const MAX_IDS: usize = 131_072;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    version: u32,
    /// Of what: a call with its filters.
    of: String,
    /// Records before this time were sent; those that come late, as far as `spans` were looked at again.
    pub(super) until_ms: u64,
    pub(super) sent: u64,
    /// Of them, those that came after their time had been read.
    pub(super) late: u64,
    /// What the collector did not keep.
    pub(super) rejected: u64,
    /// What came late, after the ids of its time had been forgotten.
    pub(super) missed: u64,
    /// Oldest first: times that the deployment still has records of.
    pub(super) spans: Vec<Span>,
}

/// A time that was read, at most as long as it is old.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    pub(super) from_ms: u64,
    pub(super) until_ms: u64,
    /// By weight, as the API counted them.
    pub(super) requests: u64,
    /// When that was.
    pub(super) compared_ms: u64,
    /// Of what was sent; forgotten where there is nothing.
    pub(super) ids: Option<HashSet<RecordId>>,
}

impl Position {
    pub(super) fn beginning_at(until_ms: u64, of: String) -> Self {
        Self {
            version: VERSION,
            of,
            until_ms,
            sent: 0,
            late: 0,
            rejected: 0,
            missed: 0,
            spans: Vec::new(),
        }
    }

    pub(super) fn told(&self) -> String {
        format!(
            "sent {} records ({} of them late), {} rejected, {} missed",
            self.sent, self.late, self.rejected, self.missed
        )
    }

    /// Joins times that have grown old, so that there are few of them, and forgets ids; whether it had to.
    pub(super) fn tidy(&mut self, now_ms: u64) -> bool {
        let mut joined: Vec<Span> = Vec::new();
        for span in std::mem::take(&mut self.spans) {
            match joined.last_mut() {
                Some(last) if last.joins(&span, now_ms) => last.join(span),
                _ => joined.push(span),
            }
        }
        self.spans = joined;
        self.forget()
    }

    fn forget(&mut self) -> bool {
        let (mut kept, mut has_forgotten) = (0, false);
        for span in self.spans.iter_mut().rev() {
            kept += span.ids.as_ref().map_or(0, HashSet::len);
            if kept > MAX_IDS {
                has_forgotten |= span.ids.take().is_some_and(|ids| !ids.is_empty());
            }
        }
        has_forgotten
    }
}

impl Span {
    pub(super) fn window(&self) -> Window {
        Window {
            from_ms: self.from_ms,
            until_ms: self.until_ms,
        }
    }

    /// The longer ago, the longer together. Both were compared since they ended, and know as much.
    fn joins(&self, next: &Self, now_ms: u64) -> bool {
        self.until_ms == next.from_ms
            && next.until_ms - self.from_ms <= now_ms.saturating_sub(next.until_ms)
            && self.compared_ms.min(next.compared_ms) > next.until_ms
            && self.ids.is_some() == next.ids.is_some()
    }

    fn join(&mut self, next: Self) {
        self.until_ms = next.until_ms;
        self.requests += next.requests;
        self.compared_ms = self.compared_ms.min(next.compared_ms);
        if let (Some(ids), Some(more)) = (&mut self.ids, next.ids) {
            ids.extend(more);
        }
    }
}

/// Where a position is kept.
pub(super) struct StateFile {
    path: PathBuf,
    /// Held, never read.
    _lock: File,
}

impl StateFile {
    /// # Errors
    /// It cannot be written, or another process keeps it.
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        let failed = |source| failed(path, source);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let lock = File::create(path.with_added_extension("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(Problem::Usage(format!(
                "another process continues {}: expected one at a time",
                path.display()
            ))),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// `None` where nothing was sent yet.
    ///
    /// # Errors
    /// It is of something else, or a newer version wrote it.
    pub(super) fn read(&self, of: &str) -> Result<Option<Position>, Problem> {
        let problem = |expected: String| Problem::File {
            file: self.path.display().to_string(),
            expected,
        };
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(problem(error.to_string())),
        };
        let position = parse(&bytes).map_err(problem)?;
        if position.of == of {
            Ok(Some(position))
        } else {
            Err(problem(format!(
                "what was sent of {of}, found {}: expected a file for each",
                position.of
            )))
        }
    }

    pub(super) fn write(&self, position: &Position) -> Result<(), Problem> {
        let text = serde_json::to_vec(position).unwrap_or_default();
        whole::write(&self.path, &text).map_err(|source| failed(&self.path, source))
    }
}

fn parse(bytes: &[u8]) -> Result<Position, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    match serde_json::from_slice(bytes).map(|Versioned { version }| version) {
        Ok(version) if version > VERSION => Err(format!(
            "version {VERSION} or older, found {version}: a newer blobwatch wrote it"
        )),
        _ => serde_json::from_slice(bytes).map_err(|error| format!("what `blobwatch tail` wrote: {error}")),
    }
}

fn failed(path: &Path, source: std::io::Error) -> Problem {
    Problem::Create {
        file: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use blobwatch_pull::RecordId;

    use super::{MAX_IDS, Position, Span, parse};

    /// A state file is older than the build that continues there.
    #[test]
    fn a_released_position_is_read_and_written_as_it_was() {
        let released = include_str!("../../tests/data/tail/state-v1.json").trim_end();
        let position = parse(released.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&position).unwrap(), released);
        let newer = released.replace("\"version\":1", "\"version\":2");
        assert!(
            parse(newer.as_bytes())
                .err()
                .unwrap()
                .contains("a newer blobwatch")
        );
    }

    fn span(from_ms: u64, until_ms: u64, ids: usize) -> Span {
        let ids = (0..ids).map(|counter| RecordId::from_parts(from_ms, 1, counter as u32));
        Span {
            from_ms,
            until_ms,
            requests: 1,
            compared_ms: until_ms + 1,
            ids: Some(ids.collect()),
        }
    }

    /// A week in steps of ten seconds.
    #[test]
    fn times_are_joined_as_they_grow_old_and_none_is_lost() {
        let mut position = Position::beginning_at(0, String::new());
        let (step_ms, count) = (10_000, 60_480);
        for number in 0..count {
            let from_ms = number * step_ms;
            for span in &mut position.spans {
                span.compared_ms = from_ms;
            }
            position.spans.push(span(from_ms, from_ms + step_ms, 1));
            assert!(!position.tidy(from_ms + step_ms));
        }
        assert!(position.spans.len() < 40, "{}", position.spans.len());
        assert!(position.spans.is_sorted_by(|a, b| a.until_ms == b.from_ms));
        let requests: u64 = position.spans.iter().map(|span| span.requests).sum();
        assert_eq!(requests, count);
    }

    #[test]
    fn the_oldest_ids_are_forgotten() {
        let mut position = Position::beginning_at(0, String::new());
        position.spans = vec![
            span(0, 10, MAX_IDS / 2),
            span(20, 30, MAX_IDS / 2),
            span(40, 50, 2),
        ];
        assert!(position.tidy(50));
        let known: Vec<bool> = position.spans.iter().map(|span| span.ids.is_some()).collect();
        assert_eq!(known, [false, true, true]);
        assert!(!position.tidy(50), "said once");
    }
}
