//! Bytes as hex digits, and back.

/// Lower-case hex digits, two a byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = Vec::with_capacity(2 * bytes.len());
    put_hex(&mut digits, bytes);
    String::from_utf8(digits).unwrap_or_default()
}

/// Adds them to text, where much is written.
pub fn put_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.extend([digit(byte >> 4), digit(byte & 15)]);
    }
}

const fn digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    }
}

/// The `N` bytes that lower-case hex digits stand for. `None` for anything else, capitals included: it would not be
/// written as the same text.
#[must_use]
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    read(text, nibble)
}

/// The same, of what people and other programs write: capitals too.
#[must_use]
pub fn unhex_any_case<const N: usize>(text: &str) -> Option<[u8; N]> {
    read(text, |digit| nibble(digit.to_ascii_lowercase()))
}

fn read<const N: usize>(text: &str, nibble: impl Fn(u8) -> Option<u8>) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{hex, unhex, unhex_any_case};

    #[test]
    fn every_byte_is_written_and_read_back() {
        for byte in 0..=u8::MAX {
            let text = hex(&[byte, 0]);
            assert_eq!(text, format!("{byte:02x}00"));
            assert_eq!(unhex(&text), Some([byte, 0]));
        }
    }

    #[test]
    fn only_lower_case_digits_of_the_right_length_are_read() {
        for text in ["", "0", "0A", "0g", "000", "+1", "é"] {
            assert_eq!(unhex::<1>(text), None, "{text:?}");
        }
    }

    #[test]
    fn others_may_write_capitals() {
        assert_eq!(unhex_any_case("0aFf"), Some([0x0a, 0xff]));
        for text in ["", "0", "0g", "000", "+1", "é"] {
            assert_eq!(unhex_any_case::<1>(text), None, "{text:?}");
        }
    }
}
