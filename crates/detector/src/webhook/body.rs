//! The calls that set a webhook: what they say, and what is answered. The secret goes in and never comes out.

use serde::{Deserialize, Serialize};

use super::address::{AllowedAddresses, check};
use super::event::{EventName, Severity, SubscribedEvent};
use super::format::{Format, SecretUse};
use crate::AnomalyKind;
use crate::store::Webhook;
use blobwatch_rulebook::strict_all;
use blobwatch_wire::{MAX_SMALL_BODY, Place, Problem, rfc3339};

/// Characters of a secret: what 128 random bits need in base 64, and as many as anybody's key.
pub(crate) const MIN_SECRET: usize = 22;
const MAX_SECRET: usize = 256;

/// Characters of an id.
const MAX_ID: usize = 64;

/// Characters of the dashboard's address.
const MAX_DASHBOARD: usize = 300;

/// Routes that a webhook can be about.
const MAX_ROUTES: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct WebhookBody {
    url: String,
    #[serde(default)]
    format: Format,
    /// Absent: the one it has stays.
    secret: Option<String>,
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<EventName>>"))]
    events: Option<Vec<SubscribedEvent>>,
    #[serde(default)]
    kinds: Vec<AnomalyKind>,
    #[serde(default)]
    routes: Vec<String>,
    #[serde(default)]
    severity: Severity,
    dashboard: Option<String>,
}

/// A webhook as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct WebhookItem {
    pub id: String,
    pub url: String,
    pub format: Format,
    pub events: Vec<EventName>,
    pub kinds: Vec<AnomalyKind>,
    pub routes: Vec<String>,
    pub severity: Severity,
    pub dashboard: Option<String>,
    /// RFC 3339.
    pub created: String,
    pub actor: String,
}

impl From<&Webhook> for WebhookItem {
    fn from(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id.clone(),
            url: webhook.url.clone(),
            format: webhook.format,
            events: webhook.events.clone(),
            kinds: webhook.kinds.clone(),
            routes: webhook.routes.clone(),
            severity: webhook.severity,
            dashboard: webhook.dashboard.clone(),
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
    allowed: AllowedAddresses,
    actor: &str,
    now_ms: u64,
) -> Result<Webhook, Problem> {
    if body.len() > MAX_SMALL_BODY {
        return Err(Problem::too_large(MAX_SMALL_BODY));
    }
    let make = |body| made(id, body, known, allowed, actor, now_ms);
    match strict_all(body, "body") {
        Ok(body) => make(body),
        Err(unread) => Err(unread.refuse(|rest| make(rest).err())),
    }
}

fn made(
    id: &str,
    body: WebhookBody,
    known: Option<&Webhook>,
    allowed: AllowedAddresses,
    actor: &str,
    now_ms: u64,
) -> Result<Webhook, Problem> {
    let mut wrong = Vec::new();
    if let Err(error) = check(&body.url, allowed) {
        wrong.push(Place::new("body.url", format!("expected {error}")));
    }
    let secret = body.secret.or_else(|| known.map(|known| known.secret.clone()));
    let secret = secret.unwrap_or_default();
    wrong.extend(secret_fault(body.format, &secret));
    wrong.extend(dashboard_fault(body.dashboard.as_deref()));
    if body.routes.len() > MAX_ROUTES {
        let message = format!("expected at most {MAX_ROUTES} routes");
        wrong.push(Place::new("body.routes", message));
    }
    let events = body
        .events
        .map(|events| events.iter().map(|event| event.0).collect());
    let mut events: Vec<EventName> = events.unwrap_or_else(|| EventName::DEFAULT.to_vec());
    events.sort();
    events.dedup();
    if events.is_empty() {
        let names = EventName::SUBSCRIBABLE.map(EventName::as_str).join(", ");
        wrong.push(Place::new(
            "body.events",
            format!("expected one or more of {names}"),
        ));
    }
    if !wrong.is_empty() {
        return Err(Problem::invalid(wrong));
    }
    Ok(Webhook {
        id: id.to_owned(),
        url: body.url,
        format: body.format,
        secret,
        events,
        kinds: body.kinds,
        routes: body.routes,
        severity: body.severity,
        dashboard: body.dashboard,
        created_ms: known.map_or(now_ms, |known| known.created_ms),
        actor: actor.to_owned(),
    })
}

fn secret_fault(format: Format, secret: &str) -> Option<Place> {
    if secret.is_empty() && !format.needs_secret() {
        return None;
    }
    let is_signing = format.secret_use() == SecretUse::Signature;
    // What stands in a header is one word.
    let is_word = secret.bytes().all(|byte| byte.is_ascii_graphic());
    if (is_signing || is_word) && (MIN_SECRET..=MAX_SECRET).contains(&secret.len()) {
        return None;
    }
    let what = match format.secret_use() {
        SecretUse::Signature => ", for instance from `openssl rand -base64 24`",
        SecretUse::RoutingKey => ": the integration key of the service",
        SecretUse::Credential(_) | SecretUse::Nothing => ": the key that the receiver gave out",
    };
    let message = format!("expected {MIN_SECRET} to {MAX_SECRET} bytes{what}");
    Some(Place::new("body.secret", message))
}

/// It is shown as a link, and never requested.
fn dashboard_fault(dashboard: Option<&str>) -> Option<Place> {
    let address = dashboard?;
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    let is_plain = address
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"<>\"|\\`".contains(&byte));
    if is_web && is_plain && address.len() <= MAX_DASHBOARD {
        return None;
    }
    let message = format!(
        "expected the dashboard's address of at most {MAX_DASHBOARD} characters, for instance https://blobs.example.com/_blobwatch/"
    );
    Some(Place::new("body.dashboard", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn set(body: &serde_json::Value, known: Option<&Webhook>) -> Result<Webhook, Problem> {
        read(
            "chat",
            &body.to_string(),
            known,
            AllowedAddresses::Public,
            "olga",
            1000,
        )
    }

    #[test]
    fn a_webhook_is_set_and_its_secret_is_not_shown() {
        let body = serde_json::json!({"url": "https://hooks.example.org/x", "secret": SECRET});
        let webhook = set(&body, None).unwrap();
        assert_eq!(webhook.events, EventName::DEFAULT);
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
        let body = serde_json::json!({"url": "https://169.254.169.254/", "secret": "short", "format": "irc", "events": ["anomaly.open"]});
        let problem = set(&body, None).unwrap_err();
        let mut places: Vec<&str> = problem.errors.iter().map(|place| place.place.as_str()).collect();
        places.sort_unstable();
        assert_eq!(
            (problem.status, places),
            (
                400,
                vec!["body.events[0]", "body.format", "body.secret", "body.url"]
            )
        );
        let test =
            serde_json::json!({"url": "https://hooks.example.org/x", "secret": SECRET, "events": ["test"]});
        let problem = set(&test, None).unwrap_err();
        assert_eq!(problem.errors[0].place, "body.events[0]");
        assert!(
            !problem.errors[0].message.contains("`test`,"),
            "{}",
            problem.detail
        );
        let unknown =
            serde_json::json!({"url": "https://hooks.example.org/x", "secret": SECRET, "header": "x"});
        assert_eq!(set(&unknown, None).unwrap_err().status, 400);
        assert!(checked_id("chat-1").is_ok() && checked_id("Chat").is_err() && checked_id("").is_err());
    }
}
