//! A table as bytes: `BWT`, a version, the date, the labels, and the boundaries as distances.

use super::{Boundaries, CloudTable, MAX_BOUNDARIES, MAX_LABELS};
use blobwatch_wire::{DecodeError, Reader, put_all, put_text, put_varint};

const MAGIC: &[u8; 3] = b"BWT";
const VERSION: u8 = 1;

impl CloudTable {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = [MAGIC.as_slice(), &[VERSION]].concat();
        put_text(&mut out, &self.date);
        put_all(&mut out, self.labels.iter(), |out, (cloud, region)| {
            put_text(out, cloud);
            put_text(out, region);
        });
        self.v4.put(&mut out);
        self.v6.put(&mut out);
        out
    }

    /// No bytes are an empty table.
    ///
    /// # Errors
    /// When the bytes are no table, a newer one, cut, or out of the bounds of a table.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let mut reader = Reader::open(bytes, MAGIC, "a table of cloud prefixes", VERSION)?;
        let date = reader.text()?.to_owned();
        let labels = reader.all(|reader| Ok((reader.text()?.into(), reader.text()?.into())))?;
        if labels.len() > MAX_LABELS {
            return Err(DecodeError::Invalid("number of regions"));
        }
        let v4 = Boundaries::<u32>::read(&mut reader, labels.len())?;
        let v6 = Boundaries::<u64>::read(&mut reader, labels.len())?;
        reader.finish()?;
        Ok(Self { date, labels, v4, v6 })
    }
}

impl<T: Copy + Into<u64> + TryFrom<u64>> Boundaries<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.starts.len() as u64);
        let mut before = 0;
        for (start, label) in self.starts.iter().zip(&self.labels) {
            let start: u64 = (*start).into();
            put_varint(out, start - before);
            put_varint(out, u64::from(*label));
            before = start;
        }
    }

    fn read(reader: &mut Reader<'_>, labels: usize) -> Result<Self, DecodeError> {
        let count = reader.count(2)?;
        if count > MAX_BOUNDARIES {
            return Err(DecodeError::Invalid("number of boundaries"));
        }
        let mut boundaries = Self {
            starts: Vec::with_capacity(count),
            labels: Vec::with_capacity(count),
        };
        let mut before = 0_u64;
        for place in 0..count {
            let distance = reader.varint()?;
            let start = before
                .checked_add(distance)
                .filter(|_| place == 0 || distance > 0);
            before = start.ok_or(DecodeError::Invalid("boundary"))?;
            let start = T::try_from(before).map_err(|_| DecodeError::Invalid("boundary"))?;
            let label = usize::try_from(reader.varint()?)
                .ok()
                .filter(|label| *label <= labels);
            let label = label.and_then(|label| u16::try_from(label).ok());
            boundaries.starts.push(start);
            boundaries
                .labels
                .push(label.ok_or(DecodeError::Invalid("region"))?);
        }
        Ok(boundaries)
    }
}
