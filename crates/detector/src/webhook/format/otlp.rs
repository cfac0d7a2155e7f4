//! A log record as OTLP/HTTP takes it in JSON: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.
//!
//! Integers of 64 bits are texts there. Attributes are those of OpenTelemetry's conventions where there is one; what is our own
//! begins with `blobwatch.`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::alert::Alert;
use super::super::event::Severity;
use super::Context;
use crate::Anomaly;
use blobwatch_wire::rfc3339;

pub(super) fn logs(alert: &Alert, context: Context<'_>) -> Value {
    let now = nanoseconds(context.now_ms);
    let (number, name) = severity(alert.severity);
    let record = json!({
        "timeUnixNano": now,
        "observedTimeUnixNano": now,
        "severityNumber": number,
        "severityText": name,
        "eventName": format!("blobwatch.{}", alert.event.as_str()),
        "body": {"stringValue": alert.text},
        "attributes": attributes(alert, context),
    });
    let scope = json!({"name": "blobwatch", "version": env!("CARGO_PKG_VERSION")});
    json!({"resourceLogs": [{
        "resource": {"attributes": [text("service.name", "blobwatch")]},
        "scopeLogs": [{"scope": scope, "logRecords": [record]}],
    }]})
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
        text("blobwatch.delivery.id", context.delivery),
        text("blobwatch.subject", &alert.subject),
        text("blobwatch.status", alert.status.as_str()),
        text("blobwatch.since", &rfc3339(alert.since_ms)),
    ];
    if !alert.routes.is_empty() {
        all.push(texts("blobwatch.routes", alert.routes.iter().map(String::as_str)));
    }
    all.extend(context.link(alert).map(|link| text("url.full", &link)));
    match &alert.anomaly {
        Some(anomaly) => of_anomaly(&mut all, anomaly),
        None => {
            let fact =
                |(name, value): &(&str, String)| text(&format!("blobwatch.{}", name.to_lowercase()), value);
            all.extend(alert.facts.iter().map(fact));
        }
    }
    all
}

fn of_anomaly(all: &mut Vec<Value>, anomaly: &Anomaly) {
    // <https://opentelemetry.io/docs/specs/semconv/registry/attributes/security-rule/>
    if let Some(suspect) = anomaly.rules.first() {
        all.push(text("security_rule.name", &suspect.rule));
    }
    let name = |kind: &crate::AnomalyKind| kind.as_str();
    all.extend([
        text("blobwatch.anomaly.id", &anomaly.name()),
        text("blobwatch.anomaly.kind", anomaly.kind().as_str()),
        texts("blobwatch.anomaly.kinds", anomaly.kinds.iter().map(name)),
        text("blobwatch.anomaly.cohort", &anomaly.who().to_string()),
        texts(
            "blobwatch.anomaly.rules",
            anomaly.rules.iter().map(|suspect| suspect.rule.as_str()),
        ),
        integer("blobwatch.anomaly.clients", anomaly.affected.clients),
        integer("blobwatch.anomaly.networks", anomaly.affected.networks),
        double("blobwatch.anomaly.baseline", anomaly.baseline),
        double("blobwatch.anomaly.observed", anomaly.observed),
    ]);
}

fn attribute(key: &str, value: Value) -> Value {
    json!({"key": key, "value": value})
}

fn text(key: &str, value: &str) -> Value {
    attribute(key, json!({"stringValue": value}))
}

fn texts<'a>(key: &str, values: impl Iterator<Item = &'a str>) -> Value {
    let values: Vec<Value> = values.map(|value| json!({"stringValue": value})).collect();
    attribute(key, json!({"arrayValue": {"values": values}}))
}

fn integer(key: &str, value: u64) -> Value {
    attribute(key, json!({"intValue": value.to_string()}))
}

fn double(key: &str, value: f64) -> Value {
    attribute(key, json!({"doubleValue": value}))
}

fn nanoseconds(time_ms: u64) -> String {
    (u128::from(time_ms) * 1_000_000).to_string()
}

/// A collector's answer to what it took.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    partial_success: Option<PartialSuccess>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct PartialSuccess {
    rejected_log_records: Count,
    error_message: String,
}

/// An integer of 64 bits, which others write as a number all the same.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Text(String),
    Number(u64),
}

impl Default for Count {
    fn default() -> Self {
        Self::Number(0)
    }
}

/// Why a collector that answered 200 did not keep the record: it must not be sent again.
pub(super) fn rejected(answer: &str) -> Option<String> {
    let partial = serde_json::from_str::<Answer>(answer).ok()?.partial_success?;
    let is_none = match &partial.rejected_log_records {
        Count::Text(text) => text == "0",
        Count::Number(number) => *number == 0,
    };
    (!is_none).then_some(partial.error_message)
}

#[cfg(test)]
mod tests {
    use super::rejected;

    #[test]
    fn what_a_collector_rejects_is_known() {
        #[track_caller]
        fn case(answer: &str, why: Option<&str>) {
            assert_eq!(rejected(answer).as_deref(), why, "{answer}");
        }
        case("", None);
        case("{}", None);
        case(r#"{"partialSuccess":{}}"#, None);
        case(
            r#"{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"a warning"}}"#,
            None,
        );
        case(
            r#"{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}"#,
            Some("too old"),
        );
        case(r#"{"partialSuccess":{"rejectedLogRecords":1}}"#, Some(""));
        case("<html>", None);
    }
}
