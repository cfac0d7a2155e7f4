//! `sha256`, and `is_timed_hmac_valid_v0`: whether a value ends with a signature of itself that is not too old.
//! <https://developers.cloudflare.com/ruleset-engine/rules-language/functions/#hmac-validation>

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::decode::{decode_base64, url_decode};
use super::term::{Decoding, Term};

/// Bytes of a value that are summed up at most: more than a request line has, and a tenth of a millisecond in Wasm.
pub(super) const MAX_SIGNED: usize = 16 << 10;

/// Seconds since 1970, in decimal.
const STAMP: usize = 10;

/// Bytes of a signature in base64: without padding, and with every byte percent-encoded.
const MAC: std::ops::RangeInclusive<usize> = 43..=3 * 44;

/// What `is_timed_hmac_valid_v0` is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Signed {
    pub(super) key: Box<[u8]>,
    /// Message, separator, stamp, a hyphen and the signature, one after the other.
    pub(super) of: Term,
    /// Seconds that a signature holds.
    pub(super) ttl: i64,
    pub(super) now: Term,
    /// Bytes of the separator.
    pub(super) separator: u32,
    /// As it was written: base64 that fits a URL is read with and without.
    pub(super) url_safe: bool,
}

impl Signed {
    pub(super) fn is_valid(&self, value: &[u8], now: i64) -> bool {
        self.check(value, now).is_some()
    }

    fn check(&self, value: &[u8], now: i64) -> Option<()> {
        let value = Some(value).filter(|value| value.len() <= MAX_SIGNED)?;
        let hyphen = hyphen(value)?;
        let stamp = value.get(hyphen - STAMP..hyphen)?;
        let message = (hyphen - STAMP).checked_sub(self.separator as usize)?;
        let message = value.get(..message).filter(|message| !message.is_empty())?;
        let issued: i64 = std::str::from_utf8(stamp).ok()?.parse().ok()?;
        (now <= issued.saturating_add(self.ttl)).then_some(())?;
        let mut mac = [0; *MAC.end()];
        let said = value.get(hyphen + 1..)?;
        let held = mac.get_mut(..said.len())?;
        held.copy_from_slice(said);
        let len = url_decode(held, Decoding::default());
        let len = decode_base64(held.get_mut(..len)?)?;
        let keyed = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        let keyed = keyed.chain_update(message).chain_update(stamp);
        keyed.verify_slice(mac.get(..len)?).ok()
    }
}

/// The last hyphen between a stamp and what may be a signature.
fn hyphen(value: &[u8]) -> Option<usize> {
    let behind = value.len().checked_sub(*MAC.start())?;
    let places = memchr::memrchr_iter(b'-', value.get(..behind)?);
    let follows_stamp = |at: &usize| {
        let stamp = at.checked_sub(STAMP).and_then(|start| value.get(start..*at));
        stamp.is_some_and(|stamp| stamp.iter().all(u8::is_ascii_digit))
    };
    places.into_iter().find(follows_stamp)
}

pub(super) fn sha256(value: &[u8]) -> Option<[u8; 32]> {
    (value.len() <= MAX_SIGNED).then(|| Sha256::digest(value).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;

    #[track_caller]
    fn case(value: &str, now: i64, separator: u32, valid: bool) {
        let signed = Signed {
            key: Box::from(*b"mysecretkey"),
            of: Term::Field(Field::Uri),
            ttl: 100,
            now: Term::Field(Field::TimestampSec),
            separator,
            url_safe: false,
        };
        assert_eq!(signed.is_valid(value.as_bytes(), now), valid, "{value}");
    }

    /// The signature is Python's `hmac.new(b"mysecretkey", b"/download/cat.jpg1484063787", "sha256")`.
    #[test]
    fn a_signature_holds_for_its_message_and_its_time() {
        const STANDARD: &str = "JcOQEFurDwNF66OcDJLopQxjsg3cB1KVO5%2BBFS9zZZ0%3D";
        const URL_SAFE: &str = "JcOQEFurDwNF66OcDJLopQxjsg3cB1KVO5-BFS9zZZ0";
        let at = 1_484_063_787;
        let value = |mac: &str| format!("/download/cat.jpg?verify={at}-{mac}");
        case(&value(STANDARD), at, 8, true);
        case(&value(URL_SAFE), at + 100, 8, true);
        case(&value(STANDARD), at + 101, 8, false);
        case(&value(STANDARD), at, 0, false);
        case(&value(STANDARD), at, 9, false);
        case(&value(STANDARD), at, 99, false);
        case(&value(STANDARD).replace("cat", "dog"), at, 8, false);
        case(&value(STANDARD).replace("1484063787", "1484063788"), at, 8, false);
        case(&value(URL_SAFE).replace('J', "K"), at, 8, false);
        case(&format!("/download/cat.jpg{at}-{URL_SAFE}"), at, 0, true);
        case(&format!("{at}-{URL_SAFE}"), at, 0, false);
        case(&value(&URL_SAFE[1..]), at, 8, false);
        case(&value(&"A".repeat(200)), at, 8, false);
        case("", at, 8, false);
        case(&"-".repeat(MAX_SIGNED), at, 8, false);
        case(
            &format!("{}{}", "a".repeat(MAX_SIGNED), value(STANDARD)),
            at,
            8,
            false,
        );
    }

    #[test]
    fn digests_are_those_of_sha256sum() {
        let digest = sha256(b"s3cret").unwrap();
        assert_eq!(
            blobwatch_wire::hex(&digest),
            "1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0"
        );
        assert!(sha256(&[0; MAX_SIGNED]).is_some());
        assert_eq!(sha256(&[0; MAX_SIGNED + 1]), None);
    }
}
