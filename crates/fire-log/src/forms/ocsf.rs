//! OCSF 1.5.0, class HTTP Activity (4002) with the profile Security Control: <https://schema.ocsf.io/1.5.0/classes/http_activity>.

use serde_json::{Value, json};

use super::{body_bytes, decider, done, object, path, status, text};
use blobwatch_pull::{Action, Fired, Method, Record};

const VERSION: &str = "1.5.0";
const CATEGORY: u32 = 4;
const CLASS: u32 = 4_002;

/// Informational, and low: a request that was acted on is no incident by itself.
const SEVERITY: (u32, u32) = (1, 2);

pub(super) fn event(record: &Record) -> Value {
    let activity = match record.method {
        Method::Get => 3,
        Method::Head => 4,
    };
    let (action, disposition) = outcome(record);
    let is_acted_on = matches!(done(record), Action::Block | Action::Throttle | Action::Detour);
    let severity = if is_acted_on { SEVERITY.1 } else { SEVERITY.0 };
    object([
        ("time", json!(record.id.time_ms())),
        ("category_uid", json!(CATEGORY)),
        ("class_uid", json!(CLASS)),
        ("activity_id", json!(activity)),
        ("type_uid", json!(CLASS * 100 + activity)),
        ("severity_id", json!(severity)),
        ("action_id", json!(action)),
        ("disposition_id", json!(disposition)),
        ("status_id", json!(status_id(record))),
        (
            "status_code",
            json!(status(record).map(|status| status.to_string())),
        ),
        ("duration", json!(record.duration_ms)),
        ("count", json!((record.weight != 1).then_some(record.weight))),
        ("metadata", metadata(record)),
        ("firewall_rule", decider(record).map_or(Value::Null, rule)),
        ("http_request", request(record)),
        ("http_response", response(record)),
        ("src_endpoint", source(record)),
        ("dst_endpoint", object([("hostname", text(&record.profile.host))])),
        ("tls", tls(record)),
        ("ja4_fingerprint_list", ja4(record)),
        // What the schema has no place for, as docs/records.md has it: every rule with its mode, what it would do and did.
        ("unmapped", json!({"blobwatch": record})),
    ])
}

/// `action_id` and `disposition_id`. A match that was only watched was let through and counted; so was one that another rule
/// came before.
fn outcome(record: &Record) -> (u32, u32) {
    match done(record) {
        Action::Block => (2, 2),
        // 429: the client is told to come again.
        Action::Throttle => (2, 25),
        // Sent elsewhere: a custom action.
        Action::Detour => (4, 7),
        // Only recorded: the request itself is not modified.
        Action::Tag => (1, 18),
        Action::Allow => (1, 1),
        Action::None if record.fired.is_empty() => (1, 16),
        Action::None => (1, 20),
    }
}

fn status_id(record: &Record) -> u32 {
    match status(record) {
        None => 0,
        Some(100..400) => 1,
        Some(_) => 2,
    }
}

fn metadata(record: &Record) -> Value {
    let product =
        json!({"name": "Blobwatch", "vendor_name": "Blobwatch", "version": env!("CARGO_PKG_VERSION")});
    object([
        ("version", json!(VERSION)),
        ("product", product),
        ("profiles", json!(["security_control"])),
        ("uid", json!(record.id)),
        ("correlation_uid", text(&record.ray)),
        ("log_name", json!("records")),
    ])
}

fn rule(fired: &Fired) -> Value {
    json!({"name": fired.rule, "version": fired.version.to_string(), "type": fired.mode})
}

fn request(record: &Record) -> Value {
    let profile = &record.profile;
    // There is no URL without a path.
    let url = path(record).map(|path| {
        object([
            ("scheme", text(&profile.scheme)),
            ("hostname", text(&profile.host)),
            ("path", json!(path)),
        ])
    });
    object([
        ("http_method", json!(record.method)),
        ("url", json!(url)),
        ("user_agent", text(&profile.user_agent)),
        ("version", text(record.protocol.trim_start_matches("HTTP/"))),
        ("uid", json!(record.id)),
    ])
}

fn response(record: &Record) -> Value {
    status(record).map_or(Value::Null, |status| {
        object([
            ("code", json!(status)),
            ("body_length", json!(body_bytes(record))),
        ])
    })
}

/// The client, by its key: there is no address.
fn source(record: &Record) -> Value {
    let system = object([("number", json!(record.asn))]);
    let place = object([
        ("country", text(&record.country)),
        ("continent", text(&record.profile.continent)),
    ]);
    let location = if record.country.is_empty() {
        Value::Null
    } else {
        place
    };
    object([
        ("uid", json!(record.client)),
        ("autonomous_system", system),
        ("location", location),
    ])
}

fn tls(record: &Record) -> Value {
    let profile = &record.profile;
    if profile.tls_version.is_empty() {
        return Value::Null;
    }
    object([
        ("version", json!(profile.tls_version)),
        ("cipher", text(&profile.tls_cipher)),
    ])
}

fn ja4(record: &Record) -> Value {
    if record.ja4.is_empty() {
        return Value::Null;
    }
    json!([{"type_id": 1, "type": "JA4", "value": record.ja4}])
}
