//! `blobwatch detect` as a script sees it: files in, lines and exit codes out.
//!
//! The two files hold the same five hours of minutes for two colos and two systems at 1 %; in one of them amzn2 is at
//! 8 % from 19:00 to 19:45.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests are tests too")]

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/detect");

fn detect(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_blobwatch"))
        .arg("detect")
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn an_anomaly_is_written_as_recorded() {
    let output = detect(&[&format!("{DATA}/amazon-linux.csv")]);
    assert_eq!(
        text(&output.stdout),
        fs::read_to_string(format!("{DATA}/amazon-linux.jsonl")).unwrap()
    );
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(1), String::new())
    );
}

#[test]
fn standard_input_is_read_as_a_file_is() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_blobwatch"))
        .args(["detect", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let counts = fs::read(format!("{DATA}/amazon-linux.csv")).unwrap();
    child.stdin.take().unwrap().write_all(&counts).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        text(&output.stdout),
        fs::read_to_string(format!("{DATA}/amazon-linux.jsonl")).unwrap()
    );
}

#[test]
fn nothing_is_written_for_a_healthy_file() {
    let output = detect(&[&format!("{DATA}/healthy.csv")]);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), String::new())
    );
}

#[test]
fn exit_code_is_two_for_what_cannot_be_read() {
    #[track_caller]
    fn case(arguments: &[&str], message: &str) {
        let output = detect(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
    }
    case(&["no-such-file.csv"], "blobwatch: no-such-file.csv: ");
    case(
        &[&format!("{DATA}/amazon-linux.jsonl")],
        "amazon-linux.jsonl:1: expected the columns",
    );
    case(&[], "Usage: blobwatch detect");
    case(&["--slot", "0", "-"], "0 is not in 1..=86400");
    case(&["--false-alarm-days", "never", "-"], "expected days");
}

#[test]
fn help_shows_examples() {
    let output = detect(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("zcat counts.csv.gz | blobwatch detect -"));
}
