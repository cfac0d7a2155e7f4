//! The functions of the rule language: of texts, values of headers, JSON, digests and lists of values.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use blobwatch_rules::{Engine, Field, Scratch, Value, Values};
use rule_reader::{holds, read};

mod rule_reader;

#[test]
fn any_and_all_ask_each_value_all_that_is_in_them() {
    let mut values = Values::new();
    values.set_headers(&[("x", "ab"), ("x", "b"), ("y", "ab")]);
    let of = |expression: &str| expression.replace('$', "http.request.headers[\"x\"][*]");
    for (text, expected) in [
        (r#"any($ contains "a" and $ contains "b")"#, true),
        (r#"any($ eq "a" and $ contains "b")"#, false),
        (r#"any($ contains "a" and not $ contains "b")"#, false),
        (r#"any(not $ contains "a")"#, true),
        (r#"all($ contains "a" or $ eq "b")"#, true),
        (r#"all($ contains "a" or $ eq "c")"#, false),
        (r#"all(not ($ eq "a" or $ eq "c"))"#, true),
        (r#"any($ contains "a" xor $ contains "b")"#, true),
        (r#"all($ contains "a" xor $ contains "b")"#, false),
        (r#"not any($ contains "a" and $ eq "b")"#, true),
    ] {
        let text = of(text);
        holds(&text, &values, expected);
        let printed = read(&text).to_string();
        assert_eq!(read(&printed), read(&text), "{printed}");
        holds(
            &text,
            &Values::new(),
            text.starts_with("all") || text.starts_with("not any"),
        );
    }
}

#[test]
fn functions_of_texts_and_addresses() {
    let mut values = Values::new();
    values.set(Field::Query, Value::from("a=%252e%252e/&b=+"));
    values.set(Field::Host, Value::from("a-b.example"));
    values.set(Field::Ip, Value::Ip("192.0.2.77".parse().unwrap()));
    for (text, expected) in [
        (r#"url_decode(http.request.uri.query) eq "a=%2e%2e/&b= ""#, true),
        (r#"url_decode(http.request.uri.query, "ru") contains "../""#, true),
        (
            r#"any(url_decode(http.request.uri.args.values[*], "r")[*] eq "../")"#,
            true,
        ),
        (r#"lower(remove_bytes(http.host, "-.")) eq "abexample""#, true),
        (r#"coalesce(client.version, http.host) eq "a-b.example""#, true),
        (r#"coalesce(client.version, "none") eq "none""#, true),
        (r#"coalesce(client.version, client.os) ne """#, true),
        ("coalesce(range.start, range.count) ge 0", false),
        ("cidr(ip.src, 24, 48) eq 192.0.2.0", true),
        ("cidr6(ip.src, 48) in {192.0.2.77}", true),
        (r#"to_string(cidr(ip.src, 8, 8)) eq "192.0.0.0""#, true),
    ] {
        holds(text, &values, expected);
        let printed = read(text).to_string();
        assert_eq!(read(&printed), read(text), "{printed}");
    }
}

/// Every expression is asked of trees and of an engine that was written and read, and printed text reads back as it.
#[track_caller]
fn every_way_holds(text: &str, values: &Values<'_>, expected: bool) {
    holds(text, values, expected);
    let printed = read(text).to_string();
    assert_eq!(read(&printed), read(text), "{printed}");
    let engine = Engine::compile(&[read(text)]).unwrap_or_else(|error| panic!("{error:?}"));
    let engine = Engine::from_bytes(&engine.to_bytes()).unwrap_or_else(|error| panic!("{error:?}"));
    let mut scratch = Scratch::new(&engine);
    engine.run(values, &mut scratch);
    assert_eq!(scratch.is_matched(0), expected, "{text}");
}

#[test]
fn a_text_is_split_and_values_are_joined() {
    let mut values = Values::new();
    let headers = [
        ("x-categories", "groceries,electronics,diy,auto"),
        ("empty", "a,,b"),
        ("via", "one"),
        ("via", "two"),
    ];
    values.set_headers(&headers);
    values.set(Field::Host, "a.b.example".into());
    values.set(Field::Query, "k=1&l=2".into());
    for (text, expected) in [
        (r#"split($, ",", 64)[3] eq "auto""#, true),
        (r#"split($, ",", 3)[2] eq "diy,auto""#, true),
        (r#"split($, ",", 1)[0] eq $"#, true),
        (r#"split($, ",", 64)[4] eq "auto""#, false),
        (r#"split($, "nothing", 64)[0] eq $"#, true),
        (r#"len(split($, ",", 64)) eq 4"#, true),
        (r#"len(split($, ",", 2)) eq 2"#, true),
        (r#"any(split($, ",", 64)[*] eq "diy")"#, true),
        (r#"any(upper(split($, ",", 64)[*])[*] eq "DIY")"#, true),
        (r#"all(split($, ",", 64)[*] contains "o")"#, false),
        (
            r#"split(http.request.headers["empty"][0], ",", 9)[1] eq """#,
            true,
        ),
        (
            r#"split(http.request.headers["none"][0], ",", 9)[0] eq """#,
            false,
        ),
        (
            r#"any(split(http.request.headers["none"][0], ",", 9)[*] ne "x")"#,
            false,
        ),
        (r#"split(split(http.host, ".", 2)[1], ".", 2)[0] eq "b""#, true),
        (r#"split(cf.verified_bot_category, ".", 2)[0] eq "b""#, false),
        (r#"join(split(http.host, ".", 9), "/") eq "a/b/example""#, true),
        (r#"join(http.request.headers["via"], ", ") eq "one, two""#, true),
        (
            r#"upper(join(http.request.headers["via"], "")) eq "ONETWO""#,
            true,
        ),
        (r#"join(http.request.uri.args.names, ",") eq "k,l""#, true),
        (r#"len(join(http.request.headers["none"], ",")) ge 0"#, false),
        (r#"join(http.request.cookies["a"], ",") ne "x""#, true),
        (
            r#"concat(join(http.request.headers["via"], ","), "|", http.host) eq "one,two|a.b.example""#,
            true,
        ),
        (r#"has_key(http.request.headers, "via")"#, true),
        (r#"not has_key(http.request.uri.args, "m")"#, true),
        (r#"has_value(http.request.headers["via"], "two")"#, true),
        (r#"has_value(http.request.uri.args.values, "3")"#, false),
        (r#"has_value(split(http.host, ".", 9), "b")"#, true),
        (r#"has_value(split(http.host, ".", 9), "c")"#, false),
    ] {
        let text = text.replace('$', r#"http.request.headers["x-categories"][0]"#);
        every_way_holds(&text, &values, expected);
    }
    every_way_holds(
        r#"join(http.request.uri.args.names, ",") eq """#,
        &Values::new(),
        true,
    );
}

#[test]
fn a_value_is_looked_up_in_json() {
    let mut values = Values::new();
    let headers = [
        ("x", r#"{"a": {"b": ["c", "d\u00e9"]}, "n": -42, "f": 1.5}"#),
        ("x", r#"{"a": 1}"#),
        ("y", "{"),
    ];
    values.set_headers(&headers);
    values.set(Field::Cookie, "s=%7B%22role%22%3A%22ci%5C%2F1%22%7D".into());
    let cookie = r#"url_decode(http.request.cookies["s"][0])"#;
    for (text, expected) in [
        (r#"lookup_json_string($[0], "a", "b", 1) eq "dé""#, true),
        (r#"lookup_json_integer($[0], "n") eq -42"#, true),
        (r#"lookup_json_integer($[0], "n") in {-50..-40}"#, true),
        (r#"lookup_json_integer($[0], "f") ne 1"#, true),
        (r#"lookup_json_integer($[0], "f") ge 0"#, false),
        (r#"lookup_json_string($[0], "n") contains """#, false),
        (r#"any(lookup_json_integer($[*], "a")[*] eq 1)"#, true),
        (
            r#"lookup_json_string(http.request.headers["y"][0], "a") contains """#,
            false,
        ),
        (r#"lookup_json_string(&, "role") eq "ci/1""#, true),
        (r#"upper(lookup_json_string(&, "role")) eq "CI/1""#, true),
        (
            r#"concat(lookup_json_string(lower($[0]), "a", "b", 0), "!") eq "c!""#,
            true,
        ),
    ] {
        let text = text
            .replace('$', r#"http.request.headers["x"]"#)
            .replace('&', cookie);
        every_way_holds(&text, &values, expected);
    }
}

#[test]
fn base64_digests_and_signatures() {
    const SIGNED: &str =
        "/download/cat.jpg?verify=1484063787-JcOQEFurDwNF66OcDJLopQxjsg3cB1KVO5%2BBFS9zZZ0%3D";
    /// `printf 123 | sha256sum`
    const DIGEST: &str = "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3";
    let digest: Vec<String> = DIGEST
        .as_bytes()
        .chunks(2)
        .map(|byte| format!("\\x{}", String::from_utf8_lossy(byte)))
        .collect();
    let mut values = Values::new();
    let headers = [
        ("client-id", "MTIzYWJj"),
        ("bad", "M!"),
        ("stamp", "1484063787"),
        ("mac", "JcOQEFurDwNF66OcDJLopQxjsg3cB1KVO5-BFS9zZZ0"),
    ];
    values.set_headers(&headers);
    values.set(Field::Uri, SIGNED.into());
    values.set(Field::Path, "/download/cat.jpg".into());
    values.set(Field::TimestampSec, Value::Int(1_484_063_800));
    for (text, expected) in [
        (
            r#"any(decode_base64(http.request.headers["client-id"][*])[*] eq "123abc")"#,
            true,
        ),
        (
            r#"upper(decode_base64(http.request.headers["client-id"][0])) eq "123ABC""#,
            true,
        ),
        (
            r#"decode_base64(http.request.headers["bad"][0]) contains """#,
            false,
        ),
        (
            r#"sha256(substring(decode_base64(http.request.headers["client-id"][0]), 0, 3)) eq "$""#,
            true,
        ),
        (r#"len(sha256(http.request.uri)) eq 32"#, true),
        (r#"sha256(http.user_agent) ne "x""#, true),
        (
            r#"is_timed_hmac_valid_v0("mysecretkey", http.request.uri, 100, @, 8)"#,
            true,
        ),
        (
            r#"is_timed_hmac_valid_v0("mysecretkey", http.request.uri, 10, @, 8)"#,
            false,
        ),
        (
            r#"not is_timed_hmac_valid_v0("other", http.request.uri, 100, @, 8)"#,
            true,
        ),
        (
            r#"is_timed_hmac_valid_v0("mysecretkey", concat(http.request.uri.path,
               http.request.headers["stamp"][0], "-", http.request.headers["mac"][0]), 100, @, 0, "s")"#,
            true,
        ),
        (
            r#"is_timed_hmac_valid_v0("mysecretkey", http.user_agent, 100, @)"#,
            false,
        ),
        (
            r#"is_timed_hmac_valid_v0("mysecretkey", http.request.uri, 100, range.start, 8) eq true"#,
            false,
        ),
    ] {
        let text = text
            .replace('$', &digest.concat())
            .replace('@', "http.request.timestamp.sec");
        every_way_holds(&text, &values, expected);
    }
}

#[test]
fn functions() {
    let mut values = Values::new();
    let headers = [("x", "One"), ("y", "2"), ("x", "Three")];
    values.set(Field::Host, "Registry.Example".into());
    values.set(Field::Path, "".into());
    values.set(Field::RangeStart, Value::Int(-42));
    values.set(Field::Ssl, Value::Bool(true));
    values.set(Field::Ip, Value::Ip("2001:db8::7".parse().unwrap()));
    values.set_headers(&headers);
    for text in [
        r#"lower(http.host) eq "registry.example""#,
        r#"upper(http.host) eq "REGISTRY.EXAMPLE""#,
        "len(http.host) eq 16",
        "len(http.request.headers[\"x\"]) eq 2",
        r#"substring(http.host, 0, 8) eq "Registry""#,
        r#"substring(http.host, -7) eq "Example""#,
        r#"substring(http.host, 9, -3) eq "Exam""#,
        r#"substring(http.host, 9, 2) eq """#,
        r#"substring(http.host, 99) eq """#,
        r#"substring(http.host, -99, 3) eq "Reg""#,
        r#"to_string(range.start) eq "-42""#,
        r#"to_string(ssl) eq "true""#,
        r#"to_string(ip.src) eq "2001:db8::7""#,
        r#"to_string(http.host) eq "Registry.Example""#,
        r#"concat(http.host, ":", range.start, http.user_agent) eq "Registry.Example:-42""#,
        r#"concat(http.user_agent, http.cookie) ne "x""#,
        r#"starts_with(http.host, "Reg")"#,
        r#"ends_with(http.host, "ple")"#,
        r#"not ends_with(http.path, "ple") or ssl"#,
        r#"any(http.request.headers["x"][*] eq "Three")"#,
        r#"all(http.request.headers["x"][*] contains "e")"#,
        r#"not all(http.request.headers["x"][*] contains "h")"#,
        r#"http.request.headers["x"][1] eq "Three""#,
        r#"http.request.headers["x"][2] ne "Three""#,
        r#"any(len(http.request.headers["x"][*]) eq 5)"#,
        r#"any(substring(lower(http.request.headers["x"][*]), 0, 1) eq "t")"#,
        r#"http.host wildcard "*.EXAMPLE""#,
        r#"not http.host strict wildcard "*.EXAMPLE""#,
        "ip.src ne 192.0.2.1",
        "not ip.src lt 192.0.2.1 and not ip.src ge 192.0.2.1",
    ] {
        let text = text.replace("http.path", "http.request.uri.path");
        holds(&text, &values, true);
    }
}
