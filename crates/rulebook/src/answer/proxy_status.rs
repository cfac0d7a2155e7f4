//! `Proxy-Status` (RFC 9209): which intermediary made an answer, and why.

use sfv::visitor::Ignored;
use sfv::{KeyRef, ListSerializer, Parser, TokenRef};

/// Who says it.
const NAME: &str = "blobwatch";

/// The error types of RFC 9209, section 2.3, that are ours to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyError {
    /// A rule refused the request.
    HttpRequestDenied,
    /// No answer came from the origin, and the platform does not say why.
    DestinationUnavailable,
    ConnectionRefused,
    ConnectionTimeout,
}

impl ProxyError {
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::HttpRequestDenied => "http_request_denied",
            Self::DestinationUnavailable => "destination_unavailable",
            Self::ConnectionRefused => "connection_refused",
            Self::ConnectionTimeout => "connection_timeout",
        }
    }
}

/// The header's value with our member last, that is nearest to the client (section 2). A value that is no list would
/// make readers ignore the whole field (RFC 9651, section 4.2), ours with it, so it is replaced.
#[must_use]
pub(crate) fn append_proxy_status(existing: Option<&str>, error: ProxyError) -> String {
    let member = member(error);
    match existing.map(str::trim).filter(|value| is_list(value)) {
        Some(value) => format!("{value}, {member}"),
        None => member,
    }
}

fn is_list(value: &str) -> bool {
    !value.is_empty() && Parser::new(value).parse_list_with_visitor(Ignored).is_ok()
}

fn member(error: ProxyError) -> String {
    let mut list = ListSerializer::new();
    if let (Ok(name), Ok(key), Ok(value)) = (
        TokenRef::from_str(NAME),
        KeyRef::from_str("error"),
        TokenRef::from_str(error.as_str()),
    ) {
        let _ = list.bare_item(name).parameter(key, value);
    }
    list.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{ProxyError, append_proxy_status};

    #[track_caller]
    fn case(existing: Option<&str>, expected: &str) {
        assert_eq!(
            append_proxy_status(existing, ProxyError::HttpRequestDenied),
            expected
        );
    }

    #[test]
    fn ours_comes_last() {
        case(None, "blobwatch;error=http_request_denied");
        case(
            Some("revproxy1.example.net; error=http_request_error, cdn.example"),
            "revproxy1.example.net; error=http_request_error, cdn.example, blobwatch;error=http_request_denied",
        );
        case(
            Some(" \"a, b\";details=\"x\" "),
            "\"a, b\";details=\"x\", blobwatch;error=http_request_denied",
        );
    }

    #[test]
    fn what_is_no_list_is_replaced() {
        for existing in ["", "  ", ",", "a;;b", "a, ", "\"open", "é"] {
            case(Some(existing), "blobwatch;error=http_request_denied");
        }
    }

    #[test]
    fn every_error_has_a_member() {
        for error in [
            ProxyError::DestinationUnavailable,
            ProxyError::ConnectionRefused,
            ProxyError::ConnectionTimeout,
        ] {
            let expected = format!("blobwatch;error={}", error.as_str());
            assert_eq!(append_proxy_status(None, error), expected);
        }
    }
}
