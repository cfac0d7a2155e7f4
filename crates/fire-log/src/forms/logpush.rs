//! Cloudflare Logpush, data set `http_requests`:
//! <https://developers.cloudflare.com/logs/logpush/logpush-job/datasets/zone/http_requests/>.
//!
//! What reads Cloudflare's own logs reads these; so does Blobwatch's ingestion.

use serde_json::{Value, json};

use super::{body_bytes, decider, is_refused, object, path, status, text};
use blobwatch_pull::{Action, Cache, Fired, Outcome, Record};
use blobwatch_wire::rfc3339;

pub(super) fn request(record: &Record) -> Value {
    let begun_ms = record.id.time_ms();
    // Only of a rule that ended the request, as Cloudflare has it: its readers take any other for one that did.
    let terminating = decider(record).filter(|_| is_refused(record));
    object([
        ("RayID", text(record.ray.split('-').next().unwrap_or_default())),
        ("EdgeStartTimestamp", json!(rfc3339(begun_ms))),
        ("EdgeEndTimestamp", json!(ended_ms(record).map(rfc3339))),
        ("ClientASN", json!(record.asn)),
        ("ClientCountry", text(&record.country.to_ascii_lowercase())),
        ("ClientRequestHost", text(&record.profile.host)),
        ("ClientRequestMethod", json!(record.method)),
        ("ClientRequestProtocol", text(&record.protocol)),
        ("ClientRequestScheme", text(&record.profile.scheme)),
        ("ClientRequestPath", json!(path(record))),
        ("ClientRequestURI", json!(path(record))),
        ("ClientRequestUserAgent", text(&record.profile.user_agent)),
        ("ClientSSLProtocol", text(&record.profile.tls_version)),
        ("ClientSSLCipher", text(&record.profile.tls_cipher)),
        ("ClientTCPRTTMs", json!(record.rtt_ms)),
        ("EdgeColoCode", text(&record.colo)),
        ("EdgeResponseStatus", json!(status(record))),
        ("EdgeResponseBodyBytes", json!(body_bytes(record))),
        ("CacheCacheStatus", json!(record.cache.map(cache))),
        ("JA3Hash", text(&record.profile.ja3)),
        ("JA4", text(&record.ja4)),
        ("SecurityAction", json!(terminating.map(action))),
        ("SecurityRuleID", json!(terminating.map(|fired| &fired.rule))),
        ("SecurityActions", each(record, |fired| json!(action(fired)))),
        ("SecurityRuleIDs", each(record, |fired| json!(fired.rule))),
        ("SecuritySources", each(record, |fired| json!(source(fired)))),
        // What the data set has no names for: each rule's mode, what it would do and did, and the rest of the record.
        ("Blobwatch", json!(record)),
    ])
}

/// The end of the body, where that was observed.
fn ended_ms(record: &Record) -> Option<u64> {
    let is_observed = record.outcome != Outcome::NotObserved;
    is_observed.then(|| record.id.time_ms() + u64::from(record.duration_ms))
}

const fn cache(cache: Cache) -> &'static str {
    match cache {
        Cache::None => "unknown",
        known => known.as_str(),
    }
}

fn each(record: &Record, of: fn(&Fired) -> Value) -> Value {
    Value::Array(record.fired.iter().map(of).collect())
}

/// Whose rule it is: `<source>:<rule>` is another party's.
fn source(fired: &Fired) -> &str {
    fired
        .rule
        .split_once(':')
        .map_or("blobwatch", |(source, _)| source)
}

/// In Cloudflare's words. A rule that was not applied only logged, whatever it would have done.
const fn action(fired: &Fired) -> &'static str {
    match fired.applied {
        Action::Block | Action::Throttle => "block",
        Action::Detour => "rewrite",
        Action::Allow => "skip",
        Action::None | Action::Tag => "log",
    }
}
