//! The bytes of pasts, as a FireLog keeps them.

use super::health::{ByClient, HOUR_MS, Health, MAX_PASTS, Past, hour_of};
use blobwatch_wire::{DecodeError, Reader, put_varint};

const MAGIC: &[u8; 3] = b"BWH";

/// 1 had no builds, no networks and no times, and up to 100,000 clients.
const VERSION: u8 = 2;

/// Times are kept as ages in these steps, so that three bytes reach back 24 days.
const STEP_MS: u64 = 125;

/// The age of what has not happened.
const NEVER: u32 = 0xff_ffff;

impl Health {
    /// The bytes to keep, where something came since the last time.
    pub fn changed_bytes(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        self.sweep(hour_of(self.taken_ms));
        Some(self.encode())
    }

    /// The bytes to keep.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + self.pasts.len() * 18);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        put_varint(&mut out, self.taken_ms);
        put_varint(&mut out, self.pasts.len() as u64);
        for (key, past) in &self.pasts {
            out.extend_from_slice(&key.to_le_bytes());
            put_past(&mut out, past, self.taken_ms);
        }
        out
    }

    /// # Errors
    /// When the bytes are not these, or a newer build's.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(bytes, MAGIC, "the health of clients", VERSION)?;
        let is_first = bytes.get(MAGIC.len()) == Some(&1);
        let taken_ms = if is_first { 0 } else { reader.varint()? };
        let count: usize = reader.narrow("number of clients")?;
        let mut pasts = ByClient::default();
        for _ in 0..count.min(MAX_PASTS) {
            let key = reader.word()?;
            let past = if is_first {
                past_1(&mut reader, key)?
            } else {
                past(&mut reader, taken_ms)?
            };
            pasts.insert(key, past);
        }
        Ok(Self {
            pasts,
            taken_ms,
            ..Self::default()
        })
    }
}

fn put_past(out: &mut Vec<u8>, past: &Past, taken_ms: u64) {
    let age = taken_ms.saturating_sub(past.first_good_ms) / STEP_MS;
    let age = match past.first_good_ms {
        u64::MAX => NEVER,
        _ => u32::try_from(age).unwrap_or(NEVER).min(NEVER - 1),
    };
    let hours = hour_of(taken_ms).saturating_sub(past.hour);
    out.extend_from_slice(&past.network.to_le_bytes());
    out.extend(age.to_le_bytes().iter().take(3));
    out.extend_from_slice(&[u8::try_from(hours).unwrap_or(u8::MAX), past.good, past.bad]);
}

fn past(reader: &mut Reader<'_>, taken_ms: u64) -> Result<Past, DecodeError> {
    let network = u32::from_le_bytes(reader.array()?);
    let [low, middle, high] = reader.array()?;
    let age = u32::from_le_bytes([low, middle, high, 0]);
    let hours = u32::from(reader.byte()?);
    Ok(Past {
        network,
        hour: hour_of(taken_ms).saturating_sub(hours),
        first_good_ms: match age {
            NEVER => u64::MAX,
            age => taken_ms.saturating_sub(u64::from(age) * STEP_MS),
        },
        good: reader.byte()?,
        bad: reader.byte()?,
    })
}

/// Of a client whose last pull was in that hour: it began before it at the latest. Its network is not known: it counts as
/// one of its own.
fn past_1(reader: &mut Reader<'_>, key: u64) -> Result<Past, DecodeError> {
    let hour: u32 = reader.narrow("hour")?;
    let (good, bad) = (reader.byte()?, reader.byte()?);
    Ok(Past {
        network: key as u32,
        hour,
        first_good_ms: if good > 0 {
            u64::from(hour) * HOUR_MS
        } else {
            u64::MAX
        },
        good,
        bad,
    })
}
