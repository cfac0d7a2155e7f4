//! A table of texts: sorted, each written as what differs from the one before it.
//!
//! User-Agents of one fleet differ in a kernel number; sorted, most of each is the one before.

use std::collections::BTreeMap;

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

/// The texts of one section, read.
pub(crate) struct TextTable(Vec<String>);

impl TextTable {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count(2)?;
        let mut texts: Vec<String> = Vec::with_capacity(count);
        let mut total = 0;
        for _ in 0..count {
            let before = texts.last().map(String::as_str).unwrap_or_default();
            let text = next_text(reader, before)?;
            total += text.len();
            if total > MAX_TABLE_BYTES {
                return Err(DecodeError::Invalid("text table"));
            }
            texts.push(text);
        }
        Ok(Self(texts))
    }

    /// Reads a code and gives its text.
    pub(crate) fn text(&self, reader: &mut Reader<'_>) -> Result<&str, DecodeError> {
        let code: usize = reader.narrow("text code")?;
        self.0
            .get(code)
            .map(String::as_str)
            .ok_or(DecodeError::Invalid("text code"))
    }

    pub(crate) fn owned(&self, reader: &mut Reader<'_>) -> Result<String, DecodeError> {
        self.text(reader).map(str::to_owned)
    }
}

fn next_text(reader: &mut Reader<'_>, before: &str) -> Result<String, DecodeError> {
    let shared: usize = reader.narrow("text prefix")?;
    let prefix = before.get(..shared).ok_or(DecodeError::Invalid("text prefix"))?;
    let rest = reader.text()?;
    Ok([prefix, rest].concat())
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
