//! Content digests, `algorithm:encoded`.
//!
//! In scope: the grammar of the OCI image-spec (descriptor.md, "Digests") and the two registered algorithms that
//! registries use. Not in scope: computing a digest.

/// Bytes of a digest's text. `sha512:` and 128 hex digits are 135; the rest is room for algorithms to come.
pub(crate) const MAX_DIGEST: usize = 255;

/// The text of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Digest<'a> {
    text: &'a str,
    algorithm: &'a str,
    encoded: &'a str,
}

impl<'a> Digest<'a> {
    /// Whatever has an algorithm and something after it: an origin may take what the grammar does not.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (algorithm, encoded) = text.split_once(':')?;
        let is_some = !algorithm.is_empty() && !encoded.is_empty();
        is_some.then_some(Self {
            text,
            algorithm,
            encoded,
        })
    }

    /// Whether it follows the grammar: not `SHA256:…`, `sha256:ABC…`, or a wrong number of digits. An algorithm that is not
    /// known here is a digest when it follows the grammar.
    #[must_use]
    pub(crate) fn is_valid(&self) -> bool {
        self.text.len() <= MAX_DIGEST
            && is_algorithm(self.algorithm)
            && match self.algorithm {
                "sha256" => is_lower_hex(self.encoded, 64),
                "sha512" => is_lower_hex(self.encoded, 128),
                _ => is_encoded(self.encoded),
            }
    }

    /// As registries write it. The text of an algorithm that is not known here may depend on case.
    pub(crate) fn in_lower_case(&self) -> String {
        let algorithm = self.algorithm.to_ascii_lowercase();
        let encoded = match algorithm.as_str() {
            "sha256" | "sha512" => self.encoded.to_ascii_lowercase(),
            _ => self.encoded.to_owned(),
        };
        algorithm + ":" + &encoded
    }

    #[must_use]
    pub(crate) fn as_str(&self) -> &'a str {
        self.text
    }
}

/// `component *([+._-] component)`, component `[a-z0-9]+`.
fn is_algorithm(text: &str) -> bool {
    text.split(['+', '.', '_', '-'])
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

fn is_encoded(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-'))
}

fn is_lower_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::Digest;

    fn parse(text: &str) -> Option<Digest<'_>> {
        Digest::read(text).filter(Digest::is_valid)
    }

    #[track_caller]
    fn accepted(text: &str, algorithm: &str) {
        let digest = parse(text).unwrap();
        assert_eq!((digest.as_str(), digest.algorithm), (text, algorithm));
        assert_eq!(format!("{}:{}", digest.algorithm, digest.encoded), text);
    }

    #[track_caller]
    fn refused(text: &str) {
        assert_eq!(parse(text), None, "{text}");
    }

    #[test]
    fn registered_algorithms_have_their_length_and_lower_case_hex() {
        accepted(&format!("sha256:{}", "0f".repeat(32)), "sha256");
        accepted(&format!("sha512:{}", "0f".repeat(64)), "sha512");
        refused(&format!("sha256:{}", "0F".repeat(32)));
        refused(&format!("sha256:{}", "0g".repeat(32)));
        refused(&format!("sha256:{}", "0f".repeat(31)));
        refused(&format!("sha256:{}", "0f".repeat(64)));
        refused(&format!("sha512:{}", "0f".repeat(32)));
    }

    /// The examples of the image-spec.
    #[test]
    fn unknown_algorithms_follow_the_grammar() {
        accepted(
            "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
            "multihash+base58",
        );
        accepted(
            "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
            "sha256+b64u",
        );
        for text in [
            "", ":", "a:", ":b", "a", "A:b", "a+:b", "+a:b", "a++b:c", "a:b/c", "a:b:c", "a:b c", "a:é",
        ] {
            refused(text);
        }
    }

    #[test]
    fn what_parses_is_its_parts_and_fits_a_path() {
        const LETTERS: &[u8] = b"aZ0:+._-=/ %";
        bolero::check!()
            .with_max_len(80)
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                let spelled: String = bytes
                    .iter()
                    .map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()]))
                    .collect();
                let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
                for text in [
                    &*String::from_utf8_lossy(bytes),
                    &spelled,
                    &format!("a:{spelled}"),
                    &format!("sha256:{hex}"),
                ] {
                    let Some(digest) = parse(text) else {
                        continue;
                    };
                    assert_eq!(format!("{}:{}", digest.algorithm, digest.encoded), text);
                    assert!(!text.contains(['/', '%', ' ']) && text.is_ascii());
                    assert!(digest.algorithm != "sha256" || text.len() == 71);
                }
            });
    }

    #[test]
    fn length_is_bounded() {
        accepted(&format!("x:{}", "y".repeat(253)), "x");
        refused(&format!("x:{}", "y".repeat(254)));
    }
}
