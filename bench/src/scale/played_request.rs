//! A request as an isolate meets it: the string of its facts, and what the origin answered.

use blobwatch_pull::{ObservedAnswer, Outcome};

#[derive(Debug, Default)]
pub(crate) struct PlayedRequest {
    /// The lines of `src/data_plane/facts.js`, and the headers.
    pub(crate) facts: String,
    pub(crate) answer: Answer,
    pub(crate) time_ms: u64,
}

/// What the origin answers; an empty text is a header that is not there.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_range: String,
    pub(crate) location: String,
    /// As Content-Length says.
    pub(crate) bytes: u64,
    /// Whether the client closed before the end.
    pub(crate) is_cut: bool,
    pub(crate) takes_ms: u64,
}

impl PlayedRequest {
    /// What is seen of the answer; `observed` where its end is.
    pub(super) fn seen(&self, observed: bool) -> ObservedAnswer<'_> {
        let answer = &self.answer;
        let or_none = |text| Some(text).filter(|text: &&str| !text.is_empty());
        ObservedAnswer {
            status: answer.status,
            content_range: or_none(&answer.content_range),
            content_length: Some(answer.bytes),
            content_type: None,
            location: or_none(&answer.location),
            followed_to: None,
            cache: None,
            outcome: match (observed, answer.is_cut) {
                (false, _) => Outcome::NotObserved,
                (true, true) => Outcome::ClientClosed,
                (true, false) => Outcome::Completed,
            },
            time_ms: self.time_ms + answer.takes_ms,
        }
    }
}
