//! What an isolate sends to its FireLog, and what comes back.
//!
//! In scope: the message's bytes, the reply, the isolate's bounded buffer of records, the names of FireLogs. Not in
//! scope: sending (`src/control_plane`), accepting (`crates/fire-log`). Time is a parameter.

mod batches;
mod name;
mod queue;
mod reply;

use std::collections::BTreeMap;
use std::net::IpAddr;

pub use batches::{Batches, Outgoing};
pub use name::{
    colo_of, fire_log_name, fire_log_of, flush_path, held_rulebook, place_of, rulebook_path,
    volume_fire_log_name,
};
pub use queue::Losses;
pub use reply::{Reply, RulebookVersion};

use blobwatch_pull::{ClientKey, MAX_ISOLATE};
pub(crate) use blobwatch_wire::DecodeError;
use blobwatch_wire::{Reader, put_all, put_text, put_varint};

/// Of the message. A FireLog refuses a newer one; the isolate keeps the batch and tries again.
///
/// 2 says the epoch of the rulebook, after its revision; a message of version 1 is read as one of epoch 0. 3 has addresses of
/// clients; a message without any is written as version 2, which FireLogs of older builds read.
pub(crate) const VERSION: u8 = 3;

const VERSION_WITHOUT_ADDRESSES: u8 = 2;

const MAGIC: &[u8; 3] = b"BWF";

/// Kinds of loss that one message names: there are about ten.
pub(crate) const MAX_LOSSES: usize = 64;

/// Keys of volumes that one message counts. A batch has at most 256 records; 256 more arrive while it is under way.
pub(crate) const MAX_VOLUMES: usize = 2048;

/// Addresses of clients that one message says: as many as it has records. 40 bytes each wait in an isolate.
pub(crate) const MAX_ADDRESSES: usize = 256;

/// One numbered batch of one isolate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flush {
    /// The isolate's random number, up to [`MAX_ISOLATE`].
    pub isolate: u64,
    /// Grows with each batch of the isolate to this FireLog; from 1. A repeat has the same number and bytes.
    pub seq: u64,
    /// The rulebook that the isolate holds.
    pub held: RulebookVersion,
    /// What was lost since the last batch, by name.
    pub losses: BTreeMap<String, u32>,
    pub volumes: Vec<VolumeCount>,
    /// Of clients, where the rulebook keeps them.
    pub addresses: Vec<ClientAddress>,
    /// A block of `segment`; empty where there are no records.
    pub segment: Vec<u8>,
}

/// Requests that a rule with a volume matched for one key since the last batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeCount {
    pub rule: String,
    pub version: u32,
    pub key: u64,
    pub requests: u32,
}

/// What is kept of a client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    pub client: ClientKey,
    pub address: IpAddr,
}

impl Flush {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let has_addresses = !self.addresses.is_empty();
        out.push(if has_addresses {
            VERSION
        } else {
            VERSION_WITHOUT_ADDRESSES
        });
        for number in [self.isolate, self.seq, self.held.revision, self.held.epoch] {
            put_varint(&mut out, number);
        }
        put_varint(&mut out, self.losses.len() as u64);
        for (name, count) in &self.losses {
            put_text(&mut out, name);
            put_varint(&mut out, u64::from(*count));
        }
        put_varint(&mut out, self.volumes.len() as u64);
        for volume in &self.volumes {
            put_text(&mut out, &volume.rule);
            put_varint(&mut out, u64::from(volume.version));
            out.extend(volume.key.to_le_bytes());
            put_varint(&mut out, u64::from(volume.requests));
        }
        if has_addresses {
            put_all(&mut out, self.addresses.iter(), put_address);
        }
        out.extend_from_slice(&self.segment);
        out
    }

    /// Reads a message; the segment is taken as it is.
    ///
    /// # Errors
    /// When the bytes are no message, one of a newer version, or corrupt.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(bytes, MAGIC, "a flush", VERSION)?;
        let version = bytes.get(MAGIC.len()).copied().unwrap_or_default();
        let isolate = reader.varint()?;
        if isolate > MAX_ISOLATE {
            return Err(DecodeError::Invalid("isolate"));
        }
        Ok(Self {
            isolate,
            seq: read_seq(&mut reader)?,
            held: read_held(&mut reader, version >= 2)?,
            losses: read_losses(&mut reader)?,
            volumes: read_volumes(&mut reader)?,
            addresses: if version > VERSION_WITHOUT_ADDRESSES {
                read_addresses(&mut reader)?
            } else {
                Vec::new()
            },
            segment: reader.rest().to_vec(),
        })
    }
}

/// The number crosses SQLite, which counts to 2^53 there.
fn read_seq(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    match reader.varint()? {
        seq if seq < 1 << 53 => Ok(seq),
        _ => Err(DecodeError::Invalid("sequence number")),
    }
}

fn read_held(reader: &mut Reader<'_>, has_epoch: bool) -> Result<RulebookVersion, DecodeError> {
    let revision = reader.varint()?;
    let epoch = if has_epoch { reader.varint()? } else { 0 };
    Ok(RulebookVersion { epoch, revision })
}

fn read_losses(reader: &mut Reader<'_>) -> Result<BTreeMap<String, u32>, DecodeError> {
    let count = reader.count(2)?;
    if count > MAX_LOSSES {
        return Err(DecodeError::Invalid("number of losses"));
    }
    let mut losses = BTreeMap::new();
    for _ in 0..count {
        losses.insert(reader.text()?.to_owned(), reader.narrow("loss")?);
    }
    Ok(losses)
}

fn put_address(out: &mut Vec<u8>, said: &ClientAddress) {
    out.extend(said.client.0.to_le_bytes());
    match said.address {
        IpAddr::V4(v4) => {
            out.push(4);
            out.extend(v4.octets());
        }
        IpAddr::V6(v6) => {
            out.push(6);
            out.extend(v6.octets());
        }
    }
}

fn read_addresses(reader: &mut Reader<'_>) -> Result<Vec<ClientAddress>, DecodeError> {
    let count = reader.count(13)?;
    if count > MAX_ADDRESSES {
        return Err(DecodeError::Invalid("number of addresses"));
    }
    let mut addresses = Vec::with_capacity(count);
    for _ in 0..count {
        addresses.push(ClientAddress {
            client: ClientKey(reader.word()?),
            address: read_address(reader)?,
        });
    }
    Ok(addresses)
}

fn read_address(reader: &mut Reader<'_>) -> Result<IpAddr, DecodeError> {
    let invalid = DecodeError::Invalid("address");
    match reader.byte()? {
        4 => {
            let octets = reader.take(4)?.first_chunk::<4>().copied();
            octets.map(IpAddr::from).ok_or(invalid)
        }
        6 => {
            let octets = reader.take(16)?.first_chunk::<16>().copied();
            octets.map(IpAddr::from).ok_or(invalid)
        }
        _ => Err(invalid),
    }
}

fn read_volumes(reader: &mut Reader<'_>) -> Result<Vec<VolumeCount>, DecodeError> {
    let count = reader.count(11)?;
    if count > MAX_VOLUMES {
        return Err(DecodeError::Invalid("number of volumes"));
    }
    let mut volumes = Vec::with_capacity(count);
    for _ in 0..count {
        volumes.push(VolumeCount {
            rule: reader.text()?.to_owned(),
            version: reader.narrow("rule version")?,
            key: reader.word()?,
            requests: reader.narrow("requests")?,
        });
    }
    Ok(volumes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Flush {
        Flush {
            isolate: MAX_ISOLATE,
            seq: 300,
            held: RulebookVersion {
                epoch: 300,
                revision: 17,
            },
            losses: BTreeMap::from([
                ("decide_trap".to_owned(), 2),
                ("records_dropped".to_owned(), 1000),
            ]),
            volumes: vec![VolumeCount {
                rule: "botnet-sig".to_owned(),
                version: 3,
                key: u64::MAX,
                requests: 129,
            }],
            addresses: Vec::new(),
            segment: b"BWS".to_vec(),
        }
    }

    #[test]
    fn a_message_with_addresses_is_pinned() {
        let said = |client, address: &str| ClientAddress {
            client: ClientKey(client),
            address: address.parse().unwrap(),
        };
        let flush = Flush {
            losses: BTreeMap::new(),
            volumes: Vec::new(),
            addresses: vec![said(1, "192.0.2.7"), said(u64::MAX, "2001:db8::7")],
            ..sample()
        };
        let expected = b"BWF\x03\xff\xff\xff\xff\xff\xff\x3f\xac\x02\x11\xac\x02\0\0\
            \x02\x01\0\0\0\0\0\0\0\x04\xc0\0\x02\x07\
            \xff\xff\xff\xff\xff\xff\xff\xff\x06\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07BWS";
        assert_eq!(flush.encode(), expected);
        assert_eq!(Flush::decode(expected), Ok(flush));
    }

    #[test]
    fn the_message_is_pinned() {
        let expected = b"BWF\x02\xff\xff\xff\xff\xff\xff\x3f\xac\x02\x11\xac\x02\
            \x02\x0bdecide_trap\x02\x0frecords_dropped\xe8\x07\
            \x01\x0abotnet-sig\x03\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01BWS";
        assert_eq!(sample().encode(), expected);
        assert_eq!(Flush::decode(expected), Ok(sample()));
    }

    #[test]
    fn a_message_of_version_1_has_no_epoch() {
        let old = b"BWF\x01\xff\xff\xff\xff\xff\xff\x3f\xac\x02\x11\
            \x02\x0bdecide_trap\x02\x0frecords_dropped\xe8\x07\
            \x01\x0abotnet-sig\x03\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01BWS";
        let held = RulebookVersion {
            epoch: 0,
            revision: 17,
        };
        assert_eq!(Flush::decode(old), Ok(Flush { held, ..sample() }));
    }

    #[test]
    fn a_newer_message_is_refused_by_its_number() {
        let mut bytes = sample().encode();
        bytes[3] = 9;
        assert_eq!(
            Flush::decode(&bytes),
            Err(DecodeError::Newer { found: 9, known: 3 })
        );
    }

    #[test]
    fn numbers_that_sqlite_cannot_hold_are_refused() {
        let bytes = Flush {
            seq: 1 << 53,
            ..sample()
        }
        .encode();
        assert_eq!(
            Flush::decode(&bytes),
            Err(DecodeError::Invalid("sequence number"))
        );
        let bytes = Flush {
            isolate: 1 << 48,
            ..sample()
        }
        .encode();
        assert_eq!(Flush::decode(&bytes), Err(DecodeError::Invalid("isolate")));
    }

    #[test]
    fn any_bytes_are_an_error_or_a_message_that_reads_back() {
        bolero::check!().for_each(|bytes: &[u8]| {
            for version in 1..=VERSION {
                let bytes = [b"BWF", [version].as_slice(), bytes].concat();
                if let Ok(flush) = Flush::decode(&bytes) {
                    assert_eq!(Flush::decode(&flush.encode()), Ok(flush));
                }
            }
        });
    }
}
