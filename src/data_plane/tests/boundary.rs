//! What crosses between JavaScript and Wasm, held against both sides.
//!
//! Each sample in `lines/` is read or written by Rust here and by JavaScript in `*.test.js`: a side that moves a line alone
//! fails. `wasm.d.ts`, which the JavaScript's types rest on, says what `calls.rs` exports and nothing else.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use blobwatch_isolate::LOSSES;
use blobwatch_pull::{Facts, ObservedAnswer, Outcome, TlsFacts};
use blobwatch_rulebook::{EdgeCache, Plan, Refusal, Watched};

const CALLS: &str = include_str!("../calls.rs");
const FACE: &str = include_str!("../wasm.d.ts");

/// A file of `lines/` without the line break at its end.
macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("lines/", $name, ".txt"))
            .strip_suffix('\n')
            .unwrap()
    };
}

#[test]
fn facts_are_read_as_javascript_writes_them() {
    let tls = TlsFacts {
        version: "TLSv1.3",
        cipher: "cipher",
        ciphers_sha1: "ciphers-sha1",
        extensions_sha1: "extensions-sha1",
        extensions_sha1_le: "extensions-sha1-le",
        hello_length: Some(508),
    };
    let expected = Facts {
        time_ms: 1_593_975_600_000,
        method: "GET",
        scheme: "https",
        host: "registry.example",
        path: "/v2/demo/hello/blobs/sha256%3A00",
        query: "ns=docker.io",
        protocol: "HTTP/2",
        address: "192.0.2.7".parse().ok(),
        ray: "ray",
        colo: "IAD",
        country: "US",
        continent: "NA",
        asn: Some(64_496),
        // Looked up, not written.
        cloud: "",
        cloud_region: "",
        tls,
        client_accept_encoding: "gzip",
        ja4: "ja4",
        ja3: "ja3",
        rtt_ms: Some(12),
        delivery_rate: Some(1_250_000),
        tcp: "4:64:0:1460:64240,7:mss,sok,ts,nop,ws:df:0",
        platform: "cf.bot_management.score\u{1f}30\u{1f}cf.bot_management.verified_bot\u{1f}false\u{1f}cf.client.bot\u{1f}false\u{1f}cf.edge.l4.delivery_rate\u{1f}1250000\u{1f}cf.timings.client_tcp_rtt_msec\u{1f}12\u{1f}ip.src.city\u{1f}Seattle\u{1f}ip.src.is_in_european_union\u{1f}1\u{1f}",
        headers: vec![
            ("accept-encoding", "br"),
            ("range", "bytes=5-"),
            ("user-agent", "docker/19.03.6-ce"),
        ],
    };
    assert_eq!(Facts::parse(sample!("facts")), Ok(expected));
}

#[test]
fn answers_are_read_as_javascript_writes_them() {
    let outcomes = [
        Outcome::Completed,
        Outcome::ClientClosed,
        Outcome::OriginFailed,
        Outcome::NotObserved,
    ];
    let expected = outcomes.map(|outcome| {
        Some(ObservedAnswer {
            status: 206,
            content_range: Some("bytes 5-9/10"),
            content_length: Some(5),
            content_type: Some("application/octet-stream"),
            location: None,
            followed_to: Some("https://cdn.example"),
            cache: Some("HIT"),
            outcome,
            time_ms: 1_593_975_600_000,
        })
    });
    let read: Vec<_> = sample!("said")
        .split("\n---\n")
        .map(ObservedAnswer::parse)
        .collect();
    assert_eq!(read, expected);
}

#[test]
fn plans_are_written_as_javascript_reads_them() {
    let origin = || "https://origin.example".to_owned();
    let refused = Watched {
        id: "01M85086S2MDP1HBJCFM000006".parse().unwrap(),
        origin: origin(),
        route: "demo".to_owned(),
        follow: false,
        fired: None,
        observe: false,
        cache: EdgeCache::Origin,
        refusal: Some(Refusal {
            status: 429,
            proxy_status: "blobwatch;error=http_request_denied".to_owned(),
            retry_after_s: Some(60),
            body: "first line\nsecond line".to_owned(),
        }),
    };
    let going = Watched {
        follow: true,
        fired: Some("sweep;v=1".to_owned()),
        observe: true,
        cache: EdgeCache::Immutable,
        refusal: None,
        ..refused.clone()
    };
    let passing = Plan::Pass {
        origin: origin(),
        route: "demo".to_owned(),
    };
    assert_eq!(passing.to_string(), sample!("plan_pass"));
    assert_eq!(Plan::Watch(going).to_string(), sample!("plan_go"));
    assert_eq!(Plan::Watch(refused).to_string(), sample!("plan_refuse"));
}

#[test]
fn the_face_has_the_losses_that_are_known() {
    let losses = between(FACE, "export type Loss =", ";");
    let names: Vec<_> = losses
        .split('|')
        .map(|name| name.trim().trim_matches('"'))
        .collect();
    assert_eq!(names[1..], LOSSES, "before the first name stands nothing");
}

#[test]
fn the_face_has_the_calls_that_are_exported() {
    let face = between(FACE, "export interface Calls {", "\n}");
    let face: Vec<_> = face
        .lines()
        .map(str::trim)
        .filter(|line| is_member(line))
        .collect();
    let constants = exported("enum").map(constants);
    let calls = exported("fn").map(method);
    assert_eq!(face, constants.chain(calls).collect::<Vec<_>>());
}

/// What follows the kind of each exported item in `calls.rs`: its name comes first.
fn exported(kind: &str) -> impl Iterator<Item = &'static str> {
    CALLS
        .split("#[wasm_bindgen]\npub ")
        .filter_map(move |text| text.strip_prefix(kind)?.strip_prefix(' '))
}

fn is_member(line: &str) -> bool {
    !line.is_empty() && !line.starts_with("/**")
}

/// An exported enum: which numbers they are is the module's to say.
fn constants(text: &str) -> String {
    let (name, variants) = text.split_once(" {").unwrap();
    let (variants, _) = variants.split_once("\n}").unwrap();
    let members: Vec<_> = variants
        .lines()
        .filter_map(|line| line.trim().split_once(" = "))
        .map(|(name, _)| format!("readonly {name}: number"))
        .collect();
    format!("readonly {name}: {{ {} }};", members.join("; "))
}

/// What TypeScript calls an exported function; `text` begins with its name.
fn method(text: &str) -> String {
    let (name, text) = text.split_once('(').unwrap();
    let (parameters, text) = text.split_once(')').unwrap();
    let result = text.split_once('{').unwrap().0.trim();
    let parameters: Vec<_> = parameters
        .split(',')
        .map(str::trim)
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once(": ").unwrap())
        .map(|(name, rust)| format!("{name}: {}", typescript(rust)))
        .collect();
    let result = result.strip_prefix("-> ").map_or("void", typescript);
    format!("{name}({}): {result};", parameters.join(", "))
}

/// As wasm-bindgen writes it; an error is thrown.
fn typescript(rust: &str) -> &'static str {
    let value = rust
        .strip_prefix("Called<")
        .and_then(|rest| rest.strip_suffix('>'));
    match value.unwrap_or(rust) {
        "()" => "void",
        "bool" => "boolean",
        "u32" | "f64" => "number",
        "&str" | "String" => "string",
        "Option<String>" => "string | undefined",
        "&[u8]" => "Uint8Array",
        "Vec<u8>" => "Uint8Array<ArrayBuffer>",
        other => panic!("no TypeScript is known for {other}: add it here"),
    }
}

#[track_caller]
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("found no {start:?}"));
    rest.split_once(end)
        .unwrap_or_else(|| panic!("found no {end:?}"))
        .0
}
