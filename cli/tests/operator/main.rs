//! What the operator's commands do, as a script sees them, against the API of `crates/rule-book` on a database of
//! this process; the end-to-end tests run the same program against the real worker.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests; clippy.toml covers test functions only"
)]

mod audit;
mod lists;
#[path = "../local_api/mod.rs"]
mod local_api;
mod program;
mod rulebook;

use std::process::Command;

use local_api::TOKEN;
use program::Program;

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
