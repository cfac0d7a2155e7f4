//! The fields that expressions read: one table of name, type, source and example.

use std::fmt;

/// The type of a field or of a function's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    String,
    Integer,
    Boolean,
    IpAddress,
    /// `http.request.headers`: to each name the list of its values.
    Headers,
    /// Everything that the platform says by name.
    Facts,
    /// One header's values, before `[0]` or `[*]`.
    Strings,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "String",
            Self::Integer => "Integer",
            Self::Boolean => "Boolean",
            Self::IpAddress => "IP address",
            Self::Headers => "Map of Arrays of Strings",
            Self::Facts => "Map",
            Self::Strings => "Array of Strings",
        })
    }
}

macro_rules! fields {
    ($($variant:ident $name:literal $kind:ident $source:literal $example:literal)*) => {
        /// A fact that expressions can read, by its name in the language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Field {
            $(#[doc = concat!("`", $name, "`: ", $source)] $variant,)*
        }

        impl Field {
            /// Every field, in the order of docs/rules.md.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            pub(super) const COUNT: usize = Self::ALL.len();

            /// As written in expressions.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            #[must_use]
            pub const fn kind(self) -> Type {
                match self { $(Self::$variant => Type::$kind,)* }
            }

            /// Where the fact comes from.
            #[must_use]
            pub const fn source(self) -> &'static str {
                match self { $(Self::$variant => $source,)* }
            }

            /// A complete expression that reads it.
            #[must_use]
            pub const fn example(self) -> &'static str {
                match self { $(Self::$variant => $example,)* }
            }
        }
    };
}

fields! {
    Host "http.host" String "host of the URL, lower case, without port or a final dot"
        r#"http.host eq "registry.example""#
    Method "http.request.method" String "request line"
        r#"http.request.method eq "HEAD""#
    Uri "http.request.uri" String "path and query of the URL, as sent"
        r#"http.request.uri contains "?ns=""#
    Path "http.request.uri.path" String "path of the URL, percent-encoded as sent"
        r#"http.request.uri.path wildcard "/v2/library/*""#
    Query "http.request.uri.query" String "query of the URL without `?`; empty when there is none"
        r#"http.request.uri.query contains "ns=docker.io""#
    FullUri "http.request.full_uri" String "scheme, host, path and query"
        r#"http.request.full_uri wildcard "https://*.example/v2/*""#
    Version "http.request.version" String "protocol that the client spoke to the edge"
        r#"http.request.version eq "HTTP/2""#
    UserAgent "http.user_agent" String "User-Agent header; empty when not sent"
        r#"http.user_agent contains "docker/19.03""#
    Referer "http.referer" String "Referer header; empty when not sent"
        r#"http.referer contains "example""#
    Cookie "http.cookie" String "whole Cookie header; empty when not sent"
        r#"http.cookie contains "session=""#
    XForwardedFor "http.x_forwarded_for" String "X-Forwarded-For header, which a client can set to anything; empty when not sent"
        r#"http.x_forwarded_for contains "192.0.2.""#
    Headers "http.request.headers" Headers "all headers, names in lower case"
        r#"any(http.request.headers["accept-encoding"][*] contains "gzip")"#
    Ip "ip.src" IpAddress "the client's address, from the platform"
        r#"ip.src in {192.0.2.0/24 2001:db8::/32}"#
    Asn "ip.src.asnum" Integer "AS number of the client's network, from the platform"
        r#"ip.src.asnum in {16509 14618}"#
    Country "ip.src.country" String "the client's country as ISO 3166-1 alpha-2, from the platform"
        r#"ip.src.country eq "US""#
    Continent "ip.src.continent" String "the client's continent, from the platform"
        r#"ip.src.continent in {"EU" "NA"}"#
    Cloud "ip.src.cloud" String "the cloud that the client's address belongs to, from the [table of cloud prefixes](self-hosting.md#clouds)"
        r#"ip.src.cloud in {"aws" "azure"}"#
    CloudRegion "ip.src.cloud_region" String "the cloud's region of the client's address, from the same table"
        r#"ip.src.cloud_region eq "us-east-1""#
    Ssl "ssl" Boolean "whether the client came over TLS, from the platform"
        "not ssl"
    Colo "cf.colo.name" String "data centre that answers, from the platform"
        r#"cf.colo.name eq "IAD""#
    Ray "cf.ray_id" String "Cloudflare's id of the request"
        r#"starts_with(cf.ray_id, "5ae")"#
    TlsVersion "cf.tls_version" String "TLS handshake, from the platform"
        r#"cf.tls_version eq "TLSv1.2""#
    TlsCipher "cf.tls_cipher" String "TLS handshake, from the platform"
        r#"cf.tls_cipher eq "AEAD-AES128-GCM-SHA256""#
    TlsHelloLength "cf.tls_client_hello_length" Integer "bytes of the ClientHello"
        "cf.tls_client_hello_length eq 508"
    TlsCiphersSha1 "cf.tls_client_ciphers_sha1" String "base64 SHA-1 of the ciphers offered, in the order sent"
        r#"cf.tls_client_ciphers_sha1 eq "6GZ+Hz3TSNzVDzNnZmmnJ8cXvLQ=""#
    TlsExtensionsSha1 "cf.tls_client_extensions_sha1" String "base64 SHA-1 of the extensions, in the order sent"
        r#"cf.tls_client_extensions_sha1 eq "bnWMTsgtUsGYxlb2mmbzBoj2pbA=""#
    TlsExtensionsSha1Le "cf.tls_client_extensions_sha1_le" String "the same with little-endian numbers"
        r#"cf.tls_client_extensions_sha1_le eq "Y7DIC8A6G0/aXviZ8ie/xDbJb7g=""#
    Ja4 "cf.bot_management.ja4" String "JA4, where the zone has Bot Management"
        r#"starts_with(cf.bot_management.ja4, "t13d1516h2")"#
    Ja3 "cf.bot_management.ja3_hash" String "JA3, where the zone has Bot Management"
        r#"cf.bot_management.ja3_hash eq "e7d705a3286e19ea42f587b344ee6865""#
    Platform "cf.*" Facts "what the platform says beside the fields of this table ([names](#names-that-only-the-platform-can-fill))"
        "cf.bot_management.verified_bot"
    TimestampSec "http.request.timestamp.sec" Integer "when the request came, in seconds since 1970"
        "http.request.timestamp.sec ge 1593975600"
    Route "oci.route" String "name of the route that the request took"
        r#"oci.route eq "public""#
    Repository "oci.repository" String "name of the repository, from the path"
        r#"oci.repository wildcard "library/*""#
    Digest "oci.digest" String "digest of the blob, from the path"
        r#"oci.digest contains "sha256:4abcf2066143""#
    DigestAlgorithm "oci.digest.algorithm" String "part of the digest before the colon"
        r#"oci.digest.algorithm ne "sha256""#
    OddPath "oci.odd_path" Boolean "whether the path as sent is [another spelling](request-handling.md#the-normal-form-of-a-path) of the blob's"
        "oci.odd_path"
    RangePresent "range.present" Boolean "whether the request has a Range header"
        "range.present"
    RangeKind "range.kind" String "what the range means ([kinds](fingerprints.md))"
        r#"range.kind in {"resume" "repeat"}"#
    RangeStart "range.start" Integer "first byte requested; missing for a suffix"
        "range.start ge 1048576"
    RangeEnd "range.end" Integer "last byte requested; missing for an open end"
        "range.end le 1023"
    RangeCount "range.count" Integer "number of ranges in the header"
        "range.count gt 1"
    ClientFamily "client.family" String "program that the User-Agent names"
        r#"client.family eq "containerd""#
    ClientVersion "client.version" String "version in the User-Agent"
        r#"starts_with(client.version, "19.03.")"#
    ClientOs "client.os" String "operating system in the User-Agent; the kernel's vendor if Docker sends it"
        r#"client.os eq "amzn2""#
    ClientArch "client.arch" String "architecture in the User-Agent"
        r#"client.arch eq "arm64""#
    ClientKernel "client.kernel" String "kernel in Docker's User-Agent"
        r#"client.kernel contains "amzn2""#
    ClientTcp "client.tcp" String "signature of the client's TCP handshake, where [a front proxy](self-hosting.md#what-is-known-of-a-client) tells it"
        r#"client.tcp wildcard "4:255:*""#
    ClientKey "client.key" String "16 hex digits that identify the client in this deployment"
        r#"client.key eq "00c0ffee00c0ffee""#
    ClientNetwork "client.network" String "16 hex digits that identify the client's /24 or /48"
        r#"client.network eq "0011223344556677""#
    Fingerprint "fingerprint.id" String "`bw1-<tls>-<http>` ([fingerprints](fingerprints.md))"
        r#"fingerprint.id eq "bw1-8f1c0a5e92d7-9abde5f07cf1""#
    FingerprintTls "fingerprint.tls" String "TLS part of the fingerprint"
        r#"fingerprint.tls eq "8f1c0a5e92d7""#
    FingerprintHttp "fingerprint.http" String "HTTP part of the fingerprint"
        r#"fingerprint.http eq "9abde5f07cf1""#
}

/// Other names of Cloudflare's, most of them deprecated, for facts that are a field here.
/// <https://developers.cloudflare.com/ruleset-engine/rules-language/fields/reference/>
pub(super) const OTHER_NAMES: &[(&str, Field)] = &[
    ("ip.geoip.asnum", Field::Asn),
    ("ip.geoip.continent", Field::Continent),
    ("ip.geoip.country", Field::Country),
    ("ip.addr", Field::Ip),
    ("cf.tls_ciphers_sha1", Field::TlsCiphersSha1),
];

/// The name without Cloudflare's mark of what was there before URL normalisation, which Blobwatch does not do.
pub(super) fn without_raw(name: &str) -> &str {
    match name.strip_prefix("raw.") {
        Some(rest) if rest.starts_with("http.request.") => rest,
        _ => name,
    }
}

impl Field {
    /// The field of this name, or of another name of Cloudflare's for it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = without_raw(name);
        let own = Self::ALL.iter().copied().find(|field| field.name() == name);
        own.or_else(|| {
            let other = OTHER_NAMES.iter().find(|(other, _)| *other == name);
            other.map(|(_, field)| *field)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_reads_its_own_field_and_nothing_else() {
        for field in Field::ALL {
            let rule = crate::parse(field.example()).unwrap().check().unwrap();
            assert_eq!(rule.fields(), [*field], "{}", field.name());
        }
    }

    #[test]
    fn names_are_unique_and_found_again() {
        for field in Field::ALL {
            assert_eq!(Field::named(field.name()), Some(*field));
        }
        for (name, field) in OTHER_NAMES {
            assert_eq!(Field::named(name), Some(*field), "{name}");
        }
    }
}
