//! `blobwatch localize` as a script sees it: output, messages, exit codes.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests; clippy.toml covers test functions only"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs in `tests/data`; answers exit code, standard output, standard error.
#[track_caller]
fn run(arguments: &[&str], input: impl AsRef<[u8]>) -> (i32, String, String) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/localize");
    let mut child = Command::new(env!("CARGO_BIN_EXE_blobwatch"))
        .arg("localize")
        .args(arguments)
        .current_dir(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A usage error ends the program before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        without_scores(&text(output.stdout)),
        text(output.stderr),
    )
}

const STALLS: &str = include_str!("data/localize/stalls.csv");
const GOLDEN: &str = include_str!("data/localize/stalls.json");

/// Scores are the statistics' own matter, and tested there: here each is above 0, and left out.
fn without_scores(text: &str) -> String {
    let mut parts = text.split("\"score\":");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (score, rest) = part.split_once('}').unwrap();
        assert!(score.parse::<f64>().unwrap() > 0.0, "{text}");
        plain.push_str("\"score\":_}");
        plain.push_str(rest);
    }
    plain
}

#[test]
fn a_file_gives_one_line_and_exit_code_1() {
    assert_eq!(run(&["stalls.csv"], ""), (1, GOLDEN.to_owned(), String::new()));
}

#[test]
fn standard_input_is_a_file() {
    assert_eq!(run(&["-"], STALLS), (1, GOLDEN.to_owned(), String::new()));
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn packed_files_are_unpacked_and_ones_that_are_cut_are_refused() {
    let packed = gzip(STALLS);
    assert_eq!(run(&["-"], &packed), (1, GOLDEN.to_owned(), String::new()));
    let zstd = zstd::encode_all(STALLS.as_bytes(), 1).unwrap();
    assert_eq!(run(&["-"], zstd), (1, GOLDEN.to_owned(), String::new()));
    let (code, _, message) = run(&["-"], &packed[..packed.len() / 2]);
    assert!(
        code == 2 && message.starts_with("blobwatch: standard input: "),
        "{message}"
    );
}

#[test]
fn nothing_to_name_is_exit_code_0() {
    assert_eq!(
        run(&["quiet.csv"], ""),
        (0, "{\"causes\":[]}\n".to_owned(), String::new())
    );
    assert_eq!(
        run(&["-"], "colo,real,predict\n"),
        (0, "{\"causes\":[]}\n".to_owned(), String::new())
    );
}

#[test]
fn a_folder_gives_a_line_per_file_by_name() {
    let stalls = GOLDEN.replacen('{', "{\"file\":\"stalls.csv\",", 1);
    let expected = format!("{{\"file\":\"quiet.csv\",\"causes\":[]}}\n{stalls}");
    assert_eq!(run(&["."], ""), (1, expected, String::new()));
}

#[test]
fn a_folder_may_hold_packed_files() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("localize-packed");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a.csv.gz"), gzip(STALLS)).unwrap();
    let zstd = zstd::encode_all(STALLS.as_bytes(), 1).unwrap();
    std::fs::write(folder.join("b.CSV.zst"), zstd).unwrap();
    std::fs::write(folder.join("notes.gz"), "not a table").unwrap();
    let expected: String = ["a.csv.gz", "b.CSV.zst"]
        .iter()
        .map(|name| GOLDEN.replacen('{', &format!("{{\"file\":\"{name}\","), 1))
        .collect();
    assert_eq!(run(&[folder.to_str().unwrap()], ""), (1, expected, String::new()));
}

#[test]
fn a_file_of_a_folder_that_cannot_be_read_has_its_line_too() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("localize-mixed");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a.csv"), "colo,real\n").unwrap();
    std::fs::write(folder.join("b.csv"), STALLS).unwrap();
    let (code, output, message) = run(&[folder.to_str().unwrap()], "");
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!((code, lines.len()), (2, 2), "{output}{message}");
    assert!(
        lines[0].starts_with(r#"{"file":"a.csv","causes":[],"error":""#)
            && lines[0].contains("one column `predict`"),
        "{output}"
    );
    assert_eq!(
        lines[1],
        GOLDEN.trim_end().replacen('{', "{\"file\":\"b.csv\",", 1)
    );
    assert!(message.contains("a.csv:1: expected a header"), "{message}");
}

#[test]
fn columns_may_come_in_any_order() {
    let swapped: String = STALLS
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            format!("{},{},{},{}\n", fields[3], fields[0], fields[2], fields[1])
        })
        .collect();
    assert_eq!(run(&["-"], &swapped).1, GOLDEN);
}

#[track_caller]
fn refused(input: &str, message: &str) {
    let expected = (2, String::new(), format!("blobwatch: standard input:{message}\n"));
    assert_eq!(run(&["-"], input), expected);
}

#[test]
fn bad_input_is_told_with_its_line() {
    refused(
        "",
        "1: expected a header with attributes and one column `real`, found an empty file",
    );
    refused(
        "a,predict\n",
        "1: expected a header with attributes and one column `real`, found `a,predict`",
    );
    refused("real,predict\n", "1: expected at least one attribute");
    refused(
        "a,a,real,predict\n",
        "1: expected attribute `a` once, found it again",
    );
    refused("a,real,predict\nx,1,1\nx,1\n", "3: expected 3 fields, found 2");
    refused(
        "\n\na,real,predict\r\n\r\nx,1,1\n\nx,1\n",
        "7: expected 3 fields, found 2",
    );
    refused(
        "a,real,predict\nx,one,1\n",
        "2: expected `real` to be a number of zero or more, found `one`",
    );
    refused(
        "a,real,predict\nx,1,-1\n",
        "2: expected `predict` to be a number of zero or more, found `-1`",
    );
    refused(
        "a,real,predict\nx,1,inf\n",
        "2: expected `predict` to be a number of zero or more, found `inf`",
    );
}

#[test]
fn bad_usage_is_exit_code_2() {
    assert_eq!(run(&[], "").0, 2);
    assert_eq!(run(&["--alpha", "1.5", "stalls.csv"], "").0, 2);
    let (code, output, message) = run(&["absent.csv"], "");
    assert_eq!((code, output), (2, String::new()));
    assert!(message.starts_with("blobwatch: absent.csv: "), "{message}");
}

#[test]
fn help_has_examples() {
    let (code, help, _) = run(&["--help"], "");
    assert_eq!(code, 0);
    assert!(
        help.contains("blobwatch localize stalls.csv") && help.contains("colo,os,real,predict"),
        "{help}"
    );
}
