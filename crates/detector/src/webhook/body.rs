//! The calls that set a webhook: what they say, and what is answered. The secret goes in and never comes out.

use serde::{Deserialize, Serialize};

use super::address::{Allowed, check};
use super::message::EventName;
use crate::store::Webhook;
use blobwatch_rulebook::strict;
use blobwatch_wire::{MAX_SMALL_BODY, Place, Problem, rfc3339};

/// Characters of a secret: what 128 random bits need in base 64, and as many as HMAC's block takes.
pub(crate) const MIN_SECRET: usize = 22;
const MAX_SECRET: usize = 256;

/// Characters of an id.
const MAX_ID: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    url: String,
    /// Absent: the one it has stays.
    secret: Option<String>,
    events: Option<Vec<EventName>>,
}

/// A webhook as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct WebhookItem {
    pub id: String,
    pub url: String,
    pub events: Vec<EventName>,
    /// RFC 3339.
    pub created: String,
    pub actor: String,
}

impl From<&Webhook> for WebhookItem {
    fn from(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id.clone(),
            url: webhook.url.clone(),
            events: webhook.events.clone(),
            created: rfc3339(webhook.created_ms),
            actor: webhook.actor.clone(),
        }
    }
}

/// An id: lower case letters, digits and hyphens.
///
/// # Errors
/// 400 for anything else.
pub(crate) fn checked_id(id: &str) -> Result<&str, Problem> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=MAX_ID).contains(&id.len()) && id.bytes().all(fits) {
        return Ok(id);
    }
    let message = format!("expected 1 to {MAX_ID} lower case letters, digits and hyphens");
    Err(Problem::bad_parameter(Place::new("path.id", message)))
}

/// Reads the body of `PUT webhooks/{id}`; `known` is the one of that id.
///
/// # Errors
/// 400 for what is no such JSON, 422 for an address that may not be told and for a secret that is too short.
pub(crate) fn read(
    id: &str,
    body: &str,
    known: Option<&Webhook>,
    allowed: Allowed,
    actor: &str,
    now_ms: u64,
) -> Result<Webhook, Problem> {
    if body.len() > MAX_SMALL_BODY {
        return Err(Problem::too_large(MAX_SMALL_BODY));
    }
    let body: Body = strict(body, "body").map_err(Problem::bad_parameter)?;
    let mut wrong = Vec::new();
    if let Err(error) = check(&body.url, allowed) {
        wrong.push(Place::new("body.url", format!("expected {error}")));
    }
    let secret = body.secret.or_else(|| known.map(|known| known.secret.clone()));
    let secret = secret.unwrap_or_default();
    if !(MIN_SECRET..=MAX_SECRET).contains(&secret.len()) {
        let message = format!(
            "expected {MIN_SECRET} to {MAX_SECRET} bytes, for instance from `openssl rand -base64 24`"
        );
        wrong.push(Place::new("body.secret", message));
    }
    let mut events = body
        .events
        .unwrap_or_else(|| vec![EventName::Opened, EventName::Changed, EventName::Closed]);
    events.sort();
    events.dedup();
    if events.is_empty() || events.contains(&EventName::Test) {
        let message = "expected one or more of anomaly.opened, anomaly.changed and anomaly.closed";
        wrong.push(Place::new("body.events", message));
    }
    if !wrong.is_empty() {
        return Err(Problem::invalid(wrong));
    }
    Ok(Webhook {
        id: id.to_owned(),
        url: body.url,
        secret,
        events,
        created_ms: known.map_or(now_ms, |known| known.created_ms),
        actor: actor.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn set(body: &serde_json::Value, known: Option<&Webhook>) -> Result<Webhook, Problem> {
        read("chat", &body.to_string(), known, Allowed::Public, "olga", 1000)
    }

    #[test]
    fn a_webhook_is_set_and_its_secret_is_not_shown() {
        let body = serde_json::json!({"url": "https://hooks.example.org/x", "secret": SECRET});
        let webhook = set(&body, None).unwrap();
        assert_eq!(webhook.events.len(), 3);
        let shown = serde_json::to_string(&WebhookItem::from(&webhook)).unwrap();
        assert!(!shown.contains(SECRET), "{shown}");
        let moved = serde_json::json!({"url": "https://hooks.example.org/y", "events": ["anomaly.opened"]});
        let moved = set(&moved, Some(&webhook)).unwrap();
        assert_eq!((moved.secret.as_str(), moved.events.len()), (SECRET, 1));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let body = serde_json::json!({"url": "https://127.0.0.1/", "secret": "short", "events": []});
        let problem = set(&body, None).unwrap_err();
        let places: Vec<&str> = problem.errors.iter().map(|place| place.place.as_str()).collect();
        assert_eq!(
            (problem.status, places),
            (422, vec!["body.url", "body.secret", "body.events"])
        );
        let unknown =
            serde_json::json!({"url": "https://hooks.example.org/x", "secret": SECRET, "header": "x"});
        assert_eq!(set(&unknown, None).unwrap_err().status, 400);
        assert!(checked_id("chat-1").is_ok() && checked_id("Chat").is_err() && checked_id("").is_err());
    }
}
