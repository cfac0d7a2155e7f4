use super::{Fingerprint, PRESENCE, decimal};
use crate::facts::{Facts, TlsFacts};

/// docker 20.10 with Go's TLS, as Cloudflare tells it.
fn docker() -> Facts<'static> {
    Facts {
        scheme: "https",
        protocol: "HTTP/1.1",
        colo: "IAD",
        tls: TlsFacts {
            version: "TLSv1.3",
            cipher: "AEAD-AES128-GCM-SHA256",
            ciphers_sha1: "Xvb7e4sJ5lrm2L8wOtMbMv9u9Kg=",
            extensions_sha1: "ZCDW8yZlGkqGd5gN0Qo6bmZNzhs=",
            extensions_sha1_le: "cLXOO4QlfHJdqjNWkB4gO8hDxiQ=",
            hello_length: Some(253),
        },
        client_accept_encoding: "gzip",
        headers: vec![("accept-encoding", "gzip, br"), ("user-agent", "docker/20.10.24")],
        ..Facts::default()
    }
}

fn plain(headers: &[(&'static str, &'static str)]) -> Facts<'static> {
    Facts {
        scheme: "http",
        protocol: "HTTP/1.1",
        headers: headers.to_vec(),
        ..Facts::default()
    }
}

fn of(facts: &Facts<'_>) -> String {
    Fingerprint::of(facts).to_string()
}

/// Rules name fingerprints, and stored records hold them. Each part is, for instance,
/// `printf 'protocol=HTTP/1.1\nheaders=0000000001\nencoding=\n' | sha256sum | cut -c -12`.
#[test]
fn fingerprints_are_pinned() {
    assert_eq!(of(&docker()), "bw1-62037207d4f5-9abde5f07cf1");
    assert_eq!(
        of(&plain(&[("user-agent", "docker/20.10.24")])),
        "bw1-000000000000-9abde5f07cf1"
    );
    let containerd = plain(&[
        ("accept", "*/*"),
        ("accept-encoding", "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5"),
        ("user-agent", "containerd/v2.1.4"),
    ]);
    assert_eq!(of(&containerd), "bw1-000000000000-7c58782589e2");
    assert_eq!(of(&Facts::default()), "bw1-000000000000-12c909d0966f");
}

#[test]
fn a_resume_has_the_fingerprint_of_its_pull() {
    let mut resume = docker();
    resume.client_accept_encoding = "";
    resume.headers.push(("range", "bytes=2000000-"));
    assert_eq!(of(&resume), of(&docker()));
    // The same on a runtime that tells nothing beside the headers.
    let first = plain(&[("user-agent", "docker/20.10.24"), ("accept-encoding", "gzip")]);
    let resume = plain(&[("user-agent", "docker/20.10.24"), ("range", "bytes=2000000-")]);
    assert_eq!(of(&first), of(&resume));
}

/// As Debian 12's clients sent them to a registry on loopback that cut the first answer short.
#[test]
fn a_real_clients_resume_has_the_fingerprint_of_its_first_request() {
    #[track_caller]
    fn case(first: &[(&'static str, &'static str)], resume: &[(&'static str, &'static str)]) {
        assert_eq!(of(&plain(first)), of(&plain(resume)));
    }
    let accept = ("accept", "application/vnd.oci.image.layer.v1.tar, */*");
    let agent = ("user-agent", "containerd/1.6.20~ds1");
    case(
        &[agent, accept, ("accept-encoding", "gzip")],
        &[agent, accept, ("range", "bytes=100000-")],
    );
    let agent = ("user-agent", "Wget/1.21.3");
    let fixed = [agent, ("accept", "*/*"), ("accept-encoding", "identity")];
    case(
        &fixed,
        &[
            &[("range", "bytes=100000-")],
            &fixed[..],
            &[("connection", "Keep-Alive")],
        ]
        .concat(),
    );
    let agent = ("user-agent", "curl/7.88.1");
    case(
        &[agent, ("accept", "*/*")],
        &[("range", "bytes=100-"), agent, ("accept", "*/*")],
    );
    let agent = ("user-agent", "aria2/1.36.0");
    let digest = ("want-digest", "SHA-512;q=1, SHA-256;q=1, SHA;q=0.1");
    case(
        &[agent, ("accept", "*/*,application/metalink4+xml"), digest],
        &[agent, ("accept", "*/*"), ("range", "bytes=100000-299999"), digest],
    );
}

#[test]
fn skopeo_and_podman_are_told_from_other_go_programs() {
    let agent = ("user-agent", "skopeo/1.9.3");
    let library = ("docker-distribution-api-version", "registry/2.0");
    assert_ne!(of(&plain(&[agent, library])), of(&plain(&[agent])));
}

#[test]
fn what_the_client_sent_is_kept_as_it_is() {
    assert_eq!(super::accept_encoding(&docker()), "gzip");
    assert_eq!(super::accept_encoding(&plain(&[("accept-encoding", "br")])), "br");
    let told = Facts {
        client_accept_encoding: "",
        ..docker()
    };
    assert_eq!(super::accept_encoding(&told), "");
}

#[test]
fn what_comes_and_goes_does_not_count() {
    for name in [
        "authorization",
        "range",
        "if-range",
        "if-none-match",
        "if-match",
        "if-modified-since",
        "if-unmodified-since",
        "referer",
        "cookie",
        "cache-control",
        "pragma",
        "want-digest",
        "upgrade-insecure-requests",
        "host",
        "connection",
        "content-length",
        "traceparent",
        "cf-ray",
        "cf-connecting-ip",
        "cf-ipcountry",
        "cf-visitor",
        "cdn-loop",
        "via",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-real-ip",
        "true-client-ip",
    ] {
        let mut facts = docker();
        facts.headers.push((name, "x"));
        assert_eq!(of(&facts), of(&docker()), "{name}");
    }
}

#[test]
fn values_of_headers_do_not_count() {
    let mut facts = docker();
    facts.headers = vec![("user-agent", "docker/29.0.0"), ("accept-encoding", "br")];
    assert_eq!(of(&facts), of(&docker()));
}

#[test]
fn every_fact_of_a_build_counts() {
    let mut all = vec![of(&docker())];
    let mut add = |change: &dyn Fn(&mut Facts<'static>)| {
        let mut facts = docker();
        change(&mut facts);
        all.push(of(&facts));
    };
    add(&|f| f.tls.version = "TLSv1.2");
    add(&|f| f.tls.cipher = "other");
    add(&|f| f.tls.ciphers_sha1 = "other");
    add(&|f| f.tls.extensions_sha1_le = "other");
    add(&|f| f.tls.hello_length = Some(254));
    add(&|f| f.tls.hello_length = None);
    add(&|f| f.protocol = "HTTP/2");
    add(&|f| f.client_accept_encoding = "identity");
    add(&|f| f.headers.clear());
    for name in PRESENCE.iter().filter(|name| **name != "user-agent") {
        add(&|f| f.headers.push((name, "x")));
    }
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn parts_change_apart() {
    let mut other = docker();
    other.protocol = "HTTP/2";
    assert_eq!(of(&other)[..17], of(&docker())[..17]);
    assert_ne!(of(&other)[17..], of(&docker())[17..]);
}

#[test]
fn numbers_are_decimal() {
    #[track_caller]
    fn case(number: Option<u32>, expected: &str) {
        assert_eq!(decimal(number, &mut [0; 10]), expected.as_bytes());
    }
    case(None, "");
    case(Some(0), "0");
    case(Some(508), "508");
    case(Some(u32::MAX), "4294967295");
}
