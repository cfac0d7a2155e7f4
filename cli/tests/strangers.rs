//! What strangers chose is shown by the program and not obeyed by the terminal: logs of an attacker, and a deployment whose
//! every text is one.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; clippy.toml covers test functions only"
)]

#[expect(dead_code, reason = "another test's helpers")]
mod replay_logs;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use blobwatch_wire::is_invisible;
use replay_logs::night;
use serde_json::{Value, json};

/// A window's title, a colour, the C1 form of both, text that runs backwards, a line of one's own.
const EVIL: &str =
    "\u{1b}]0;pwned\u{7}\u{1b}[31m\u{9b}2J\u{202e}\u{2066}<!channel>\r\nblobwatch: all is well";

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("strangers")
        .join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn run(folder: &Path, url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_blobwatch"))
        .args(arguments)
        .current_dir(folder)
        .env("BLOBWATCH_URL", url)
        .env("BLOBWATCH_TOKEN", "a-token")
        .output()
        .unwrap()
}

/// Both streams hold nothing that a terminal obeys; answers with what they hold.
#[track_caller]
fn shown(output: &Output, what: &[&str]) -> String {
    let text = String::from_utf8([&*output.stdout, &*output.stderr].concat()).unwrap();
    let obeyed = text
        .chars()
        .find(|letter| *letter != '\n' && is_invisible(*letter));
    assert_eq!(obeyed, None, "{what:?}: {text:?}");
    text
}

/// A log in which the colo of hanging downloads is somebody's text.
fn evil_log() -> String {
    let mut log = String::new();
    for mut line in night(true) {
        let colo = if line.kernel.contains("amzn") { EVIL } else { "IAD" };
        line.kernel = "6.8.0-45-generic";
        let mut entry: Value = serde_json::from_str(&line.logpush(None)).unwrap();
        entry
            .as_object_mut()
            .unwrap()
            .insert("EdgeColoCode".to_owned(), colo.into());
        log.push_str(&format!("{entry}\n"));
    }
    log.push_str(&format!("{EVIL}\n"));
    log
}

#[test]
fn a_log_cannot_write_to_the_terminal() {
    let folder = folder("replay");
    fs::write(folder.join("evil.json"), evil_log()).unwrap();
    let output = run(&folder, "", &["replay", "evil.json"]);
    let text = shown(&output, &["replay"]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(r"\u{1b}]0;pwned\u{7}"), "{text}");
    assert!(!text.contains("\nblobwatch: all is well"), "{text}");
    shown(
        &run(&folder, "", &["replay", "--markdown", "evil.json"]),
        &["markdown"],
    );
    // For programs it stays what it was.
    let output = run(&folder, "", &["replay", "--json", "evil.json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report.to_string().contains(r"\u001b]0;pwned"), "{report:#}");
}

/// A deployment that answers every call with this.
fn deployment(status: u16, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), status, &body);
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream, status: u16, body: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    for line in reader.by_ref().lines() {
        let line = line.unwrap().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        } else if line.is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    let head = format!(
        "HTTP/1.1 {status} Done\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
}

/// All that any answer has, in one.
fn evil_answer() -> Value {
    json!({
        "id": "pv-1", "status": "done", "revision": 3, "sentence": EVIL, "stale_because": EVIL, "evidence": [EVIL],
        "matched_requests": 5, "incomplete": [EVIL], "approximations": [EVIL], "cohorts": [{"sentence": EVIL}],
        "not_judged": {"requests": 2, "fields": [EVIL]}, "next_cursor": null, "errors": [],
        "items": [{"id": EVIL, "status": "open", "opened": EVIL, "closed": EVIL, "sentence": EVIL}],
        "changes": [
            {"action": "add", "target": EVIL, "before": null, "after": {"id": EVIL, "expression": EVIL}},
            {"action": "change", "target": EVIL, "before": {"x": EVIL}, "after": {"x": [EVIL]}},
            {"action": "change", "target": EVIL, "before": EVIL, "after": {"x": EVIL}},
        ],
    })
}

#[test]
fn a_deployment_cannot_write_to_the_terminal() {
    let folder = folder("deployment");
    fs::write(folder.join("book.json"), "{\"revision\": 2}").unwrap();
    let problem =
        json!({"title": EVIL, "detail": EVIL, "errors": [{"place": EVIL, "message": EVIL, "excerpt": EVIL}]});
    let report = format!("# {EVIL}");
    for (status, body) in [
        (200, evil_answer().to_string()),
        (200, report),
        (422, problem.to_string()),
        (
            200,
            json!({"revision": 3, "changes": [], "errors": problem["errors"]}).to_string(),
        ),
    ] {
        let url = deployment(status, body);
        for arguments in [
            &["anomalies"][..],
            &["anomalies", "an-000001"],
            &["preview", "--rule", "x", "--route", "y"],
            &["rulebook", "diff", "book.json"],
            &["rulebook", "push", "book.json", "--reason", "r", "--yes"],
            &["rulebook", "pull", "live.toml"],
            &["fires"],
        ] {
            let output = run(&folder, &url, arguments);
            // Records are for pipes.
            if arguments != ["fires"] || status != 200 {
                shown(&output, arguments);
            }
        }
    }
}

#[test]
fn an_audit_log_cannot_write_to_the_terminal() {
    let folder = folder("audit");
    for text in [EVIL.to_owned(), format!("{{\"seq\": {:?}}}", EVIL)] {
        fs::write(folder.join("audit.ndjson"), text).unwrap();
        shown(
            &run(&folder, "", &["audit", "verify", "audit.ndjson"]),
            &["audit"],
        );
    }
    let file = "odd\u{1b}[31m.csv";
    for arguments in [
        ["detect", file],
        ["localize", file],
        ["replay", file],
        ["audit", "verify"],
    ] {
        shown(&run(&folder, "", &arguments), &arguments);
    }
}
