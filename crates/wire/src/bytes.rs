//! The letters that the binary formats are written in: variable-length integers, counted text, fixed words.
//!
//! In scope: reading them back without panic and with bounded memory, whatever the bytes are. Not in scope: what
//! they mean (`segment`, `flush`, `query`). Integers are LEB128 (seven bits a byte, least significant first).

use std::fmt;

/// Longest text that a format carries, in bytes; longer text is cut at a character. A User-Agent of a registry
/// client is 40 to 250 bytes, a repository name at most 255.
pub const MAX_TEXT_BYTES: usize = 512;

/// Why bytes could not be read; fits "failed to decode: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// Not this format at all.
    Foreign { expected: &'static str },
    /// Written by a newer build.
    Newer { found: u8, known: u8 },
    /// The bytes end in the middle of something.
    Truncated,
    /// Bytes are left over after the end.
    Trailing,
    /// A value that the format does not know, or one out of its bounds.
    Invalid(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign { expected } => write!(f, "the bytes are not {expected}"),
            Self::Newer { found, known } => {
                write!(
                    f,
                    "format version {found} is newer than {known}, the newest this build reads"
                )
            }
            Self::Truncated => f.write_str("the bytes end too early"),
            Self::Trailing => f.write_str("unexpected bytes after the end"),
            Self::Invalid(what) => write!(f, "invalid {what}"),
        }
    }
}

impl std::error::Error for DecodeError {}

pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Small differences in either direction become small numbers.
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

pub fn put_text(out: &mut Vec<u8>, text: &str) {
    let text = clip(text);
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Bytes of any number, whole.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A text of any length, whole.
pub fn put_long_text(out: &mut Vec<u8>, text: &str) {
    put_bytes(out, text.as_bytes());
}

/// The place of a value in all that there are: never another order, only more at the end.
pub fn put_one<T: PartialEq>(out: &mut Vec<u8>, all: &[T], one: &T) {
    let place = all.iter().position(|known| known == one);
    out.push(place.unwrap_or(all.len()) as u8);
}

/// Nothing, or a thing.
pub fn put_option<T>(out: &mut Vec<u8>, thing: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    out.push(u8::from(thing.is_some()));
    if let Some(thing) = thing {
        put(out, thing);
    }
}

/// A count, and then each thing.
pub fn put_all<'a, T: ?Sized + 'a>(
    out: &mut Vec<u8>,
    things: impl ExactSizeIterator<Item = &'a T>,
    mut put: impl FnMut(&mut Vec<u8>, &'a T),
) {
    put_varint(out, things.len() as u64);
    things.for_each(|thing| put(out, thing));
}

/// The text up to [`MAX_TEXT_BYTES`], cut between characters.
pub fn clip(text: &str) -> &str {
    let end = text.floor_char_boundary(MAX_TEXT_BYTES);
    text.get(..end).unwrap_or(text)
}

/// Reads from the front; every read either succeeds or says why not.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Checks the three letters and the version every format starts with.
    pub fn open(
        bytes: &'a [u8],
        magic: &[u8; 3],
        expected: &'static str,
        known: u8,
    ) -> Result<Self, DecodeError> {
        let mut reader = Self::new(bytes);
        if reader.take(3).ok() != Some(magic.as_slice()) {
            return Err(DecodeError::Foreign { expected });
        }
        match reader.byte()? {
            0 => Err(DecodeError::Invalid("format version")),
            found if found > known => Err(DecodeError::Newer { found, known }),
            _ => Ok(reader),
        }
    }

    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(DecodeError::Invalid("integer"));
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Invalid("integer"))
    }

    pub fn narrow<T: TryFrom<u64>>(&mut self, what: &'static str) -> Result<T, DecodeError> {
        T::try_from(self.varint()?).map_err(|_| DecodeError::Invalid(what))
    }

    pub fn word(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// So many bytes.
    pub fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], DecodeError> {
        let bytes = self.take(LENGTH)?.first_chunk().copied();
        bytes.ok_or(DecodeError::Truncated)
    }

    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let length: usize = self.narrow("text length")?;
        if length > MAX_TEXT_BYTES {
            return Err(DecodeError::Invalid("text length"));
        }
        std::str::from_utf8(self.take(length)?).map_err(|_| DecodeError::Invalid("text"))
    }

    /// What [`put_bytes`] wrote. Not inlined, for the size of what reads compiled rulebooks.
    #[inline(never)]
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.count(1)?;
        self.take(length)
    }

    /// What [`put_long_text`] wrote.
    pub fn long_text(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::Invalid("text"))
    }

    pub fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Invalid("flag")),
        }
    }

    /// What [`put_one`] wrote.
    pub fn one<T: Copy>(&mut self, all: &[T], what: &'static str) -> Result<T, DecodeError> {
        let place = usize::from(self.byte()?);
        all.get(place).copied().ok_or(DecodeError::Invalid(what))
    }

    /// What [`put_option`] wrote.
    pub fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.flag()? {
            read(self).map(Some)
        } else {
            Ok(None)
        }
    }

    /// What [`put_all`] wrote, of things of at least one byte.
    pub fn all<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count = self.count(1)?;
        let mut things = Vec::with_capacity(count);
        for _ in 0..count {
            things.push(read(self)?);
        }
        Ok(things)
    }

    /// A number of things of at least `smallest` bytes each: never more than the rest can hold, so that a count is
    /// safe to allocate for. Not inlined, for the size of what reads compiled rulebooks.
    #[inline(never)]
    pub fn count(&mut self, smallest: usize) -> Result<usize, DecodeError> {
        let count: usize = self.narrow("count")?;
        let possible = self.rest.len() / smallest.max(1);
        if count > possible {
            Err(DecodeError::Truncated)
        } else {
            Ok(count)
        }
    }

    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Trailing)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn round_trip(value: u64, length: usize) {
        let mut out = Vec::new();
        put_varint(&mut out, value);
        assert_eq!(out.len(), length);
        let mut reader = Reader::new(&out);
        assert_eq!(reader.varint(), Ok(value));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn integers_round_trip_in_the_fewest_bytes() {
        round_trip(0, 1);
        round_trip(127, 1);
        round_trip(128, 2);
        round_trip(u64::from(u32::MAX), 5);
        round_trip(u64::MAX, 10);
    }

    #[test]
    fn an_integer_of_more_than_64_bits_is_refused() {
        let bytes = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(Reader::new(&bytes).varint(), Err(DecodeError::Invalid("integer")));
    }

    #[test]
    fn signs_fold_into_small_numbers() {
        for value in [0, -1, 1, i64::MIN, i64::MAX, 12345, -98765] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
        assert_eq!((zigzag(-1), zigzag(1)), (1, 2));
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let text = "é".repeat(400);
        assert_eq!(clip(&text).len(), 512);
        let odd = format!("x{text}");
        assert_eq!(clip(&odd).len(), 511);
    }

    #[test]
    fn a_count_beyond_the_bytes_is_refused_before_it_is_allocated() {
        let mut out = Vec::new();
        put_varint(&mut out, 1 << 40);
        assert_eq!(Reader::new(&out).count(1), Err(DecodeError::Truncated));
    }
}
