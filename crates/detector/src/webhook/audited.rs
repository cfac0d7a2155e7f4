//! A webhook as the audit log keeps it, for ever and for every viewer: an address may be a secret of its own.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use blobwatch_wire::hex;

/// What is kept as it is; whatever a webhook gets beside it stays out until somebody adds it here.
const KEPT: [&str; 9] = [
    "id",
    "format",
    "events",
    "kinds",
    "routes",
    "severity",
    "dashboard",
    "created",
    "actor",
];

/// The item of the API with scheme and host of its address, and the address's SHA-256: two entries can be compared, and an
/// address that somebody has can be recognised.
#[must_use]
pub fn audited(item: &Value) -> Value {
    let mut kept: Map<String, Value> = KEPT
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), item.get(name)?.clone())))
        .collect();
    if let Some(url) = item.get("url").and_then(Value::as_str) {
        kept.insert("url".to_owned(), json!(origin_of(url)));
        kept.insert("url_sha256".to_owned(), json!(hex(&Sha256::digest(url))));
    }
    Value::Object(kept)
}

/// `https://hooks.example.org:8443`, of an address that was checked: it has no user.
fn origin_of(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(authority..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..authority + end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(url: &str, origin: &str) {
        let item = json!({"id": "chat", "url": url, "events": ["anomaly.opened"], "created": "2026", "actor": "olga",
            "secret": "SECRET", "header": "SECRET"});
        let entry = audited(&item);
        assert_eq!(entry["url"], origin);
        assert!(!entry.to_string().contains("SECRET"), "{entry}");
        assert_eq!(
            (&entry["id"], &entry["actor"], &entry["events"], &entry["created"]),
            (&item["id"], &item["actor"], &item["events"], &item["created"])
        );
    }

    #[test]
    fn the_log_keeps_where_to_and_no_secret() {
        case(
            "https://hooks.slack.com/services/T0/B0/SECRET",
            "https://hooks.slack.com",
        );
        case(
            "https://hooks.example.org?key=SECRET",
            "https://hooks.example.org",
        );
        case("https://hooks.example.org#SECRET", "https://hooks.example.org");
        case("http://[::1]:9000/SECRET", "http://[::1]:9000");
        case("https://hooks.example.org", "https://hooks.example.org");
    }

    #[test]
    fn an_address_can_be_recognised_by_its_hash() {
        let entry = audited(&json!({"url": "https://a.example/x"}));
        // printf https://a.example/x | sha256sum
        assert_eq!(
            entry["url_sha256"],
            "39021306bfa34811afd3241f2fb3c3aa85ffb75aa21c7bd4a6a0abef0e6b3bbd"
        );
        assert_eq!(audited(&Value::Null), json!({}));
    }
}
