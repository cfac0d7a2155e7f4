//! Validators of answers (RFC 9110, section 8.8): a page that asks again and again is told when nothing changed.
//!
//! In scope: the strong validator of a text, and whether `If-None-Match` names it. Not in scope: the rulebook's revision, which is
//! the `ETag` of its own answers and for `If-Match`.

use crate::hex::hex;
use sha2::{Digest, Sha256};

/// The validator of an answer, quotes included: 128 bits of its SHA-256, since what it is made of comes from clients, who
/// must not be able to make two answers look alike.
#[must_use]
pub fn etag(body: &str) -> String {
    let digest = Sha256::digest(body);
    let (half, _) = digest.split_at(16);
    format!("\"{}\"", hex(half))
}

/// Whether an `If-None-Match` names the validator (section 13.1.2: the weak comparison).
#[must_use]
pub fn is_known(if_none_match: &str, etag: &str) -> bool {
    if_none_match
        .split(',')
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag == etag)
}

#[cfg(test)]
mod tests {
    use super::{etag, is_known};

    #[test]
    fn another_text_has_another_validator() {
        assert_eq!(etag(""), "\"e3b0c44298fc1c149afbf4c8996fb924\"");
        assert_ne!(etag("a"), etag("b"));
    }

    #[test]
    fn one_of_several_is_enough() {
        #[track_caller]
        fn case(header: &str, expected: bool) {
            assert_eq!(is_known(header, "\"x\""), expected, "{header}");
        }
        case("\"x\"", true);
        case("W/\"x\"", true);
        case("\"a\", \"x\"", true);
        case("*", true);
        case("", false);
        case("x", false);
        case("\"xx\"", false);
    }
}
