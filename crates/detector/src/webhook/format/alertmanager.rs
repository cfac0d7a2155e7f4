//! What Prometheus' Alertmanager takes: <https://prometheus.io/docs/alerting/latest/alerts_api/>.

use serde_json::{Value, json};

use super::super::alert::{Alert, Status};
use super::super::event::Severity;
use super::{Context, put};
use blobwatch_wire::rfc3339;

/// Alertmanager takes an alert that has no end and does not come again for resolved after minutes. What is open is told
/// when it changes only: it ends then, or is told again before.
const OPEN_FOR_MS: u64 = 24 * 3_600_000;

/// How long what is no state is shown.
const SHOWN_FOR_MS: u64 = 3_600_000;

pub(super) fn alerts(alert: &Alert, context: Context<'_>) -> Value {
    let name: String = match alert.anomaly {
        Some(_) => "BlobwatchAnomaly".to_owned(),
        None => format!("Blobwatch.{}", alert.event.as_str()),
    };
    // Labels name an alert: what changes while it is open would make another one of it.
    let mut labels = json!({"alertname": name, "subject": alert.subject});
    let kind = alert.kinds.first();
    let severity = kind.map_or(alert.severity, |kind| Severity::of_kind(*kind));
    put(&mut labels, "severity", json!(severity));
    if let Some(kind) = kind {
        put(&mut labels, "kind", json!(kind));
    }
    let ends_ms = match alert.status {
        Status::Open => context.now_ms + OPEN_FOR_MS,
        Status::Closed => context.now_ms,
        Status::Once => context.now_ms + SHOWN_FOR_MS,
    };
    let mut annotations = json!({"summary": alert.headline()});
    for (name, value) in &alert.facts {
        put(&mut annotations, &name.to_lowercase(), json!(value));
    }
    let mut item = json!({
        "labels": labels,
        "annotations": annotations,
        "startsAt": rfc3339(alert.since_ms),
        "endsAt": rfc3339(ends_ms),
    });
    if let Some(link) = context.link(alert) {
        put(&mut item, "generatorURL", json!(link));
    }
    json!([item])
}
