//! What one request says, read once at the edge and handed over as one string.
//!
//! In scope: the format of that string and the typed view of it. Not in scope: what the facts mean
//! (`path`, `range`, `user_agent`, `fingerprint`). Only the platform's word is in the fixed lines; a client can
//! write the request line and the headers, never the rest.
//!
//! Format: [`FIXED_LINES`] lines in the order of [`Facts`]' fields, an absent fact being an empty line, then one
//! line `name:value` for each header, names in lower case. A line break cannot occur in a request line or a
//! header (RFC 9112, section 2.2), so it separates.

use std::fmt;
use std::net::IpAddr;

use blobwatch_wire::parse_address;
use memchr::{Memchr, memchr_iter};

/// Lines before the headers; `src/data_plane/facts.js` writes exactly these.
pub(crate) const FIXED_LINES: usize = 26;

/// The request as the platform and the client describe it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts<'a> {
    /// Milliseconds since 1970, UTC.
    pub time_ms: u64,
    /// As sent: `GET`, `HEAD`, …
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host of the URL, lower case, without port and without the dot that ends a full name.
    pub host: &'a str,
    /// Path of the URL, percent-encoded as sent, starting with `/`.
    pub path: &'a str,
    /// Query without `?`; empty when there is none.
    pub query: &'a str,
    /// `HTTP/1.1`, `HTTP/2`, `HTTP/3`; empty when the platform does not say.
    pub protocol: &'a str,
    /// IPv4 also where a socket of both kinds has it within an IPv6 address.
    pub address: Option<IpAddr>,
    /// Cloudflare's id of the request.
    pub ray: &'a str,
    /// Data centre that answers, for instance `FRA`; empty on self-hosted workerd.
    pub colo: &'a str,
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// `EU`, `NA`, …
    pub continent: &'a str,
    pub asn: Option<u32>,
    /// The cloud that the address belongs to, as `aws`, and its region. No line says them: they are looked up. Empty where
    /// no table knows the address.
    pub cloud: &'a str,
    pub cloud_region: &'a str,
    pub tls: TlsFacts<'a>,
    /// What the client itself sent as Accept-Encoding; Cloudflare rewrites the header and keeps this beside it.
    pub client_accept_encoding: &'a str,
    pub ja4: &'a str,
    pub ja3: &'a str,
    /// Round trip to the client, over TCP or QUIC.
    pub rtt_ms: Option<u32>,
    /// Bytes a second that the platform delivers on the connection.
    pub delivery_rate: Option<u64>,
    /// Signature of the client's TCP handshake, where a front proxy says it.
    pub tcp: &'a str,
    /// What the platform says beside these lines, as `Field::Platform` reads it.
    pub platform: &'a str,
    /// Name in lower case, value as sent; repeated headers are one entry joined with `, `.
    pub headers: Vec<(&'a str, &'a str)>,
}

/// What the platform saw of the TLS handshake; all empty on plain HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TlsFacts<'a> {
    /// `TLSv1.2`, `TLSv1.3`.
    pub version: &'a str,
    pub cipher: &'a str,
    pub ciphers_sha1: &'a str,
    pub extensions_sha1: &'a str,
    pub extensions_sha1_le: &'a str,
    /// Length of the ClientHello in bytes.
    pub hello_length: Option<u32>,
}

/// Why a facts string could not be read; fits "failed to read facts: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactsError {
    Truncated { lines: usize },
    Time(String),
}

impl fmt::Display for FactsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { lines } => write!(f, "expected {FIXED_LINES} lines, found {lines}"),
            Self::Time(text) => write!(f, "expected milliseconds since 1970, found {text:?}"),
        }
    }
}

impl std::error::Error for FactsError {}

impl<'a> Facts<'a> {
    /// Reads the edge's string.
    ///
    /// # Errors
    /// When lines are missing or the time is not a number: the edge and this module are not of one build.
    pub fn parse(text: &'a str) -> Result<Self, FactsError> {
        let mut lines = Lines {
            text,
            ends: memchr_iter(b'\n', text.as_bytes()),
            start: 0,
        };
        let mut fixed = [""; FIXED_LINES];
        for (found, slot) in fixed.iter_mut().enumerate() {
            *slot = lines.next().ok_or(FactsError::Truncated { lines: found })?;
        }
        let [
            time,
            method,
            scheme,
            host,
            path,
            query,
            protocol,
            address,
            ray,
            colo,
            country,
            continent,
            asn,
            version,
            cipher,
            ciphers_sha1,
            extensions_sha1,
            extensions_sha1_le,
            hello_length,
            client_accept_encoding,
            ja4,
            ja3,
            rtt_ms,
            delivery_rate,
            tcp,
            platform,
        ] = fixed;
        Ok(Self {
            time_ms: time.parse().map_err(|_| FactsError::Time(time.to_owned()))?,
            method,
            scheme,
            host: host.trim_end_matches('.'),
            path,
            query,
            protocol,
            address: parse_address(address),
            ray,
            colo: known_colo(colo),
            country,
            cloud: "",
            cloud_region: "",
            continent,
            asn: asn.parse().ok(),
            tls: TlsFacts {
                version,
                cipher,
                ciphers_sha1,
                extensions_sha1,
                extensions_sha1_le,
                hello_length: hello_length.parse().ok(),
            },
            client_accept_encoding,
            ja4,
            ja3,
            rtt_ms: rtt_ms.parse().ok(),
            delivery_rate: delivery_rate.parse().ok(),
            tcp,
            platform,
            headers: lines.filter_map(|line| line.split_once(':')).collect(),
        })
    }

    /// 4 or 6.
    #[must_use]
    pub fn ip_version(&self) -> Option<u8> {
        Some(if self.address?.is_ipv4() { 4 } else { 6 })
    }

    /// The value of a header, or `None`; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }
}

/// As `split('\n')`, which takes three times the instructions.
struct Lines<'a> {
    text: &'a str,
    ends: Memchr<'a>,
    /// Beyond the end once the last line was given.
    start: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let end = self.ends.next().unwrap_or(self.text.len());
        let line = self.text.get(self.start..end)?;
        self.start = end + 1;
        Some(line)
    }
}

/// Stands for the data centre that the platform does not name, as on self-hosted workerd: in documents, and in lower case in the names of
/// FireLogs.
pub const UNNAMED_COLO: &str = "NONE";

/// A colo is part of an object's name (`fl1-<colo>-<n>`), so only the form of an airport code is one.
#[must_use]
pub fn known_colo(text: &str) -> &str {
    let is_code =
        (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if is_code { text } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> String {
        let fixed = [
            "1593975600000",
            "GET",
            "https",
            "registry.example",
            "/v2/library/alpine/blobs/sha256:00",
            "",
            "HTTP/1.1",
            "192.0.2.7",
            "5ae",
            "IAD",
            "US",
            "NA",
            "16509",
            "TLSv1.2",
            "AES",
            "c",
            "e",
            "l",
            "508",
            "gzip",
            "t13",
            "",
            "12",
            "1250000",
            "4:64:0:1460:64240,7:mss:df:0",
            "ip.src.city\u{1f}Seattle\u{1f}",
        ];
        format!(
            "{}\nuser-agent:docker/19.03.6-ce\nrange:bytes=5-",
            fixed.join("\n")
        )
    }

    #[test]
    fn every_line_lands_in_its_field() {
        let text = sample();
        let facts = Facts::parse(&text).unwrap();
        assert_eq!(facts.time_ms, 1_593_975_600_000);
        assert_eq!(
            (facts.method, facts.scheme, facts.host),
            ("GET", "https", "registry.example")
        );
        assert_eq!(facts.address, Some("192.0.2.7".parse().unwrap()));
        assert_eq!(
            (facts.colo, facts.country, facts.continent, facts.asn),
            ("IAD", "US", "NA", Some(16509))
        );
        assert_eq!(
            (facts.tls.version, facts.tls.hello_length),
            ("TLSv1.2", Some(508))
        );
        assert_eq!(
            (facts.client_accept_encoding, facts.ja4, facts.ja3),
            ("gzip", "t13", "")
        );
        assert_eq!((facts.rtt_ms, facts.delivery_rate), (Some(12), Some(1_250_000)));
        assert_eq!(facts.tcp, "4:64:0:1460:64240,7:mss:df:0");
        assert_eq!(facts.platform, "ip.src.city\u{1f}Seattle\u{1f}");
        assert_eq!(facts.header("range"), Some("bytes=5-"));
        assert_eq!(facts.header("accept"), None);
    }

    #[test]
    fn lines_are_those_of_split() {
        #[track_caller]
        fn case(text: &str) {
            let lines = Lines {
                text,
                ends: memchr_iter(b'\n', text.as_bytes()),
                start: 0,
            };
            let expected: Vec<_> = text.split('\n').collect();
            assert_eq!(lines.collect::<Vec<_>>(), expected);
        }
        case("");
        case("a");
        case("\n");
        case("a\n\nb\n");
    }

    #[test]
    fn any_text_is_facts_or_refused() {
        let sample = sample();
        bolero::check!()
            .with_type::<(usize, usize, String)>()
            .for_each(|(from, length, with)| {
                let cut = |at: usize| {
                    (0..=at.min(sample.len()))
                        .rev()
                        .find(|at| sample.is_char_boundary(*at))
                        .unwrap()
                };
                let from = cut(from % (sample.len() + 1));
                let until = cut(from.saturating_add(length % 64));
                let text = format!("{}{with}{}", &sample[..from], &sample[until.max(from)..]);
                for text in [text.as_str(), with] {
                    let Ok(facts) = Facts::parse(text) else {
                        continue;
                    };
                    let _ = (facts.ip_version(), facts.host);
                }
            });
    }

    #[test]
    fn a_short_text_is_refused_with_the_count() {
        assert_eq!(
            Facts::parse("1\nGET").unwrap_err().to_string(),
            "expected 26 lines, found 2"
        );
    }

    #[test]
    fn the_port_of_an_address_is_not_part_of_it() {
        #[track_caller]
        fn case(written: &str, expected: &str) {
            let text = sample().replace("192.0.2.7", written);
            assert_eq!(
                Facts::parse(&text).unwrap().address,
                expected.parse().ok(),
                "{written}"
            );
        }
        case("192.0.2.7:38056", "192.0.2.7");
        case("[2001:db8::7]:38056", "2001:db8::7");
        case("2001:db8::7", "2001:db8::7");
        case("[::ffff:192.0.2.9]:38056", "192.0.2.9");
        case("192.0.2.7:", "");
        case("", "");
    }

    #[test]
    fn an_address_has_a_version() {
        #[track_caller]
        fn case(address: &str, expected: Option<u8>) {
            let text = sample().replace("192.0.2.7", address);
            assert_eq!(Facts::parse(&text).unwrap().ip_version(), expected, "{address}");
        }
        case("192.0.2.7", Some(4));
        case("2001:db8::7", Some(6));
        case("::ffff:192.0.2.7", Some(4));
        case("", None);
    }

    #[test]
    fn a_full_name_is_the_host() {
        for written in ["registry.example", "registry.example.", "registry.example.."] {
            let text = sample().replace("registry.example", written);
            assert_eq!(Facts::parse(&text).unwrap().host, "registry.example");
        }
    }

    #[test]
    fn a_colo_that_is_no_code_is_unknown() {
        let text = sample().replace("IAD", "../x");
        assert_eq!(Facts::parse(&text).unwrap().colo, "");
    }
}
