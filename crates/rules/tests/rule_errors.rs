//! What the rule language says about what it refuses.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use blobwatch_rules::{MAX_NESTING, MAX_TEXT};

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = blobwatch_rules::parse(text)
        .and_then(blobwatch_rules::Expression::check)
        .unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_error_prints_the_line_and_marks_the_word() {
    refused(
        r#"http.hots eq "a""#,
        "line 1, column 1: expected a field (did you mean `http.host`?), found `http.hots`\n\
         http.hots eq \"a\"\n\
         ^^^^^^^^^",
    );
    refused(
        "ssl and\n\tip.src.asnum eq \"16509\"",
        "line 2, column 18: expected an Integer, without quotes, found `\"16509\"`\n\
         \tip.src.asnum eq \"16509\"\n\
         \t                ^^^^^^^",
    );
    refused(
        "http.host eq \"é\" or",
        "line 1, column 20: expected a field or a function, found the end\n\
         http.host eq \"é\" or\n\
         \u{20}                  ^",
    );
}

/// Only what follows "expected".
#[track_caller]
fn expected(text: &str, expected: &str) {
    let error = blobwatch_rules::parse(text)
        .and_then(blobwatch_rules::Expression::check)
        .unwrap_err();
    assert_eq!(format!("{}, found {:?}", error.expected, error.word), expected);
}

#[test]
fn grammar_errors() {
    expected("", "a field or a function, found \"\"");
    expected("# nothing", "a field or a function, found \"\"");
    expected("(ssl", "an operator or `)`, found \"\"");
    expected(
        "ssl)",
        "an operator (`eq` `ne` `lt` `le` `gt` `ge` `in` `contains` `matches` `wildcard` `strict wildcard` `&`), `and`, `or`, `xor` or the end, found \")\"",
    );
    expected(
        "range.count eq 1 eq 2",
        "`and`, `or`, `xor` or the end, found \"eq\"",
    );
    expected(
        "range.count in 1",
        "`{` and values separated by spaces, or the `$name` of a list, found \"1\"",
    );
    expected(
        "range.count in {}",
        "at least one value in the list, found \"{}\"",
    );
    expected(
        "range.count in {1, 2}",
        "a value or `}` (values are separated by spaces), found \",\"",
    );
    expected("range.count in {1", "a value or `}`, found \"\"");
    expected(
        "range.count eq",
        "a value: a string in quotes, a number or an address, found \"\"",
    );
    expected(
        "http.host eq \"a",
        "a string that ends with `\"`, found \"\\\"a\"",
    );
    expected(
        "http.host eq r#\"a\"",
        "a string that ends with `\"#`, found \"r#\\\"a\\\"\"",
    );
    expected(
        r#"http.host eq "\n""#,
        r##"one of \" \\ \xHH \OOO (a raw string, r"…", has no escapes), found "\\n""##,
    );
    expected(
        r#"http.host eq "\x+1""#,
        r##"one of \" \\ \xHH \OOO (a raw string, r"…", has no escapes), found "\\x""##,
    );
    expected(
        "http.host strict \"a\"",
        "`wildcard` after `strict`, found \"\\\"\"",
    );
    expected("lower(http.host", "`,` or `)`, found \"\"");
    expected(
        "http.request.headers[x][0] eq \"a\"",
        "a name in quotes, a number or `*`, found \"x\"",
    );
}

#[test]
fn what_other_languages_call_an_operator_is_known() {
    #[track_caller]
    fn case(text: &str, meant: &str) {
        let error = blobwatch_rules::parse(text).unwrap_err();
        let hint = format!(" (did you mean {meant}?)");
        assert!(error.expected.ends_with(&hint), "{}", error.expected);
    }
    case("client.family = \"docker\"", "`eq` or `==`");
    case("(client.family = \"docker\")", "`eq` or `==`");
    case("http.host =~ \"a\"", "`matches`");
    case("range.count => 1", "`ge`");
    case("http.host LIKE \"a*\"", "`wildcard`");
    case("http.host contain \"a\"", "`contains`");
    case("http.host Eq \"a\"", "`eq`");
    case("ssl AND ssl", "`and`");
    case("ssl | ssl", "`or`");
}

#[test]
fn type_errors() {
    expected("http.host", "an operator after this String, found \"http.host\"");
    expected("ssl eq 1", "`true` or `false`, found \"1\"");
    expected("ssl ne yes", "`true` or `false`, found \"yes\"");
    expected(
        "ssl eq \"true\"",
        "`true` or `false`, without quotes, found \"\\\"true\\\"\"",
    );
    expected(
        "ssl gt false",
        "an operator for this Boolean (`eq` `ne`, or none), found \"gt\"",
    );
    expected(
        "ssl in {true}",
        "an operator for this Boolean (`eq` `ne`, or none), found \"in\"",
    );
    expected(
        "starts_with(http.host, \"a\") eq true",
        "no operator after a Boolean (write the Boolean alone, or after `not`), found \"eq\"",
    );
    expected("http.host eq 1", "a string in quotes, found \"1\"");
    expected(
        "range.count contains \"1\"",
        "an operator for this Integer (`eq` `ne` `lt` `le` `gt` `ge` `in` `&`), found \"contains\"",
    );
    expected(
        "ip.src contains \"1\"",
        "an operator for this IP address (`eq` `ne` `lt` `le` `gt` `ge` `in`), found \"contains\"",
    );
    expected(
        "http.host & 1",
        "an operator for this String (`eq` `ne` `lt` `le` `gt` `ge` `in` `contains` `matches` `wildcard` `strict wildcard`), found \"&\"",
    );
    expected(
        "range.count eq 010",
        "an Integer without leading zeros (hexadecimal starts with 0x), found \"010\"",
    );
    expected(
        "range.count eq 9223372036854775808",
        "an Integer from -9223372036854775808 to 9223372036854775807, found \"9223372036854775808\"",
    );
    expected(
        "range.count in {5..1}",
        "a range whose first value is not above its last, found \"5..1\"",
    );
    expected(
        "ip.src in {10.0.0.1/8}",
        "a block that starts at its network, 10.0.0.0/8, found \"10.0.0.1/8\"",
    );
    expected(
        "ip.src in {::1/64}",
        "a block that starts at its network, ::/64, found \"::1/64\"",
    );
    expected(
        "ip.src in {10.0.0.0/33}",
        "a prefix length up to 32, found \"10.0.0.0/33\"",
    );
    expected(
        "ip.src in {10.0.0.1..::1}",
        "a range of addresses of one family, found \"10.0.0.1..::1\"",
    );
    expected(
        "ip.src eq 10.0.0",
        "an IP address, such as 192.0.2.7 or 2001:db8::7, found \"10.0.0\"",
    );
    expected(
        "http.host matches \"(\"",
        "a regular expression (unclosed group), found \"\\\"(\\\"\"",
    );
    expected(
        "http.host matches \"[a-f]{40}x{20}[a-z]{90}.{60}y\"",
        "a simpler regular expression (compiled, it takes more than 131072 bytes), found \"\\\"[a-f]{40}x{20}[a-z]{90}.{60}y\\\"\"",
    );
    expected(
        "http.host wildcard \"a**\"",
        "a wildcard without `**`, found \"\\\"a**\\\"\"",
    );
    expected(
        r#"http.host wildcard r"\a""#,
        r#"a wildcard in which `\` is followed by `*` or `\`, found "r\"\\a\"""#,
    );
    expected(
        "http.host wildcard \"*a*b*c*d*e*f*g*h*\"",
        "a wildcard with at most 8 stars, found \"\\\"*a*b*c*d*e*f*g*h*\\\"\"",
    );
    expected(
        "http.request.headers[\"Range\"][0] eq \"a\"",
        "the name of a header in quotes and in lower case, found \"[\\\"Range\\\"]\"",
    );
    expected(
        "http.request.headers[\"range\"] eq \"a\"",
        "`[0]` or `[*]` after the name, as in `http.request.headers[\"range\"][0]`, found \"http.request.headers[\\\"range\\\"]\"",
    );
    expected(
        "http.request.headers eq \"a\"",
        "the name of a header, as in `http.request.headers[\"range\"][0]`, found \"http.request.headers\"",
    );
    expected(
        "http.request.headers[\"a\"][*] eq \"a\"",
        "`any(…)` or `all(…)` around a comparison of `[*]`, found \"http.request.headers[\\\"a\\\"][*] eq \\\"a\\\"\"",
    );
    expected(
        "http.host[0] eq \"a\"",
        "no index here (it has one value), found \"[0]\"",
    );
    expected(
        "any(ssl)",
        "a comparison of `[*]`, such as `http.request.headers[\"x\"][*]`, found \"ssl\"",
    );
    expected(
        "any(ssl or ssl)",
        "a comparison of `[*]`, such as `http.request.headers[\"x\"][*]`, found \"ssl\"",
    );
    expected(
        "any(http.request.headers[\"a\"][*] eq \"a\" and http.request.headers[\"b\"][*] eq \"b\")",
        "comparisons of one array; write an `any` or `all` for each, found \"http.request.headers[\\\"a\\\"][*] eq \\\"a\\\" and http.request.headers[\\\"b\\\"][*] eq \\\"b\\\"\"",
    );
    expected(
        "any(http.request.headers[\"a\"][*] eq \"a\" and all(http.request.headers[\"a\"][*] eq \"a\"))",
        "no `any` or `all` within another, found \"all(http.request.headers[\\\"a\\\"][*] eq \\\"a\\\")\"",
    );
    expected(
        "http.request.uri.args eq \"a\"",
        "the name of an argument, as in `http.request.uri.args[\"ns\"][0]`, found \"http.request.uri.args\"",
    );
    expected(
        "http.request.headers.names eq \"a\"",
        "`[0]` or `[*]` after the name, as in `http.request.headers.names[0]`, found \"http.request.headers.names\"",
    );
    expected(
        "http.request.headers.names[\"a\"] eq \"a\"",
        "`[0]` or `[*]`, found \"[\\\"a\\\"]\"",
    );
    expected(
        "lower(http.host)[*] eq \"a\"",
        "no index here (it has one value), found \"[*]\"",
    );
    expected(
        "any(lower(http.request.headers.names[*])[0] eq \"a\")",
        "`[*]`, or nothing, after a function of `[*]`, found \"[0]\"",
    );
    expected(
        "http.request.cookie[\"a\"][0] eq \"a\"",
        "a field (did you mean `http.request.cookies`?), found \"http.request.cookie\"",
    );
    expected(
        "lower(range.count) eq \"1\"",
        "a String (convert this Integer with `to_string`), found \"range.count\"",
    );
    expected(
        "lower(http.host, http.host) eq \"a\"",
        "`lower` with one value, found \"lower\"",
    );
    expected(
        "lowr(http.host) eq \"a\"",
        "a function (did you mean `lower`?), found \"lowr\"",
    );
    expected(
        "foo(http.host) eq \"a\"",
        "a function that exists (docs/rules.md lists them), found \"foo\"",
    );
    expected("http.host eq ssl", "one value of this String, found \"ssl\"");
    expected("http.host eq htp.host", "a string in quotes, found \"htp.host\"");
    expected(
        "http.host eq lowr(http.host)",
        "a function (did you mean `lower`?), found \"lowr\"",
    );
    expected(
        "any(http.request.headers[\"a\"][*] eq http.host)",
        "a value in quotes: `[*]` is compared with no field, found \"http.host\"",
    );
    expected(
        "starts_with(http.host, http.host)",
        "a string in quotes, found \"http.host\"",
    );
    expected(
        "concat(http.request.headers[\"a\"][*], \"b\") eq \"a\"",
        "one value in `concat`: `[0]` instead of `[*]`, found \"http.request.headers[\\\"a\\\"][*]\"",
    );
}

#[test]
fn what_cannot_be_said_here_says_why() {
    expected(
        "http.request.body.size gt 10",
        "a field that exists here (no rule here reads bodies), found \"http.request.body.size\"",
    );
    expected(
        "http.response.code eq 403",
        "a field that exists here (rules are decided before the answer), found \"http.response.code\"",
    );
    expected(
        "regex_replace(http.host, \"a\", \"b\") eq \"c\"",
        "a function that exists here (Cloudflare has it in rewrites only; ask with `matches`), found \"regex_replace\"",
    );
    expected(
        "ip.src in $office",
        "a list that exists (the rulebook has none), found \"$office\"",
    );
    expected(
        "url_decode(http.host, \"x\") eq \"a\"",
        "the options `r` (again and again) and `u` (`%u0107` too), found \"\\\"x\\\"\"",
    );
    expected(
        "cidr(ip.src, 33, 0) eq 10.0.0.0",
        "a prefix length from 0 to 32, found \"33\"",
    );
    expected(
        "cidr(http.host, 8, 0) eq 10.0.0.0",
        "an IP address, not this String, found \"http.host\"",
    );
    expected(
        "coalesce(http.host, range.start) eq \"a\"",
        "a value of the first one's type, String, found \"range.start\"",
    );
}

#[test]
fn size_and_nesting_are_bounded() {
    let long = format!("http.host eq \"{}\"", "a".repeat(MAX_TEXT));
    let error = blobwatch_rules::parse(&long).unwrap_err();
    assert_eq!(error.expected, format!("at most {MAX_TEXT} bytes of text"));
    assert_eq!(
        (error.offset, error.word.as_str()),
        (MAX_TEXT, "aaaaaaaaaaaaaa\"")
    );
    assert!(error.to_string().len() < 400, "a long line is cut");

    let nested = |depth: usize| format!("{}ssl{}", "(".repeat(depth), ")".repeat(depth));
    assert!(blobwatch_rules::parse(&nested(MAX_NESTING)).is_ok());
    let error = blobwatch_rules::parse(&nested(MAX_NESTING + 1)).unwrap_err();
    assert_eq!((error.offset, error.word.as_str()), (MAX_NESTING, "("));
    let error = blobwatch_rules::parse(&"!".repeat(MAX_TEXT)).unwrap_err();
    assert_eq!(error.offset, MAX_NESTING);
}
