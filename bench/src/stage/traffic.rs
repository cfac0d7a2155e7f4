//! Requests as registry clients send them from all over the world, made up before anything is measured.
//!
//! Which clients there are, and what they send, is from their sources; how many of each is a guess that no figure hangs on.

use super::origin::LARGE;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64_URL};
use fastrand::Rng;
use serde_json::json;

/// Different requests of one load.
const REQUESTS: usize = 4096;
/// Clients that send them; few enough that each comes back.
const CLIENTS: usize = 600;
const REPOSITORIES: usize = 60;
const DIGESTS: usize = 400;
/// Bytes of an RS256 signature; with it a token has some 850 characters.
const SIGNATURE: usize = 256;

pub(crate) struct Software {
    pub(crate) weight: usize,
    pub(crate) user_agent: &'static str,
    pub(crate) accept_encoding: &'static str,
    pub(crate) tls: &'static str,
    pub(crate) hello: u32,
}

/// Docker's has the length that it has on Amazon Linux: about 150 bytes.
pub(crate) static SOFTWARE: [Software; 8] = [
    Software {
        weight: 30,
        user_agent: "docker/24.0.7 go/go1.20.10 git-commit/311b9ff kernel/5.10.199-190.747.amzn2.x86_64 os/linux arch/amd64 UpstreamClient(Docker-Client/24.0.7 \\(linux\\))",
        accept_encoding: "identity",
        tls: "TLSv1.3",
        hello: 508,
    },
    Software {
        weight: 12,
        user_agent: "docker/19.03.6-ce go/go1.13.4 git-commit/369ce74 kernel/4.14.173-137.229.amzn2.x86_64 os/linux arch/amd64 UpstreamClient(Docker-Client/19.03.6-ce \\(linux\\))",
        accept_encoding: "identity",
        tls: "TLSv1.2",
        hello: 211,
    },
    Software {
        weight: 35,
        user_agent: "containerd/1.7.11",
        accept_encoding: "gzip",
        tls: "TLSv1.3",
        hello: 264,
    },
    Software {
        weight: 8,
        user_agent: "buildkit/v0.12",
        accept_encoding: "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5",
        tls: "TLSv1.3",
        hello: 264,
    },
    Software {
        weight: 6,
        user_agent: "libpod/4.9.4",
        accept_encoding: "identity",
        tls: "TLSv1.3",
        hello: 260,
    },
    Software {
        weight: 4,
        user_agent: "crane/v0.19.0 go-containerregistry/v0.19.0",
        accept_encoding: "gzip",
        tls: "TLSv1.3",
        hello: 268,
    },
    Software {
        weight: 3,
        user_agent: "Go-http-client/2.0",
        accept_encoding: "identity",
        tls: "TLSv1.3",
        hello: 262,
    },
    Software {
        weight: 2,
        user_agent: "curl/8.5.0",
        accept_encoding: "",
        tls: "TLSv1.3",
        hello: 517,
    },
];

/// Networks and where they are: number, country, continent, colo.
pub(crate) const NETWORKS: [(u32, &str, &str, &str); 8] = [
    (16509, "US", "NA", "IAD"),
    (14618, "US", "NA", "IAD"),
    (15169, "US", "NA", "IAD"),
    (8075, "NL", "EU", "IAD"),
    (24940, "DE", "EU", "IAD"),
    (28573, "BR", "SA", "IAD"),
    (45102, "CN", "AS", "IAD"),
    (64500, "NZ", "OC", "IAD"),
];

/// Requests that repeat in a fixed order.
pub(crate) struct Traffic {
    requests: Vec<Vec<u8>>,
    gigabyte: Vec<u8>,
}

impl Traffic {
    /// Whole blobs, as most pulls are.
    pub(crate) fn whole() -> Self {
        Self::new(|_| String::new())
    }

    /// One request in eight asks for a part: resumes, probes, tiles, and `bytes=0-`.
    pub(crate) fn ranged() -> Self {
        Self::new(|rng| match rng.u32(..64) {
            0..4 => format!("Range: bytes={}-\r\n", rng.u32(1..1000)),
            4..6 => "Range: bytes=0-\r\n".to_owned(),
            6 => "Range: bytes=0-1\r\n".to_owned(),
            7 => "Range: bytes=256-511\r\n".to_owned(),
            _ => String::new(),
        })
    }

    fn new(range: impl Fn(&mut Rng) -> String) -> Self {
        // Fixed: every run sends the same requests.
        let mut rng = Rng::with_seed(202_007);
        let clients = (0..CLIENTS)
            .map(|number| client(&mut rng, number))
            .collect::<Vec<_>>();
        let mut requests = Vec::new();
        for _ in 0..REQUESTS {
            let (repository, digest) = (popular(&mut rng, REPOSITORIES), popular(&mut rng, DIGESTS));
            let path = format!("/v2/library/image-{repository}/blobs/sha256:{digest:064x}");
            let client = rng.choice(&clients).map_or("", String::as_str);
            requests.push(format!("GET {path} HTTP/1.1\r\n{client}{}\r\n", range(&mut rng)).into_bytes());
        }
        let gigabyte = format!(
            "GET {LARGE}blobs/sha256:{:064x} HTTP/1.1\r\n{}\r\n",
            1,
            client(&mut rng, 0)
        );
        Self {
            requests,
            gigabyte: gigabyte.into_bytes(),
        }
    }

    pub(crate) fn request(&self, index: usize) -> &[u8] {
        self.requests
            .get(index % self.requests.len())
            .map_or(&[], Vec::as_slice)
    }

    /// A GET of the large blob.
    pub(crate) fn gigabyte(&self) -> &[u8] {
        &self.gigabyte
    }
}

/// What one client sends with every request.
fn client(rng: &mut Rng, number: usize) -> String {
    let weights = SOFTWARE
        .iter()
        .flat_map(|software| std::iter::repeat_n(software, software.weight));
    let Some(software) = rng.choice(weights.collect::<Vec<_>>()) else {
        return String::new();
    };
    let Some((asn, country, continent, colo)) = rng.choice(NETWORKS) else {
        return String::new();
    };
    // One program has one TLS library: its hashes are as long as they are, and the same for all its clients.
    let sha1 = |of: &str| BASE64.encode(format!("{of}{:>19}", software.hello * 7919));
    let place = json!({
        "clientIp": format!("198.18.{}.{}", number / 256, number % 256), "asn": asn, "country": country,
        "continent": continent, "colo": colo, "city": "Ashburn", "timezone": "America/New_York",
        "httpProtocol": "HTTP/1.1", "ray": format!("{:016x}", rng.u64(..)), "clientTcpRtt": 12,
        "tlsVersion": software.tls, "tlsCipher": "AEAD-AES128-GCM-SHA256",
        "tlsClientHelloLength": software.hello.to_string(),
        "tlsClientCiphersSha1": sha1("c"),
        "tlsClientExtensionsSha1": sha1("e"),
        "tlsClientExtensionsSha1Le": sha1("l"),
    });
    let token = token(rng, number);
    let encoding = match software.accept_encoding {
        "" => String::new(),
        encoding => format!("Accept-Encoding: {encoding}\r\n"),
    };
    format!(
        "Host: registry.example\r\nUser-Agent: {}\r\nAuthorization: Bearer {token}\r\n{encoding}CF-Blob: {place}\r\n",
        software.user_agent
    )
}

/// A signed token as a registry's issuer makes it: who, for what, until when.
fn token(rng: &mut Rng, number: usize) -> String {
    let claims = json!({
        "iss": "auth.registry.example", "aud": "registry.example", "sub": format!("user-{number:06}"),
        "exp": 1_594_048_500, "nbf": 1_594_047_600, "iat": 1_594_047_600, "jti": format!("{:016x}", rng.u64(..)),
        "access": [{ "type": "repository", "name": "library/image-7", "actions": ["pull"] }],
    });
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "2ZJ3:LSKA:7HGT:PLQW:2KAB:T4DS:7XNV:RRTO:4B2Z:ZNB6:RBQ5:4T6F" });
    let signature = std::iter::repeat_with(|| rng.u8(..))
        .take(SIGNATURE)
        .collect::<Vec<_>>();
    let parts = [
        header.to_string().into_bytes(),
        claims.to_string().into_bytes(),
        signature,
    ];
    parts.map(|part| BASE64_URL.encode(part)).join(".")
}

/// A number below `count`; small ones come far more often, as images do.
fn popular(rng: &mut Rng, count: usize) -> usize {
    let skewed = rng.usize(1..=count) * rng.usize(1..=count);
    skewed / (count + 1)
}

#[cfg(test)]
mod tests {
    use super::Traffic;

    #[test]
    fn a_request_is_complete_and_repeats() {
        let (traffic, again) = (Traffic::ranged(), Traffic::ranged());
        for index in 0..100 {
            let request = std::str::from_utf8(traffic.request(index)).unwrap();
            assert!(request.starts_with("GET /v2/library/image-"), "{request}");
            assert!(request.ends_with("\r\n\r\n"), "{request}");
            assert_eq!(traffic.request(index), again.request(index + super::REQUESTS));
        }
    }
}
