use super::{EdgeCache, FORM, KeepAddresses, Program};
use crate::{Compiled, STARTER};
use blobwatch_pull::Mode;
use blobwatch_rules::{Field, Scratch, Value, Values};
use blobwatch_wire::DecodeError;

fn program(document: &str) -> Program {
    Compiled::from_json(document).unwrap().into()
}

/// With something of everything but regular expressions, whose bytes are those of a library.
const DOCUMENT: &str = r#"{"schema": 1, "revision": 300,
    "routes": [
        {"name": "default", "detour": "https://bucket.example", "disclose": "always"},
        {"name": "library", "host": "a.example", "repository": "library/**", "origin": "https://o.example",
         "redirects": "follow", "observe": 0.5, "disclose": "never"},
        {"name": "all-of-b", "host": "b.example"}],
    "rules": [
        {"id": "sig", "version": 3, "expression": "cf.tls_client_hello_length eq 508", "action": "block",
         "volume": {"by": "asn", "requests": 10, "seconds": 60}},
        {"id": "tag", "version": 1, "expression": "ssl", "action": "tag", "default_mode": "off"}],
    "modes": [{"rule": "sig", "route": "library", "mode": "enforce", "percent": 1, "expires_ms": 1593975600000}],
    "settings": {"fire_logs": {"FRA": 4}, "retry_after_s": 7}}"#;

#[test]
fn what_a_request_needs_comes_back() {
    let written = program(DOCUMENT);
    let read = Program::decode(&written.encode()).unwrap();
    assert_eq!(read.policy, written.policy);
    assert_eq!(read.routes, written.routes);
    assert_eq!((read.revision(), read.retry_after_s), (300, 7));
    assert_eq!(read.fire_logs, written.fire_logs);
    for (host, repository, route) in [
        ("a.example", Some("library/alpine"), 1),
        ("a.example", Some("other"), 0),
        ("b.example", None, 2),
        ("c.example", Some("library/alpine"), 0),
    ] {
        assert_eq!(read.table.best(host, repository), route, "{host}");
    }
    let (before, after) = (1_593_975_599_999, 1_593_975_600_000);
    assert_eq!(read.policy.mode(1, 0, before).mode, Mode::Enforce);
    assert_eq!(read.policy.mode(1, 0, after).mode, Mode::Monitor);
    let mut values = Values::new();
    values.set(Field::TlsHelloLength, Value::Int(508));
    let mut scratch = Scratch::new(&read.engine);
    read.engine.run(&values, &mut scratch);
    assert_eq!(scratch.matched().collect::<Vec<_>>(), [0]);
    assert_eq!(read.encode(), written.encode());
}

#[test]
fn the_form_is_pinned() {
    let bytes = program(DOCUMENT).encode();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("pinned.hex").replace('\n', ""));
    assert_eq!(Program::decode(&bytes).unwrap().revision(), 300);
}

/// The same with paths of blobs, which older builds do not know.
fn with_blobs() -> String {
    DOCUMENT.replace(
        r#""redirects": "follow","#,
        r#""redirects": "follow", "blobs": ["oci", "/layers/{hex}"],"#,
    )
}

#[test]
fn the_form_with_paths_of_blobs_is_pinned() {
    let bytes = program(&with_blobs()).encode();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("pinned_blobs.hex").replace('\n', ""));
    let read = Program::decode(&bytes).unwrap();
    assert_eq!(read.routes, program(&with_blobs()).routes);
    let finds = |route, path: &str| read.table.shapes(route).unwrap().find(path, path).is_some();
    let layer = format!("/layers/{}", "0f".repeat(32));
    assert_eq!((finds(0, &layer), finds(1, &layer)), (false, true));
}

/// An isolate of an older build goes on with a rulebook that does not need the newer form.
#[test]
fn the_form_is_the_lowest_that_can_say_it() {
    assert_eq!(program(DOCUMENT).encode()[3], 2);
    assert_eq!(program(&with_blobs()).encode()[3], 3);
    assert_eq!(program(&with_lists()).encode()[3], 4);
    assert_eq!(program(&with_cache()).encode()[3], 6);
}

/// The same with a list that a rule names, and one that none does.
fn with_lists() -> String {
    let expression = "cf.tls_client_hello_length eq 508 and (ip.src in $office or http.host in $mirrors)";
    let lists = r#""lists": [
        {"name": "office", "version": 1, "kind": "network", "items": ["192.0.2.0/24", "2001:db8::/32"]},
        {"name": "mirrors", "version": 1, "kind": "host_name", "items": ["*.mirror.example", "a.example"]},
        {"name": "unused", "version": 1, "kind": "string", "items": ["a"]}], "modes""#;
    let with = DOCUMENT.replace("cf.tls_client_hello_length eq 508", expression);
    with.replace(r#""modes""#, lists)
}

#[test]
fn the_form_with_lists_is_pinned() {
    let bytes = program(&with_lists()).encode();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("pinned_lists.hex").replace('\n', ""));
    let read = Program::decode(&bytes).unwrap();
    assert_eq!(read.encode(), bytes);
    let mut scratch = Scratch::new(&read.engine);
    for (host, ip, expected) in [
        ("b.mirror.example", "203.0.113.1", true),
        ("b.example", "192.0.2.9", true),
        ("b.example", "203.0.113.1", false),
    ] {
        let mut values = Values::new();
        values.set(Field::TlsHelloLength, Value::Int(508));
        values.set(Field::Host, host.into());
        values.set(Field::Ip, Value::Ip(ip.parse().unwrap()));
        read.engine.run(&values, &mut scratch);
        assert_eq!(scratch.is_matched(0), expected, "{host} {ip}");
    }
}

/// Of a build without `oci.odd_path`, whose small rulebooks had no guards: fields travel by name, and what guards a rule is in
/// the form.
#[test]
fn a_rulebook_of_an_older_build_is_read() {
    let hex = include_str!("pinned_before.hex").replace('\n', "");
    let digits = hex.as_bytes().chunks(2);
    let bytes: Vec<u8> = digits
        .map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 16).unwrap())
        .collect();
    let read = Program::decode(&bytes).unwrap();
    let mut scratch = Scratch::new(&read.engine);
    let mut case = |hello_length, ssl, expected: &[usize]| {
        let mut values = Values::new();
        values.set(Field::TlsHelloLength, Value::Int(hello_length));
        values.set(Field::Ssl, Value::Bool(ssl));
        read.engine.run(&values, &mut scratch);
        assert_eq!(scratch.matched().collect::<Vec<_>>(), expected);
    };
    case(508, true, &[0, 1]);
    case(508, false, &[0]);
    case(509, true, &[1]);
    case(509, false, &[]);
}

/// It differs in what a regular expression says beside its automaton, of which there is none here.
#[test]
fn the_first_form_is_still_read() {
    let mut bytes = program(DOCUMENT).encode();
    bytes[3] = 1;
    assert_eq!(Program::decode(&bytes).unwrap().revision(), 300);
}

/// The same with what a cache does with the blobs of a route.
fn with_cache() -> String {
    let with = DOCUMENT.replace(
        r#""redirects": "follow","#,
        r#""redirects": "follow", "cache": "immutable","#,
    );
    with.replace(r#""host": "b.example""#, r#""host": "b.example", "cache": "off""#)
}

#[test]
fn the_form_with_caches_is_pinned() {
    let bytes = program(&with_cache()).encode();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("pinned_cache.hex").replace('\n', ""));
    let read = Program::decode(&bytes).unwrap();
    assert_eq!(
        (bytes[3], read.routes.clone()),
        (FORM, program(&with_cache()).routes)
    );
    let caches: Vec<EdgeCache> = read.routes.iter().map(|route| route.cache).collect();
    assert_eq!(caches, [EdgeCache::Origin, EdgeCache::Immutable, EdgeCache::Off]);
}

/// Isolates of older builds go on with a rulebook that keeps none.
#[test]
fn a_rulebook_that_keeps_addresses_has_their_form() {
    let mut keeps = program(DOCUMENT);
    let form = keeps.encode()[3];
    for keep in [KeepAddresses::Network, KeepAddresses::Full] {
        keeps.keep_addresses = keep;
        let bytes = keeps.encode();
        assert_eq!((form < 5, bytes[3]), (true, 5));
        assert_eq!(Program::decode(&bytes).unwrap().keep_addresses, keep);
    }
    keeps.keep_addresses = KeepAddresses::None;
    let read = Program::decode(&keeps.encode()).unwrap();
    assert_eq!(
        (keeps.encode()[3], read.keep_addresses),
        (form, KeepAddresses::None)
    );
}

/// The same while the FireLogs of a colo are more than they were.
fn with_layouts() -> String {
    let layouts = r#""layouts": [{"colo": "FRA", "count": 8, "since_ms": 700, "earlier": [
        {"count": 4, "since_ms": 300, "until_ms": 900}, {"count": 2, "since_ms": 0, "until_ms": 500}]},
        {"colo": "NONE", "count": 2, "since_ms": 0}], "settings""#;
    DOCUMENT.replace(r#""settings""#, layouts).replace(
        r#"{"FRA": 4}"#,
        r#"{"FRA": {"least": 1, "most": 8}, "IAD": 3, "AMS": 1}"#,
    )
}

#[test]
fn the_form_with_layouts_is_pinned() {
    let bytes = program(&with_layouts()).encode();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("pinned_layouts.hex").replace('\n', ""));
    let read = Program::decode(&bytes).unwrap();
    let colos = ["FRA", "IAD", "AMS", "LHR", ""];
    assert_eq!(colos.map(|colo| read.fire_logs(colo)), [8, 3, 1, 1, 2]);
    let at = |now_ms| read.volume_fire_logs("FRA", now_ms).collect::<Vec<_>>();
    assert_eq!([at(499), at(500), at(900)], [vec![8, 4, 2], vec![8, 4], vec![8]]);
}

/// What has followed nothing, or has been caught up with, needs no new form.
#[test]
fn only_a_change_needs_the_form_with_layouts() {
    let changing = with_layouts();
    assert_eq!(program(&changing).encode()[3], FORM);
    let settled = changing.replace(r#""layouts""#, r#""lists": [], "layouts""#);
    let (from, until) = (
        settled.find(r#", "earlier""#).unwrap(),
        settled.find("]}").unwrap(),
    );
    let settled = format!("{}{}", &settled[..from], &settled[until + 1..]);
    assert_eq!(program(&settled).encode()[3], 2);
}

#[test]
fn the_shipped_rulebook_can_be_loaded() {
    let shipped = program(STARTER);
    let bytes = shipped.encode();
    assert_eq!(Program::decode(&bytes).unwrap().policy, shipped.policy);
}

#[test]
fn damaged_bytes_are_refused() {
    let bytes = program(DOCUMENT).encode();
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        assert!(Program::decode(&damaged).is_err(), "at {place}");
        assert!(Program::decode(&bytes[..place]).is_err(), "up to {place}");
    }
    let longer = [bytes.as_slice(), b"x"].concat();
    assert!(Program::decode(&longer).is_err());
}

#[test]
fn a_newer_form_says_so() {
    let mut bytes = program(DOCUMENT).encode();
    bytes[3] = FORM + 1;
    let newer = DecodeError::Newer {
        found: FORM + 1,
        known: FORM,
    };
    assert_eq!(Program::decode(&bytes).unwrap_err(), newer);
}

/// Without the checksum, which lets nothing of it through.
#[test]
fn whatever_the_bytes_are_they_are_read_without_a_panic() {
    let mut whole = Vec::new();
    program(&with_lists()).put(&mut whole, FORM);
    bolero::check!()
        .with_type::<Vec<(u16, u8)>>()
        .for_each(|damages| {
            let mut bytes = whole.clone();
            for (place, with) in damages {
                let place = usize::from(*place) % bytes.len();
                bytes[place] = *with;
            }
            if let Ok(program) = Program::read(&mut super::Reader::new(&bytes), FORM) {
                let _ = program.table.best("a.example", Some("library/alpine"));
                let mut scratch = Scratch::new(&program.engine);
                program.engine.run(&Values::new(), &mut scratch);
            }
        });
}
