//! The stored form of a header, pinned by `tests/data/header-v1.bin`.

use std::collections::BTreeSet;

use super::bloom::Bloom;
use super::header::{Header, LISTED, MAX_LISTED, Values};
use blobwatch_pull::RecordId;
use blobwatch_wire::{DecodeError, Reader, put_text, put_varint};

/// Of the header. A reader refuses a newer one.
const VERSION: u8 = 1;

const MAGIC: &[u8; 3] = b"BWH";

impl Header {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        out.extend(self.first.0.to_le_bytes());
        out.extend(self.last.0.to_le_bytes());
        for number in [u64::from(self.records), self.weight, u64::from(self.fires)] {
            put_varint(&mut out, number);
        }
        for bits in [self.verdicts, self.families, self.ranges, self.modes] {
            put_varint(&mut out, u64::from(bits));
        }
        for values in &self.lists {
            put_values(&mut out, values);
        }
        self.bloom.put(&mut out);
        out
    }

    /// Reads a stored header.
    ///
    /// # Errors
    /// When the bytes are no header, one of a newer version, or corrupt.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(bytes, MAGIC, "a segment's header", VERSION)?;
        let mut header = Self {
            first: read_id(&mut reader)?,
            last: read_id(&mut reader)?,
            records: reader.narrow("number of records")?,
            weight: reader.varint()?,
            fires: reader.narrow("number of fires")?,
            verdicts: reader.narrow("verdicts")?,
            families: reader.narrow("families")?,
            ranges: reader.narrow("ranges")?,
            modes: reader.narrow("modes")?,
            lists: [const { Values::Many }; LISTED],
            bloom: Bloom::default(),
        };
        for values in &mut header.lists {
            *values = read_values(&mut reader)?;
        }
        header.bloom = Bloom::read(&mut reader)?;
        reader.finish()?;
        Ok(header)
    }
}

fn put_values(out: &mut Vec<u8>, values: &Values) {
    // One more than the number of values: zero stands for "many".
    let Values::Listed(values) = values else {
        out.push(0);
        return;
    };
    put_varint(out, values.len() as u64 + 1);
    for value in values {
        put_text(out, value);
    }
}

fn read_values(reader: &mut Reader<'_>) -> Result<Values, DecodeError> {
    let count: usize = reader.narrow("number of values")?;
    if count > MAX_LISTED + 1 {
        return Err(DecodeError::Invalid("number of values"));
    }
    let Some(count) = count.checked_sub(1) else {
        return Ok(Values::Many);
    };
    let mut values = BTreeSet::new();
    for _ in 0..count {
        values.insert(reader.text()?.to_owned());
    }
    Ok(Values::Listed(values))
}

fn read_id(reader: &mut Reader<'_>) -> Result<RecordId, DecodeError> {
    let bytes = reader.take(16)?;
    bytes
        .try_into()
        .map(|raw| RecordId(u128::from_le_bytes(raw)))
        .map_err(|_| DecodeError::Truncated)
}
