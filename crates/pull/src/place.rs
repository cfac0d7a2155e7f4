//! Hosts of addresses, without what else an address holds: user, password, port, path and a query that may be signed.
//!
//! In scope: the host of an origin, of a Location, and what a Location's path says of a blob. Not in scope: whether an
//! address can be reached.

use crate::path::{BlobShapes, normal_form, object_key};

/// Bytes of a host's name.
/// <https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4>
const MAX_HOST: usize = 253;

/// Bytes of a host and a path that are looked at. A signed address is 1 to 2 KB, nearly all of it the query.
const MAX_ADDRESS: usize = 4_096;

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Target {
    /// Empty where it is no host.
    pub(crate) host: String,
    /// The key of what is asked for there, where its path says no digest; else 0.
    pub(crate) object: u64,
}

impl Target {
    /// Reads a Location; `here` is the host that was asked, where a Location without one leads.
    #[must_use]
    pub(crate) fn read(location: &str, here: &str) -> Self {
        let address = location.split(['?', '#']).next().unwrap_or_default().trim();
        if address.is_empty() || address.len() > MAX_ADDRESS {
            return Self::default();
        }
        let (authority, path) = split(address);
        if authority.is_none() && has_scheme(address) {
            return Self::default();
        }
        let host = authority.map_or_else(|| here.to_owned(), host_of);
        Self {
            object: if path.starts_with('/') { object(path) } else { 0 },
            host,
        }
    }
}

/// A path whose digest is known is found by that.
fn object(path: &str) -> u64 {
    let form = normal_form(path);
    match BlobShapes::default().find(path, &form) {
        Some(_) => 0,
        None => object_key(path),
    }
}

/// The authority of an address, if it has one, and its path.
fn split(address: &str) -> (Option<&str>, &str) {
    let rest = match address.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest,
        _ => match address.strip_prefix("//") {
            Some(rest) => rest,
            None => return (None, address),
        },
    };
    let end = rest.find(['/', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    (Some(authority), path)
}

/// Whether an address without an authority begins with a scheme, as `mailto:a@b` does: a colon in the first segment.
/// <https://www.rfc-editor.org/rfc/rfc3986#section-4.2>
fn has_scheme(address: &str) -> bool {
    address.split('/').next().is_some_and(|first| first.contains(':'))
}

/// The host of an address such as `https://user@host:443/path`; empty where it has none.
#[must_use]
pub fn host_of_address(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    split(address).0.map_or_else(String::new, host_of)
}

/// In lower case, without port and without the dot that ends a full name. Empty where it is no host.
fn host_of(authority: &str) -> String {
    let named = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match named.split_once(']') {
        Some((address, _)) => address.trim_start_matches('['),
        None => named.split(':').next().unwrap_or_default(),
    };
    let is_address = named.starts_with('[');
    let host = host.trim_end_matches('.');
    let is_letter = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') || is_address && byte == b':'
    };
    if host.is_empty() || host.len() > MAX_HOST || !host.bytes().all(is_letter) {
        return String::new();
    }
    let host = host.to_ascii_lowercase();
    if is_address { format!("[{host}]") } else { host }
}

#[cfg(test)]
mod tests {
    use super::{Target, host_of_address};
    use crate::path::object_key;

    #[test]
    fn only_the_host_of_a_location_is_kept() {
        #[track_caller]
        fn case(location: &str, host: &str) {
            assert_eq!(
                Target::read(location, "registry.example").host,
                host,
                "{location}"
            );
        }
        for (location, host) in [
            ("https://cdn.example/x?sig=1", "cdn.example"),
            ("https://CDN.Example.:8443/x", "cdn.example"),
            ("https://user:secret@cdn.example/x", "cdn.example"),
            ("https://user:a@b@cdn.example", "cdn.example"),
            ("//cdn.example/x", "cdn.example"),
            ("http://127.0.0.1:5000/x", "127.0.0.1"),
            ("https://[2001:DB8::1]:443/x", "[2001:db8::1]"),
            ("https://cdn.example?sig=1", "cdn.example"),
            ("https://cdn.example#sig", "cdn.example"),
            ("https://cdn.example\\@other/", "cdn.example"),
            ("/storage/x?sig=1", "registry.example"),
            ("x?sig=https://other/", "registry.example"),
            ("/x://other/", "registry.example"),
            ("/x:1/", "registry.example"),
            ("javascript:alert(1)", ""),
            ("data:,x", ""),
            ("https:cdn.example", ""),
            ("sha256:ab/x", ""),
            ("./sha256:ab", "registry.example"),
            ("https:///x", ""),
            ("https://a b/x", ""),
            ("https://b%C3%BCcher.example/", ""),
            ("https://a\u{1b}[31m/x", ""),
            ("", ""),
            ("?sig=1", ""),
        ] {
            case(location, host);
        }
        case(&format!("https://{}.example/", "a".repeat(300)), "");
        case(&format!("https://cdn.example/{}", "a".repeat(5_000)), "");
        case(
            &format!("https://cdn.example/?{}", "a".repeat(50_000)),
            "cdn.example",
        );
    }

    #[test]
    fn what_is_asked_for_at_the_target_has_a_key_unless_its_digest_is_known() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let object = |location: &str| Target::read(location, "a").object;
        assert_eq!(
            object(&format!(
                "https://b/docker/registry/v2/blobs/sha256/e3/{hex}/data?s=1"
            )),
            0
        );
        assert_eq!(object(&format!("https://b/x/sha256:{hex}?s=1")), 0);
        assert_eq!(object("https://b/layers/4711?s=1"), object_key("/layers/4711"));
        assert_eq!(object("https://b/layers//4711?s=2"), object_key("/layers/4711"));
        assert_eq!(object("https://b?s=2"), 0);
    }

    #[test]
    fn the_host_of_an_origin() {
        assert_eq!(host_of_address("https://origin.example:5000"), "origin.example");
        assert_eq!(host_of_address(""), "");
        assert_eq!(host_of_address("origin.example"), "");
    }
}
