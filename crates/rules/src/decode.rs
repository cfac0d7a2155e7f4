//! `url_decode`, `decode_base64`, `remove_bytes` and `cidr`: what they do to a value, in place.

use std::net::IpAddr;

use super::term::Decoding;

/// Times that one value is decoded: `%252525…` has as many layers as it has room for, and each takes a walk over all of it.
pub(super) const MAX_DECODINGS: usize = 10;

/// Decodes `%41`, `+` and, if wanted, `%u0107`, and gives the length that is left: never more than there was. What is no
/// escape stays.
pub(super) fn url_decode(bytes: &mut [u8], decoding: Decoding) -> usize {
    let mut len = bytes.len();
    let times = if decoding.again { MAX_DECODINGS } else { 1 };
    for _ in 0..times {
        let decoded = decode_once(bytes.get_mut(..len).unwrap_or_default(), decoding.unicode);
        // A space for a plus changes no length, and is no reason to decode again.
        if decoded == len {
            break;
        }
        len = decoded;
    }
    len
}

fn decode_once(bytes: &mut [u8], unicode: bool) -> usize {
    rewrite(bytes, |rest, piece| match rest {
        [b'+', ..] => {
            piece[0] = b' ';
            (1, 1)
        }
        [b'%', ..] => match (escape(rest), unicode.then(|| unicode_escape(rest)).flatten()) {
            (Some(byte), _) => {
                piece[0] = byte;
                (3, 1)
            }
            (None, Some(c)) => (6, c.encode_utf8(piece).len()),
            (None, None) => (1, 1),
        },
        _ => (1, 1),
    })
}

/// Replaces piece by piece: `step` sees what is left and the first byte of it as the new piece, and says how many bytes it
/// takes and how many it puts there, never more. Gives the length that is left.
pub(super) fn rewrite(bytes: &mut [u8], step: impl Fn(&[u8], &mut [u8; 4]) -> (usize, usize)) -> usize {
    let (mut from, mut to) = (0, 0);
    while let Some(byte) = bytes.get(from).copied() {
        let mut piece = [byte, 0, 0, 0];
        let (taken, given) = step(bytes.get(from..).unwrap_or_default(), &mut piece);
        if let (Some(slot), Some(piece)) = (bytes.get_mut(to..to + given), piece.get(..given)) {
            slot.copy_from_slice(piece);
        }
        from += taken;
        to += given;
    }
    to
}

/// Decodes base64, of either alphabet, padded or not, and gives the length that is left; `None` where it is none.
pub(super) fn decode_base64(bytes: &mut [u8]) -> Option<usize> {
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    let symbols = bytes.len() - padding;
    let (mut bits, mut held, mut to) = (0_u32, 0, 0);
    for from in 0..symbols {
        bits = bits << 6 | sextet(*bytes.get(from)?)?;
        held += 6;
        if held >= 8 {
            held -= 8;
            *bytes.get_mut(to)? = (bits >> held) as u8;
            to += 1;
        }
    }
    // A symbol alone is no byte, and padding fills up to four.
    let is_whole = held < 6 && (padding == 0 || (symbols + padding).is_multiple_of(4) && padding < 3);
    is_whole.then_some(to)
}

fn sextet(symbol: u8) -> Option<u32> {
    let value = match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(value.into())
}

/// `%41`.
fn escape(rest: &[u8]) -> Option<u8> {
    u8::try_from(hexadecimal(rest.get(1..3)?)?).ok()
}

/// `%u0107`; half of a pair is none.
fn unicode_escape(rest: &[u8]) -> Option<char> {
    let digits = rest.get(2..6)?;
    (rest.get(1) == Some(&b'u')).then(|| hexadecimal(digits).and_then(char::from_u32))?
}

pub(super) fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        Some(16 * number + char::from(*digit).to_digit(16)?)
    })
}

/// Leaves out every byte of `unwanted`, and gives the length that is left.
pub(super) fn remove_bytes(bytes: &mut [u8], unwanted: &[u8]) -> usize {
    let mut to = 0;
    for from in 0..bytes.len() {
        let Some(byte) = bytes.get(from).copied() else {
            break;
        };
        if !unwanted.contains(&byte) {
            if let Some(slot) = bytes.get_mut(to) {
                *slot = byte;
            }
            to += 1;
        }
    }
    to
}

/// The first address of the network that an address is in.
pub(super) fn network(address: IpAddr, v4: u8, v6: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(v4.into()).unwrap_or(0);
            IpAddr::V4((address.to_bits() & !host).into())
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(v6.into()).unwrap_or(0);
            IpAddr::V6((address.to_bits() & !host).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn decoded(text: &str, options: &str, expected: &[u8]) {
        let mut bytes = text.as_bytes().to_vec();
        let decoding = Decoding {
            again: options.contains('r'),
            unicode: options.contains('u'),
        };
        let len = url_decode(&mut bytes, decoding);
        assert_eq!(bytes.get(..len), Some(expected), "{text}");
    }

    #[test]
    fn escapes_are_decoded_and_what_is_none_stays() {
        decoded("a%20b+c", "", b"a b c");
        decoded("%C3%a9%00", "", "\u{e9}\0".as_bytes());
        decoded("%2520", "", b"%20");
        decoded("%2520+%252520", "r", b"   ");
        decoded("%", "r", b"%");
        decoded("%4", "", b"%4");
        decoded("%+1%zz", "", b"% 1%zz");
        decoded("%u0107", "", b"%u0107");
        decoded("%u0107%uD800%u01", "u", "\u{107}%uD800%u01".as_bytes());
        decoded("%25u0107", "ru", "\u{107}".as_bytes());
        decoded("", "ru", b"");
        let layers = |layers: usize| format!("%{}41", "25".repeat(layers));
        decoded(&layers(9), "r", b"A");
        decoded(&layers(10), "r", b"%41");
    }

    #[track_caller]
    fn base64(text: &str, expected: Option<&[u8]>) {
        let mut bytes = text.as_bytes().to_vec();
        let len = decode_base64(&mut bytes);
        assert_eq!(len.map(|len| &bytes[..len]), expected, "{text}");
    }

    #[test]
    fn base64_of_either_alphabet_is_decoded_and_what_is_none_is_refused() {
        base64("", Some(b""));
        base64("MTIzYWJj", Some(b"123abc"));
        base64("Zg==", Some(b"f"));
        base64("Zm8=", Some(b"fo"));
        base64("Zm8", Some(b"fo"));
        base64("-_-_", Some(b"\xfb\xff\xbf"));
        base64("+/+/", Some(b"\xfb\xff\xbf"));
        for text in [
            "Z", "Zm9vZ", "Zg=", "Zg===", "Zm8==", "Z===", "=", "====", "Zm=8", "Zm 8", "Zm9v!", "Zm9v=",
        ] {
            base64(text, None);
        }
    }

    #[test]
    fn bytes_are_removed_and_networks_found() {
        let mut bytes = *b"a-b_c--";
        let len = remove_bytes(&mut bytes, b"-_");
        assert_eq!(bytes.get(..len), Some(b"abc".as_slice()));
        let of = |text: &str, v4, v6| network(text.parse().unwrap(), v4, v6).to_string();
        assert_eq!(of("192.0.2.77", 24, 0), "192.0.2.0");
        assert_eq!(of("192.0.2.77", 32, 0), "192.0.2.77");
        assert_eq!(of("192.0.2.77", 0, 0), "0.0.0.0");
        assert_eq!(of("2001:db8:1:2::7", 24, 48), "2001:db8:1::");
        assert_eq!(of("2001:db8:1:2::7", 24, 128), "2001:db8:1:2::7");
    }
}
