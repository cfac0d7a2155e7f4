//! Expressions and requests made from bytes, so that a failing case shrinks.
#![expect(dead_code, reason = "each test of the directory above uses a part")]

use std::net::IpAddr;

use blobwatch_rules::{
    CheckedExpression, Expression, Field, List, ListKind, Lists, RuleError, Value, Values,
};

/// Draws from bytes; zero when they are used up, which is the simplest choice everywhere.
pub(crate) struct Draw<'a>(pub(crate) std::slice::Iter<'a, u8>);

impl<'a> Draw<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % limit
    }

    pub(crate) fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices
            .get(self.below(choices.len()))
            .cloned()
            .expect("not empty")
    }
}

/// Which constructs may occur.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// What wirefilter-engine 0.6.1 has too: no functions, no header map, no wildcard, no raw string.
    Wirefilter,
    Whole,
}

pub(crate) const STRINGS: [Field; 4] = [Field::Host, Field::UserAgent, Field::Path, Field::Method];
pub(crate) const INTEGERS: [Field; 3] = [Field::Asn, Field::RangeStart, Field::RangeCount];
pub(crate) const BOOLEANS: [Field; 2] = [Field::Ssl, Field::RangePresent];

/// A small alphabet, so that comparisons are true as often as false.
pub(crate) const TEXTS: [&str; 20] = [
    "",
    "a",
    "b",
    "ab",
    "ba",
    "aab",
    "abab",
    "docker/19.03",
    "docker",
    "ocker/1",
    "/v2/a/b",
    "GET",
    "Docker",
    "A",
    "é",
    "x\"\\y",
    "%61%2562+",
    "%u0061",
    r#"{"a":"a\/","b":1}"#,
    "[\"ab\"]",
];
pub(crate) const NUMBERS: [i64; 10] = [0, 1, 2, 3, 7, 16509, -1, -5, 2_147_483_647, -2_147_483_648];
pub(crate) const ADDRESSES: [&str; 9] = [
    "10.0.0.1",
    "10.0.0.2",
    "10.255.255.255",
    "192.0.2.7",
    "0.0.0.0",
    "255.255.255.255",
    "::1",
    "2001:db8::7",
    "::ffff:10.0.0.1",
];
pub(crate) const NETWORKS: [&str; 12] = [
    "10.0.0.1",
    "10.0.0.0/8",
    "192.0.2.0/24",
    "0.0.0.0/0",
    "10.0.0.1..10.0.0.2",
    "10.0.0.2..192.0.2.7",
    "::/0",
    "::1",
    "2001:db8::/32",
    "::1..2001:db8::7",
    "255.255.255.255/32",
    "::ffff:0.0.0.0/96",
];
pub(crate) const PATTERNS: [&str; 16] = [
    "a",
    "^a",
    "b$",
    "^$",
    "a.*b",
    "(a|b)+$",
    "[^a]",
    "docker/\\d+",
    "(?i)DOCKER",
    "a{2}",
    "[\\\"]",
    "\\bb",
    "ab?$",
    "ab{0,2}$",
    "^a?b$",
    "(ab|\\bb)$",
];
pub(crate) const WILDCARDS: [&str; 12] = [
    "*",
    "a*",
    "*b",
    "*a*",
    "a*b",
    "*docker*19*",
    "GET",
    "get",
    "DOCKER*",
    "*\\\\*",
    "",
    "*é",
];

/// Lists that expressions of the whole language name.
pub(crate) fn lists() -> Lists {
    let list = |name, kind, items: &[&str]| {
        List::new(name, kind, items.iter().copied(), 1).expect("items of the kind")
    };
    let numbers = NUMBERS.map(|number| number.to_string());
    let numbers: Vec<&str> = numbers.iter().take(4).map(String::as_str).collect();
    Lists::from_iter([
        list("strings", ListKind::String, &TEXTS[..14]),
        list("host_names", ListKind::HostName, &["a", "*.03", "ab"]),
        list("numbers", ListKind::Number, &numbers),
        list("networks", ListKind::Network, &NETWORKS[4..9]),
    ])
}

pub(crate) fn read(text: &str) -> Result<CheckedExpression, RuleError> {
    blobwatch_rules::parse(text).and_then(|expression: Expression| expression.check_with(&lists()))
}

pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(crate) fn expression(draw: &mut Draw<'_>, language: Language, depth: usize) -> String {
    match draw.below(if depth == 0 { 1 } else { 6 }) {
        0 | 1 => comparison(draw, language),
        2 => format!(
            "{}{}",
            draw.of(&["not ", "!", "! "]),
            operand(draw, language, depth - 1)
        ),
        _ => {
            let mut text = operand(draw, language, depth - 1);
            for _ in 0..=draw.below(3) {
                let op = draw.of(&[" and ", " or ", " xor ", "&&", " || ", "^^"]);
                text = format!("{text}{op}{}", operand(draw, language, depth - 1));
            }
            text
        }
    }
}

/// Bracketed or not, so that precedence matters.
fn operand(draw: &mut Draw<'_>, language: Language, depth: usize) -> String {
    let inner = expression(draw, language, depth);
    if draw.below(2) == 0 {
        inner
    } else {
        format!("({inner})")
    }
}

pub(crate) fn comparison(draw: &mut Draw<'_>, language: Language) -> String {
    match draw.below(if language == Language::Whole { 7 } else { 4 }) {
        0 => string_test(draw, language, |draw| draw.of(&STRINGS).name().to_owned()),
        1 => integer_test(draw, language, |draw| match (language, draw.below(8)) {
            (Language::Whole, 0) => "cf.threat_score".to_owned(),
            _ => draw.of(&INTEGERS).name().to_owned(),
        }),
        2 => ip_test(draw, language),
        3 => draw.of(&BOOLEANS).name().to_owned(),
        4 => string_test(draw, language, |draw| string_term(draw, 2, "[0]")),
        5 => integer_test(draw, language, |draw| {
            let term = string_term(draw, 1, "[1]");
            let array = draw.of(&ARRAYS);
            draw.of(&[
                format!("len({term})"),
                format!("len({array})"),
                format!("lookup_json_integer({term}, \"b\")"),
            ])
        }),
        _ => {
            let quantifier = draw.of(&["any", "all"]);
            let array = draw.of(&ARRAYS);
            format!("{quantifier}({})", of_each(draw, language, array, 2))
        }
    }
}

/// Arrays of a request, as written before an index.
const ARRAYS: [&str; 12] = [
    "http.request.headers[\"x\"]",
    "http.request.headers[\"y\"]",
    "http.request.headers[\"z\"]",
    "http.request.headers.names",
    "http.request.headers.values",
    "http.request.uri.args[\"a\"]",
    "http.request.uri.args.names",
    "http.request.uri.args.values",
    "http.request.cookies[\"a\"]",
    "split(http.user_agent, \"a\", 3)",
    "split(http.request.headers[\"x\"][0], \"/\", 128)",
    "split(split(http.request.uri.path, \"b\", 2)[1], \"a\", 2)",
];

/// Comparisons of one array, joined.
fn of_each(draw: &mut Draw<'_>, language: Language, array: &str, depth: usize) -> String {
    let one = |draw: &mut Draw<'_>| {
        string_test(draw, language, |draw| {
            draw.of(&[
                format!("{array}[*]"),
                format!("lower({array}[*])"),
                format!("upper({array}[*])[*]"),
                format!("substring({array}[*], 1)"),
            ])
        })
    };
    match draw.below(if depth == 0 { 1 } else { 5 }) {
        0..=2 => one(draw),
        3 => format!("not ({})", of_each(draw, language, array, depth - 1)),
        _ => {
            let op = draw.of(&["and", "or", "xor"]);
            let left = of_each(draw, language, array, depth - 1);
            format!("({left}) {op} ({})", of_each(draw, language, array, depth - 1))
        }
    }
}

fn string_term(draw: &mut Draw<'_>, depth: usize, index: &str) -> String {
    if depth == 0 {
        return draw.of(&STRINGS).name().to_owned();
    }
    match draw.below(14) {
        11 => format!(
            "join({}, {})",
            draw.of(&ARRAYS),
            draw.of(&["\"\"", "\"a\"", "\", \""])
        ),
        12 => format!(
            "{}({})",
            draw.of(&["sha256", "decode_base64"]),
            string_term(draw, depth - 1, index)
        ),
        13 => format!(
            "lookup_json_string({}, {})",
            string_term(draw, depth - 1, index),
            draw.of(&["\"a\"", "0", "\"a\", \"b\""])
        ),
        8 => format!(
            "url_decode({}{})",
            string_term(draw, depth - 1, index),
            draw.of(&["", ", \"r\"", ", \"u\"", ", \"ru\""])
        ),
        9 => format!("remove_bytes({}, \"a/\")", string_term(draw, depth - 1, index)),
        10 => format!(
            "coalesce({}, {})",
            string_term(draw, depth - 1, index),
            draw.of(&["\"ab\"", "http.user_agent", "lower(http.host)"])
        ),
        0 | 1 => format!("{}{index}", draw.of(&ARRAYS)),
        2 => format!("lower({})", string_term(draw, depth - 1, index)),
        3 => format!("upper({})", string_term(draw, depth - 1, index)),
        4 => format!(
            "substring({}, {})",
            string_term(draw, depth - 1, index),
            draw.of(&["1", "-2", "0, 2", "1, -1", "3, 1"])
        ),
        5 => format!(
            "to_string({})",
            draw.of(&["ssl", "ip.src", "ip.src.asnum", "http.host"])
        ),
        6 => format!(
            "concat({}, {}, {})",
            string_term(draw, depth - 1, index),
            draw.of(&[
                "\"a\"",
                "range.count",
                "upper(http.host)",
                "lower(http.request.uri.path)"
            ]),
            string_term(draw, depth - 1, index)
        ),
        _ => string_term(draw, 0, index),
    }
}

fn string_test(draw: &mut Draw<'_>, language: Language, term: impl Fn(&mut Draw<'_>) -> String) -> String {
    let left = term(draw);
    match draw.below(if language == Language::Whole { 11 } else { 5 }) {
        0 | 1 => format!("{left} contains {}", quoted(draw.of(&TEXTS))),
        2 => format!("{left} {} {}", order(draw), quoted(draw.of(&TEXTS))),
        3 => {
            let values: Vec<String> = (0..=draw.below(12)).map(|_| quoted(draw.of(&TEXTS))).collect();
            format!("{left} in {{{}}}", values.join(" "))
        }
        4 => format!("{left} {} \"{}\"", draw.of(&["matches", "~"]), draw.of(&PATTERNS)),
        5 => format!(
            "{left} {} \"{}\"",
            draw.of(&["wildcard", "strict wildcard"]),
            draw.of(&WILDCARDS)
        ),
        6 => format!("starts_with({left}, {})", quoted(draw.of(&TEXTS))),
        7 => format!("ends_with({left}, {})", quoted(draw.of(&TEXTS))),
        9 if !left.contains("[*]") => format!(
            "{left} {} {}",
            draw.of(&["eq", "ne"]),
            draw.of(&[
                "http.host",
                "lower(http.user_agent)",
                "http.request.uri.path.extension",
                "http.request.headers[\"x\"][0]"
            ])
        ),
        8 => format!(
            "{left} in {}",
            draw.of(&["$strings", "$host_names", "$cf.malware"])
        ),
        _ => format!("{left} matches r\"{}\"", draw.of(&["a", "^.$", "\\d\\d"])),
    }
}

fn integer_test(draw: &mut Draw<'_>, language: Language, term: impl Fn(&mut Draw<'_>) -> String) -> String {
    let left = term(draw);
    match draw.below(if language == Language::Whole { 5 } else { 4 }) {
        4 => format!("{left} in $numbers"),
        0 | 1 => format!("{left} {} {}", order(draw), draw.of(&NUMBERS)),
        2 => format!("{left} {} {}", draw.of(&["&", "bitwise_and"]), draw.of(&NUMBERS)),
        _ => {
            let values: Vec<String> = (0..=draw.below(12)).map(|_| range(draw)).collect();
            format!("{left} in {{{}}}", values.join(" "))
        }
    }
}

fn range(draw: &mut Draw<'_>) -> String {
    let (one, other): (i64, i64) = (draw.of(&NUMBERS), draw.of(&NUMBERS));
    match draw.below(2) {
        0 => one.to_string(),
        _ => format!("{}..{}", one.min(other), one.max(other)),
    }
}

fn ip_test(draw: &mut Draw<'_>, language: Language) -> String {
    let address = match language {
        Language::Whole => draw.of(&["ip.src", "ip.src", "cidr(ip.src, 24, 48)", "cidr6(ip.src, 32)"]),
        Language::Wirefilter => "ip.src",
    };
    match draw.below(if language == Language::Whole { 3 } else { 2 }) {
        2 => format!("{address} in {}", draw.of(&["$networks", "$cf.vpn"])),
        0 => format!("{address} {} {}", order(draw), draw.of(&ADDRESSES)),
        _ => {
            let values: Vec<&str> = (0..=draw.below(4)).map(|_| draw.of(&NETWORKS)).collect();
            format!("{address} in {{{}}}", values.join(" "))
        }
    }
}

fn order(draw: &mut Draw<'_>) -> &'static str {
    draw.of(&[
        "eq", "==", "ne", "!=", "lt", "<", "le", "<=", "gt", ">", "ge", ">=",
    ])
}

/// A request: each fact there or, if `missing`, sometimes not.
pub(crate) fn facts(draw: &mut Draw<'_>, missing: bool) -> Vec<(Field, Value<'static>)> {
    let mut facts = Vec::new();
    for field in STRINGS {
        facts.push((field, Value::from(draw.of(&TEXTS))));
    }
    for field in INTEGERS {
        facts.push((field, Value::Int(draw.of(&NUMBERS))));
    }
    for field in BOOLEANS {
        facts.push((field, Value::Bool(draw.below(2) == 1)));
    }
    let address: IpAddr = draw.of(&ADDRESSES).parse().expect("an address");
    facts.push((Field::Ip, Value::Ip(address)));
    facts.push((
        Field::Query,
        Value::from(draw.of(&["", "a=ab&b=a&a", "ab&a=docker"])),
    ));
    facts.push((Field::Cookie, Value::from(draw.of(&["", "a=ab; b=a", "a; a=A"]))));
    if missing {
        facts.retain(|_| draw.below(4) != 3);
    }
    facts
}

pub(crate) fn headers(draw: &mut Draw<'_>) -> Vec<(&'static str, &'static str)> {
    (0..draw.below(4))
        .map(|_| (draw.of(&["x", "y"]), draw.of(&TEXTS)))
        .collect()
}

pub(crate) fn values<'a>(facts: &[(Field, Value<'a>)], headers: &'a [(&'a str, &'a str)]) -> Values<'a> {
    let mut values = Values::new();
    facts.iter().for_each(|(field, value)| values.set(*field, *value));
    values.set_headers(headers);
    values
}
