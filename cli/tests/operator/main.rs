//! `blobwatch rulebook` and `blobwatch audit` as a script sees them, against the API of `crates/rule-book` on a database of
//! this process; the end-to-end tests run the same program against the real worker.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests; clippy.toml covers test functions only"
)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use blobwatch_rule_book::{RuleBookStore, answer, export_audit, export_begin};
use blobwatch_rulebook::Rulebook;
use blobwatch_sql::Native;
use local_api::{Answer, Call, TOKEN, serve};

#[path = "../local_api/mod.rs"]
mod local_api;

const NOW: u64 = 1_593_975_600_000;

fn deployment() -> String {
    serve(|| {
        let starter = r#"{"schema":1,"revision":0,"routes":[{"name":"default"},{"name":"hub","repository":"library/**"}],
            "rules":[{"id":"sweep","version":1,"description":"d","expression":"ssl","action":"block"}],"modes":[]}"#;
        let starter = Rulebook::from_json(starter).unwrap();
        let store = RuleBookStore::open(Native::in_memory().unwrap(), &starter, NOW).unwrap();
        move |call: &Call| answered(call, &store)
    })
}

fn answered(call: &Call, store: &RuleBookStore<Native>) -> Answer {
    if call.path == "audit"
        && let Some(after) = export_begin(&call.query).unwrap()
    {
        return Answer {
            status: 200,
            media: "application/x-ndjson",
            body: export(store, after),
        };
    }
    if call.path.starts_with("previews") {
        // The previews are another object's than the rulebook's: here one is done when it is asked for again.
        let status = if call.method == "POST" { "running" } else { "done" };
        let preview = serde_json::json!({"id": "pv-7", "status": status, "matched_requests": 5, "sentence": "would hit 2 clients",
            "rule": serde_json::from_str::<serde_json::Value>(&call.body).unwrap_or_default(), "revision": 1});
        return Answer::json(202, preview.to_string());
    }
    match answer(store, &call.of_rule_book(NOW + 60_000)) {
        Ok(reply) => Answer::json(reply.status, reply.body),
        Err(problem) => Answer {
            status: problem.status,
            media: "application/problem+json",
            body: serde_json::to_string(&problem).unwrap(),
        },
    }
}

fn export(store: &RuleBookStore<Native>, mut after: u64) -> String {
    let mut lines = String::new();
    loop {
        let step = export_audit(store, after).unwrap();
        lines.push_str(&step.lines);
        match step.after {
            Some(next) => after = next,
            None => return lines,
        }
    }
}

struct Program {
    folder: PathBuf,
    url: String,
}

impl Program {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("operator").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            url: deployment(),
        }
    }

    fn output(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_blobwatch"))
            .args(arguments)
            .current_dir(&self.folder)
            .env("BLOBWATCH_URL", &self.url)
            .env("BLOBWATCH_TOKEN", TOKEN)
            .output()
            .unwrap()
    }

    /// Exit code, and what was written to both.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.output(arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    #[track_caller]
    fn case(&self, arguments: &[&str], code: i32, says: &str) {
        let (found, text) = self.run(arguments);
        assert!(
            found == code && text.contains(says),
            "{arguments:?}: {found}\n{text}"
        );
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.join(file), text).unwrap();
    }
}

const RULE: &str = r#"
[[rules]]
id = "old-skopeo"
description = "of another decade"
expression = 'http.user_agent contains "skopeo/0."'
action = "tag"
"#;

fn with_rule(text: &str) -> String {
    format!("{text}{RULE}")
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
    program.write(
        "book.toml",
        &with_rule(&program.read("book.toml").replace("modes = []\n", "")),
    );
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
    program.write(
        "book.toml",
        &with_rule(&program.read("book.toml").replace("modes = []\n", "")),
    );
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
    program.write(
        "theirs.toml",
        &with_rule(&program.read("theirs.toml").replace("modes = []\n", "")),
    );
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
    program.write(
        "book.toml",
        &(program.read("book.toml").replace("modes = []\n", "") + mode),
    );
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
    let book = program.read("book.toml").replace("modes = []\n", "");
    program.write(
        "bad.toml",
        &(book.clone() + &RULE.replace("contains", "holds") + &RULE.replace("old-skopeo", "Bad Name")),
    );
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

#[test]
fn the_audit_log_is_pulled_and_checked() {
    let program = Program::new("audit");
    for (name, expression) in [("a", "ssl"), ("b", "not ssl")] {
        program.run(&["rulebook", "pull", "book.toml"]);
        let rule = RULE
            .replace("old-skopeo", name)
            .replace("http.user_agent contains \"skopeo/0.\"", expression);
        program.write(
            "book.toml",
            &(program.read("book.toml").replace("modes = []\n", "") + &rule),
        );
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

#[test]
fn a_call_that_cannot_be_made_is_exit_code_2() {
    let program = Program::new("refused");
    let run = |url: &str, token: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_blobwatch"))
            .args(["rulebook", "pull", "-", "--url", url])
            .env_remove("BLOBWATCH_URL")
            .env("BLOBWATCH_TOKEN", token)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let case = |url: &str, token: &str, message: &str| {
        let (code, error) = run(url, token);
        assert!(code == Some(2) && error.contains(message), "{url}: {error}");
    };
    case(
        &program.url,
        "",
        "expected a token in the variable BLOBWATCH_TOKEN",
    );
    case(&program.url, "nobody", "Who is it? (401): expected a token");
    case(
        "http://registry.example.com",
        TOKEN,
        "expected --url with https://",
    );
    case(
        "registry.example.com",
        TOKEN,
        "expected --url with its scheme, such as https://registry.example.com;",
    );
    case("127.0.0.1:8795", TOKEN, "such as http://127.0.0.1:8795;");
    case(
        "http://127.0.0.1:1",
        TOKEN,
        "failed to reach http://127.0.0.1:1/_blobwatch/api/v1/rulebook",
    );
}

#[test]
fn a_preview_is_asked_for_until_it_is_done() {
    let program = Program::new("preview");
    program.case(
        &["preview", "--rule", "sweep", "--route", "hub"],
        1,
        "would hit 2 clients",
    );
    program.case(&["preview", "--expression", "ssl"], 2, "--action");
    program.case(&["preview"], 2, "--rule <RULE>|--expression <EXPRESSION>");
    program.case(&["preview"], 2, "--rule");
}

#[test]
fn completions_and_manual_name_every_subcommand() {
    let program = Program::new("shell");
    for shell in ["bash", "zsh", "fish"] {
        program.case(&["completions", shell], 0, "localize");
    }
    program.case(&["man"], 0, ".TH blobwatch 1");
    program.case(&["man", "--out", "."], 0, "");
    assert!(program.read("blobwatch-replay.1").contains("Logpush"));
    for subcommand in [
        "replay",
        "detect",
        "localize",
        "rulebook",
        "audit",
        "completions",
        "man",
        "fires",
        "requests",
        "anomalies",
        "status",
        "preview",
    ] {
        program.case(&[subcommand, "--help"], 0, "Examples:");
    }
    program.case(&["--help"], 0, "Exit codes");
}

#[test]
fn a_list_is_made_refreshed_and_changed_by_items() {
    let program = Program::new("list");
    program.write(
        "office.txt",
        "# ours\n192.0.2.0/24\n198.51.100.7 # uplink\n\n2001:DB8::/32\n",
    );
    let refresh = ["list", "refresh", "office", "office.txt", "--reason", "first"];
    program.case(&refresh, 2, "expected --kind: there is no list office yet");
    program.case(
        &[&refresh[..], &["--kind", "network"]].concat(),
        0,
        "office: 3 items, 3 added, 0 removed; version 1 at revision 2; named by no rule",
    );
    program.case(
        &refresh,
        0,
        "office: 3 items, 0 added, 0 removed; version 1 at revision 2",
    );
    program.case(
        &["list", "show", "office"],
        0,
        "192.0.2.0/24\n198.51.100.7\n2001:db8::/32\n",
    );
    program.case(
        &["list", "add", "office", "203.0.113.9", "--reason", "r"],
        0,
        "4 items, 1 added",
    );
    program.case(
        &["list", "remove", "office", "203.0.113.9"],
        0,
        "3 items, 0 added, 1 removed",
    );
    program.case(&["list", "show"], 0, "office  network, 3 items, version 3");
    program.case(
        &["list", "add", "office", "somewhere"],
        2,
        "body.add[0]: expected an IP address",
    );
    program.case(&["list", "add", "none", "192.0.2.1"], 2, "list \"none\"");
}

#[test]
fn a_source_that_failed_empties_no_list() {
    let program = Program::new("list-loss");
    program.write("tools.txt", "a\nb\nc\nd\n");
    let make = ["list", "refresh", "tools", "tools.txt", "--kind", "string"];
    program.case(&make, 0, "4 items");
    let refresh = ["list", "refresh", "tools", "tools.txt"];
    program.write("tools.txt", "a\n");
    program.case(
        &refresh,
        2,
        "tools.txt has 1 items, and tools has 4: expected --force",
    );
    program.write("tools.txt", "");
    program.case(&refresh, 2, "tools.txt has 0 items");
    program.case(
        &[&refresh[..], &["--force"]].concat(),
        0,
        "0 items, 0 added, 4 removed",
    );
    program.case(
        &[
            "list",
            "refresh",
            "tools",
            "tools.txt",
            "--kind",
            "number",
            "--force",
        ],
        2,
        "expected --kind string, or none",
    );
    program.case(&["list", "delete", "tools"], 0, "removed tools");
}

/// Lists as others publish them: one there, packed; one led to; one gone.
fn publisher() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let led_to = format!("{address}/there");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            reader.read_line(&mut line).unwrap();
            let mut rest = String::new();
            while reader.read_line(&mut rest).unwrap() > 2 {}
            let (status, body) = match line.split(' ').nth(1).unwrap() {
                "/there" => ("200 OK", "# ours\n192.0.2.0/24\n198.51.100.7\n"),
                "/moved" => ("302 Found", ""),
                "/page" => ("200 OK", "<!doctype html><p>Sign in"),
                _ => ("404 Not Found", "gone"),
            };
            write!(
                stream,
                "HTTP/1.1 {status}\r\nlocation: {led_to}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
    });
    address
}

#[test]
fn lists_are_refreshed_from_their_sources() {
    let program = Program::new("list-source");
    let publisher = publisher();
    program.write("tools.txt", "curl\nwget\n");
    let moved = format!("{publisher}/moved");
    program.case(
        &[
            "list", "refresh", "office", "--source", &moved, "--kind", "network",
        ],
        0,
        "office: 2 items, 2 added",
    );
    program.case(
        &[
            "list",
            "refresh",
            "tools",
            "--source",
            "tools.txt",
            "--kind",
            "string",
        ],
        0,
        "tools: 2 items",
    );
    program.case(
        &["list", "show"],
        0,
        &format!("office  network, 2 items, version 1, from {moved}"),
    );
    // Items alone leave the source; so does a file in its place.
    program.case(&["list", "add", "office", "203.0.113.9"], 0, "3 items");
    program.write("tools.txt", "curl\nwget\ncrane\n");
    program.case(
        &["list", "refresh", "--all"],
        0,
        "office: 2 items, 0 added, 1 removed",
    );
    program.case(&["list", "show", "tools"], 0, "crane");
    // One that fails is said, keeps its items, and keeps no other from being refreshed.
    let gone = format!("{publisher}/gone");
    program.case(
        &["list", "refresh", "office", "--source", &gone],
        2,
        "expected the status 200, found 404",
    );
    program.case(
        &[
            "list",
            "refresh",
            "office",
            "--source",
            &format!("{publisher}/page"),
        ],
        2,
        "found a page",
    );
    program.case(
        &["list", "refresh", "office", "--source", "ftp://x/y"],
        2,
        "https://",
    );
    program.write("tools.txt", "");
    program.case(&["list", "refresh", "--all"], 2, "tools.txt has 0 items");
    program.case(&["list", "refresh", "--all"], 2, "office: 2 items");
    program.case(
        &["list", "refresh", "tools", "--source", ""],
        0,
        "tools: 3 items, 0 added, 0 removed; version 3",
    );
    program.case(&["list", "refresh", "tools"], 2, "the list tools has no source");
    program.case(&["rulebook", "pull", "book.toml"], 0, "2 lists");
    let book = program.read("book.toml");
    assert!(book.contains(&format!("source = \"{moved}\"")), "{book}");
    program.case(&["rulebook", "diff", "book.toml"], 0, "no difference");
}

#[test]
fn lists_travel_in_the_file_of_the_rulebook() {
    let program = Program::new("list-file");
    program.write("tools.txt", "curl\nwget\n");
    program.case(
        &["list", "refresh", "tools", "tools.txt", "--kind", "string"],
        0,
        "2 items",
    );
    program.case(&["rulebook", "pull", "book.toml"], 0, "1 lists");
    let book = program.read("book.toml");
    assert!(book.contains("[[lists]]\nname = \"tools\""), "{book}");
    program.case(&["rulebook", "diff", "book.toml"], 0, "no difference");
    program.write("book.toml", &book.replace("\"wget\"", "\"aria2\""));
    program.case(&["rulebook", "diff", "book.toml"], 1, "~ lists/tools");
    program.case(
        &["rulebook", "push", "book.toml", "--reason", "r", "--yes"],
        0,
        "applied as revision 3",
    );
    program.case(&["list", "show", "tools"], 0, "aria2\ncurl\n");
}

#[test]
fn a_request_is_explained_before_anybody_makes_it() {
    let program = Program::new("explain");
    let line = "curl -A docker/19.03.6 https://r.example/v2/library/a/blobs/sha256:4abcf20661432fb2d719aaf90656f55c287f8ca915dc1c92ec14ff61e67fbaf8";
    program.case(
        &["explain", "--curl", line],
        0,
        "route hub: the request is forwarded unchanged\n  matches   sweep (monitor, would block)",
    );
    let expression = "ip.src.country eq \"US\"";
    let asked = ["explain", "--curl", line, "--rule", expression];
    program.case(
        &asked,
        0,
        "unknown   draft (monitor, would tag): its expression depends on ip.src.country",
    );
    program.case(
        &[&asked[..], &["--fact", "ip.src.country=US"]].concat(),
        0,
        "matches   draft",
    );
    program.case(&["rulebook", "pull", "book.toml"], 0, "wrote");
    let book = program
        .read("book.toml")
        .replace("default_mode = \"monitor\"", "default_mode = \"enforce\"");
    program.write("book.toml", &book);
    program.case(
        &["explain", "--curl", line, "--rulebook", "book.toml"],
        1,
        "route hub: sweep blocks the request",
    );
    program.case(
        &["explain", "--curl", "curl"],
        2,
        "body.curl: expected a URL in the curl line",
    );
}
