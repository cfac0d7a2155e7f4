//! `blobwatch replay` as a script sees it: logs in, reports and exit codes out.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; clippy.toml covers test functions only"
)]

mod replay_logs;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use replay_logs::{Line, Random, night};
use serde_json::Value;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/replay");

fn replay(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_blobwatch"))
        .arg("replay")
        .args(arguments)
        .current_dir(DATA)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A program that does not read its input ends without it.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn file(name: &str, content: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("replay");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path
}

fn combined(lines: &[Line]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| line.combined(true).into_bytes())
        .collect()
}

fn json(arguments: &[&str], input: &[u8]) -> Value {
    let output = replay(&[arguments, &["--json"]].concat(), input);
    assert_ne!(output.status.code(), Some(2), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The report without the names of the files.
fn findings(report: &Value) -> (Value, Value, Value, Vec<Value>) {
    let anomalies = report["anomalies"].as_array().unwrap().iter();
    let of = |anomaly: &Value| {
        let mut anomaly = anomaly.clone();
        anomaly.as_object_mut().unwrap().remove("evidence");
        anomaly
    };
    (
        report["requests"].clone(),
        report["counts"].clone(),
        report["late"].clone(),
        anomalies.map(of).collect(),
    )
}

#[test]
fn a_night_of_hanging_downloads_is_found_and_named() {
    let output = replay(&["--json", "-"], &combined(&night(true)));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let anomaly = &report["anomalies"][0];
    assert_eq!(report["anomalies"].as_array().unwrap().len(), 1, "{report:#}");
    let kinds = anomaly["kinds"].to_string();
    assert!(
        kinds.contains("resume_surge") && kinds.contains("abort_surge"),
        "{kinds}"
    );
    let cohort = anomaly["cohort"].to_string();
    assert!(cohort.contains("amzn2"), "{cohort}");
    let opened = anomaly["opened"].as_str().unwrap();
    assert!(
        ("2020-07-05T21:20:00"..="2020-07-05T21:23:00").contains(&opened),
        "{opened}"
    );
    let evidence = anomaly["evidence"][0].as_str().unwrap();
    assert!(evidence.starts_with("standard input:"), "{evidence}");
}

/// Logs leave fields out: without lengths nothing tells a large blob from a small one, and with the answer's head in them
/// nothing tells a body that was cut in its last bytes.
#[test]
fn a_night_is_found_in_logs_without_the_lengths_of_bodies() {
    for bytes in [None, Some("EdgeResponseBytes")] {
        let log = |is_bad| -> Vec<u8> {
            let lines = night(is_bad).into_iter();
            // Answers differ in their heads.
            let line = |line: Line| line.logpush(bytes.map(|name| (name, 700 + line.client % 90)));
            lines.flat_map(|one| line(one).into_bytes()).collect()
        };
        let report = json(&["-"], &log(true));
        let anomalies = report["anomalies"].as_array().unwrap();
        assert_eq!(anomalies.len(), 1, "{bytes:?}: {report:#}");
        let anomaly = &anomalies[0];
        assert_eq!(anomaly["kinds"], serde_json::json!(["resume_surge"]), "{bytes:?}");
        let cohort = anomaly["cohort"].to_string();
        assert!(cohort.contains("amzn2"), "{bytes:?}: {cohort}");
        let healthy = json(&["-"], &log(false));
        assert_eq!(healthy["anomalies"], serde_json::json!([]), "{bytes:?}");
    }
}

#[test]
fn a_healthy_night_raises_nothing() {
    let output = replay(&["-"], &combined(&night(false)));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).ends_with("\nNothing would have been flagged.\n"));
}

#[test]
fn lines_may_be_out_of_order_within_the_slack_and_in_several_files() {
    let lines = night(true);
    let whole = file("whole.log", &combined(&lines));
    let expected = findings(&json(&[whole.to_str().unwrap()], b""));

    let mut random = Random(9);
    let mut shuffled = lines.clone();
    shuffled.sort_by_cached_key(|line| line.time_s + random.next(50));
    let shuffled = file("shuffled.log", &combined(&shuffled));
    assert_eq!(findings(&json(&[shuffled.to_str().unwrap()], b"")), expected);

    // As our own exports are written.
    let backwards: Vec<Line> = lines.iter().rev().cloned().collect();
    let backwards = file("backwards.log", &combined(&backwards));
    assert_eq!(findings(&json(&[backwards.to_str().unwrap()], b"")), expected);

    // Of two processes at the same time, and a third of which everything comes later.
    let (early, late): (Vec<Line>, Vec<Line>) = lines
        .into_iter()
        .partition(|line| line.time_s < replay_logs::FAULT_S);
    let (one, two): (Vec<Line>, Vec<Line>) = early.into_iter().partition(|line| line.client % 3 > 0);
    let [one, two, late] = [("one.log", one), ("two.log", two), ("late.log", late)]
        .map(|(name, lines)| file(name, &combined(&lines)).to_str().unwrap().to_owned());
    assert_eq!(findings(&json(&[&late, &two, &one], b"")), expected);
}

#[test]
fn packed_logs_and_standard_input_are_read_as_plain_files_are() {
    let lines: Vec<Line> = night(true).into_iter().take(3_000).collect();
    let plain = combined(&lines);
    let expected = findings(&json(&["-"], &plain));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let packed = file("night.log.gz", &gzip.finish().unwrap());
    assert_eq!(findings(&json(&[packed.to_str().unwrap()], b"")), expected);
    assert_eq!(
        findings(&json(&["-"], &zstd::encode_all(&plain[..], 1).unwrap())),
        expected
    );
}

#[test]
fn lines_that_cannot_be_read_are_counted_and_shown() {
    let lines: Vec<Line> = night(false).into_iter().take(100).collect();
    let mut log = text(&combined(&lines));
    log.push_str("garbage\n\u{1b}[31m192.0.2.7 - - [noon] \"GET /v2/a/blobs/x HTTP/1.1\" 200 5\n\n");
    let log = [log.as_bytes(), b"\xff\n"].concat();
    let output = replay(&["-"], &log);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(out.contains("malformed 3 lines could not be read:"), "{out}");
    assert!(
        out.contains(
            "standard input:101: expected a time in brackets and a request in quotes, found \"garbage\""
        ),
        "{out}"
    );
    assert!(!out.contains('\u{1b}'));
}

#[track_caller]
fn golden(log: &str, arguments: &[&str]) {
    let output = replay(&[arguments, &[log]].concat(), b"");
    let path = format!("{DATA}/{log}.txt");
    let out = text(&output.stdout);
    assert_eq!(text(&output.stderr), "");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &out).unwrap();
    }
    assert_eq!(out, fs::read_to_string(path).unwrap(), "{log}; BLESS=1 writes it");
}

/// The same requests in each format: an answer, a resume of it, a probe, one without progress, one refused.
#[test]
fn logs_of_every_format_are_told_apart_and_read() {
    golden("nginx.log", &[]);
    golden("nginx-ranges.log", &[]);
    golden("cloudfront.log", &[]);
    golden("logpush.ndjson", &[]);
    golden("distribution.ndjson", &[]);
    golden("blobwatch.ndjson", &[]);
    golden(
        "own.csv",
        &[
            "--field",
            "time=when",
            "--field",
            "range=asked",
            "--field",
            "user-agent=agent",
        ],
    );
    golden(
        "own.ndjson",
        &[
            "--format",
            "json",
            "--field",
            "path=req.path",
            "--field",
            "range=req.headers.range",
        ],
    );
}

#[test]
fn markdown_is_to_hand_on() {
    let log = file("markdown.log", &combined(&night(true)));
    let output = replay(&["--markdown", log.to_str().unwrap()], b"");
    let out = text(&output.stdout);
    assert!(
        out.starts_with("# What Blobwatch would have flagged\n")
            && out.contains("\n## ")
            && out.contains("Evidence: `"),
        "{out}"
    );
}

#[test]
fn exit_code_is_two_for_what_cannot_be_read() {
    #[track_caller]
    fn case(arguments: &[&str], input: &str, message: &str) {
        let output = replay(arguments, input.as_bytes());
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(message), "{error}");
    }
    case(&["no-such.log"], "", "blobwatch: no-such.log: ");
    case(
        &["-"],
        "what is this\n",
        "standard input: expected a log in a known format",
    );
    case(
        &["--format", "csv", "-"],
        "a,b\n1,2\n",
        "standard input: expected a column for `time`; map one with --field time=COLUMN",
    );
    case(
        &["--format", "cloudfront", "-"],
        "a\tb\n",
        "expected a `#Fields:` line with a field for time",
    );
    case(
        &["--format", "combined", "-"],
        "what is\nthis\n",
        "standard input:1: expected a time in brackets and a request in quotes",
    );
    case(&["--field", "colour=x", "-"], "", "found \"colour\"");
    case(&["--json", "--markdown", "-"], "", "cannot be used with");
    case(&[], "", "Usage: blobwatch replay");
}

#[test]
fn an_empty_log_holds_nothing() {
    let output = replay(&["-"], b"");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("no blob requests were found"));
}

#[test]
fn help_shows_examples() {
    let out = text(&replay(&["--help"], b"").stdout);
    assert!(out.contains("blobwatch replay --markdown") && out.contains("$http_range"));
}
