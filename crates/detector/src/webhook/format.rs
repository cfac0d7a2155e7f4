//! The forms in which receivers take an alert.
//!
//! A cohort names what clients say of themselves: in no form may a character of it page people, show a link or hide
//! anything.

mod alertmanager;
mod cards;
mod generic;
mod otlp;
mod pagers;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::alert::{Alert, Status};
use super::event::EventName;
use blobwatch_wire::otlp_rejected;

/// What a receiver takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "WebhookFormat")
)]
pub enum Format {
    /// Blobwatch's own, signed. Its `text` is what Slack shows.
    #[default]
    Generic,
    /// An incoming webhook of Slack, or of a chat that takes the same.
    Slack,
    /// A webhook of Teams' Workflows.
    Teams,
    Discord,
    /// Events API version 2.
    PagerDuty,
    /// Alert API, of Jira Service Management too.
    Opsgenie,
    /// `/api/v2/alerts`.
    Alertmanager,
    /// Version 1.0, structured, with Blobwatch's own message as data; signed.
    CloudEvents,
    /// Logs of OpenTelemetry, `/v1/logs`, in JSON.
    Otlp,
}

/// What the secret of a webhook is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretUse {
    /// Signs each message.
    Signature,
    /// Goes in the message, as what names the receiver there.
    RoutingKey,
    /// Goes in `Authorization`, behind this word.
    Credential(&'static str),
    /// There is none: the address itself is the secret.
    Nothing,
}

impl Format {
    #[must_use]
    pub const fn secret_use(self) -> SecretUse {
        match self {
            Self::Generic | Self::CloudEvents => SecretUse::Signature,
            Self::PagerDuty => SecretUse::RoutingKey,
            Self::Opsgenie => SecretUse::Credential("GenieKey"),
            Self::Alertmanager | Self::Otlp => SecretUse::Credential("Bearer"),
            Self::Slack | Self::Teams | Self::Discord => SecretUse::Nothing,
        }
    }

    /// Whether there must be a secret.
    #[must_use]
    pub const fn needs_secret(self) -> bool {
        !matches!(self.secret_use(), SecretUse::Nothing) && !matches!(self, Self::Alertmanager | Self::Otlp)
    }

    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::CloudEvents => "application/cloudevents+json",
            _ => "application/json",
        }
    }

    /// Whether the body of an answer of 2xx says anything.
    #[must_use]
    pub const fn reads_answer(self) -> bool {
        matches!(self, Self::Otlp)
    }

    /// Why a receiver that answered 2xx did not take the message, and will not.
    #[must_use]
    pub fn rejected(self, answer: &str) -> Option<String> {
        let rejected = self.reads_answer().then(|| otlp_rejected(answer)).flatten();
        rejected.map(|(_, why)| why)
    }
}

/// For whom a message is made, and which delivery it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The same at each attempt.
    pub(crate) delivery: &'a str,
    pub(crate) secret: &'a str,
    /// Address of the dashboard, where the operator gave it.
    pub(crate) dashboard: Option<&'a str>,
    pub(crate) now_ms: u64,
}

impl Context<'_> {
    /// Where to look.
    fn link(&self, alert: &Alert) -> Option<String> {
        let base = self.dashboard?.trim_end_matches('/');
        Some(match &alert.anomaly {
            Some(anomaly) => format!("{base}/anomalies/{}", anomaly.name()),
            None => format!("{base}/"),
        })
    }
}

/// A message, and what follows the receiver's address in the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) body: String,
    pub(crate) path: String,
}

/// The body of a delivery.
pub(crate) fn rendered(format: Format, alert: &Alert, context: Context<'_>) -> Message {
    let opsgenie = match (alert.status, alert.event) {
        (Status::Closed, _) => Some("close"),
        (_, EventName::Acknowledged) => Some("acknowledge"),
        _ => None,
    };
    let path = match (format, opsgenie) {
        (Format::Opsgenie, Some(action)) => format!("/{}/{action}?identifierType=alias", alert.subject),
        _ => String::new(),
    };
    let body: Value = match format {
        Format::Generic => generic::message(alert, context),
        Format::CloudEvents => generic::cloud_event(alert, context),
        Format::Slack => cards::slack(alert, context),
        Format::Teams => cards::teams(alert, context),
        Format::Discord => cards::discord(alert, context),
        Format::PagerDuty => pagers::pagerduty(alert, context),
        Format::Opsgenie => pagers::opsgenie(alert, context),
        Format::Alertmanager => alertmanager::alerts(alert, context),
        Format::Otlp => otlp::logs(alert, context),
    };
    Message {
        body: body.to_string(),
        path,
    }
}

/// Sets a field of a JSON object.
fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}

/// At most so many characters; what is cut is said by an ellipsis.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}
