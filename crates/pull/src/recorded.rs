//! What expressions read of a stored record: the values that the request had, as far as they are kept.
//!
//! A field that is not kept is missing. So is one that the request did not have, except the User-Agent: a request
//! without one reads as the empty text, as it did when it was decided.

use serde::Serialize;

use crate::path::PathShape;
use crate::range::{ByteRange, RangeKind, RequestedRange};
use crate::record::{RangeRecord, Record};
use crate::user_agent::Agent;
use blobwatch_rules::{Field, Value, Values};

/// Fields that no record keeps. Addresses are personal; queries and headers may hold tokens.
pub const NEVER_KEPT: [Field; 9] = [
    Field::Uri,
    Field::Query,
    Field::FullUri,
    Field::Referer,
    Field::Cookie,
    Field::XForwardedFor,
    Field::Headers,
    Field::Ip,
    Field::Platform,
];

/// A record and the texts that it does not hold as they are, for [`Self::values`] to borrow.
#[derive(Debug)]
pub struct RecordValues<'a> {
    record: &'a Record,
    method: String,
    path: String,
    family: String,
    client: String,
    network: String,
    /// As the request alone showed it: the answer and the client's history may have said more since.
    asked: Option<RangeKind>,
    kind: String,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> RecordValues<'a> {
    #[must_use]
    pub fn of(record: &'a Record) -> Self {
        let asked = asked_kind(&record.range);
        let agent = record.profile.user_agent.as_str();
        Self {
            record,
            method: name_of(&record.method),
            path: path_of(record),
            family: name_of(&record.family),
            client: record.client.to_string(),
            network: record.network.to_string(),
            asked,
            kind: seen_kind(&record.range, asked)
                .map(|kind| name_of(&kind))
                .unwrap_or_default(),
            headers: if agent.is_empty() {
                Vec::new()
            } else {
                vec![("user-agent", agent)]
            },
        }
    }

    #[must_use]
    pub fn values(&'a self) -> Values<'a> {
        let mut values = Values::new();
        values.set_headers(&self.headers);
        for (field, text) in self.texts() {
            if !text.is_empty() {
                values.set(field, Value::from(text));
            }
        }
        values.set(
            Field::UserAgent,
            Value::from(self.record.profile.user_agent.as_str()),
        );
        self.numbers(&mut values);
        values
    }

    /// Fields of which this record does not say what the request had.
    #[must_use]
    pub fn not_recorded(&self) -> Vec<Field> {
        let seen = seen_kind(&self.record.range, self.asked);
        not_recorded(self.asked, seen, !self.path.is_empty())
    }

    fn texts(&self) -> [(Field, &str); 32] {
        let (record, profile) = (self.record, &self.record.profile);
        let (tls, http) = parts(&record.fingerprint);
        let repository = if record.said_repository() {
            record.repository.as_str()
        } else {
            ""
        };
        let digest = if record.said_digest() {
            record.digest.as_str()
        } else {
            ""
        };
        [
            (Field::Host, &profile.host),
            (Field::Method, &self.method),
            (Field::Path, &self.path),
            (Field::Version, &record.protocol),
            (Field::Country, &record.country),
            (Field::Continent, &profile.continent),
            (Field::Colo, &record.colo),
            (Field::Cloud, &record.cloud),
            (Field::CloudRegion, &record.cloud_region),
            (Field::Ray, &record.ray),
            (Field::TlsVersion, &profile.tls_version),
            (Field::TlsCipher, &profile.tls_cipher),
            (Field::TlsCiphersSha1, &profile.tls_ciphers_sha1),
            (Field::TlsExtensionsSha1, &profile.tls_extensions_sha1),
            (Field::TlsExtensionsSha1Le, &profile.tls_extensions_sha1_le),
            (Field::Ja4, &record.ja4),
            (Field::Ja3, &profile.ja3),
            (Field::Route, &record.route),
            (Field::Repository, repository),
            (Field::Digest, digest),
            (Field::DigestAlgorithm, algorithm(digest)),
            (Field::RangeKind, &self.kind),
            (Field::ClientFamily, &self.family),
            (Field::ClientVersion, &record.version),
            (Field::ClientOs, &record.os),
            (Field::ClientArch, &record.arch),
            (Field::ClientKernel, Agent::parse(&profile.user_agent).kernel),
            (Field::ClientTcp, &record.tcp),
            (Field::ClientKey, &self.client),
            (Field::ClientNetwork, &self.network),
            (Field::FingerprintTls, tls),
            (Field::FingerprintHttp, http),
        ]
    }

    fn numbers(&self, values: &mut Values<'a>) {
        let record = self.record;
        values.set(Field::OddPath, Value::Bool(record.odd_path));
        values.set(Field::TimestampSec, integer(Some(record.id.time_ms() / 1000)));
        if !record.fingerprint.is_empty() {
            values.set(Field::Fingerprint, Value::from(record.fingerprint.as_str()));
        }
        values.set(Field::Asn, integer(record.asn.map(u64::from)));
        values.set(
            Field::TlsHelloLength,
            integer(record.profile.tls_hello_length.map(u64::from)),
        );
        if !record.profile.scheme.is_empty() {
            values.set(Field::Ssl, Value::Bool(record.profile.scheme == "https"));
        }
        range_values(values, &record.range, self.asked);
    }
}

/// What expressions read of a range, but the kind's name.
pub fn range_values(values: &mut Values<'_>, range: &RangeRecord, asked: Option<RangeKind>) {
    if let Some(kind) = asked {
        values.set(Field::RangePresent, Value::Bool(kind != RangeKind::None));
        values.set(Field::RangeCount, integer(count(kind)));
    }
    // The offsets of a suffix are known only since the answer.
    if asked.is_some_and(|kind| kind != RangeKind::Suffix) {
        values.set(Field::RangeStart, integer(range.start));
        values.set(Field::RangeEnd, integer(range.end));
    }
}

/// The path as sent, where that is its normal form; else a record does not say it.
fn path_of(record: &Record) -> String {
    if has_path(record.shape, record.odd_path) {
        format!("/v2/{}/blobs/{}", record.repository, record.digest)
    } else {
        String::new()
    }
}

/// Whether a record says the path as it was sent.
#[must_use]
pub fn has_path(shape: PathShape, odd_path: bool) -> bool {
    shape == PathShape::Oci && !odd_path
}

/// The kind that rules saw: what the client had asked before counts, as far as its FireLog knows. An isolate that met the
/// client for the first time saw less.
pub fn seen_kind(range: &RangeRecord, asked: Option<RangeKind>) -> Option<RangeKind> {
    match range.kind {
        kind @ (RangeKind::Chunk | RangeKind::Repeat | RangeKind::Restart) => Some(kind),
        _ => asked,
    }
}

/// Fields of which a record does not say what the request had; `asked` is its [`asked_kind`], `seen` its [`seen_kind`].
pub fn not_recorded(asked: Option<RangeKind>, seen: Option<RangeKind>, has_path: bool) -> Vec<Field> {
    let mut fields = NEVER_KEPT.to_vec();
    if !has_path {
        fields.push(Field::Path);
    }
    if seen.is_none() {
        fields.push(Field::RangeKind);
    }
    match asked {
        None => fields.extend([Field::RangePresent, Field::RangeCount]),
        Some(RangeKind::Multi) => fields.push(Field::RangeCount),
        Some(_) => {}
    }
    fields
}

/// The kind that the request alone showed, found again from the offsets: the record's own may come from the answer
/// (`0-1023` of 1,024 bytes is `whole`) or from history. `None` where it cannot be told any more.
pub fn asked_kind(range: &RangeRecord) -> Option<RangeKind> {
    match (range.kind, range.start, range.end) {
        // A second full GET was asked without Range or with `bytes=0-`.
        (RangeKind::Restart, None, _) => None,
        (kind @ (RangeKind::None | RangeKind::Invalid | RangeKind::Multi | RangeKind::Suffix), _, _) => {
            Some(kind)
        }
        (_, Some(first), Some(last)) => Some(RequestedRange::One(ByteRange::Closed { first, last }).kind()),
        (_, Some(first), None) => Some(RequestedRange::One(ByteRange::Open { first }).kind()),
        (_, None, _) => None,
    }
}

/// Ranges that the header held; a record does not say how many several were.
fn count(asked: RangeKind) -> Option<u64> {
    match asked {
        RangeKind::None | RangeKind::Invalid => Some(0),
        RangeKind::Multi => None,
        _ => Some(1),
    }
}

pub fn parts(fingerprint: &str) -> (&str, &str) {
    let mut parts = fingerprint.split('-').skip(1);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

pub fn algorithm(digest: &str) -> &str {
    digest.split_once(':').map_or("", |(algorithm, _)| algorithm)
}

pub fn integer<'a>(number: Option<u64>) -> Value<'a> {
    number
        .and_then(|n| i64::try_from(n).ok())
        .map_or(Value::Missing, Value::Int)
}

/// The name in JSON, which is the one in the rule language.
#[must_use]
pub fn name_of<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}
