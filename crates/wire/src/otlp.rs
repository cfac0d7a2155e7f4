//! Log records as OTLP/HTTP takes them in JSON: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.
//!
//! In scope: the envelope, values, and what a collector answers. Not in scope: what a record says.

use serde::Deserialize;
use serde_json::{Value, json};

/// A whole request, which is also a line of what the file exporter of OpenTelemetry writes.
#[must_use]
pub fn otlp_logs(record: &Value) -> Value {
    let scope = json!({"name": "blobwatch", "version": env!("CARGO_PKG_VERSION")});
    json!({"resourceLogs": [{
        "resource": {"attributes": [otlp_attribute("service.name", "blobwatch")]},
        "scopeLogs": [{"scope": scope, "logRecords": [record]}],
    }]})
}

#[must_use]
pub fn otlp_attribute(key: &str, value: impl Into<Value>) -> Value {
    json!({"key": key, "value": any(&value.into())})
}

/// Integers of 64 bits are texts there. What is nothing in an object is left out.
fn any(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Number(value) => match value.as_i64() {
            Some(whole) => json!({"intValue": whole.to_string()}),
            None => json!({"doubleValue": value.as_f64()}),
        },
        Value::String(value) => json!({"stringValue": value}),
        Value::Array(values) => {
            json!({"arrayValue": {"values": values.iter().map(any).collect::<Vec<_>>()}})
        }
        Value::Object(fields) => {
            let there = fields.iter().filter(|(_, value)| !value.is_null());
            let values: Vec<Value> = there
                .map(|(key, value)| json!({"key": key, "value": any(value)}))
                .collect();
            json!({"kvlistValue": {"values": values}})
        }
    }
}

/// A time of a record.
#[must_use]
pub fn otlp_nanoseconds(time_ms: u64) -> String {
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

/// How many records a collector that answered 200 did not keep, and why: they must not be sent again.
#[must_use]
pub fn otlp_rejected(answer: &str) -> Option<(u64, String)> {
    let partial = serde_json::from_str::<Answer>(answer).ok()?.partial_success?;
    let count = match partial.rejected_log_records {
        Count::Text(text) => text.parse().unwrap_or(1),
        Count::Number(number) => number,
    };
    (count > 0).then_some((count, partial.error_message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{any, otlp_rejected};

    #[test]
    fn a_value_has_its_type() {
        let value =
            json!({"a": 1, "b": 0.5, "c": null, "d": [true, "x"], "e": 18_446_744_073_709_551_615_u64});
        let expected = json!({"kvlistValue": {"values": [
            {"key": "a", "value": {"intValue": "1"}},
            {"key": "b", "value": {"doubleValue": 0.5}},
            {"key": "d", "value": {"arrayValue": {"values": [{"boolValue": true}, {"stringValue": "x"}]}}},
            {"key": "e", "value": {"doubleValue": 18_446_744_073_709_551_615.0}},
        ]}});
        assert_eq!(any(&value), expected);
    }

    #[test]
    fn what_a_collector_rejects_is_known() {
        #[track_caller]
        fn case(answer: &str, rejected: Option<(u64, &str)>) {
            let expected = rejected.map(|(count, why)| (count, why.to_owned()));
            assert_eq!(otlp_rejected(answer), expected, "{answer}");
        }
        case("", None);
        case("{}", None);
        case(r#"{"partialSuccess":{}}"#, None);
        case(
            r#"{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"a warning"}}"#,
            None,
        );
        case(
            r#"{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}"#,
            Some((2, "too old")),
        );
        case(r#"{"partialSuccess":{"rejectedLogRecords":1}}"#, Some((1, "")));
        case("<html>", None);
    }
}
