//! Text inside of text.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// With or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Text that is written in base64.
pub(super) fn base64(text: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(text.trim()).ok()?).ok()
}

/// `%3b` as `;`. A plus sign stands for itself: base64 has it.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = (*byte == b'%').then(|| after.get(..2)).flatten();
        let digits = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(escaped) => {
                plain.push(escaped);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                plain.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{base64, percent_decoded};

    #[test]
    fn escapes_are_read_and_what_is_none_stands() {
        assert_eq!(percent_decoded("YQ%3d%3D%3bYg+"), "YQ==;Yg+");
        assert_eq!(percent_decoded("100%"), "100%");
        assert_eq!(percent_decoded("%zz%c3%a9%"), "%zz\u{e9}%");
    }

    #[test]
    fn base64_needs_no_padding() {
        assert_eq!(base64("e30="), Some("{}".to_owned()));
        assert_eq!(base64("e30"), Some("{}".to_owned()));
        assert_eq!((base64("%"), base64("/w==")), (None, None));
    }
}
