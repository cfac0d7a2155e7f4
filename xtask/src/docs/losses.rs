//! The names of losses: what the code counts is what docs/request-handling.md explains.

use super::{FOREIGN, root};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Calls that count a loss by name, and functions and tables that say one.
const COUNTED: [&str; 6] = [
    "count_loss(",
    "losses::add(",
    "fn loss(",
    "LOSSES: [&str",
    ".count(\"",
    ".call(\"",
];

/// Far enough for the name of a loss, or for a table of them.
const REACH: usize = 400;

/// Words of records, which the same column of the table names.
const OUTCOMES: [&str; 2] = ["origin_failed", "client_closed"];

pub(super) fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let extension = path.extension().unwrap_or_default();
        if path.is_dir() {
            if name != "tests" && !FOREIGN.contains(&name) {
                sources(&path, found);
            }
        } else if (extension == "rs" && name != "tests.rs") || extension == "js" {
            found.push(path);
        }
    }
}

pub(super) fn without_tests(text: &str) -> String {
    // Tests in a file of their own are declared where the file begins.
    let text = text.replace("#[cfg(test)]\nmod tests;", "");
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// Names that a text counts, its tests left out.
fn counted(text: &str) -> BTreeSet<String> {
    let text = without_tests(text);
    let mut names = BTreeSet::new();
    for mark in COUNTED {
        for (at, _) in text.match_indices(mark) {
            let reach: String = text[at + mark.len()..].chars().take(REACH).collect();
            let words = reach.split(end_of(mark)).next().unwrap_or_default().split('"');
            let words = words.skip(usize::from(!mark.ends_with('"'))).step_by(2);
            names.extend(words.filter(|word| is_name(word)).map(str::to_owned));
        }
    }
    names
}

/// Where what a mark begins is over: a name of JavaScript, a table, a statement.
fn end_of(mark: &str) -> &str {
    match mark {
        mark if mark.ends_with('"') => "\"",
        mark if mark.contains('[') || mark.starts_with("fn ") => "\n}",
        _ => ";",
    }
}

fn is_name(word: &str) -> bool {
    word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// Names in the column "what is counted" of the page.
fn explained(page: &str) -> BTreeSet<String> {
    let table = page.split("| what breaks |").nth(1).unwrap();
    let rows = table
        .lines()
        .take_while(|line| line.starts_with('|') || line.starts_with(" what"));
    let column = rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit('|').next());
    let words = column.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    words
        .filter(|word| is_name(word) && !OUTCOMES.contains(word))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_loss_is_explained_and_no_other() {
    let root = root();
    let mut files = Vec::new();
    for folder in ["crates", "src"] {
        sources(&root.join(folder), &mut files);
    }
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    let counted: BTreeSet<String> = texts.flat_map(|text| counted(&text)).collect();
    for known in [
        "decide_trap",
        "records_dropped",
        "records_unreadable",
        "cells_dropped",
        "harms_dropped",
    ] {
        assert!(counted.contains(known), "{known} is not found in {counted:?}");
    }
    let page = fs::read_to_string(root.join("docs/request-handling.md")).unwrap();
    assert_eq!(explained(&page), counted, "of the page, and of the code");
}

#[test]
fn names_are_read_where_they_are_counted() {
    #[track_caller]
    fn case(text: &str, expected: &[&str]) {
        assert!(counted(text).iter().eq(expected), "{:?}", counted(text));
    }
    case(
        "queue.count_loss(\"records_dropped\", 1, now_ms); let x = \"not_this\";",
        &["records_dropped"],
    );
    case(
        "losses::add(sql, &[(\"a_b\".to_owned(), count)].into())?;",
        &["a_b"],
    );
    case(
        "this.call(\"decide_trap\", env, (wasm) => wasm.answered(\"not_observed\"));",
        &["decide_trap"],
    );
    case(
        "fn loss(self) -> &'static str {\n match self {\n A => \"a_b\",\n B => \"c_d\" }\n}\nlet x = \"e_f\";",
        &["a_b", "c_d"],
    );
    case(
        "pub const LOSSES: [&str; 2] = [\n \"a_b\",\n \"c_d\",\n];\n}",
        &["a_b", "c_d"],
    );
    case("#[cfg(test)]\ncount_loss(\"a_b\");", &[]);
    case("#[cfg(test)]\nmod tests;\ncount_loss(\"a_b\");", &["a_b"]);
}
