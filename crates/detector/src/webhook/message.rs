//! What is told: JSON whose `text` Slack and its like show as it is.

use serde::{Deserialize, Serialize};

use crate::{Anomaly, AnomalyJson, Moment};
use blobwatch_wire::rfc3339;

/// What a webhook is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventName {
    /// Opened, or opened again.
    #[serde(rename = "anomaly.opened")]
    Opened,
    /// It grew, or another cohort explains it better.
    #[serde(rename = "anomaly.changed")]
    Changed,
    #[serde(rename = "anomaly.closed")]
    Closed,
    /// Somebody tries whether the address works.
    #[serde(rename = "test")]
    Test,
}

impl EventName {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "anomaly.opened",
            Self::Changed => "anomaly.changed",
            Self::Closed => "anomaly.closed",
            Self::Test => "test",
        }
    }

    #[must_use]
    pub const fn of(moment: Moment) -> Self {
        match moment {
            Moment::Opened | Moment::Reopened => Self::Opened,
            Moment::Closed => Self::Closed,
            Moment::Grew | Moment::Renamed | Moment::Note => Self::Changed,
        }
    }
}

#[derive(Serialize)]
struct Message<'a> {
    /// Of the delivery, the same at each attempt.
    id: &'a str,
    event: EventName,
    time: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    anomaly: Option<AnomalyJson<'a>>,
}

/// The body of a delivery.
#[must_use]
pub(crate) fn message(delivery: &str, event: EventName, anomaly: &Anomaly, now_ms: u64) -> String {
    let what = match event {
        EventName::Opened if anomaly.reopened > 0 => "reopened",
        EventName::Opened => "opened",
        EventName::Closed => "closed",
        EventName::Changed | EventName::Test => "changed",
    };
    json(&Message {
        id: delivery,
        event,
        time: rfc3339(now_ms),
        text: format!("Blobwatch: {} {what}: {}", anomaly.name(), anomaly.sentence()),
        anomaly: Some(anomaly.json()),
    })
}

/// The body of a delivery that tries whether an address works.
#[must_use]
pub(crate) fn test_message(delivery: &str, now_ms: u64) -> String {
    json(&Message {
        id: delivery,
        event: EventName::Test,
        time: rfc3339(now_ms),
        text: "Blobwatch: this webhook works".to_owned(),
        anomaly: None,
    })
}

/// Text and finite numbers: it cannot fail, and an empty body would still be told.
fn json(message: &Message<'_>) -> String {
    serde_json::to_string(message).unwrap_or_default()
}
