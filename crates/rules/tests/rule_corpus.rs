//! Expressions in the forms in which people write rules for Cloudflare (from public repositories; names and values are
//! made up): what filters requests compiles, and the rest says why in one sentence.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use blobwatch_rules::{List, ListKind, Lists, RuleError, parse};

const FILTERS: &str = include_str!("data/filters.txt");
const REFUSED: &str = include_str!("data/refused.txt");

fn check(text: &str) -> Result<(), RuleError> {
    let list = |name, kind| List::new(name, kind, [], 1).expect("an empty list");
    let lists = Lists::from_iter([
        list("office", ListKind::Network),
        list("origin_ips", ListKind::Address),
        list("clouds", ListKind::Number),
        list("hosts", ListKind::HostName),
        list("bad_agents", ListKind::String),
    ]);
    parse(text).and_then(|read| read.check_with(&lists)).map(drop)
}

#[test]
fn what_filters_requests_compiles() {
    let expressions: Vec<&str> = FILTERS
        .split("\n\n")
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    let refused: Vec<String> = expressions
        .iter()
        .filter_map(|text| check(text).err().map(|error| format!("{text}\n{error}\n")))
        .collect();
    assert!(expressions.len() >= 100, "{}", expressions.len());
    assert!(
        refused.is_empty(),
        "{} of {}:\n{}",
        refused.len(),
        expressions.len(),
        refused.join("\n")
    );
}

/// Each says the reason, or the way to say it here, after the expression.
#[test]
fn the_rest_says_why() {
    let mut cases = 0;
    for case in REFUSED
        .split("\n\n")
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        let (text, says) = case.rsplit_once('\n').expect("an expression and what it is told");
        let error = check(text).err().unwrap_or_else(|| panic!("{text} compiles"));
        assert_eq!(format!("{}: {}", error.word, error.expected), says, "{text}");
        cases += 1;
    }
    assert!(cases >= 15, "{cases}");
}

/// Cloudflare's reference of fields, names and types alone.
/// <https://developers.cloudflare.com/ruleset-engine/rules-language/fields/reference/>
const FIELDS: &str = include_str!("data/cloudflare_fields.txt");

/// An expression that reads a field of this type.
fn reading(name: &str, kind: &str) -> String {
    match kind {
        "Boolean" => name.to_owned(),
        "Integer" => format!("{name} eq 1"),
        "IP address" => format!("{name} eq 192.0.2.7"),
        "String" => format!(r#"{name} eq "x""#),
        "Array<String>" => format!(r#"any({name}[*] eq "x")"#),
        "Array<Integer>" => format!("any({name}[*] eq 1)"),
        "Array<Array<String>>" => format!(r#"any({name}[*][0] eq "x")"#),
        "Map<Integer>" => format!(r#"{name}["x"] eq 1"#),
        "Map<Array<String>>" => format!(r#"any({name}["x"][*] eq "x")"#),
        "Map<Array<Integer>>" => format!(r#"any({name}["x"][*] eq 1)"#),
        other => panic!("{name}: {other}"),
    }
}

/// Names that Blobwatch cannot have at all: of bodies, answers and tokens.
fn is_of_what_no_rule_sees(name: &str) -> bool {
    [
        "http.request.body.",
        "http.request.jwt.",
        "cf.llm.",
        "http.response.",
        "raw.http.response.",
        "cf.response.",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

#[test]
fn each_field_of_cloudflares_reference_is_read_or_refused_with_a_reason_of_its_own() {
    let (mut asked, mut read) = (0, 0);
    for line in FIELDS.lines() {
        let (name, kind) = line.split_once(' ').expect("a name and a type");
        asked += usize::from(!is_of_what_no_rule_sees(name));
        match check(&reading(name, kind)) {
            Ok(()) => read += 1,
            Err(error) => {
                assert_eq!(error.word, name, "{error}");
                let reason = error.expected.strip_prefix("a field that exists here (");
                let reason = reason.unwrap_or_else(|| panic!("{error}"));
                assert!(!reason.contains("did you mean"), "{error}");
                assert!(!reason.contains("docs/rules.md lists"), "{error}");
            }
        }
    }
    assert!(asked >= 140, "{asked}");
    assert!(read * 100 >= asked * 88, "{read} of {asked}");
}

/// <https://developers.cloudflare.com/ruleset-engine/rules-language/functions/>
#[test]
fn each_function_of_cloudflares_reference_is_known_or_refused_with_a_reason_of_its_own() {
    for name in [
        "any",
        "all",
        "bit_slice",
        "cidr",
        "cidr6",
        "coalesce",
        "concat",
        "decode_base64",
        "encode_base64",
        "ends_with",
        "has_key",
        "has_value",
        "hash_in_range",
        "is_timed_hmac_valid_v0",
        "join",
        "len",
        "lookup_json_integer",
        "lookup_json_string",
        "lower",
        "regex_replace",
        "remove_bytes",
        "remove_query_args",
        "sha256",
        "split",
        "starts_with",
        "substring",
        "to_string",
        "upper",
        "url_decode",
        "uuidv4",
        "wildcard_replace",
    ] {
        let Err(error) = check(&format!("{name}(http.host)")) else {
            continue;
        };
        assert!(!error.expected.contains("did you mean"), "{error}");
        assert!(!error.expected.contains("docs/rules.md lists"), "{error}");
    }
}
