//! A preview in the middle.

use blobwatch_rule_book::{PreviewPlan, Stamp};

use super::MAX_SLICES;
use crate::{End, Partial, Preview, Progress, Report, Slice, SliceCall, Status, Windows};

/// Tries of a slice before its FireLog is named as incomplete.
pub(super) const MAX_TRIES: u32 = 3;

#[derive(Debug)]
pub(super) struct Run {
    preview: Preview,
    plan: PreviewPlan,
    logs: Vec<Log>,
    whole: Partial,
}

/// How far one FireLog has come.
#[derive(Debug)]
struct Log {
    name: String,
    /// None at its end.
    from_ms: Option<u64>,
    windows: Windows,
    scanned: u64,
    left: u64,
    failures: u32,
}

impl Run {
    pub(super) fn new(preview: Preview, plan: PreviewPlan, names: Vec<String>) -> Self {
        let log = |name| Log {
            name,
            from_ms: Some(plan.since_ms),
            windows: Windows::default(),
            scanned: 0,
            left: 0,
            failures: 0,
        };
        Self {
            preview,
            logs: names.into_iter().map(log).collect(),
            plan,
            whole: Partial::default(),
        }
    }

    pub(super) const fn preview(&self) -> &Preview {
        &self.preview
    }

    /// The next slices: the first FireLogs that are not at their end.
    pub(super) fn ask(&self) -> Vec<(String, SliceCall)> {
        let open = self.logs.iter().filter(|log| log.is_open()).take(MAX_SLICES);
        open.map(|log| (log.name.clone(), log.call(&self.plan))).collect()
    }

    /// Takes the answers to [`Self::ask`], in its order; says whether one is missing.
    pub(super) fn take(&mut self, slices: Vec<Option<Slice>>) -> bool {
        let open = self.logs.iter_mut().filter(|log| log.is_open());
        let mut has_failed = false;
        for (log, slice) in open.take(MAX_SLICES).zip(slices) {
            match slice {
                Some(slice) => self.whole.join(log.take(slice)),
                None => {
                    log.failures += 1;
                    has_failed = true;
                }
            }
        }
        has_failed
    }

    pub(super) fn progress(&self) -> Progress {
        let scanned = self.logs.iter().map(|log| log.scanned).sum();
        let left: u64 = self.logs.iter().map(|log| log.left).sum();
        Progress {
            scanned,
            total: scanned + left,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        !self.logs.iter().any(Log::is_open)
    }

    /// What comes of it, once it is over.
    pub(super) fn end(&self) -> End {
        let failed = self.logs.iter().filter(|log| log.has_failed());
        let incomplete: Vec<String> = failed.map(|log| log.name.clone()).collect();
        if !incomplete.is_empty() && incomplete.len() == self.logs.len() {
            let error = "no FireLog answered".to_owned();
            return End::Failed { error };
        }
        let report = Box::new(Report::of(&self.plan, self.whole.clone()));
        End::Done { report, incomplete }
    }

    /// What the RuleBook is told of that end.
    pub(super) fn stamp(&self, end: &End, now_ms: u64) -> Option<Stamp> {
        let End::Done { incomplete, .. } = end else {
            return None;
        };
        let done = Preview {
            status: Status::Done,
            ended_ms: Some(now_ms),
            incomplete: incomplete.clone(),
            ..self.preview.clone()
        };
        done.stamp()
    }
}

impl Log {
    fn is_open(&self) -> bool {
        self.from_ms.is_some() && !self.has_failed()
    }

    fn has_failed(&self) -> bool {
        self.failures >= MAX_TRIES
    }

    fn call(&self, plan: &PreviewPlan) -> SliceCall {
        SliceCall {
            plan: plan.clone(),
            from_ms: self.from_ms.unwrap_or(plan.since_ms),
            windows: self.windows.clone(),
        }
    }

    fn take(&mut self, slice: Slice) -> Partial {
        self.from_ms = slice.next_ms;
        self.windows = slice.windows;
        self.scanned += slice.scanned;
        self.left = slice.left;
        self.failures = 0;
        slice.part
    }
}
