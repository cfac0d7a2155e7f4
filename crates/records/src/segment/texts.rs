//! A table of texts: sorted, each written as what differs from the one before it.
//!
//! User-Agents of one fleet differ in a kernel number; sorted, most of each is the one before.

use std::collections::BTreeMap;
use std::sync::Arc;

use blobwatch_wire::{DecodeError, Reader, clip, put_varint};

/// Most bytes a decoded table may take: shared beginnings let few bytes stand for many.
const MAX_TABLE_BYTES: usize = 4 << 20;

/// The texts of one section, to be written.
pub(crate) struct Texts<'a>(BTreeMap<&'a str, u64>);

impl<'a> Texts<'a> {
    pub(crate) fn of(texts: impl Iterator<Item = &'a str>) -> Self {
        // One by one: `collect` compiles a sort for each of the iterators.
        let mut sorted = BTreeMap::new();
        for text in texts {
            sorted.insert(clip(text), 0);
        }
        for (place, code) in (0..).zip(sorted.values_mut()) {
            *code = place;
        }
        Self(sorted)
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.0.len() as u64);
        let mut before = "";
        for text in self.0.keys() {
            let shared = shared_prefix(before, text);
            let rest = text.get(shared..).unwrap_or_default();
            put_varint(out, shared as u64);
            put_varint(out, rest.len() as u64);
            out.extend_from_slice(rest.as_bytes());
            before = text;
        }
    }

    /// Writes the code of a text that the table was made of.
    pub(crate) fn put_code(&self, out: &mut Vec<u8>, text: &str) {
        put_varint(out, self.0.get(clip(text)).copied().unwrap_or_default());
    }
}

fn shared_prefix(a: &str, b: &str) -> usize {
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    b.floor_char_boundary(same)
}

/// The texts of one section, read: each is in memory once, however many things have it.
pub(crate) struct TextTable(Vec<Arc<str>>);

impl TextTable {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count(2)?;
        let mut texts = Vec::with_capacity(count);
        let (mut text, mut total) = (String::new(), 0);
        for _ in 0..count {
            read_next(reader, &mut text)?;
            total += text.len();
            if total > MAX_TABLE_BYTES {
                return Err(DecodeError::Invalid("text table"));
            }
            texts.push(Arc::from(&*text));
        }
        Ok(Self(texts))
    }

    /// Reads a code and gives its text.
    pub(crate) fn text(&self, reader: &mut Reader<'_>) -> Result<&str, DecodeError> {
        self.entry(reader).map(|text| &**text)
    }

    /// As [`Self::text`], without a copy.
    pub(crate) fn shared(&self, reader: &mut Reader<'_>) -> Result<Arc<str>, DecodeError> {
        self.entry(reader).cloned()
    }

    fn entry(&self, reader: &mut Reader<'_>) -> Result<&Arc<str>, DecodeError> {
        let code: usize = reader.narrow("text code")?;
        self.0.get(code).ok_or(DecodeError::Invalid("text code"))
    }

    pub(crate) fn owned(&self, reader: &mut Reader<'_>) -> Result<String, DecodeError> {
        self.text(reader).map(str::to_owned)
    }
}

/// Makes the next text of the one before it.
fn read_next(reader: &mut Reader<'_>, text: &mut String) -> Result<(), DecodeError> {
    let shared: usize = reader.narrow("text prefix")?;
    if text.get(..shared).is_none() {
        return Err(DecodeError::Invalid("text prefix"));
    }
    text.truncate(shared);
    text.push_str(reader.text()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_reads_back_by_its_code() {
        bolero::check!().with_type::<Vec<String>>().for_each(|given| {
            let texts = Texts::of(given.iter().map(String::as_str));
            let mut out = Vec::new();
            texts.put(&mut out);
            for text in given {
                texts.put_code(&mut out, text);
            }
            let mut reader = Reader::new(&out);
            let table = TextTable::read(&mut reader).unwrap();
            for text in given {
                assert_eq!(table.text(&mut reader), Ok(clip(text)));
            }
            reader.finish().unwrap();
        });
    }

    #[test]
    fn a_shared_beginning_is_written_once() {
        let agents = [
            "docker/1 kernel/5.10.1",
            "docker/1 kernel/5.10.2",
            "docker/1 kernel/5.10.3",
        ];
        let mut out = Vec::new();
        Texts::of(agents.into_iter()).put(&mut out);
        assert_eq!(out.len(), 1 + 2 + 22 + 2 * 3);
    }
}
