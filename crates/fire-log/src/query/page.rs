//! What one FireLog answers, and its form between objects.

use blobwatch_pull::{Record, RecordId};
use blobwatch_records::{Builder, decode};
use blobwatch_wire::{DecodeError, Reader};

/// Of the form. Sent and read within one deployment, but two versions may run side by side for minutes.
const VERSION: u8 = 1;

const MAGIC: &[u8; 3] = b"BWP";

/// Matches of one FireLog, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub records: Vec<Record>,
    /// Every match from here up to where the page began is in `records`; 0 where there are no more.
    pub floor: RecordId,
}

impl Page {
    /// Floor, then the records as a block.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        out.extend(self.floor.0.to_le_bytes());
        let mut block = Builder::default();
        self.records.into_iter().for_each(|record| block.push(record));
        out.append(&mut block.encode());
        out
    }

    /// Reads an encoded page.
    ///
    /// # Errors
    /// When the bytes are no page, one of a newer version, or corrupt.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(bytes, MAGIC, "a page of records", VERSION)?;
        let floor = reader
            .take(16)?
            .try_into()
            .map(u128::from_le_bytes)
            .map_err(|_| DecodeError::Truncated)?;
        let mut records = decode(reader.rest())?;
        records.reverse();
        Ok(Self {
            records,
            floor: RecordId(floor),
        })
    }
}
