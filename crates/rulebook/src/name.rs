//! The forms of names in a rulebook: what is safe in a header, an object's name, a URL and a log line.
//!
//! Each check answers with what was expected, as a fragment that fits "expected …".

/// A rule's id and a route's name: a token of structured fields (RFC 9651, section 3.3.4) that needs no quoting.
pub(crate) const MAX_NAME: usize = 64;

/// A host (RFC 1035, section 2.3.4).
pub(crate) const MAX_HOST: usize = 253;

/// A bucket's name and a prefix that people can read.
const MAX_ARCHIVE: usize = 512;

type Expected = &'static str;

/// Lower case letters, digits, `-`, `_`, `.`; starts with a letter.
pub fn check_name(text: &str) -> Result<(), Expected> {
    let follows = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if starts && text.len() <= MAX_NAME && text.bytes().all(follows) {
        Ok(())
    } else {
        Err("a lower-case letter, then lower-case letters, digits, `-`, `_` or `.`, at most 64 characters")
    }
}

/// A host as a URL carries it: lower case, without port.
pub(crate) fn check_host(text: &str) -> Result<(), Expected> {
    let inner = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text);
    let is_v6 = inner.len() != text.len() && inner.parse::<std::net::Ipv6Addr>().is_ok();
    if is_v6 || is_domain(text) {
        Ok(())
    } else {
        Err("a host in lower case without scheme or port")
    }
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(inside)
    };
    text.len() <= MAX_HOST && text.split('.').all(is_label)
}

/// `http` or `https`, a host, a port if need be, nothing after it.
pub fn check_origin(text: &str) -> Result<(), Expected> {
    let host_and_port = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let (host, port) = host_and_port.map_or(("", ""), split_port);
    let port_is_known = port.is_empty() || port.parse::<u16>().is_ok_and(|p| p > 0);
    if port_is_known && !text.ends_with(':') && check_host(host).is_ok() {
        Ok(())
    } else {
        Err("`https://host` or `http://host:port`, without a path")
    }
}

/// The colon of a port is the one after the bracket of an IPv6 address.
fn split_port(text: &str) -> (&str, &str) {
    let after = text.rfind(']').unwrap_or(0);
    match text.rfind(':').filter(|at| *at >= after) {
        Some(at) => (
            text.get(..at).unwrap_or_default(),
            text.get(at + 1..).unwrap_or_default(),
        ),
        None => (text, ""),
    }
}

/// Where an archive is, as `blobwatch archive --to` takes it. Credentials have no place in it.
pub(crate) fn check_archive(text: &str) -> Result<(), Expected> {
    let is_path = |path: &str| {
        path.bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'@'))
    };
    let is_place = match text.strip_prefix("s3://") {
        Some(bucket) => !bucket.is_empty() && !bucket.starts_with('/'),
        None => text.starts_with('/'),
    };
    if is_place && is_path(text) && text.len() <= MAX_ARCHIVE {
        Ok(())
    } else {
        Err("`s3://bucket/prefix` or a folder such as `/srv/archive`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(check: fn(&str) -> Result<(), Expected>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(check(text), Ok(()), "{text:?}");
        }
        for text in bad {
            assert!(check(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_is_a_token_that_needs_no_quoting() {
        let long = "a".repeat(65);
        case(
            check_name,
            &["default", "botnet-sig", "v1.2_x", &"a".repeat(64)],
            &["", "9lives", "Über", "A", "a b", "a/b", "a;b", "a\"", "-a", &long],
        );
    }

    #[test]
    fn a_host_has_no_port_and_no_capitals() {
        case(
            check_host,
            &["registry.example", "localhost", "127.0.0.1", "[::1]"],
            &["", "a..b", "A.example", "a:80", "a/b", "[::1", "::1", "a b"],
        );
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        case(
            check_origin,
            &[
                "https://registry.example",
                "http://127.0.0.1:5000",
                "http://[::1]:5000",
                "http://[::1]",
            ],
            &[
                "",
                "registry.example",
                "ftp://a",
                "https://a/",
                "https://u@a",
                "https://a:0",
                "https://a:99999",
                "https://a:",
                "https://[::1]:",
                "https://",
                "https://a?b",
            ],
        );
    }
}
