//! Texts that a log writes with escapes, as they were: percent-encoded ones of CDNs, and the `+` of IIS.

use std::borrow::Cow;

/// `%3b` as `;`. A plus sign stands for itself: base64 has it.
#[must_use]
pub fn percent_decoded(text: &str) -> String {
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

/// A User-Agent as the client sent it. Akamai, CloudFront and IIS write no blanks; `is_encoded` says that all of a log's are
/// encoded.
#[must_use]
pub fn plain_agent(text: &str, is_encoded: bool) -> Cow<'_, str> {
    if text.contains(' ') {
        return Cow::Borrowed(text);
    }
    let mut plain = Cow::Borrowed(text);
    if is_encoded || text.contains("%20") {
        // CloudFront's are encoded twice at times: `%2520`.
        plain = Cow::Owned(percent_decoded(&percent_decoded(text)));
    }
    if has_pluses(&plain) {
        plain = Cow::Owned(plain.replace('+', " "));
    }
    plain
}

/// Whether blanks are written `+`: behind one comes another product, or a comment. The one of `containerd/1.7.12+unknown`
/// is its own.
fn has_pluses(text: &str) -> bool {
    let mut words = text.split('+').skip(1);
    !text.contains(' ') && words.any(|word| word.contains('/') || word.starts_with('('))
}

#[cfg(test)]
mod tests {
    use super::{percent_decoded, plain_agent};

    #[test]
    fn escapes_are_read_and_what_is_none_stands() {
        assert_eq!(percent_decoded("YQ%3d%3D%3bYg+"), "YQ==;Yg+");
        assert_eq!(percent_decoded("100%"), "100%");
        assert_eq!(percent_decoded("%zz%c3%a9%"), "%zz\u{e9}%");
    }

    #[test]
    fn an_agent_is_as_it_was_sent() {
        for (text, is_encoded, expected) in [
            (
                "docker/19.03%20go/go1%20%28x%29",
                false,
                "docker/19.03 go/go1 (x)",
            ),
            ("docker/19.03%2520go/go1", true, "docker/19.03 go/go1"),
            ("docker/19.03+go/go1+(x;+y)", false, "docker/19.03 go/go1 (x; y)"),
            ("docker/19.03 100%25 +go", true, "docker/19.03 100%25 +go"),
            ("containerd/1.7.12+unknown", false, "containerd/1.7.12+unknown"),
            ("containerd/v2.1.4", true, "containerd/v2.1.4"),
        ] {
            assert_eq!(plain_agent(text, is_encoded), expected, "{text}");
        }
    }
}
