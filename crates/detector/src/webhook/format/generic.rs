//! Blobwatch's own message, and the same in a CloudEvent.

use serde_json::{Value, json};

use super::super::alert::Alert;
use super::cards::for_slack;
use super::{Context, put};
use blobwatch_wire::rfc3339;

pub(super) fn message(alert: &Alert, context: Context<'_>) -> Value {
    let mut message = json!({
        "id": context.delivery,
        "event": alert.event,
        "time": rfc3339(context.now_ms),
        "severity": alert.severity,
        "status": alert.status.as_str(),
        "subject": alert.subject,
        "text": for_slack(&alert.headline()),
    });
    if let Some(anomaly) = &alert.anomaly {
        put(&mut message, "anomaly", json!(anomaly.json()));
    }
    if let Some(link) = context.link(alert) {
        put(&mut message, "link", json!(link));
    }
    message
}

/// <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>
pub(super) fn cloud_event(alert: &Alert, context: Context<'_>) -> Value {
    json!({
        "specversion": "1.0",
        "id": context.delivery,
        "source": context.dashboard.unwrap_or("/_blobwatch/"),
        "type": format!("blobwatch.{}", alert.event.as_str()),
        "subject": alert.subject,
        "time": rfc3339(context.now_ms),
        "datacontenttype": "application/json",
        "data": message(alert, context),
    })
}
