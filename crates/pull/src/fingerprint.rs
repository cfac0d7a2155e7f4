//! `bw1-<tls>-<http>`: a fingerprint that is the same for all requests of one client build.
//!
//! In scope: what goes into it (docs/fingerprints.md, which is the operator's page) and its form. Not in scope: JA4,
//! which stands beside it unchanged where the platform gives it, and who a User-Agent says it is (`user_agent`).
//!
//! Left out because they come and go within one pull, or with a reload: Authorization, Range, If-*, Referer, Cookie,
//! Cache-Control, Pragma, Upgrade-Insecure-Requests, Want-Digest. Left out because others write them: cf-*, cdn-loop, via, x-forwarded-*, x-real-ip, true-client-ip, and the hop-by-hop fields.
//!
//! Each part is 12 hex digits of SHA-256 over lines `name=value`, each ended by a line feed, which no fact can hold.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::facts::Facts;

/// Headers of which only the presence counts, in this order. A client build sends each of them always or never on
/// blob requests. Adding one makes other fingerprints: it needs `bw2`.
pub const PRESENCE: [&str; 10] = [
    "accept",
    "accept-charset",
    "accept-language",
    "content-type",
    "docker-distribution-api-version",
    "priority",
    "sec-ch-ua",
    "sec-fetch-mode",
    "te",
    "user-agent",
];

/// Bytes of an Accept-Encoding that count: real ones are below 60.
pub(crate) const MAX_ACCEPT_ENCODING: usize = 128;

/// The TLS part of a request that came without TLS.
pub const NO_TLS: &str = "000000000000";

const LENGTH: usize = "bw1-000000000000-000000000000".len();

/// The text of a fingerprint, 29 bytes, without an allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; LENGTH]);

impl Fingerprint {
    #[must_use]
    pub fn of(facts: &Facts<'_>) -> Self {
        let tls = tls_part(facts);
        let http = http_part(facts);
        let text = b"bw1-".iter().chain(&tls).chain(b"-").chain(&http);
        let mut bytes = [0; LENGTH];
        for (slot, byte) in bytes.iter_mut().zip(text) {
            *slot = *byte;
        }
        Self(bytes)
    }

    /// Appends all that goes into a fingerprint: equal inputs make equal fingerprints, and others do not read alike.
    pub fn put_inputs(facts: &Facts<'_>, out: &mut String) {
        let tls = &facts.tls;
        let texts = [
            facts.protocol,
            tls.version,
            tls.cipher,
            tls.ciphers_sha1,
            tls.extensions_sha1_le,
            stable_encoding(facts),
        ];
        for text in texts {
            out.push_str(text);
            out.push('\n');
        }
        out.extend(presence(facts).map(char::from));
        let mut digits = [0; 10];
        let hello_length = decimal(tls.hello_length, &mut digits);
        out.extend(hello_length.iter().copied().map(char::from));
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        // Hex digits and hyphens: always UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The part between the hyphens: [`NO_TLS`] without TLS.
    #[must_use]
    pub fn tls(&self) -> &str {
        self.as_str().split('-').nth(1).unwrap_or_default()
    }

    /// The part after the last hyphen.
    #[must_use]
    pub fn http(&self) -> &str {
        self.as_str().split('-').nth(2).unwrap_or_default()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

type Part = [u8; 12];

fn tls_part(facts: &Facts<'_>) -> Part {
    let tls = &facts.tls;
    let mut none = [0; 12];
    none.copy_from_slice(NO_TLS.as_bytes());
    if tls.version.is_empty() && tls.cipher.is_empty() && tls.ciphers_sha1.is_empty() {
        return none;
    }
    let mut digits = [0; 10];
    let hello_length = decimal(tls.hello_length, &mut digits);
    digest(&[
        ("version", tls.version.as_bytes()),
        ("cipher", tls.cipher.as_bytes()),
        ("ciphers", tls.ciphers_sha1.as_bytes()),
        ("extensions", tls.extensions_sha1_le.as_bytes()),
        ("hello", hello_length),
    ])
}

fn http_part(facts: &Facts<'_>) -> Part {
    digest(&[
        ("protocol", facts.protocol.as_bytes()),
        ("headers", &presence(facts)),
        ("encoding", stable_encoding(facts).as_bytes()),
    ])
}

fn presence(facts: &Facts<'_>) -> [u8; PRESENCE.len()] {
    PRESENCE.map(|name| if facts.header(name).is_some() { b'1' } else { b'0' })
}

/// What the client sent as Accept-Encoding. Cloudflare writes its own into the header and keeps the client's beside
/// it, empty where there was none; a colo shows that this is Cloudflare.
pub(crate) fn accept_encoding<'a>(facts: &Facts<'a>) -> &'a str {
    let is_told = !facts.colo.is_empty() || !facts.client_accept_encoding.is_empty();
    let sent = if is_told {
        facts.client_accept_encoding
    } else {
        facts.header("accept-encoding").unwrap_or("")
    };
    sent.get(..sent.floor_char_boundary(MAX_ACCEPT_ENCODING))
        .unwrap_or("")
}

/// `gzip` alone counts as none: Go's net/http adds it by itself, but only to requests without Range, so that the
/// first request of a pull and its resume would be two clients.
fn stable_encoding<'a>(facts: &Facts<'a>) -> &'a str {
    match accept_encoding(facts) {
        "gzip" => "",
        sent => sent,
    }
}

fn digest(lines: &[(&str, &[u8])]) -> Part {
    let mut hash = Sha256::new();
    for (name, value) in lines {
        hash.update(name);
        hash.update(b"=");
        hash.update(value);
        hash.update(b"\n");
    }
    let hash: [u8; 32] = hash.finalize().into();
    let mut part = [0; 12];
    for (pair, byte) in part.chunks_exact_mut(2).zip(hash) {
        if let [high, low] = pair {
            (*high, *low) = (hex(byte >> 4), hex(byte & 15));
        }
    }
    part
}

fn hex(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' - 10 + nibble,
    }
}

/// A number's digits at the end of a buffer; nothing for none.
fn decimal(number: Option<u32>, buffer: &mut [u8; 10]) -> &[u8] {
    let Some(mut rest) = number else { return &[] };
    let mut start = buffer.len();
    for (at, slot) in buffer.iter_mut().enumerate().rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
        start = at;
        if rest == 0 {
            break;
        }
    }
    buffer.get(start..).unwrap_or(&[])
}

#[cfg(test)]
mod tests;
