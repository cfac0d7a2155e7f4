//! Logs of the same requests in any form, and what `replay` makes of them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Requests of a log: so many clients ask for one blob, then for another one. If clients were one, they would start over.
pub(crate) const CLIENTS: u64 = 20;

/// 2026-03-02T09:00:00Z; each request a second later, and two seconds long.
const BEGIN_S: u64 = 1_772_442_000;

pub(crate) const AGENT: &str = "containerd/v2.1.4";

/// The log in a form: one with `{…}` for what differs.
pub(crate) fn log(form: &str) -> String {
    (0..2 * CLIENTS).map(|at| line(form, at) + "\n").collect()
}

pub(crate) fn line(form: &str, at: u64) -> String {
    let (minute, second) = (at / 60, at % 60);
    let hex = format!("{:064x}", 0x9e37 + at / CLIENTS);
    let begin = BEGIN_S + at;
    let end = format!("{:02}", second + 2);
    let path = format!("/v2/library/nginx/blobs/sha256:{hex}");
    form.replace("{path}", &path)
        .replace("{hex}", &hex)
        .replace("{ip}", &format!("198.51.{}.7", at % CLIENTS))
        .replace("{clf}", &format!("02/Mar/2026:09:{minute:02}:{second:02} +0000"))
        .replace(
            "{haproxy}",
            &format!("02/Mar/2026:09:{minute:02}:{second:02}.250"),
        )
        .replace("{iso}", &format!("2026-03-02T09:{minute:02}:{second:02}Z"))
        .replace("{hms}", &format!("09{minute:02}{second:02}"))
        .replace("{clock}", &format!("09:{minute:02}:{second:02}"))
        .replace("{end}", &format!("2026-03-02T09:{minute:02}:{end}Z"))
        .replace("{syslog}", &format!("Mar  2 09:{minute:02}:{second:02}"))
        .replace("{unix}", &begin.to_string())
        .replace("{ua}", AGENT)
        .replace("{id}", &at.to_string())
}

pub(crate) fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("forms");
    fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_blobwatch"))
        .arg("replay")
        .args(arguments)
        .current_dir(folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

pub(crate) fn report(arguments: &[&str], input: &[u8]) -> Value {
    let output = run(&[arguments, &["--json", "-"]].concat(), input);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a report says of a log of such requests, or what is wrong with it.
pub(crate) fn wrong(name: &str, arguments: &[&str], log: &str) -> Option<String> {
    let output = run(&[arguments, &["--json", "-"]].concat(), log.as_bytes());
    let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) else {
        return Some(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
    };
    let found = json!([
        report["requests"],
        report["counts"]["starts"],
        report["counts"]["restarts"],
        report["counts"]["aborted"],
        report["malformed"]["count"],
    ]);
    let is_right = found == json!([2 * CLIENTS, 2 * CLIENTS, 0, 0, 0])
        && report["since"]
            .as_str()
            .is_some_and(|since| since.contains("03-02T09:00:00"));
    (!is_right).then(|| {
        format!(
            "{name}: {found} since {}, read as {}",
            report["since"], report["files"][0]["format"]
        )
    })
}

pub(crate) const COMBINED: &str = r#"{ip} - - [{clf}] "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}""#;

/// The message, which goes to standard error.
#[track_caller]
pub(crate) fn refused(arguments: &[&str], log: &str, messages: &[&str]) {
    let output = run(&[arguments, &["-"]].concat(), log.as_bytes());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.code(),
        Some(2),
        "{error}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    for message in messages {
        assert!(error.contains(message), "{message}: {error}");
    }
}
