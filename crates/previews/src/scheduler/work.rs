//! What takes long between two steps: answers of FireLogs joined, and the report made of them.
//!
//! It has the preview meanwhile: whoever drops it has the preview begin anew.

use blobwatch_sql::Pace;

use super::Run;
use crate::{End, Slice};

/// Answers that are to be joined to a preview.
#[derive(Debug, PartialEq)]
pub struct Work {
    pub(super) run: Box<Run>,
    pub(super) slices: Vec<Option<Slice>>,
}

/// The preview after that.
#[derive(Debug)]
pub struct WorkResult {
    pub(super) run: Box<Run>,
    /// An answer is missing.
    pub(super) has_failed: bool,
    /// Of a preview that is over.
    pub(super) end: Option<End>,
}

impl Work {
    /// Does it in slices.
    pub async fn run(self, pace: &impl Pace) -> WorkResult {
        let Self { mut run, slices } = self;
        let has_failed = run.take(slices, pace).await;
        let end = if run.is_over() {
            Some(run.end(pace).await)
        } else {
            None
        };
        WorkResult { run, has_failed, end }
    }
}
