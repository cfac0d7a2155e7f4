//! The rule language: what it accepts, how it prints, what holds.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use blobwatch_rules::{CheckedExpression, Engine, Fact, Field, Scratch, Type, Untold, Value, Values};

#[track_caller]
fn read(text: &str) -> CheckedExpression {
    let expression = blobwatch_rules::parse(text).unwrap_or_else(|error| panic!("{error}"));
    expression.check().unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn printed(text: &str, canonical: &str) {
    let checked = read(text);
    assert_eq!(checked.to_string(), canonical);
    assert_eq!(
        read(canonical),
        checked,
        "canonical text reads back as the same rule"
    );
}

#[test]
fn canonical_text_is_english_with_one_space() {
    printed(r#"http.host=="a"&&!ssl"#, r#"http.host eq "a" and not ssl"#);
    printed("ip.src.asnum   in {1\n2..5  -3}", "ip.src.asnum in {1 2..5 -3}");
    printed(
        r#"cf.tls_ciphers_sha1 eq "x""#,
        r#"cf.tls_client_ciphers_sha1 eq "x""#,
    );
    printed("range.count & 0x10", "range.count & 16");
    printed("range.count bitwise_and 1", "range.count & 1");
    printed(r#"http.host ~ "a\.b""#, r#"http.host matches r"a\.b""#);
    printed(r#"http.host ~ "[^"]+\"""#, r##"http.host matches r#"[^"]+""#"##);
    printed(
        r##"http.host wildcard r#"a\*\**"#"##,
        r#"http.host wildcard "a\\*\\**""#,
    );
    printed(
        r##"http.host strict wildcard r#"\\*"#"##,
        r#"http.host strict wildcard "\\\\*""#,
    );
    printed(r#"http.host eq "\x00\101é""#, r#"http.host eq "\x00Aé""#);
    printed(
        "ip.src in {10.0.0.0/8 ::1 192.0.2.1..192.0.2.9 2001:db8::/32}",
        "ip.src in {10.0.0.0/8 ::1 192.0.2.1..192.0.2.9 2001:db8::/32}",
    );
    printed(
        "ip.src in {192.0.2.0..192.0.2.255 0.0.0.0/0 ::/0}",
        "ip.src in {192.0.2.0/24 0.0.0.0/0 ::/0}",
    );
    printed("ip.src ge 10.0.0.1", "ip.src ge 10.0.0.1");
    printed(
        r#"any( http.request.headers[ "x" ][ * ] contains "y" )"#,
        r#"any(http.request.headers["x"][*] contains "y")"#,
    );
    printed(
        r#"all(starts_with(lower(http.request.headers["x"][*]), "y"))"#,
        r#"all(starts_with(lower(http.request.headers["x"][*]), "y"))"#,
    );
    printed(
        r#"http.request.headers["range"][0] eq "bytes=0-""#,
        r#"http.request.headers["range"][0] eq "bytes=0-""#,
    );
    printed(
        r#"len(http.request.headers["range"]) gt 0"#,
        r#"len(http.request.headers["range"]) gt 0"#,
    );
    printed(
        r#"substring(upper(http.host), -3) eq "COM""#,
        r#"substring(upper(http.host), -3) eq "COM""#,
    );
    printed(
        r#"concat(http.host, ":", range.start) eq "a:1""#,
        r#"concat(http.host, ":", to_string(range.start)) eq "a:1""#,
    );
}

#[test]
fn a_comment_ends_with_its_line() {
    printed(
        "# office\nssl # over TLS\n  and # and\n\n# a line\nrange.present #",
        "ssl and range.present",
    );
    printed("range.count in {1 # one\r\n2}", "range.count in {1 2}");
    printed("lower(# of\nhttp.host) eq \"a\"", "lower(http.host) eq \"a\"");
    printed("http.host eq \"#\"", "http.host eq \"#\"");
    printed("http.host eq r#\"a # b\"#", "http.host eq \"a # b\"");
}

#[test]
fn other_names_of_cloudflares_are_printed_as_ours() {
    printed("ip.geoip.asnum in {1 2}", "ip.src.asnum in {1 2}");
    printed("ip.geoip.country eq \"T1\"", "ip.src.country eq \"T1\"");
    printed(
        "raw.http.request.uri.path contains \"/v2/\"",
        "http.request.uri.path contains \"/v2/\"",
    );
}

#[test]
fn names_and_values_of_headers_arguments_and_cookies() {
    let mut values = Values::new();
    values.set_headers(&[("accept", "a"), ("x-b", "1"), ("x-b", "2")]);
    values.set(Field::Query, Value::from("ns=docker.io&&n&NS=a%20b&ns=="));
    values.set(Field::Cookie, Value::from("session=1; theme=dark;; a ;b = 2"));
    for (text, expected) in [
        (r#"any(http.request.headers.names[*] eq "accept")"#, true),
        (
            r#"any(lower(http.request.headers.names[*])[*] contains "cep")"#,
            true,
        ),
        ("len(http.request.headers.names) eq 3", true),
        (r#"http.request.headers.values[2] eq "2""#, true),
        (r#"http.request.headers["x-b"][1] eq "2""#, true),
        (r#"http.request.uri.args["ns"][0] eq "docker.io""#, true),
        (r#"http.request.uri.args["ns"][1] eq "=""#, true),
        (r#"http.request.uri.args["NS"][0] eq "a%20b""#, true),
        (r#"http.request.uri.args["n"][0] eq """#, true),
        ("len(http.request.uri.args.names) eq 4", true),
        (r#"any(http.request.uri.args.values[*] contains "docker")"#, true),
        (r#"raw.http.request.uri.args["ns"][0] eq "docker.io""#, true),
        (r#"http.request.cookies["session"][0] eq "1""#, true),
        (r#"http.request.cookies["theme"][0] eq "dark""#, true),
        (r#"http.request.cookies["a"][0] eq """#, true),
        (r#"len(http.request.cookies["none"]) ge 0"#, false),
    ] {
        holds(text, &values, expected);
        let printed = read(text).to_string();
        assert_eq!(read(&printed), read(text), "{printed}");
    }
}

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
fn what_no_platform_tells_is_missing() {
    for untold in Untold::ALL {
        assert_eq!(Field::named(untold.name()), None, "{}", untold.name());
        let test = match untold.kind() {
            Type::Boolean => String::new(),
            Type::Integer => " ge 0".to_owned(),
            Type::IpAddress => " in {0.0.0.0/0 ::/0}".to_owned(),
            _ => " contains \"\"".to_owned(),
        };
        holds(&format!("{}{test}", untold.name()), &Values::new(), false);
    }
    for (text, expected) in [
        ("cf.threat_score gt 10 or ssl", true),
        ("cf.threat_score ne 10 and ssl", true),
        ("not cf.threat_score gt 10 and ssl", true),
        ("cf.waf.score lt 20 and ssl", false),
        ("lower(cf.zone.name) eq \"a\" xor ssl", true),
        ("concat(cf.zone.name, \"a\") eq \"a\"", true),
    ] {
        let mut values = Values::new();
        values.set(Field::Ssl, Value::Bool(true));
        holds(text, &values, expected);
        printed(text, &read(text).to_string());
        let engine = Engine::compile(&[read(text)]).unwrap();
        let engine = Engine::from_bytes(&engine.to_bytes()).unwrap();
        let mut scratch = Scratch::new(&engine);
        engine.run(&values, &mut scratch);
        assert_eq!(scratch.is_matched(0), expected, "{text}");
    }
}

#[test]
fn a_boolean_may_be_compared_with_true_and_false() {
    printed("ssl eq true", "ssl");
    printed("ssl == false", "to_string(ssl) eq \"false\"");
    printed("ssl != true", "to_string(ssl) ne \"true\"");
    let (mut yes, mut no, missing) = (Values::new(), Values::new(), Values::new());
    yes.set(Field::Ssl, Value::Bool(true));
    no.set(Field::Ssl, Value::Bool(false));
    for (text, expected) in [
        ("ssl eq true", [true, false, false]),
        ("ssl eq false", [false, true, false]),
        ("ssl ne true", [false, true, true]),
        ("ssl ne false", [true, false, true]),
    ] {
        for (values, expected) in [&yes, &no, &missing].into_iter().zip(expected) {
            holds(text, values, expected);
        }
    }
}

#[test]
fn and_binds_stronger_than_xor_and_xor_than_or() {
    printed(
        "ssl or ssl xor ssl and not ssl",
        "ssl or (ssl xor (ssl and not ssl))",
    );
    printed("ssl and ssl xor ssl or ssl", "((ssl and ssl) xor ssl) or ssl");
    printed("not ssl and ssl", "not ssl and ssl");
    printed("not (ssl and ssl)", "not (ssl and ssl)");
    printed("(ssl and ssl) and ssl", "(ssl and ssl) and ssl");
    printed("((((ssl))))", "ssl");
}

#[track_caller]
fn holds(text: &str, values: &Values<'_>, expected: bool) {
    assert_eq!(read(text).evaluate(values), expected, "{text}");
}

#[test]
fn a_comparison_of_a_missing_fact_is_false_except_ne() {
    let values = Values::new();
    for text in [
        "http.host eq \"\"",
        "http.host lt \"z\"",
        "http.host ge \"\"",
        "http.host contains \"\"",
        "http.host matches \"\"",
        "http.host wildcard \"*\"",
        "http.host in {\"\"}",
        "starts_with(http.host, \"\")",
        "range.start eq 0",
        "range.start & 1",
        "range.start in {-9..9}",
        "ip.src in {0.0.0.0/0 ::/0}",
        "ssl",
        "lower(http.host) eq \"\"",
        "len(http.host) ge 0",
        "http.request.headers[\"x\"][0] contains \"\"",
        "any(http.request.headers[\"x\"][*] ne \"\")",
    ] {
        holds(text, &values, false);
        holds(&format!("not {text}"), &values, true);
    }
    for text in [
        "http.host ne \"\"",
        "range.start ne 0",
        "ip.src ne 10.0.0.1",
        "upper(http.host) ne \"\"",
        "len(http.host) ne 0",
        "http.request.headers[\"x\"][0] ne \"\"",
        "all(http.request.headers[\"x\"][*] eq \"\")",
    ] {
        holds(text, &values, true);
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

#[test]
fn an_explanation_names_each_part_and_what_is_missing() {
    let mut values = Values::new();
    values.set(Field::Ssl, Value::Bool(true));
    let rule = read("ssl and (not range.count gt 1 or  range.start eq 5)");
    let explained: Vec<_> = rule
        .explain(&values, &[])
        .into_iter()
        .map(|c| (c.text, c.start, c.end, c.value))
        .collect();
    let expected = [
        (
            "ssl and (not range.count gt 1 or  range.start eq 5)",
            0,
            51,
            Some(true),
        ),
        ("ssl", 0, 3, Some(true)),
        ("(not range.count gt 1 or  range.start eq 5)", 8, 51, Some(true)),
        ("not range.count gt 1", 9, 29, Some(true)),
        ("range.count gt 1", 13, 29, None),
        ("range.start eq 5", 34, 50, None),
    ];
    assert_eq!(
        explained,
        expected.map(|(text, start, end, value)| (text.to_owned(), start, end, value))
    );
}

#[test]
fn a_field_is_compared_with_a_field() {
    let mut values = Values::new();
    values.set(Field::Path, "/V2/a.Tar.GZ".into());
    values.set(Field::Host, "a".into());
    values.set(Field::RangeStart, Value::Int(5));
    values.set(Field::RangeEnd, Value::Int(5));
    let headers = [("x-host", "a")];
    values.set_headers(&headers);
    for (text, expected) in [
        ("http.request.uri.path ne raw.http.request.uri.path", false),
        ("http.request.uri.path eq raw.http.request.uri.path", true),
        ("http.request.uri.path ne lower(http.request.uri.path)", true),
        (
            "lower(http.request.uri.path) == lower(http.request.uri.path)",
            true,
        ),
        ("http.host eq http.request.headers[\"x-host\"][0]", true),
        (
            "range.start eq range.end and range.start eq len(concat(http.host, \"1234\"))",
            true,
        ),
        ("http.host eq client.family", false),
        ("http.host ne client.family", true),
        ("client.family eq http.host", false),
        ("not (client.family ne http.host)", false),
        ("client.family eq client.os", false),
        ("http.request.uri.path.extension eq \"gz\"", true),
        ("http.request.uri.path.extension in {\"css\" \"js\"}", false),
        ("true", true),
        ("(false or true) and not false", true),
        ("true and ssl", false),
    ] {
        holds(text, &values, expected);
        let checked = read(text);
        assert_eq!(read(&checked.to_string()), checked, "{checked}");
    }
    printed("http.host!=lower( http.host )", "http.host ne lower(http.host)");
}

#[test]
fn what_the_platform_says_by_name_is_read_by_its_type() {
    let mut values = Values::new();
    let said = "cf.bot_management.score\u{1f}30\u{1f}cf.bot_management.verified_bot\u{1f}false\u{1f}ip.src.city\u{1f}Seattle\u{1f}\
        ip.src.is_in_european_union\u{1f}1\u{1f}cf.verified_bot_category\u{1f}\u{1f}ip.src.lat\u{1f}47.6\u{1f}";
    values.set(Field::Platform, said.into());
    values.set(Field::TimestampSec, Value::Int(1_593_975_600));
    values.set(Field::ClientTcp, "4:255:0:1460:26883,0:mss:df:0".into());
    for (text, expected) in [
        (
            "cf.bot_management.score lt 31 and cf.bot_management.score ge 30",
            true,
        ),
        ("cf.bot_management.verified_bot", false),
        ("cf.bot_management.verified_bot eq false", true),
        ("cf.bot_management.static_resource", false),
        ("cf.bot_management.static_resource eq false", false),
        (
            "ip.src.city eq \"Seattle\" and lower(ip.geoip.city) eq \"seattle\"",
            true,
        ),
        ("ip.geoip.is_in_european_union", true),
        ("cf.verified_bot_category eq \"\"", true),
        ("ip.src.region ne \"Texas\"", true),
        ("to_string(cf.bot_management.score) eq \"30\"", true),
        ("http.request.timestamp.sec gt 1593975599", true),
        ("client.tcp wildcard \"4:255:*:26883,*\"", true),
        ("client.tcp eq \"4:64:0:1460:64240,7:mss:df:0\"", false),
        ("cf.client.bot", false),
    ] {
        holds(text, &values, expected);
    }
    for odd in [
        "",
        "ip.src.city",
        "\u{1f}\u{1f}\u{1f}",
        "cf.bot_management.score\u{1f}many\u{1f}",
    ] {
        values.set(Field::Platform, odd.into());
        holds(
            "cf.bot_management.score ge 0 or ip.src.city ne \"\" and len(ip.src.city) gt 0",
            &values,
            false,
        );
    }
}

#[test]
fn a_header_is_a_fact_of_its_own() {
    let rule = read(
        r#"any(http.request.headers["range"][*] eq "bytes=0-") and http.request.headers["user-agent"][0] eq "a" or ip.src in {192.0.2.7}"#,
    );
    let facts = [
        Fact::Field(Field::Ip),
        Fact::Header("range"),
        Fact::Header("user-agent"),
    ];
    assert_eq!(rule.facts(), facts);
    assert_eq!(rule.fields(), [Field::Headers, Field::Ip]);
    assert_eq!(
        facts.map(|fact| fact.to_string()),
        [
            "ip.src",
            r#"http.request.headers["range"]"#,
            r#"http.request.headers["user-agent"]"#
        ]
    );
}

#[test]
fn a_rule_is_judged_as_far_as_its_facts_are_known() {
    let headers = [("range", "bytes=0-")];
    let mut values = Values::new();
    values.set_headers(&headers);
    #[track_caller]
    fn case(text: &str, values: &Values<'_>, unknown: Fact<'_>, expected: Option<bool>) {
        assert_eq!(
            read(text).judge_without(values, &|fact| fact == unknown),
            expected,
            "{text}"
        );
    }
    let range = r#"http.request.headers["range"][0] eq "bytes=0-""#;
    let agent = r#"http.request.headers["user-agent"][0] eq "a""#;
    for (unknown, of_range, of_agent) in [
        (Fact::Header("range"), None, Some(false)),
        (Fact::Header("user-agent"), Some(true), None),
        (Fact::Field(Field::Ip), Some(true), Some(false)),
    ] {
        case(range, &values, unknown, of_range);
        case(agent, &values, unknown, of_agent);
    }
    let (of_agent, of_range) = (Fact::Header("user-agent"), Fact::Header("range"));
    case(&format!("{range} or {agent}"), &values, of_agent, Some(true));
    case(&format!("{range} and {agent}"), &values, of_agent, None);
    case(&format!("{range} and {agent}"), &values, of_range, Some(false));
    case(&format!("not ({agent})"), &values, of_agent, None);
}
