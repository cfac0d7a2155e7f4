//! The record: what is kept of one watched request.
//!
//! In scope: the record, its id and its JSON form. Not in scope: how records are stored (`segment`) or queried
//! (`query`).

mod id;
mod json;
mod size;

use std::sync::Arc;

pub use id::MAX_ISOLATE;
use serde::{Deserialize, Serialize};
pub use size::SizeClass;

use crate::action::{Action, Mode};
use crate::cache::Cache;
use crate::client::{ClientKey, NetworkKey};
use crate::path::PathShape;
use crate::range::{RangeKind, without_history};
use crate::user_agent::Family;

/// Sortable by time, unique without coordination: 48 bits of milliseconds, 48 bits of the isolate's random
/// number, 32 bits of the isolate's counter. Written as a ULID (26 characters, Crockford base 32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub u128);

/// How the body of an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Outcome {
    Completed,
    ClientClosed,
    OriginFailed,
    /// Outside the observed share: the body went by untouched.
    NotObserved,
}

/// The methods that are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "RecordMethod")
)]
pub enum Method {
    #[serde(rename = "GET")]
    Get,
    #[serde(rename = "HEAD")]
    Head,
}

/// What was asked with Range, and whether the answer was what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeRecord {
    pub kind: RangeKind,
    pub start: Option<u64>,
    /// Inclusive, as in the header.
    pub end: Option<u64>,
    /// `None` where nothing can be said: no valid range was asked, HEAD, or a redirect or 401 answered.
    pub honoured: Option<bool>,
}

impl RangeRecord {
    /// The kind that the request has by itself; `size` is the whole blob's.
    #[must_use]
    pub fn without_history(&self, size: Option<u64>) -> RangeKind {
        without_history(self.kind, self.start, self.end, size)
    }
}

/// One rule that matched. `mode`, `would` and `applied` are kept apart: merged, monitor looks like block.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fired {
    pub rule: Arc<str>,
    pub version: u32,
    pub mode: Mode,
    /// What enforcement of this rule does.
    pub would: Action,
    /// What was done because of this rule; [`Action::None`] in monitor, or where an earlier rule decided.
    pub applied: Action,
}

/// What the request said beyond the record's own fields: kept for the explanation and for previews, the same for
/// all requests of one client build and therefore cheap in a dictionary.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Profile {
    pub host: String,
    pub scheme: String,
    pub user_agent: String,
    pub accept_encoding: String,
    pub continent: String,
    pub tls_version: String,
    pub tls_cipher: String,
    pub tls_ciphers_sha1: String,
    pub tls_extensions_sha1: String,
    pub tls_extensions_sha1_le: String,
    pub tls_hello_length: Option<u32>,
    pub ja3: String,
}

/// What makes requests ones for the same blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlobKey<'a> {
    Digest(&'a str),
    Object(u64),
}

impl<'a> BlobKey<'a> {
    #[must_use]
    pub fn of(digest: &'a str, object: u64) -> Self {
        if digest.is_empty() {
            Self::Object(object)
        } else {
            Self::Digest(digest)
        }
    }
}

/// One watched request. Absent text is empty here and `null` in JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub id: RecordId,
    pub ray: String,
    pub route: Arc<str>,
    /// Empty where it is not known.
    pub repository: String,
    /// As in the path's normal form, `sha256:…`; empty where the path does not say it.
    pub digest: String,
    /// Stands for a digest that is not known; 0 where it is known.
    pub object: u64,
    /// How the path says which blob it is.
    pub shape: PathShape,
    /// The repository, and the digest of an [`PathShape::Object`], are those of the redirect that led here.
    pub joined: bool,
    /// The path as sent was another spelling of this blob's.
    pub odd_path: bool,
    pub method: Method,
    /// 0 when no answer came.
    pub status: u16,
    pub range: RangeRecord,
    /// Bytes of the whole blob, where the answer says it.
    pub size: Option<u64>,
    /// Bytes that this answer promised (Content-Length).
    pub promised: Option<u64>,
    pub outcome: Outcome,
    /// Until the answer's headers; until the body's end where it is observed.
    pub duration_ms: u32,
    /// Host that a redirect leads to.
    pub sent_to: String,
    /// Key of what a redirect leads to, where its address says no digest; else 0.
    pub sent_object: u64,
    /// Who was asked, `origin:<host>`, `detour:<host>`, or, where a redirect was followed, `redirect:<host>`; empty where
    /// Blobwatch answered by itself.
    pub served_by: String,
    /// What the answer says of caches.
    pub cache: Option<Cache>,
    pub client: ClientKey,
    /// Key of the /24 or /48 the client is in.
    pub network: NetworkKey,
    pub asn: Option<u32>,
    pub country: String,
    pub colo: String,
    /// The cloud that the address belongs to, as `aws`, and its region.
    pub cloud: String,
    pub cloud_region: String,
    /// 4 or 6.
    pub ip_version: Option<u8>,
    /// `HTTP/1.1`, `HTTP/2`, `HTTP/3`.
    pub protocol: String,
    /// Of the client's connection when the request came, as the platform measured it.
    pub rtt_ms: Option<u32>,
    /// Bytes a second that the platform last delivered on that connection.
    pub delivery_rate: Option<u64>,
    pub family: Family,
    pub version: String,
    pub os: String,
    pub arch: String,
    pub fingerprint: String,
    pub ja4: String,
    /// Signature of the client's TCP handshake, where a front proxy says it.
    pub tcp: String,
    /// Every rule that matched, in the order of the rulebook.
    pub fired: Vec<Fired>,
    /// What was done to the request.
    pub verdict: Action,
    /// Of the rulebook that decided.
    pub revision: u64,
    /// Decided without the current rulebook or the deployment's secret.
    pub degraded: bool,
    /// Requests that this record stands for.
    pub weight: u32,
    /// Whether Blobwatch saw the request itself; another party told of it where not.
    pub seen: bool,
    pub profile: Profile,
}

impl Record {
    /// What it is one blob by: the digest, or the key of an object whose digest is not known.
    #[must_use]
    pub fn blob_key(&self) -> BlobKey<'_> {
        BlobKey::of(&self.digest, self.object)
    }

    /// Whether the path itself said the repository: rules saw no other.
    #[must_use]
    pub fn said_repository(&self) -> bool {
        !self.joined
    }

    /// Whether the path itself said the digest.
    #[must_use]
    pub fn said_digest(&self) -> bool {
        self.shape != PathShape::Object
    }

    /// Bytes of what it owns beside itself; rules' names are shared.
    #[must_use]
    pub(crate) fn owned_bytes(&self) -> usize {
        let profile = &self.profile;
        let texts = [
            &self.ray,
            &self.repository,
            &self.digest,
            &self.country,
            &self.colo,
            &self.cloud,
            &self.cloud_region,
            &self.protocol,
            &self.version,
            &self.os,
            &self.arch,
            &self.fingerprint,
            &self.ja4,
            &self.tcp,
            &self.sent_to,
            &self.served_by,
            &profile.host,
            &profile.scheme,
            &profile.user_agent,
            &profile.accept_encoding,
            &profile.continent,
            &profile.tls_version,
            &profile.tls_cipher,
            &profile.tls_ciphers_sha1,
            &profile.tls_extensions_sha1,
            &profile.tls_extensions_sha1_le,
            &profile.ja3,
        ];
        let texts: usize = texts.iter().map(|text| text.len()).sum();
        texts + self.fired.capacity() * size_of::<Fired>()
    }
}
