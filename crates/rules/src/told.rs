//! Names, most of them Cloudflare's, for what the platform or a front proxy may say of a request beside the fields: read where a rule
//! asks, since few do.
//!
//! They travel as one text, a name and a value in turns, each ended by [`SEPARATOR`]. What is not in it is missing.

use super::field::{Field, Type};
use super::names::names;
use super::values::{Value, Values};

/// Ends each name and each value. The edge leaves out values that have one.
pub const SEPARATOR: char = '\u{1f}';

names! {
    /// A fact that the platform may say.
    PlatformFact,
    /// Every one, in the order of docs/rules.md; `src/data_plane/facts.js` writes those that are there.
    Boolean:
        "cf.bot_management.corporate_proxy" "cf.bot_management.js_detection.passed" "cf.bot_management.static_resource"
        "cf.bot_management.verified_bot" "cf.client.bot" "cf.tls_client_auth.cert_chain_rfc9440_too_large"
        "cf.tls_client_auth.cert_presented" "cf.tls_client_auth.cert_revoked" "cf.tls_client_auth.cert_rfc9440_too_large"
        "cf.tls_client_auth.cert_verified" "ip.src.is_in_european_union";
    Integer:
        "cf.bot_management.score" "cf.edge.l4.delivery_rate" "cf.timings.client_quic_rtt_msec"
        "cf.timings.client_tcp_rtt_msec";
    String:
        "cf.hostname.metadata"
        "cf.tls_client_auth.cert_chain_rfc9440" "cf.tls_client_auth.cert_fingerprint_sha1"
        "cf.tls_client_auth.cert_fingerprint_sha256" "cf.tls_client_auth.cert_issuer_dn"
        "cf.tls_client_auth.cert_issuer_dn_legacy" "cf.tls_client_auth.cert_issuer_dn_rfc2253"
        "cf.tls_client_auth.cert_issuer_serial" "cf.tls_client_auth.cert_issuer_ski" "cf.tls_client_auth.cert_not_after"
        "cf.tls_client_auth.cert_not_before" "cf.tls_client_auth.cert_rfc9440" "cf.tls_client_auth.cert_serial"
        "cf.tls_client_auth.cert_ski" "cf.tls_client_auth.cert_subject_dn" "cf.tls_client_auth.cert_subject_dn_legacy"
        "cf.tls_client_auth.cert_subject_dn_rfc2253"
        "cf.verified_bot_category" "ip.src.city" "ip.src.lat" "ip.src.lon" "ip.src.metro_code" "ip.src.postal_code"
        "ip.src.region" "ip.src.region_code" "ip.src.timezone.name";
}

impl<'a> Values<'a> {
    /// What the platform says of a fact. A value of another type than the fact's is as good as missing.
    pub(super) fn told(&self, fact: PlatformFact) -> Value<'a> {
        let Value::Bytes(text) = self.get(Field::Platform) else {
            return Value::Missing;
        };
        let mut parts = text.split(|byte| *byte == SEPARATOR as u8);
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            if name == fact.name.as_bytes() {
                return typed(value, fact.kind);
            }
        }
        Value::Missing
    }
}

fn typed(value: &[u8], kind: Type) -> Value<'_> {
    let text = std::str::from_utf8(value).unwrap_or_default();
    match (kind, text) {
        (Type::Boolean, "true" | "1") => Value::Bool(true),
        (Type::Boolean, "false" | "0") => Value::Bool(false),
        (Type::Integer, number) => number.parse().map_or(Value::Missing, Value::Int),
        (Type::String, _) => Value::Bytes(value),
        _ => Value::Missing,
    }
}
