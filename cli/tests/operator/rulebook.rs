//! `blobwatch rulebook`: pulled, changed and pushed.

use crate::program::Program;

pub(crate) const RULE: &str = r#"
[[rules]]
id = "old-skopeo"
description = "of another decade"
expression = 'http.user_agent contains "skopeo/0."'
action = "tag"
"#;

/// Adds tables to a file that was pulled: an empty list would stand in their way.
pub(crate) fn append(program: &Program, file: &str, tables: &str) {
    let pulled = program.read(file).replace("modes = []\n", "");
    program.write(file, &(pulled + tables));
}

#[test]
fn a_file_is_pulled_changed_and_pushed_in_one_revision() {
    let program = Program::new("push");
    program.case(
        &["rulebook", "pull", "book.toml"],
        0,
        "wrote book.toml: revision 1, 1 rules, 2 routes, 0 modes, 0 lists",
    );
    program.case(
        &["rulebook", "diff", "book.toml"],
        0,
        "no difference from revision 1",
    );
    program.case(
        &["rulebook", "push", "book.toml", "--reason", "x"],
        0,
        "no difference",
    );
    append(&program, "book.toml", RULE);
    program.case(
        &["rulebook", "diff", "book.toml"],
        1,
        "against revision 1:\n+ rules/old-skopeo\n",
    );
    let plan: serde_json::Value = serde_json::from_slice(
        &program
            .output(&["rulebook", "diff", "--json", "book.toml"])
            .stdout,
    )
    .unwrap();
    assert_eq!(plan["changes"][0]["action"], "add");
    let push = [
        "rulebook",
        "push",
        "book.toml",
        "--reason",
        "as in the file",
        "--yes",
    ];
    program.case(&push, 0, "+ rules/old-skopeo\n  + action: tag\n");
    assert!(
        program.read("book.toml").contains("revision = 2\n"),
        "{}",
        program.read("book.toml")
    );
    program.case(
        &["rulebook", "diff", "book.toml"],
        0,
        "no difference from revision 2",
    );
    program.case(&["audit", "pull"], 0, "\"reason\":\"as in the file\"");
}

#[test]
fn nothing_is_changed_where_nobody_can_be_asked() {
    let program = Program::new("ask");
    program.run(&["rulebook", "pull", "book.toml"]);
    append(&program, "book.toml", RULE);
    program.case(
        &["rulebook", "push", "book.toml", "--reason", "x"],
        2,
        "expected --yes",
    );
    program.case(&["rulebook", "diff", "book.toml"], 1, "against revision 1");
}

#[test]
fn a_push_is_refused_when_the_live_rulebook_moved() {
    let program = Program::new("moved");
    program.run(&["rulebook", "pull", "mine.json"]);
    program.run(&["rulebook", "pull", "theirs.toml"]);
    append(&program, "theirs.toml", RULE);
    program.case(
        &["rulebook", "push", "theirs.toml", "--reason", "first", "--yes"],
        0,
        "applied as revision 2",
    );
    program.case(
        &["rulebook", "push", "mine.json", "--reason", "second", "--yes"],
        2,
        "revision",
    );
    program.case(
        &["rulebook", "diff", "mine.json"],
        1,
        "mine.json was pulled at revision 1, but the live revision is 2",
    );
    // Without a revision it goes onto what the plan was made for.
    program.write(
        "mine.json",
        &program.read("mine.json").replace("\"revision\": 1,", ""),
    );
    program.case(
        &["rulebook", "push", "mine.json", "--reason", "third", "--yes"],
        0,
        "- rules/old-skopeo",
    );
}

#[test]
fn enforcement_needs_a_preview_or_force() {
    let program = Program::new("force");
    program.run(&["rulebook", "pull", "book.toml"]);
    let mode = "\n[[modes]]\nrule = \"sweep\"\nroute = \"hub\"\nmode = \"enforce\"\n";
    append(&program, "book.toml", mode);
    program.case(
        &["rulebook", "diff", "book.toml"],
        2,
        "the whole push is refused:\n  body.modes[0]",
    );
    program.case(
        &["rulebook", "push", "book.toml", "--reason", "now", "--yes"],
        2,
        "the whole push is refused",
    );
    program.case(
        &["rulebook", "diff", "book.toml", "--force"],
        1,
        "+ rules/sweep/modes/hub",
    );
    program.case(
        &[
            "rulebook",
            "push",
            "book.toml",
            "--reason",
            "now",
            "--yes",
            "--force",
        ],
        0,
        "applied as revision 2",
    );
    program.case(&["audit", "pull"], 0, "\"reason\":\"now\"");
}

#[test]
fn a_file_that_is_wrong_is_refused_whole_with_its_places() {
    let program = Program::new("wrong");
    program.run(&["rulebook", "pull", "book.toml"]);
    program.write("bad.toml", &program.read("book.toml"));
    let wrong = [("contains", "holds"), ("old-skopeo", "Bad Name")].map(|(from, to)| RULE.replace(from, to));
    append(&program, "bad.toml", &wrong.concat());
    program.case(
        &["rulebook", "push", "bad.toml", "--reason", "x", "--yes"],
        2,
        "rules[1].expression",
    );
    program.case(&["rulebook", "diff", "bad.toml"], 2, "^");
    program.write("bad.toml", "rules = [\n");
    program.case(&["rulebook", "diff", "bad.toml"], 2, "bad.toml: expected TOML: ");
    program.write("bad.json", "[]");
    program.case(
        &["rulebook", "diff", "bad.json"],
        2,
        "bad.json: expected a rulebook",
    );
    program.case(&["rulebook", "diff", "no-such.json"], 2, "no-such.json: ");
    program.case(
        &["rulebook", "diff", "book.toml"],
        0,
        "no difference from revision 1",
    );
}
