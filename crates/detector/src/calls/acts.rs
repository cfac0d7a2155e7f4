//! The calls by which people say what they do about an anomaly.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::shares;
use crate::handling::{Act, MAX_ASSIGNEE, MAX_COMMENT, MuteRequest};
use crate::number;
use crate::store::{ActRequest, Detector, MAX_MUTED_MS};
use blobwatch_rulebook::strict_all;
use blobwatch_sql::{Sql, StoreError};
use blobwatch_wire::{ApiReply, ApiRequest, Parameters, Place, Problem, parse_rfc3339, parse_time};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoBody {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct AssignBody {
    /// `null`: to nobody.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(feature = "schema", schemars(with = "blobwatch_wire::Nullable<String>"))]
    to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct CommentBody {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct MuteBody {
    until: Option<String>,
    #[serde(default)]
    cohort: bool,
}

/// Whether a call is one of these: it changes what the Detector keeps.
#[must_use]
pub fn is_act(call: &ApiRequest<'_>) -> bool {
    matches!(
        (call.method, call.path.split('/').collect::<Vec<_>>().as_slice()),
        (
            "POST",
            [
                "anomalies",
                _,
                "acknowledge" | "assign" | "comment" | "mute" | "expected" | "reopen"
            ]
        ) | ("DELETE", ["anomalies", _, "mute"] | ["anomalies", _, "shares", _])
    )
}

/// Does what a call says; the answer is the anomaly as it is then, or the link that is revoked.
///
/// # Errors
/// When SQLite refuses. What is refused of the call is inside.
pub fn act<S: Sql>(
    store: &mut Detector<S>,
    call: &ApiRequest<'_>,
) -> Result<Result<ApiReply, Problem>, StoreError> {
    if let Some(revoked) = shares::revoke(store, call) {
        return revoked;
    }
    let request = match read(call) {
        Ok(request) => request,
        Err(problem) => return Ok(Err(problem)),
    };
    let done = store.act(request, call.now_ms)?;
    Ok(done.and_then(|anomaly| ApiReply::json(200, &anomaly.json())))
}

/// What a call says.
pub(super) fn read(call: &ApiRequest<'_>) -> Result<ActRequest, Problem> {
    let reason = reason_of(call.query)?;
    let (id, word) = match call.path.split('/').collect::<Vec<_>>().as_slice() {
        [_, id, word] => (*id, *word),
        _ => return Err(Problem::no_such_call()),
    };
    let anomaly = id_of(id)?;
    Ok(ActRequest {
        anomaly,
        act: act_of(call, word)?,
        by: call.actor.to_owned(),
        reason,
    })
}

/// What is said beside an act, for the audit log.
pub(super) fn reason_of(query: &str) -> Result<Option<String>, Problem> {
    let parameters = Parameters::parse(query, &["reason"])?;
    let reason = parameters.get("reason");
    let reason = reason.map(|reason| text_of("query.reason", reason, MAX_COMMENT));
    reason.transpose()
}

/// The number of `an-000012`.
pub(super) fn id_of(id: &str) -> Result<u64, Problem> {
    number(id).ok_or_else(|| {
        let message = "expected an anomaly's id, for instance an-000012";
        Problem::bad_parameter(Place::new("path.id", message))
    })
}

fn act_of(call: &ApiRequest<'_>, word: &str) -> Result<Act, Problem> {
    let without_body = |act| body::<NoBody>(call.body).map(|NoBody {}| act);
    match (call.method, word) {
        ("POST", "acknowledge") => without_body(Act::Acknowledge),
        ("POST", "expected") => without_body(Act::Expected),
        ("POST", "reopen") => without_body(Act::Reopen),
        ("DELETE", "mute") => without_body(Act::Unmute),
        ("POST", "assign") => {
            let AssignBody { to } = body(call.body)?;
            let to = to.map(|to| name_of("body.to", &to)).transpose()?;
            Ok(Act::Assign(to))
        }
        ("POST", "comment") => {
            let CommentBody { text } = body(call.body)?;
            Ok(Act::Comment(text_of("body.text", &text, MAX_COMMENT)?))
        }
        ("POST", "mute") => {
            let MuteBody { until, cohort } = body(call.body)?;
            let until_ms = until
                .map(|until| until_of(&until, call.now_ms, MAX_MUTED_MS))
                .transpose()?;
            Ok(Act::Mute(MuteRequest {
                until_ms,
                is_of_cohort: cohort,
            }))
        }
        _ => Err(Problem::no_such_call()),
    }
}

/// No body at all is one without fields.
pub(super) fn body<T: DeserializeOwned>(body: &str) -> Result<T, Problem> {
    let body = match body.trim() {
        "" => "{}",
        _ => body,
    };
    strict_all(body, "body").map_err(Problem::from)
}

fn text_of(place: &str, text: &str, most: usize) -> Result<String, Problem> {
    let text = text.trim();
    if (1..=most).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    let message = format!("expected a text of 1 to {most} bytes, found {}", text.len());
    Err(Problem::invalid(vec![Place::new(place, message)]))
}

fn name_of(place: &str, text: &str) -> Result<String, Problem> {
    let name = text_of(place, text, MAX_ASSIGNEE)?;
    if name.chars().any(char::is_control) {
        let message = "expected a name without control characters";
        return Err(Problem::invalid(vec![Place::new(place, message)]));
    }
    Ok(name)
}

/// `2020-07-06T08:00:00Z`, or `+2h` from now.
pub(super) fn until_of(text: &str, now_ms: u64, most_ms: u64) -> Result<u64, Problem> {
    let from_now = |ahead: &str| {
        let ago_ms = parse_time(&format!("-{ahead}"), now_ms)?;
        now_ms.checked_add(now_ms - ago_ms)
    };
    let until_ms = match text.strip_prefix('+') {
        Some(ahead) => from_now(ahead),
        None => parse_rfc3339(text),
    };
    let is_ahead = |until_ms: &u64| (now_ms + 1..=now_ms + most_ms).contains(until_ms);
    until_ms.filter(is_ahead).ok_or_else(|| {
        let days = most_ms / 86_400_000;
        let message = format!(
            "expected a time within the next {days} days: RFC 3339 (2020-07-06T08:00:00Z) or from now (+2h; units s, m, h, d)"
        );
        Problem::invalid(vec![Place::new("body.until", message)])
    })
}
