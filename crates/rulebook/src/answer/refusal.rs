//! Answers that are ours: an enforced rule's, and the one when the origin gave none.
//!
//! One neutral sentence and an id: which rule it was is in the record, for the operator. The sentence holds the id
//! too, because Docker prints the message and not the detail.

use serde::Serialize;

use super::proxy_status::{ProxyError, append_proxy_status};
use blobwatch_pull::{Action, RecordId};

/// An answer that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// Value of `Proxy-Status`.
    pub proxy_status: String,
    /// Value of `Retry-After` in seconds.
    pub retry_after_s: Option<u32>,
    /// JSON, without a line break.
    pub body: String,
}

/// Why no answer came from an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginFailure {
    /// The platform does not say.
    Unavailable,
    Refused,
    TimedOut,
}

#[derive(Serialize)]
struct Envelope {
    errors: [ErrorEntry; 1],
}

#[derive(Serialize)]
struct ErrorEntry {
    code: &'static str,
    message: String,
    detail: Option<Detail>,
}

#[derive(Serialize)]
struct Detail {
    id: RecordId,
}

/// What an enforced action answers: 403 `DENIED` for block, 429 `TOOMANYREQUESTS` for throttle. `None` for actions
/// that let the request go on.
#[must_use]
pub fn refusal(action: Action, id: RecordId, retry_after_s: u32) -> Option<Refusal> {
    let (status, code, what, retry_after_s) = match action {
        Action::Block => (403, "DENIED", "the request was refused", None),
        Action::Throttle => (
            429,
            "TOOMANYREQUESTS",
            "too many requests, try again later",
            Some(retry_after_s),
        ),
        Action::None | Action::Tag | Action::Allow | Action::Detour => return None,
    };
    Some(Refusal {
        status,
        proxy_status: append_proxy_status(None, ProxyError::HttpRequestDenied),
        retry_after_s,
        body: body(code, what, Some(id)),
    })
}

/// The answer when the origin gave none: 502, or 504 after a time-out. `UNAVAILABLE` is distribution's own code for
/// it. `id` where the request is watched.
#[must_use]
pub fn unreachable(id: Option<RecordId>, failure: OriginFailure) -> Refusal {
    let (status, error) = match failure {
        OriginFailure::Unavailable => (502, ProxyError::DestinationUnavailable),
        OriginFailure::Refused => (502, ProxyError::ConnectionRefused),
        OriginFailure::TimedOut => (504, ProxyError::ConnectionTimeout),
    };
    Refusal {
        status,
        proxy_status: append_proxy_status(None, error),
        retry_after_s: None,
        body: body("UNAVAILABLE", "the registry did not answer", id),
    }
}

fn body(code: &'static str, what: &str, id: Option<RecordId>) -> String {
    let message = match id {
        Some(id) => format!("{what}; to ask the registry's operator why, quote {id}"),
        None => what.to_owned(),
    };
    let entry = ErrorEntry {
        code,
        message,
        detail: id.map(|id| Detail { id }),
    };
    serde_json::to_string(&Envelope { errors: [entry] }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{OriginFailure, refusal, unreachable};
    use blobwatch_pull::{Action, RecordId};

    const ID: RecordId = RecordId::from_parts(1_593_975_600_007, 0x1234_5678_9abc, 42);

    #[test]
    fn block_is_denied() {
        let answer = refusal(Action::Block, ID, 30).unwrap();
        assert_eq!((answer.status, answer.retry_after_s), (403, None));
        assert_eq!(answer.proxy_status, "blobwatch;error=http_request_denied");
        assert_eq!(
            answer.body,
            r#"{"errors":[{"code":"DENIED","message":"the request was refused; to ask the registry's operator why, quote @ID","detail":{"id":"@ID"}}]}"#
                .replace("@ID", &ID.to_string())
        );
    }

    #[test]
    fn throttle_says_when_to_come_back() {
        let answer = refusal(Action::Throttle, ID, 30).unwrap();
        assert_eq!((answer.status, answer.retry_after_s), (429, Some(30)));
        assert!(answer.body.contains(r#""code":"TOOMANYREQUESTS""#));
        assert!(!answer.body.contains('\n'));
    }

    #[test]
    fn the_other_actions_let_the_request_go_on() {
        for action in [Action::None, Action::Tag, Action::Allow, Action::Detour] {
            assert_eq!(refusal(action, ID, 30), None);
        }
    }

    #[test]
    fn an_origin_that_does_not_answer_is_unavailable() {
        let answer = unreachable(Some(ID), OriginFailure::Unavailable);
        assert_eq!(
            (answer.status, &*answer.proxy_status),
            (502, "blobwatch;error=destination_unavailable")
        );
        assert!(answer.body.contains(r#""code":"UNAVAILABLE""#) && answer.body.contains(&ID.to_string()));
        assert_eq!(unreachable(None, OriginFailure::TimedOut).status, 504);
        assert_eq!(
            unreachable(None, OriginFailure::Refused).body,
            r#"{"errors":[{"code":"UNAVAILABLE","message":"the registry did not answer","detail":null}]}"#
        );
    }
}
