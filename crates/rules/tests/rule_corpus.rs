//! Expressions in the forms in which people write rules for Cloudflare (from public repositories; names and values are
//! made up): what filters requests compiles, and the rest says why in one sentence.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

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
