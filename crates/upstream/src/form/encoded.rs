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

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_needs_no_padding() {
        assert_eq!(base64("e30="), Some("{}".to_owned()));
        assert_eq!(base64("e30"), Some("{}".to_owned()));
        assert_eq!((base64("%"), base64("/w==")), (None, None));
    }
}
