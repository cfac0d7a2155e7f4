//! A log record of OpenTelemetry: <https://opentelemetry.io/docs/specs/otel/logs/data-model/>, one request to a collector a line,
//! as OpenTelemetry's own file exporter writes them.
//!
//! Attributes are those of its conventions where there is one (<https://opentelemetry.io/docs/specs/semconv/registry/attributes/>);
//! what is our own begins with `blobwatch.`.

use serde_json::{Value, json};

use super::{body_bytes, decider, done_in_words, is_refused, path, status};
use blobwatch_pull::{Method, Record};
use blobwatch_wire::{otlp_attribute, otlp_logs, otlp_nanoseconds};

/// A request that was refused is a warning; nothing else is more than a piece of information.
const SEVERITY: [(u8, &str); 2] = [(9, "INFO"), (13, "WARN")];

pub(super) fn logs(record: &Record) -> Value {
    let begun_ms = record.id.time_ms();
    let [information, warning] = SEVERITY;
    let (number, name) = if is_refused(record) { warning } else { information };
    let is_fire = !record.fired.is_empty();
    otlp_logs(&json!({
        "timeUnixNano": otlp_nanoseconds(begun_ms),
        "observedTimeUnixNano": otlp_nanoseconds(begun_ms + u64::from(record.duration_ms)),
        "severityNumber": number,
        "severityText": name,
        "eventName": if is_fire { "blobwatch.fire" } else { "blobwatch.request" },
        "body": {"stringValue": sentence(record)},
        "attributes": attributes(record),
    }))
}

/// What a person reads first.
fn sentence(record: &Record) -> String {
    let done = decider(record).map(|fired| format!("{} by {}: ", done_in_words(record), fired.rule));
    let digest = Some(&record.digest).filter(|digest| !digest.is_empty());
    let what = path(record).or_else(|| digest.cloned());
    let answer = status(record).map_or("no answer".to_owned(), |status| status.to_string());
    let method = match record.method {
        Method::Get => "GET",
        Method::Head => "HEAD",
    };
    let (done, what) = (done.unwrap_or_default(), what.as_deref().unwrap_or("a blob"));
    format!("{done}{method} {what}, {answer}")
}

fn attributes(record: &Record) -> Vec<Value> {
    let mut all = vec![
        // Records of one id are one: what is sent again after a failure can be dropped.
        otlp_attribute("log.record.uid", record.id.to_string()),
        otlp_attribute("blobwatch.action", done_in_words(record)),
    ];
    let known = rule(record).into_iter().chain(http(record)).chain(client(record));
    let is_there = |(_, value): &(&str, Value)| !value.is_null() && value != "";
    all.extend(
        known
            .filter(is_there)
            .map(|(key, value)| otlp_attribute(key, value)),
    );
    all.push(otlp_attribute("blobwatch.record", json!(record)));
    all
}

fn rule(record: &Record) -> Vec<(&'static str, Value)> {
    let Some(fired) = decider(record) else {
        return Vec::new();
    };
    let rules: Vec<&str> = record.fired.iter().map(|fired| &*fired.rule).collect();
    vec![
        ("security_rule.name", json!(fired.rule)),
        ("security_rule.version", json!(fired.version.to_string())),
        ("security_rule.ruleset.name", json!(record.route)),
        ("blobwatch.rules", json!(rules)),
        ("blobwatch.mode", json!(fired.mode)),
        ("blobwatch.would", json!(fired.would)),
    ]
}

fn http(record: &Record) -> [(&'static str, Value); 9] {
    let profile = &record.profile;
    [
        ("http.request.method", json!(record.method)),
        ("http.response.status_code", json!(status(record))),
        ("http.response.body.size", json!(body_bytes(record))),
        ("url.scheme", json!(profile.scheme)),
        ("url.domain", json!(profile.host)),
        ("url.path", json!(path(record))),
        (
            "network.protocol.version",
            json!(record.protocol.trim_start_matches("HTTP/")),
        ),
        (
            "tls.protocol.version",
            json!(profile.tls_version.trim_start_matches("TLSv")),
        ),
        ("tls.cipher", json!(profile.tls_cipher)),
    ]
}

/// Without an address: the client's key stands for it.
fn client(record: &Record) -> [(&'static str, Value); 9] {
    [
        ("user_agent.original", json!(record.profile.user_agent)),
        ("user_agent.name", json!(record.family)),
        ("user_agent.version", json!(record.version)),
        ("user_agent.os.name", json!(record.os)),
        (
            "network.type",
            json!(record.ip_version.map(|version| format!("ipv{version}"))),
        ),
        ("geo.country.iso_code", json!(record.country)),
        ("geo.continent.code", json!(record.profile.continent)),
        ("tls.client.ja3", json!(record.profile.ja3)),
        ("blobwatch.client", json!(record.client)),
    ]
}
