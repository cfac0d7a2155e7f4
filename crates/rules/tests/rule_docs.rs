//! docs/rules.md says what the code does: its field table is the schema, its examples are rules, its error is real.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use blobwatch_rules::{
    Field, List, ListKind, Lists, MAX_NESTING, MAX_PREDICATES, MAX_REGEX_BYTES, MAX_RULES, MAX_STARS,
    MAX_TEXT, PlatformFact, Type, Untold,
};

const PAGE: &str = include_str!("../../../docs/rules.md");

#[track_caller]
fn read(text: &str) {
    let checked = blobwatch_rules::parse(text).and_then(blobwatch_rules::Expression::check);
    checked.unwrap_or_else(|error| panic!("{error}"));
}

/// Cells of a table row; a `|` within code does not occur.
fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

#[test]
fn the_field_table_is_the_schema() {
    let start = PAGE
        .find("| field | type | source | example |")
        .expect("the table");
    let rows = PAGE
        .get(start..)
        .expect("in the page")
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let documented: Vec<String> = rows.map(str::to_owned).collect();
    let schema = Field::ALL.iter().map(|field| {
        format!(
            "| `{}` | {} | {} | `{}` |",
            field.name(),
            field.kind(),
            field.source(),
            field.example()
        )
    });
    let schema: Vec<String> = schema.collect();
    assert_eq!(
        documented,
        schema,
        "the table of docs/rules.md is to be:\n{}\n",
        schema.join("\n")
    );
}

#[test]
fn the_names_that_are_always_missing_are_listed() {
    let kinds = [Type::Boolean, Type::Integer, Type::IpAddress, Type::String];
    for kind in kinds {
        let names = Untold::ALL.iter().filter(|untold| untold.kind() == kind);
        let names: Vec<String> = names.map(|untold| format!("`{}`", untold.name())).collect();
        let row = format!("| {kind} | {} |", names.join(" "));
        assert!(PAGE.contains(&row), "docs/rules.md is to have: {row}");
    }
    assert!(Untold::ALL.iter().all(|untold| kinds.contains(&untold.kind())));
}

#[test]
fn the_names_that_the_platform_can_fill_are_listed() {
    let kinds = [Type::Boolean, Type::Integer, Type::String];
    for kind in kinds {
        let names = PlatformFact::ALL.iter().filter(|fact| fact.kind() == kind);
        let names: Vec<String> = names.map(|fact| format!("`{}`", fact.name())).collect();
        let row = format!("| {kind} | {} |", names.join(" "));
        assert!(PAGE.contains(&row), "docs/rules.md is to have: {row}");
    }
    assert!(PlatformFact::ALL.iter().all(|fact| kinds.contains(&fact.kind())));
    let facts = include_str!("../../../src/data_plane/facts.js");
    for fact in PlatformFact::ALL {
        assert!(
            facts.contains(&format!("add(\"{}\", ", fact.name())),
            "facts.js adds {}",
            fact.name()
        );
    }
}

#[test]
fn every_example_is_a_rule() {
    let blocks = PAGE
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix("rule\n"));
    let mut rules = 0;
    for example in blocks.flat_map(|block| block.split("\n\n")) {
        read(example);
        rules += 1;
    }
    assert_eq!(rules, 6, "examples found");

    let blocks = PAGE.split("```").skip(1).step_by(2);
    let mut blocks = blocks.filter_map(|block| block.strip_prefix("rule-with-lists\n"));
    let list = |name, kind| List::new(name, kind, [], 1).expect("an empty list");
    let lists = Lists::from_iter([
        list("office", ListKind::Network),
        list("tools", ListKind::String),
        list("mirrors", ListKind::HostName),
    ]);
    for example in blocks.next().expect("examples with lists").split("\n\n") {
        let checked = blobwatch_rules::parse(example).and_then(|read| read.check_with(&lists));
        checked.unwrap_or_else(|error| panic!("{error}"));
    }

    let tables = PAGE
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches('|').count() == 4);
    let examples: Vec<&str> = tables
        .filter_map(|line| cells(line).get(2).map(|cell| cell.trim_matches('`')))
        .collect();
    assert!(examples.len() >= 20, "{} examples found", examples.len());
    examples.into_iter().for_each(read);
}

#[test]
fn the_error_of_the_page_is_what_is_printed() {
    let mut blocks = PAGE
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix("error\n"));
    let printed = blocks.next().expect("an error").trim_end();
    let line = printed.lines().nth(1).expect("the line of the rule");
    let error = blobwatch_rules::parse(line)
        .and_then(blobwatch_rules::Expression::check)
        .expect_err("a mistake");
    assert_eq!(error.to_string(), printed);
}

#[test]
fn the_limits_of_the_page_are_the_codes() {
    let limit = |name: &str, value: usize| {
        let row = format!("| {name} | {value} |");
        assert!(PAGE.contains(&row), "{row}");
    };
    limit("bytes of an expression", MAX_TEXT);
    limit("nested brackets, `not` and calls", MAX_NESTING);
    limit("`*` in a wildcard", MAX_STARS);
    limit("KB of one regular expression, compiled", MAX_REGEX_BYTES / 1024);
    limit("rules of a rulebook", MAX_RULES);
    limit("comparisons in all rules of a rulebook", MAX_PREDICATES);
}
