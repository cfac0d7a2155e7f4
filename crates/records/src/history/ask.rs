//! One request, as much of it as others are judged by.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use super::{Classification, Pace};
use crate::halves::FOLLOWED_WITHIN_MS;
use blobwatch_pull::{Action, BlobKey, MAX_ISOLATE, Method, Outcome, RangeKind, Record, RecordId, Request};
use blobwatch_wire::clip;

/// A client that lost its connection may ask again before the edge sees the loss: within 0.1 s on loopback, and a
/// round trip more elsewhere. Bodies that overlap by more than this are two at a time.
const NOTICED_LATE_MS: u64 = 500;

/// Above this a body does not come: 10 Gbit/s. Two starts so near each other that the bytes between them would need
/// more were under way together.
const MAX_BYTES_PER_MS: u64 = 1_250_000;

/// What the client got for its ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskAnswer {
    /// 200 or 206.
    Body,
    /// The body is elsewhere; what the client asks there is another ask.
    Redirect,
}

/// One request of a client for a blob.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) id: RecordId,
    /// The kind without history: none, whole, probe, tile, scatter, multi or resume.
    pub(super) base: RangeKind,
    pub(super) start: u64,
    /// Inclusive; [`u64::MAX`] for an open range.
    pub(super) end: u64,
    pub(super) to_end: bool,
    pub(super) given: AskAnswer,
    pub(super) honoured: bool,
    pub(super) outcome: Outcome,
    pub(super) known_client: bool,
    /// Hash of the host that was asked, and of the one that a redirect leads to; 0 where it is not known.
    pub(super) host: u32,
    pub(super) sent_to: u32,
    pub(super) pace: Pace,
    /// Bytes of the whole blob; 0 where the answer does not say.
    pub(super) size: u64,
    pub(super) duration_ms: u32,
    pub(super) told: Classification,
}

impl Ask {
    /// `None` for what says nothing of the client's pulls: HEAD, invalid ranges and suffixes, and answers that gave
    /// nothing: 401, errors, refusals of ours, none at all.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let base = record.range.without_history(record.size);
        let denied = matches!(record.verdict, Action::Block | Action::Throttle);
        let is_pull = !matches!(base, RangeKind::Invalid | RangeKind::Suffix);
        if record.method == Method::Head || denied || !is_pull {
            return None;
        }
        let given = match record.status {
            200 | 206 => AskAnswer::Body,
            301 | 302 | 303 | 307 | 308 => AskAnswer::Redirect,
            _ => return None,
        };
        let end = record.range.end.unwrap_or(u64::MAX);
        Some(Self {
            id: record.id,
            base,
            start: record.range.start.unwrap_or_default(),
            end,
            to_end: record.size.is_some_and(|size| end.saturating_add(1) >= size),
            given,
            honoured: record.range.honoured == Some(true),
            outcome: record.outcome,
            known_client: false,
            host: host_hash(&record.profile.host),
            sent_to: host_hash(&record.sent_to),
            pace: Pace::Unknown,
            size: record.size.unwrap_or_default(),
            duration_ms: record.duration_ms,
            told: Classification::bare(base),
        })
    }

    /// A request whose answer is not there yet, as the newest of its chain; `None` as for [`Ask::of`].
    pub(super) fn expected(request: &Request<'_>) -> Option<Self> {
        let base = request.asked.kind();
        if request.method == Method::Head || matches!(base, RangeKind::Invalid | RangeKind::Suffix) {
            return None;
        }
        let (start, end) = request.asked.offsets(None);
        Some(Self {
            id: RecordId::from_parts(request.facts.time_ms, MAX_ISOLATE, u32::MAX),
            base,
            start: start.unwrap_or_default(),
            end: end.unwrap_or(u64::MAX),
            to_end: false,
            given: AskAnswer::Body,
            honoured: false,
            outcome: Outcome::NotObserved,
            known_client: false,
            host: host_hash(clip(request.facts.host)),
            sent_to: 0,
            pace: Pace::Unknown,
            size: 0,
            duration_ms: 0,
            told: Classification::bare(base),
        })
    }

    pub(super) fn time_ms(&self) -> u64 {
        self.id.time_ms()
    }

    /// No Range, or the whole.
    pub(super) fn is_full(&self) -> bool {
        matches!(self.base, RangeKind::None | RangeKind::Whole)
    }

    /// `bytes=N-`, also from 0.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.base, RangeKind::Whole | RangeKind::Resume) && self.end == u64::MAX
    }

    pub(super) fn length(&self) -> u64 {
        self.end.saturating_sub(self.start).saturating_add(1)
    }

    pub(super) fn is_same_range(&self, other: &Self) -> bool {
        (self.start, self.end) == (other.start, other.end)
    }

    /// Whether a client that is redirected by this ask comes to that one: both are halves of one ask. Where a redirect
    /// leads, and from which host, is not always known.
    pub(super) fn leads_to(&self, later: &Self) -> bool {
        let is_pair = self.given == AskAnswer::Redirect && later.given == AskAnswer::Body;
        let is_same = self.is_full() && later.is_full() || self.is_same_range(later);
        let is_then = self.time_ms() <= later.time_ms()
            && later.time_ms() <= self.time_ms().saturating_add(FOLLOWED_WITHIN_MS);
        let is_there = self.host != later.host || self.sent_to == 0 || self.sent_to == later.host;
        is_pair && is_same && is_then && is_there
    }

    /// The redirect that led to it.
    pub(super) fn led_by<'a>(&self, earlier: &'a [Self]) -> Option<&'a Self> {
        earlier.iter().rev().find(|before| before.leads_to(self))
    }

    /// Whether the body is known to have ended before its end.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self.outcome, Outcome::ClientClosed | Outcome::OriginFailed)
    }

    fn is_observed(&self) -> bool {
        self.outcome != Outcome::NotObserved
    }

    /// When the body ended where that was observed; else when the headers came.
    pub(super) fn until_ms(&self) -> u64 {
        self.time_ms().saturating_add(u64::from(self.duration_ms))
    }

    /// Whether this ask may be over when `later` comes: the same client waits for an answer before it asks again.
    pub(super) fn may_precede(&self, later: &Self) -> bool {
        let slack = if self.is_observed() { NOTICED_LATE_MS } else { 0 };
        self.until_ms() <= later.time_ms().saturating_add(slack)
    }

    /// Whether the body was still coming then; known where it was observed.
    pub(super) fn is_under_way_at(&self, time_ms: u64) -> bool {
        self.until_ms() > time_ms
    }

    /// Whether this ask was surely under way when `later` came, which starts `bytes` away.
    pub(super) fn overlaps(&self, later: &Self, bytes: u64) -> bool {
        let gap_ms = later.time_ms().saturating_sub(self.time_ms());
        !self.may_precede(later) || gap_ms.saturating_mul(MAX_BYTES_PER_MS) < bytes
    }
}

/// Never 0 for a host.
fn host_hash(host: &str) -> u32 {
    if host.is_empty() {
        return 0;
    }
    let mut hasher = FxHasher::default();
    hasher.write(host.as_bytes());
    (hasher.finish() >> 32) as u32 | 1
}

/// Digests are hashes already; who aims at a collision confuses the kinds of its own requests.
pub(crate) fn blob_hash(blob: BlobKey<'_>) -> u64 {
    let mut hasher = FxHasher::default();
    match blob {
        BlobKey::Digest(digest) => hasher.write(digest.as_bytes()),
        BlobKey::Object(key) => hasher.write_u64(key),
    }
    hasher.finish()
}
