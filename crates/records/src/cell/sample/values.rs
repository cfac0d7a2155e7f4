//! What is kept of a sampled request beyond its cell.

use std::sync::Arc;

use blobwatch_pull::{Family, Record, SizeClass};
use blobwatch_wire::clip;

/// The attributes of a sampled request beyond those of its cell, in the order of the stored bytes.
pub const FURTHER: [&str; 10] = [
    "version",
    "cloud",
    "cloud_region",
    "served_by",
    "protocol",
    "ip_version",
    "repository",
    "digest",
    "size",
    "tcp",
];

/// Place of the digest in [`FURTHER`].
pub const DIGEST: usize = 7;

/// Place of the size in [`FURTHER`].
pub const SIZE: usize = 8;

/// Place of the signature of the TCP handshake in [`FURTHER`]. It is the last: builds before it know those in front of it.
pub(crate) const TCP: usize = FURTHER.len() - 1;

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
    pub tcp: Arc<str>,
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
            values.tcp,
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
            tcp: text(&record.tcp),
        }
    }
}

/// In the Detector's state, which does not describe itself: the texts that builds before had. The signature of the TCP
/// handshake follows the size, of which there are few and none has a separator.
pub(super) mod stored {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{FURTHER, FurtherValues, SIZE, TCP};

    const SEPARATOR: char = '\u{1f}';

    pub(crate) fn serialize<S: Serializer>(values: &FurtherValues, serializer: S) -> Result<S::Ok, S::Error> {
        let [known @ .., tcp] = values;
        let mut known: [Arc<str>; TCP] = known.clone();
        if let Some(size) = known.get_mut(SIZE).filter(|_| !tcp.is_empty()) {
            *size = format!("{size}{SEPARATOR}{tcp}").into();
        }
        known.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FurtherValues, D::Error> {
        let known = <[Arc<str>; TCP]>::deserialize(deserializer)?;
        let mut values: [Arc<str>; FURTHER.len()] = Default::default();
        for (value, known) in values.iter_mut().zip(known) {
            *value = known;
        }
        let [.., size, tcp] = &mut values;
        let both = size
            .split_once(SEPARATOR)
            .map(|(of, more)| (of.into(), more.into()));
        if let Some(both) = both {
            (*size, *tcp) = both;
        }
        Ok(values)
    }
}
