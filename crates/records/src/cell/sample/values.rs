//! What is kept of a sampled request beyond its cell.

use std::sync::Arc;

use crate::cell::LARGE_BYTES;
use blobwatch_pull::{Family, Record};
use blobwatch_wire::clip;

/// The attributes of a sampled request beyond those of its cell, in the order of the stored bytes.
pub const FURTHER: [&str; 9] = [
    "version",
    "cloud",
    "cloud_region",
    "served_by",
    "protocol",
    "ip_version",
    "repository",
    "digest",
    "size",
];

/// Place of the digest in [`FURTHER`].
pub const DIGEST: usize = 7;

/// Place of the size in [`FURTHER`].
pub const SIZE: usize = 8;

/// Classes of [`SIZE`], by the first size that is not in them.
const SIZES: [(u64, &str); 3] = [
    (LARGE_BYTES, "under 1 MiB"),
    (64 << 20, "1 MiB to 64 MiB"),
    ((1 << 30) + 1, "64 MiB to 1 GiB"),
];
const LARGEST: &str = "over 1 GiB";

pub(crate) type FurtherValues = [Arc<str>; FURTHER.len()];

/// The same by name.
#[derive(Debug, Clone, Default)]
pub struct Further {
    pub version: Arc<str>,
    pub cloud: Arc<str>,
    pub cloud_region: Arc<str>,
    pub served_by: Arc<str>,
    pub protocol: Arc<str>,
    pub ip_version: Arc<str>,
    pub repository: Arc<str>,
    pub digest: Arc<str>,
    pub size: Arc<str>,
}

impl From<Further> for FurtherValues {
    fn from(values: Further) -> Self {
        [
            values.version,
            values.cloud,
            values.cloud_region,
            values.served_by,
            values.protocol,
            values.ip_version,
            values.repository,
            values.digest,
            values.size,
        ]
    }
}

/// The class of a blob's size; empty where it is not known.
#[must_use]
pub fn size_class(size: Option<u64>) -> &'static str {
    let Some(size) = size else { return "" };
    let class = SIZES.iter().find(|(end, _)| size < *end);
    class.map_or(LARGEST, |(_, class)| class)
}

/// A version, which means something with its program only; empty where it is not known.
#[must_use]
pub fn version_of(family: Family, version: &str) -> String {
    if version.is_empty() {
        return String::new();
    }
    format!("{}/{version}", family.as_str())
}

impl From<&Record> for Further {
    fn from(record: &Record) -> Self {
        let text = |text: &str| Arc::from(clip(text));
        Self {
            version: text(&version_of(record.family, &record.version)),
            served_by: text(&record.served_by),
            protocol: text(&record.profile.protocol),
            repository: text(&record.repository),
            digest: text(&record.digest),
            size: text(size_class(record.size)),
            ..Self::default()
        }
    }
}
