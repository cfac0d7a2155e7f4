//! From an origin's answer to a record.
//!
//! In scope: what is kept of a request until its answer, reading what the edge says of the answer, and the parts of
//! the record that come from it. Not in scope: batches (`flush`), and kinds that need the client's history.

use crate::action::Action;
use crate::cache::Cache;
use crate::place::{Target, host_of_address};
use crate::range::{Answered, ContentRange, RequestedRange, honoured};
use crate::record::{Method, Outcome, RangeRecord, Record};

/// What is known of a request when it is decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Everything but what the answer says; its id holds the time at which the request came.
    pub record: Record,
    pub asked: RequestedRange,
    /// If-Range was sent.
    pub conditional: bool,
}

/// A request's place in a map, and what the allocator adds to its texts: 8 bytes each.
const PLACE_BYTES: usize = 200;

/// What the edge says of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedAnswer<'a> {
    /// 0 when no answer came.
    pub status: u16,
    pub content_range: Option<&'a str>,
    pub content_length: Option<u64>,
    pub content_type: Option<&'a str>,
    /// Of a redirect.
    pub location: Option<&'a str>,
    /// The address that answered, where a redirect was followed.
    pub followed_to: Option<&'a str>,
    /// What a cache said: its status, or Age.
    pub cache: Option<&'a str>,
    pub outcome: Outcome,
    /// Milliseconds since 1970: when the body ended, or the headers came where the body is not observed.
    pub time_ms: u64,
}

impl<'a> ObservedAnswer<'a> {
    /// Reads the edge's string: status, Content-Range, Content-Length, Content-Type, Location, the address that a redirect
    /// was followed to, what a cache said, outcome and time, one a line, an absent value being an empty line. `None` when it is not that: the edge and this module are not of one build.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut lines = text.split('\n');
        let mut line = || lines.next();
        let said = Self {
            status: line()?.parse().ok()?,
            content_range: line().map(present)?,
            content_length: line().map(length)?,
            content_type: line().map(present)?,
            location: line().map(present)?,
            followed_to: line().map(present)?,
            cache: line().map(present)?,
            outcome: line().and_then(outcome)?,
            time_ms: line()?.parse().ok()?,
        };
        lines.next().is_none().then_some(said)
    }
}

impl Pending {
    /// The record, complete but for what the client's history adds.
    #[must_use]
    pub fn settle(mut self, said: &ObservedAnswer<'_>) -> Record {
        self.answered(said);
        self.record
    }

    /// Completes the record as far as the answer is known: it may be told again, when the body has ended.
    pub fn answered(&mut self, said: &ObservedAnswer<'_>) {
        let size = size(said);
        let (start, end) = self.asked.offsets(size);
        let range = RangeRecord {
            kind: self.asked.refined(size),
            start,
            end,
            honoured: self.honoured(said),
        };
        let record = &mut self.record;
        record.status = said.status;
        record.range = range;
        record.size = size;
        record.promised = promised(record.method, said);
        record.outcome = said.outcome;
        record.cache = said.cache.and_then(Cache::read);
        take_places(record, said);
        record.duration_ms = duration_ms(record.id.time_ms(), said.time_ms);
    }

    /// What it takes in memory, no less. It is counted again when the answer is there.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let asked = match &self.asked {
            RequestedRange::Many(header) => header.len(),
            _ => 0,
        };
        size_of::<Self>() + self.record.owned_bytes() + asked + PLACE_BYTES
    }

    /// Nothing can be said of the origin where Blobwatch itself answered.
    fn honoured(&self, said: &ObservedAnswer<'_>) -> Option<bool> {
        if matches!(self.record.verdict, Action::Block | Action::Throttle) {
            return None;
        }
        let answer = Answered {
            status: said.status,
            content_range: said.content_range,
            content_type: said.content_type,
        };
        honoured(self.record.method, &self.asked, self.conditional, &answer)
    }
}

/// Who answered, and where it sent the client: hosts only, since addresses are signed in their queries.
fn take_places(record: &mut Record, said: &ObservedAnswer<'_>) {
    if let Some(address) = said.followed_to {
        record.served_by = format!("redirect:{}", host_of_address(address));
    }
    if let Some(location) = said.location {
        let target = Target::read(location, &record.profile.host);
        (record.sent_to, record.sent_object) = (target.host, target.object);
    }
}

/// Bytes of the whole blob. Only where the answer says it by its own meaning: a 416's Content-Length is the error
/// text's by RFC 9110 and the whole blob's in Debian's docker-registry, a 404's is the error's.
fn size(said: &ObservedAnswer<'_>) -> Option<u64> {
    let part = || said.content_range.and_then(ContentRange::parse);
    match (said.status, part()) {
        (200, _) => said.content_length,
        (206, Some(ContentRange::Part { size, .. })) => size,
        (416, Some(ContentRange::Unsatisfied { size })) => Some(size),
        _ => None,
    }
}

/// Bytes of body that the answer promised: to HEAD, 204 and 304 none follow, whatever Content-Length says.
fn promised(method: Method, said: &ObservedAnswer<'_>) -> Option<u64> {
    let has_body = method == Method::Get && !matches!(said.status, 0 | 204 | 304);
    said.content_length.filter(|_| has_body)
}

/// A clock that was set back makes 0.
fn duration_ms(start_ms: u64, end_ms: u64) -> u32 {
    u32::try_from(end_ms.saturating_sub(start_ms)).unwrap_or(u32::MAX)
}

fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// `1*DIGIT`; anything else, like two joined values, is no length.
fn length(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn outcome(text: &str) -> Option<Outcome> {
    match text {
        "completed" => Some(Outcome::Completed),
        "client_closed" => Some(Outcome::ClientClosed),
        "origin_failed" => Some(Outcome::OriginFailed),
        "not_observed" => Some(Outcome::NotObserved),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
