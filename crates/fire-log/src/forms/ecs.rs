//! Elastic Common Schema 8.11: <https://www.elastic.co/guide/en/ecs/8.11/ecs-field-reference.html>.

use serde_json::{Value, json};

use super::{body_bytes, done_in_words, is_refused, object, path, status, text};
use blobwatch_pull::{Fired, Record};
use blobwatch_wire::rfc3339;

const VERSION: &str = "8.11.0";

pub(super) fn document(record: &Record) -> Value {
    object([
        ("@timestamp", json!(rfc3339(record.id.time_ms()))),
        ("ecs", json!({"version": VERSION})),
        ("event", event(record)),
        ("rule", rule(record)),
        ("http", http(record)),
        ("url", url(record)),
        ("user_agent", user_agent(record)),
        ("source", source(record)),
        ("network", network(record)),
        ("tls", tls(record)),
        ("cloud", cloud(record)),
        ("observer", observer(record)),
        // Under a name of our own, as the schema asks: everything, with each rule's mode, what it would do and did.
        ("blobwatch", json!(record)),
    ])
}

fn event(record: &Record) -> Value {
    let kind = if is_refused(record) { "denied" } else { "allowed" };
    let outcome = match record.status {
        0 => "unknown",
        100..400 => "success",
        _ => "failure",
    };
    object([
        ("id", json!(record.id)),
        ("kind", json!("event")),
        // Types of `web` do not say whether a request was let through; those of `network` do.
        ("category", json!(["network", "web"])),
        ("type", json!(["access", kind])),
        ("action", json!(done_in_words(record))),
        ("outcome", json!(outcome)),
        ("duration", json!(u64::from(record.duration_ms) * 1_000_000)),
        ("module", json!("blobwatch")),
        ("dataset", json!("blobwatch.records")),
        ("provider", json!("blobwatch")),
    ])
}

/// Lists, in the order in which rules fired.
fn rule(record: &Record) -> Value {
    if record.fired.is_empty() {
        return Value::Null;
    }
    let each = |of: fn(&Fired) -> Value| Value::Array(record.fired.iter().map(of).collect());
    object([
        ("name", each(|fired| json!(fired.rule))),
        ("version", each(|fired| json!(fired.version.to_string()))),
        ("ruleset", json!(record.route)),
    ])
}

fn http(record: &Record) -> Value {
    let response = object([
        ("status_code", json!(status(record))),
        ("body", object([("bytes", json!(body_bytes(record)))])),
    ]);
    object([
        (
            "request",
            object([("method", json!(record.method)), ("id", text(&record.ray))]),
        ),
        ("response", response),
        ("version", text(record.protocol.trim_start_matches("HTTP/"))),
    ])
}

fn url(record: &Record) -> Value {
    object([
        ("scheme", text(&record.profile.scheme)),
        ("domain", text(&record.profile.host)),
        ("path", json!(path(record))),
    ])
}

fn user_agent(record: &Record) -> Value {
    object([
        ("original", text(&record.profile.user_agent)),
        ("name", json!(record.family)),
        ("version", text(&record.version)),
        ("os", object([("name", text(&record.os))])),
    ])
}

/// Without an address: the client's key is `blobwatch.client`.
fn source(record: &Record) -> Value {
    object([
        ("as", object([("number", json!(record.asn))])),
        (
            "geo",
            object([
                ("country_iso_code", text(&record.country)),
                ("continent_code", text(&record.profile.continent)),
            ]),
        ),
    ])
}

fn network(record: &Record) -> Value {
    let version = record.ip_version.map(|version| format!("ipv{version}"));
    object([("type", json!(version)), ("protocol", json!("http"))])
}

fn tls(record: &Record) -> Value {
    let profile = &record.profile;
    object([
        ("version", text(profile.tls_version.trim_start_matches("TLSv"))),
        ("cipher", text(&profile.tls_cipher)),
        ("client", object([("ja3", text(&profile.ja3))])),
    ])
}

/// `origin` is where a request comes from.
fn cloud(record: &Record) -> Value {
    let origin = object([
        ("provider", text(&record.cloud)),
        ("region", text(&record.cloud_region)),
    ]);
    object([("origin", origin)])
}

fn observer(record: &Record) -> Value {
    object([
        ("vendor", json!("Blobwatch")),
        ("product", json!("Blobwatch")),
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("name", text(&record.colo)),
    ])
}
