//! UTF-16, as PowerShell writes what it redirects into a file: its units in, UTF-8 out.

use std::io::{self, Read};

/// Bytes of one read.
const BLOCK: usize = 1 << 14;

/// A text behind its byte order mark.
pub(super) struct Utf16<R> {
    raw: R,
    is_big_endian: bool,
    /// Read and not decoded: less than a unit.
    bytes: Vec<u8>,
    /// The first half of a pair whose second one was not read yet.
    high: Option<u16>,
    /// Decoded, and from where on it was not given out.
    text: Vec<u8>,
    at: usize,
}

impl<R: Read> Utf16<R> {
    pub(super) fn new(raw: R, is_big_endian: bool) -> Self {
        Self {
            raw,
            is_big_endian,
            bytes: Vec::new(),
            high: None,
            text: Vec::new(),
            at: 0,
        }
    }

    /// Decodes a further block; whether there was one.
    fn refill(&mut self) -> io::Result<bool> {
        let read = self
            .raw
            .by_ref()
            .take(BLOCK as u64)
            .read_to_end(&mut self.bytes)?;
        let odd = self.bytes.split_off(self.bytes.len() / 2 * 2);
        let whole = std::mem::replace(&mut self.bytes, odd);
        let unit = |pair: &[u8]| match *pair {
            [high, low] if self.is_big_endian => u16::from_be_bytes([high, low]),
            [low, high] => u16::from_le_bytes([low, high]),
            _ => 0,
        };
        let mut units: Vec<u16> = self.high.into_iter().chain(whole.chunks(2).map(unit)).collect();
        let is_cut = read > 0 && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit));
        self.high = if is_cut { units.pop() } else { None };
        let decoded = char::decode_utf16(units);
        let text: String = decoded
            .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        (self.text, self.at) = (text.into_bytes(), 0);
        Ok(read > 0)
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.text.len() {
            if !self.refill()? && self.text.is_empty() {
                return Ok(0);
            }
        }
        let mut left = self.text.get(self.at..).unwrap_or_default();
        let read = left.read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::Utf16;

    /// Gives a byte at a time.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = buffer.len().min(1);
            self.0.read(&mut buffer[..most])
        }
    }

    #[test]
    fn text_is_the_same_in_either_order_and_however_it_is_read() {
        for text in ["", "a", "GET /v2/ä/𝄞\r\n", &"𝄞ab".repeat(20_000)] {
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            for (bytes, is_big_endian) in [(&big, true), (&little, false)] {
                let mut read = String::new();
                Utf16::new(&bytes[..], is_big_endian)
                    .read_to_string(&mut read)
                    .unwrap();
                assert_eq!(read, text);
                let mut read = String::new();
                Utf16::new(Slowly(bytes), is_big_endian)
                    .read_to_string(&mut read)
                    .unwrap();
                assert_eq!(read, text);
            }
        }
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        let mut read = String::new();
        let bytes = [0x00, 0xd8, b'a', 0, 0x00, 0xd8, 0x01];
        Utf16::new(&bytes[..], false).read_to_string(&mut read).unwrap();
        assert_eq!(read, "\u{fffd}a\u{fffd}");
    }
}
