//! The rule language: what it accepts, how it prints, what holds.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use blobwatch_rules::{Engine, Fact, Field, Scratch, Type, Untold, Value, Values};
use rule_reader::{holds, read};

mod rule_reader;

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
