//! A log record as OTLP/HTTP takes it in JSON: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.
//!
//! Attributes are those of OpenTelemetry's conventions where there is one; what is our own begins with `blobwatch.`.

use serde_json::{Value, json};

use super::super::alert::Alert;
use super::super::event::Severity;
use super::Context;
use crate::Anomaly;
use blobwatch_wire::{otlp_attribute as attribute, otlp_logs, otlp_nanoseconds, rfc3339};

pub(super) fn logs(alert: &Alert, context: Context<'_>) -> Value {
    let now = otlp_nanoseconds(context.now_ms);
    let (number, name) = severity(alert.severity);
    otlp_logs(&json!({
        "timeUnixNano": now,
        "observedTimeUnixNano": now,
        "severityNumber": number,
        "severityText": name,
        "eventName": format!("blobwatch.{}", alert.event.as_str()),
        "body": {"stringValue": alert.text},
        "attributes": attributes(alert, context),
    }))
}

/// <https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber>
const fn severity(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Info => (9, "info"),
        Severity::Warning => (13, "warning"),
        Severity::Critical => (17, "critical"),
    }
}

fn attributes(alert: &Alert, context: Context<'_>) -> Vec<Value> {
    let mut all = vec![
        attribute("blobwatch.delivery.id", context.delivery),
        attribute("blobwatch.subject", &*alert.subject),
        attribute("blobwatch.status", alert.status.as_str()),
        attribute("blobwatch.since", rfc3339(alert.since_ms)),
    ];
    if !alert.routes.is_empty() {
        all.push(attribute("blobwatch.routes", alert.routes.clone()));
    }
    all.extend(context.link(alert).map(|link| attribute("url.full", link)));
    match &alert.anomaly {
        Some(anomaly) => of_anomaly(&mut all, anomaly),
        None => {
            let fact = |(name, value): &(&str, String)| {
                attribute(&format!("blobwatch.{}", name.to_lowercase()), &**value)
            };
            all.extend(alert.facts.iter().map(fact));
        }
    }
    all
}

fn of_anomaly(all: &mut Vec<Value>, anomaly: &Anomaly) {
    // <https://opentelemetry.io/docs/specs/semconv/registry/attributes/security-rule/>
    if let Some(suspect) = anomaly.rules.first() {
        all.push(attribute("security_rule.name", &*suspect.rule));
    }
    let kinds: Vec<&str> = anomaly.kinds.iter().map(|kind| kind.as_str()).collect();
    let rules: Vec<&str> = anomaly.rules.iter().map(|suspect| &*suspect.rule).collect();
    all.extend([
        attribute("blobwatch.anomaly.id", anomaly.name()),
        attribute("blobwatch.anomaly.kind", anomaly.kind().as_str()),
        attribute("blobwatch.anomaly.kinds", kinds),
        attribute("blobwatch.anomaly.cohort", anomaly.who().to_string()),
        attribute("blobwatch.anomaly.rules", rules),
        attribute("blobwatch.anomaly.clients", anomaly.affected.clients),
        attribute("blobwatch.anomaly.networks", anomaly.affected.networks),
        attribute("blobwatch.anomaly.baseline", anomaly.baseline),
        attribute("blobwatch.anomaly.observed", anomaly.observed),
    ]);
}
