//! What is kept of a sampled request beyond its cell.

use std::sync::Arc;

use blobwatch_pull::{Family, Record, SizeClass};
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
            cloud: text(&record.cloud),
            cloud_region: text(&record.cloud_region),
            served_by: text(&record.served_by),
            protocol: text(&record.protocol),
            ip_version: record
                .ip_version
                .map(|version| version.to_string())
                .unwrap_or_default()
                .into(),
            repository: text(&record.repository),
            digest: text(&record.digest),
            size: record.size.map_or("", |size| SizeClass::of(size).as_str()).into(),
        }
    }
}
