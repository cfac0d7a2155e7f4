//! `blobwatch audit`.

use crate::program::Program;
use crate::rulebook::{RULE, append};

#[test]
fn the_audit_log_is_pulled_and_checked() {
    let program = Program::new("audit");
    for (name, expression) in [("a", "ssl"), ("b", "not ssl")] {
        program.run(&["rulebook", "pull", "book.toml"]);
        let rule = RULE
            .replace("old-skopeo", name)
            .replace("http.user_agent contains \"skopeo/0.\"", expression);
        append(&program, "book.toml", &rule);
        program.case(
            &["rulebook", "push", "book.toml", "--reason", name, "--yes"],
            0,
            "applied",
        );
    }
    program.case(&["audit", "pull", "log.ndjson"], 0, "");
    let log = program.read("log.ndjson");
    let lines: Vec<&str> = log.lines().collect();
    let hash = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["hash"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (first, head) = (hash(lines[0]), hash(lines[2]));
    program.case(
        &["audit", "verify", "log.ndjson"],
        0,
        &format!("ok: 3 entries, head {head}"),
    );
    program.case(&["audit", "verify", "log.ndjson", "--head", &head], 0, "ok");
    program.case(&["audit", "verify", "log.ndjson", "--json"], 0, r#""ok":true"#);

    program.write(
        "changed.ndjson",
        &log.replace("\"reason\":\"a\"", "\"reason\":\"A\""),
    );
    program.case(
        &["audit", "verify", "changed.ndjson"],
        1,
        "broken at entry 2: its content has the hash",
    );
    program.write("cut.ndjson", &format!("{}\n{}\n", lines[0], lines[2]));
    program.case(
        &["audit", "verify", "cut.ndjson"],
        1,
        "broken at entry 3: expected entry 2 here",
    );
    program.write("short.ndjson", &format!("{}\n{}\n", lines[0], lines[1]));
    program.case(&["audit", "verify", "short.ndjson"], 0, "ok: 2 entries");
    program.case(
        &["audit", "verify", "short.ndjson", "--head", &head],
        1,
        "entries are missing, or all were rewritten",
    );
    program.write("middle.ndjson", &format!("{}\n{}\n", lines[1], lines[2]));
    program.case(
        &[
            "audit",
            "verify",
            "middle.ndjson",
            "--after",
            &format!("1:{first}"),
        ],
        0,
        "ok: 2 entries",
    );
    program.write(
        "list.json",
        &format!(
            "{{\"items\":[{},{},{}],\"next_cursor\":null}}",
            lines[2], lines[1], lines[0]
        ),
    );
    program.case(
        &["audit", "verify", "list.json"],
        0,
        &format!("ok: 3 entries, head {head}"),
    );
    program.write("garbage.ndjson", &format!("{}\nnothing\n", lines[0]));
    program.case(
        &["audit", "verify", "garbage.ndjson"],
        1,
        "line 2 is not an audit entry",
    );
    program.write("other.txt", "hello\n");
    program.case(
        &["audit", "verify", "other.txt"],
        2,
        "other.txt:1: expected an audit entry",
    );
}
