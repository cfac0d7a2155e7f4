//! The address of a registry, as a person gives it.

use http::Uri;
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// Scheme and authority: `https://registry.example.com:5000`.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin(String);

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| "this is not a URL")?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err("an origin must look like http://127.0.0.1:5000 or https://registry.example.com");
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err("an origin must have no path: clients request /v2/… from it");
        }
        if authority.as_str().contains('@') {
            return Err("an origin must have no user name: clients send their own credentials");
        }
        Ok(Self(format!("{scheme}://{authority}")))
    }
}

impl Origin {
    /// Where it is connected to.
    #[must_use]
    pub fn host_and_port(&self) -> (String, u16) {
        let uri: Uri = self.0.parse().unwrap_or_default();
        let default = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let host = uri.host().unwrap_or_default();
        // Brackets of an IPv6 address are the URL's.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (host.to_owned(), uri.port_u16().unwrap_or(default))
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[track_caller]
    fn case(text: &str, expected: Option<&str>) {
        assert_eq!(
            text.parse::<Origin>()
                .ok()
                .map(|origin| origin.to_string())
                .as_deref(),
            expected,
            "{text}"
        );
    }

    #[test]
    fn an_origin_is_connected_to_at_its_host_and_port() {
        let case = |text: &str, host: &str, port| {
            let origin: Origin = text.parse().unwrap();
            assert_eq!(origin.host_and_port(), (host.to_owned(), port), "{text}");
        };
        case("http://127.0.0.1:5000", "127.0.0.1", 5000);
        case("https://registry.example.com", "registry.example.com", 443);
        case("http://[::1]", "::1", 80);
    }

    #[test]
    fn an_origin_is_scheme_and_authority() {
        case("http://127.0.0.1:5000", Some("http://127.0.0.1:5000"));
        case(
            "https://registry.example.com/",
            Some("https://registry.example.com"),
        );
        case("registry.example.com", None);
        case("ftp://registry.example.com", None);
        case("https://registry.example.com/v2", None);
        case("https://registry.example.com/?a=b", None);
        case("https://ada:secret@registry.example.com", None);
        case("", None);
    }
}
