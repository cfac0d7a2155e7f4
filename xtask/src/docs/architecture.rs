//! What ARCHITECTURE.md lists of the objects: each call between them, and each table of their databases.

use super::losses::{sources, without_tests};
use super::root;
use std::collections::BTreeSet;
use std::fs;

/// Something that an object has: its name, and the call or the table.
type Had = BTreeSet<(String, String)>;

/// Objects, and the crates whose databases they are.
const STORES: [(&str, &str); 4] = [
    ("RuleBook", "rule-book"),
    ("FireLog", "fire-log"),
    ("Detector", "detector"),
    ("Previews", "previews"),
];

/// Of every object; `crates/sql` makes it.
const META: &str = "meta";

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

/// Texts below a folder, each without its tests.
fn texts(folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    sources(&root().join(folder), &mut files);
    let read = |file| fs::read_to_string(file).unwrap();
    files.iter().map(read).map(|text| without_tests(&text)).collect()
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let rest = text
        .split_once(begin)
        .unwrap_or_else(|| panic!("no {begin} in {text}"))
        .1;
    rest.split_once(end).unwrap().0
}

/// Calls that a source defines, as the page writes them.
fn calls(text: &str) -> Had {
    let calls = text.split("impl ObjectCall for ").skip(1).map(|call| {
        let object = between(call, "const OBJECT: Object = Object::", ";");
        let method = between(call, "const METHOD: Method = Method::", ";").to_uppercase();
        let path = between(call, "const PATH: &'static str = \"", "\"");
        (object.to_owned(), format!("{method} /{path}"))
    });
    calls.collect()
}

/// Tables that a source makes and does not take away again.
fn tables(text: &str) -> BTreeSet<String> {
    let named = |statement: &str| {
        let rests = text.split(statement).skip(1);
        let names = rests.map(|rest| rest.strip_prefix("IF NOT EXISTS ").unwrap_or(rest));
        let word = |rest: &str| rest.split(|c: char| !is_of_name(c)).next().unwrap().to_owned();
        names.map(word).collect::<BTreeSet<String>>()
    };
    &named("CREATE TABLE ") - &named("DROP TABLE ")
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

/// Rows of the table whose head begins so, as cells.
fn rows<'a>(page: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let table = page.split(head).nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// Words of a cell that stand as code.
fn codes(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Calls of the page: without a FireLog's name, without parameters.
fn listed_calls(page: &str) -> Had {
    let mut listed = Had::new();
    for row in rows(page, "| from | to | call |") {
        for code in codes(row[2]) {
            let call = code.replace("/<name>/", "/");
            let call = call.split(['<', '?']).next().unwrap();
            if METHODS
                .iter()
                .any(|method| call.starts_with(&format!("{method} /")))
            {
                listed.insert((row[1].to_owned(), call.to_owned()));
            }
        }
    }
    listed
}

fn listed_tables(page: &str) -> Had {
    let rows = rows(page, "| table | in |");
    let listed = rows.iter().flat_map(|row| {
        let is_of = move |object: &&str| row[1] == "all four" || row[1] == *object;
        let objects = STORES.map(|(object, _)| object).into_iter().filter(is_of);
        objects.flat_map(|object| codes(row[0]).map(|table| (object.to_owned(), table.to_owned())))
    });
    listed.collect()
}

fn page() -> String {
    fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
}

#[track_caller]
fn assert_same(listed: &Had, defined: &Had) {
    let (unlisted, undefined) = (defined - listed, listed - defined);
    assert!(unlisted.is_empty(), "the page lacks {unlisted:?}");
    assert!(undefined.is_empty(), "the code lacks {undefined:?}");
}

#[test]
fn every_call_between_objects_is_listed_and_no_other() {
    let defined: Had = texts("crates").iter().flat_map(|text| calls(text)).collect();
    assert!(defined.contains(&("FireLog".to_owned(), "POST /flush".to_owned())));
    assert_same(&listed_calls(&page()), &defined);
}

#[test]
fn every_table_is_listed_and_no_other() {
    let mut made = Had::new();
    for (object, folder) in STORES {
        // A table may be made in one file and taken away in another.
        let text = texts(&format!("crates/{folder}/src")).join("\n");
        let all = tables(&text).into_iter().chain([META.to_owned()]);
        made.extend(all.map(|table| (object.to_owned(), table)));
    }
    assert!(made.contains(&("FireLog".to_owned(), "segment".to_owned())));
    assert_same(&listed_tables(&page()), &made);
}

#[test]
fn calls_and_tables_are_read_where_they_are_defined() {
    let call = "impl ObjectCall for A<'_> {\n const OBJECT: Object = Object::FireLog;\n const METHOD: Method = Method::Get;\n \
                const PATH: &'static str = \"record/\";\n}";
    let expected = Had::from([("FireLog".to_owned(), "GET /record/".to_owned())]);
    assert_eq!(calls(call), expected);
    let page = "| from | to | call | when |\n| --- | --- | --- | --- |\n\
                | API | FireLog | `GET /<name>/record/<id>`, and `/api/…` | always |\n\n| a |";
    assert_eq!(listed_calls(page), expected);
    let made = "CREATE TABLE IF NOT EXISTS a_1 (x); CREATE TABLE b(y); DROP TABLE b";
    assert!(tables(made).iter().eq(["a_1"]));
}
