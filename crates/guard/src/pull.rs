//! How one request of a client went, as a guard sees it.

use blobwatch_pull::{Action, Method, Outcome, RangeKind, Record};

/// How one request of a client went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pull {
    /// Answered with what was asked.
    Good,
    /// Failed, was cut, or went on from where another was.
    Bad,
}

/// Whether Blobwatch refused the request: it then says nothing about its client.
pub(super) fn is_refused(record: &Record) -> bool {
    matches!(record.verdict, Action::Block | Action::Throttle)
}

impl Pull {
    /// `None` for what says nothing about a download: HEAD, a probe, a refusal of ours, an answer that is no download.
    #[must_use]
    pub(crate) fn of(record: &Record) -> Option<Self> {
        if record.method == Method::Head || is_refused(record) {
            return None;
        }
        let is_stuck = matches!(
            record.range.kind,
            RangeKind::Resume | RangeKind::Repeat | RangeKind::Restart
        );
        // containerd closes the bodies of its own chunks.
        let is_cut = match record.outcome {
            Outcome::OriginFailed => true,
            Outcome::ClientClosed => record.range.kind != RangeKind::Chunk,
            Outcome::Completed | Outcome::NotObserved => false,
        };
        let is_complete_file = record.status == 416 && record.range.start == record.size;
        match record.status {
            _ if is_complete_file => None,
            0 | 500.. => Some(Self::Bad),
            // Redirected: the body comes from elsewhere, and a client that is stuck there comes back with a Range.
            200 | 206 | 301..=308 if is_stuck || is_cut => Some(Self::Bad),
            200 | 206 if record.range.honoured == Some(false) => Some(Self::Bad),
            200 | 206 | 302 | 303 | 307 | 308 if record.range.kind != RangeKind::Probe => Some(Self::Good),
            416 => Some(Self::Bad),
            _ => None,
        }
    }
}
