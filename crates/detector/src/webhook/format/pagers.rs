//! Alerts for those who page people: what is about one subject is one alert there.

use serde_json::{Map, Value, json};

use super::super::alert::{Alert, Status};
use super::super::event::{EventName, Severity};
use super::{Context, cut, put};
use blobwatch_wire::rfc3339;

/// <https://developer.pagerduty.com/docs/send-alert-event>
const MAX_SUMMARY: usize = 1_024;

/// <https://docs.opsgenie.com/docs/alert-api#create-alert>
const MAX_MESSAGE: usize = 130;
const MAX_DESCRIPTION: usize = 15_000;

fn details(alert: &Alert) -> Value {
    let facts = alert
        .facts
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)));
    Value::Object(Map::from_iter(facts))
}

pub(super) fn pagerduty(alert: &Alert, context: Context<'_>) -> Value {
    let action = match (alert.status, alert.event) {
        (Status::Closed, _) => "resolve",
        (_, EventName::Acknowledged) => "acknowledge",
        (Status::Open | Status::Once, _) => "trigger",
    };
    let mut event = json!({
        "routing_key": context.secret,
        "event_action": action,
        "dedup_key": format!("blobwatch-{}", alert.subject),
        "client": "Blobwatch",
        "payload": {
            "summary": cut(&alert.headline(), MAX_SUMMARY),
            "source": context.dashboard.unwrap_or("Blobwatch"),
            "severity": alert.severity,
            "timestamp": rfc3339(alert.since_ms),
            "class": alert.event,
            "custom_details": details(alert),
        },
    });
    if let Some(link) = context.link(alert) {
        put(&mut event, "client_url", json!(link));
        put(
            &mut event,
            "links",
            json!([{"href": link, "text": "Open in Blobwatch"}]),
        );
    }
    event
}

/// Its body alone; an alert is acknowledged and closed by other addresses.
pub(super) fn opsgenie(alert: &Alert, context: Context<'_>) -> Value {
    let note = cut(&alert.headline(), MAX_DESCRIPTION);
    if alert.status == Status::Closed || alert.event == EventName::Acknowledged {
        return json!({"source": "Blobwatch", "note": note});
    }
    let link = context.link(alert).map(|link| format!(" {link}"));
    json!({
        "message": cut(&alert.headline(), MAX_MESSAGE),
        "alias": alert.subject,
        "description": format!("{note}{}", link.unwrap_or_default()),
        "source": "Blobwatch",
        "priority": priority(alert),
        "tags": [alert.event],
        "details": details(alert),
    })
}

const fn priority(alert: &Alert) -> &'static str {
    match (alert.event, alert.severity) {
        (EventName::Test, _) | (_, Severity::Info) => "P5",
        (_, Severity::Warning) => "P3",
        (_, Severity::Critical) => "P1",
    }
}
