//! What the dictionaries of a block hold: the parts of a record that many records share.

use blobwatch_wire::{hex, unhex};
use std::sync::Arc;

use blobwatch_pull::{
    Action, Cache, ClientKey, Family, Fired, Method, NetworkKey, Outcome, PathShape, RangeKind, Record,
};

/// What was asked, answered and decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Treatment {
    pub route: Arc<str>,
    pub odd_path: bool,
    pub path_shape: PathShape,
    pub joined: bool,
    pub method: Method,
    pub status: u16,
    pub range: RangeKind,
    pub honoured: Option<bool>,
    pub outcome: Outcome,
    pub verdict: Action,
    pub revision: u64,
    pub degraded: bool,
    pub weight: u32,
    /// Another party told of the requests: Blobwatch did not see them.
    pub told: bool,
    pub sent_to: String,
    pub served_by: String,
    pub cache: Option<Cache>,
    pub fired: Vec<Fired>,
    pub shape: Shape,
}

/// Which values a record has at all, so that an absent one takes no byte of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    pub start: bool,
    pub end: bool,
    pub promised: PromisedLength,
    pub ray: RayForm,
    pub rtt: bool,
    pub delivery_rate: bool,
}

/// How many bytes the answer promised, said by what is known already where that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PromisedLength {
    Absent,
    /// The whole blob.
    Size,
    /// From start to end of the range.
    Length,
    /// From start to the blob's end.
    Remainder,
    Written,
}

/// How a CF-Ray is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RayForm {
    Absent,
    /// 16 hex digits.
    Hex,
    /// 16 hex digits, a hyphen, the record's colo.
    HexColo,
    Text,
}

/// One client build.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Agent {
    pub family: Family,
    pub version: String,
    pub os: String,
    pub arch: String,
    pub fingerprint: String,
    pub ja4: String,
    pub tcp: String,
    pub protocol: String,
    /// Place of its profile in the block's profiles.
    pub profile: u32,
}

/// Where requests come from and where they are answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    pub asn: Option<u32>,
    pub country: String,
    pub colo: String,
    pub cloud: String,
    pub cloud_region: String,
    pub ip_version: Option<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Client {
    pub client: ClientKey,
    pub network: NetworkKey,
}

/// What was asked for. `digest` is the digest's place in the block's digests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Blob {
    pub digest: u32,
    pub repository: String,
    pub size: Option<u64>,
    /// Key of what a redirect leads to, where its address says no digest; else 0.
    pub sent_object: u64,
}

/// A content digest; the two registered algorithms as raw bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Digest {
    Text(String),
    Sha256([u8; 32]),
    Sha512(Box<[u8; 64]>),
    /// The key of an object whose digest is not known.
    Object([u8; 8]),
}

impl Digest {
    #[must_use]
    pub fn of(text: String) -> Self {
        let raw = match text.split_once(':') {
            Some(("sha256", hex)) => unhex::<32>(hex).map(Self::Sha256),
            Some(("sha512", hex)) => unhex::<64>(hex).map(|raw| Self::Sha512(Box::new(raw))),
            _ => None,
        };
        raw.unwrap_or(Self::Text(text))
    }

    /// That of a record.
    #[must_use]
    pub fn of_record(digest: String, object: u64) -> Self {
        if digest.is_empty() && object != 0 {
            Self::Object(object.to_be_bytes())
        } else {
            Self::of(digest)
        }
    }

    /// 0 where the digest is known.
    #[must_use]
    pub fn object(&self) -> u64 {
        match self {
            Self::Object(key) => u64::from_be_bytes(*key),
            _ => 0,
        }
    }

    /// Empty where it is not known.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Object(_) => String::new(),
            Self::Text(text) => text.clone(),
            Self::Sha256(raw) => format!("sha256:{}", hex(raw)),
            Self::Sha512(raw) => format!("sha512:{}", hex(raw.as_slice())),
        }
    }
}

impl Shape {
    pub(super) fn of(record: &Record, ray: RayForm) -> Self {
        Self {
            start: record.range.start.is_some(),
            end: record.range.end.is_some(),
            promised: PromisedLength::of(record),
            ray,
            rtt: record.rtt_ms.is_some(),
            delivery_rate: record.delivery_rate.is_some(),
        }
    }
}

impl PromisedLength {
    fn of(record: &Record) -> Self {
        let Some(promised) = record.promised else {
            return Self::Absent;
        };
        let is =
            |form: &Self| form.value(record.size, record.range.start, record.range.end) == Some(promised);
        [Self::Size, Self::Length, Self::Remainder]
            .into_iter()
            .find(is)
            .unwrap_or(Self::Written)
    }

    /// The bytes it stands for, unless they are written.
    pub(super) fn value(self, size: Option<u64>, start: Option<u64>, end: Option<u64>) -> Option<u64> {
        match self {
            Self::Absent | Self::Written => None,
            Self::Size => size,
            Self::Length => end?.checked_sub(start?)?.checked_add(1),
            Self::Remainder => size?.checked_sub(start?),
        }
    }
}
