//! How large a body may be, and reading one no further than that.
//!
//! In scope: the limit of each call of the API and of calls between objects. Not in scope: streams (`src/control_plane`).

use crate::Problem;
use crate::api::ApiCall;

/// Of a body that is read before anybody is known, and of calls that take none: a token, a webhook's address and secret.
pub const MAX_SMALL_BODY: usize = 8 << 10;

/// An expression and a description at their bounds, escaped, several times over.
pub const MAX_BODY: usize = 64 << 10;

/// The largest rulebook document, or its lists, written with spaces.
pub const MAX_RULEBOOK_BODY: usize = 2_000_000;

/// Between objects: a page of 1,000 records with the longest texts is 16 MB. An object has 128 MB.
pub const MAX_OBJECT_BODY: usize = 32 << 20;

impl ApiCall {
    /// Most bytes of the body that is sent.
    #[must_use]
    pub fn max_body(&self) -> usize {
        match self.request {
            "" | "PostedToken" | "WebhookBody" => MAX_SMALL_BODY,
            "RulebookBody" | "ExplainBody" | "ListBody" | "ItemsBody" => MAX_RULEBOOK_BODY,
            _ => MAX_BODY,
        }
    }
}

impl Problem {
    /// 413 for a body above its limit.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("expected a body of at most {limit} bytes");
        Self::new(413, "too-large", "The body is too large", detail)
    }
}

/// A body that is read piece by piece.
#[derive(Debug)]
pub struct BoundedBody {
    limit: usize,
    bytes: Vec<u8>,
}

impl BoundedBody {
    /// `content_length` is the header's: what it says may be false, so that only a refusal follows from it.
    ///
    /// # Errors
    /// Where the header promises more than `limit`.
    pub fn begin(limit: usize, content_length: Option<&str>) -> Result<Self, Problem> {
        let promised = content_length.and_then(|text| text.trim().parse::<u128>().ok());
        if promised.is_some_and(|promised| promised > limit as u128) {
            return Err(Problem::too_large(limit));
        }
        Ok(Self {
            limit,
            bytes: Vec::new(),
        })
    }

    /// # Errors
    /// Where the body exceeds the limit with this piece, which is not kept then.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Problem> {
        if piece.len() > self.limit.saturating_sub(self.bytes.len()) {
            return Err(Problem::too_large(self.limit));
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Text as the platform reads it: without a byte order mark, U+FFFD for what is no UTF-8.
#[must_use]
pub fn text_of(bytes: &[u8]) -> String {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CALLS, Method};

    #[test]
    fn every_call_has_a_limit_by_what_it_takes() {
        #[track_caller]
        fn case(method: Method, path: &str, limit: usize) {
            let call = CALLS
                .iter()
                .find(|call| call.method == method && call.path == path);
            assert_eq!(call.unwrap().max_body(), limit, "{path}");
        }
        case(Method::Post, "/_blobwatch/session", MAX_SMALL_BODY);
        case(Method::Put, "webhooks/{id}", MAX_SMALL_BODY);
        case(Method::Put, "rules/{id}", MAX_BODY);
        case(Method::Post, "previews", MAX_BODY);
        case(Method::Put, "rulebook", MAX_RULEBOOK_BODY);
        for call in CALLS.iter().filter(|call| call.request.is_empty()) {
            assert_eq!(call.max_body(), MAX_SMALL_BODY, "{}", call.path);
        }
        for call in CALLS.iter().filter(|call| call.role.is_none()) {
            assert_eq!(call.max_body(), MAX_SMALL_BODY, "before a role: {}", call.path);
        }
    }

    #[test]
    fn a_length_above_the_limit_is_refused_before_anything_is_read() {
        #[track_caller]
        fn case(length: Option<&str>, is_refused: bool) {
            let begun = BoundedBody::begin(10, length);
            assert_eq!(begun.is_err(), is_refused, "{length:?}");
        }
        case(None, false);
        case(Some("10"), false);
        case(Some("11"), true);
        case(Some(" 11 "), true);
        case(Some("99999999999999999999999"), true);
        case(Some("not a number"), false);
        let problem = BoundedBody::begin(10, Some("11")).unwrap_err();
        assert_eq!(
            (problem.status, problem.detail.as_str()),
            (413, "expected a body of at most 10 bytes")
        );
    }

    /// Whatever the header said, and however the body is cut.
    #[test]
    fn no_more_than_the_limit_is_ever_held() {
        let all: Vec<u8> = (0..40).collect();
        for (limit, size, piece) in (0..50).flat_map(|l| (0..=40).map(move |s| (l, s, 1 + (l + s) % 7))) {
            let mut body = BoundedBody::begin(limit, Some("0")).unwrap();
            let sent = &all[..size];
            let read = sent.chunks(piece).try_for_each(|piece| {
                let pushed = body.push(piece);
                assert!(body.bytes.len() <= limit);
                pushed
            });
            assert_eq!(read.is_ok(), size <= limit, "{size} bytes, limit {limit}");
            assert!(read.is_err() || body.into_bytes() == sent);
        }
    }

    #[test]
    fn text_is_read_as_the_platform_does() {
        assert_eq!(text_of(b"\xef\xbb\xbf{}"), "{}");
        assert_eq!(text_of(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(text_of(b""), "");
    }
}
