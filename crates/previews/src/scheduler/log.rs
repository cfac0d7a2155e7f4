//! How far one FireLog has come.

use super::MAX_TRIES;
use crate::{Matches, Partial, Slice};

#[derive(Debug, PartialEq)]
pub(super) struct Log {
    pub(super) name: String,
    /// Of the matches that it told, those that fire.
    pub(super) fires: Matches,
    pub(super) scanned: u64,
    pub(super) left: u64,
    matches: Matches,
    /// Where its next slice begins; none before it has answered.
    next_ms: Option<Option<u64>>,
    failures: u32,
}

impl Log {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            fires: Matches::default(),
            scanned: 0,
            left: 0,
            matches: Matches::default(),
            next_ms: None,
            failures: 0,
        }
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failures >= MAX_TRIES
    }

    pub(super) const fn has_answered(&self) -> bool {
        self.next_ms.is_some()
    }

    /// None at its end.
    pub(super) fn next_ms(&self) -> Option<u64> {
        self.next_ms.flatten()
    }

    pub(super) fn ask_again(&mut self) {
        self.next_ms = None;
    }

    pub(super) fn take_matches(&mut self) -> Matches {
        std::mem::take(&mut self.matches)
    }

    pub(super) fn take(&mut self, answer: Option<Slice>, is_matching: bool) -> Partial {
        let Some(slice) = answer else {
            self.failures += 1;
            return Partial::default();
        };
        self.failures = 0;
        self.next_ms = Some(slice.next_ms);
        self.matches = slice.matches;
        if !is_matching {
            self.scanned += slice.scanned;
            self.left = slice.left;
        }
        slice.part
    }
}
