//! Metrics, alerts and boards, as Prometheus' own tool reads them.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use blobwatch_wire::DATA_LOSSES;
use serde_json::Value;

use crate::harness::http::Request;
use crate::harness::stage::Stage;

const OPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ops");

fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut tool = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    tool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    tool.wait_with_output().unwrap()
}

#[track_caller]
fn is_content(output: &Output) {
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{said:?}");
}

#[test]
fn metrics_are_named_as_prometheus_wants_and_alerts_are_about_metrics_that_there_are() {
    let stage = Stage::new();
    let page = stage.api().send(Request::get("/_blobwatch/metrics")).text();
    is_content(&promtool(&["check", "metrics"], &page));
    let help = page.lines().filter_map(|line| line.strip_prefix("# HELP "));
    let known: BTreeSet<&str> = help.filter_map(|line| line.split(' ').next()).collect();
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let histograms: Vec<&str> = types.filter_map(|line| line.strip_suffix(" histogram")).collect();
    assert_eq!(
        histograms.len(),
        3,
        "times until headers and until the end, and sizes"
    );
    let alerts = fs::read_to_string(format!("{OPS}/prometheus/alerts.yml")).unwrap();
    let alerts = alerts
        .lines()
        .filter(|line| line.trim_start().starts_with("expr:"));
    let boards = boards();
    let shown: Vec<String> = boards.iter().flat_map(|board| expressions(&board.1)).collect();
    let all = alerts.chain(shown.iter().map(String::as_str));
    let words = all.flat_map(|line| line.split(|letter: char| letter != '_' && !letter.is_alphanumeric()));
    let mut named = words.filter(|word| word.starts_with("blobwatch_")).peekable();
    assert!(named.peek().is_some());
    let of = |name: &str| histograms.iter().find(|of| part_of(name, of)).copied();
    named.for_each(|name| {
        let name = of(name).unwrap_or(name);
        assert!(known.contains(name), "{name} is not among {known:?}");
    });
}

/// Whether a name is that of the buckets, the sum or the count of a histogram.
fn part_of(name: &str, histogram: &str) -> bool {
    let part = name.strip_prefix(histogram);
    part.is_some_and(|part| ["_bucket", "_sum", "_count"].contains(&part))
}

/// Every board of `ops/grafana`, by its file.
fn boards() -> Vec<(String, Value)> {
    let files = fs::read_dir(format!("{OPS}/grafana")).unwrap();
    let read = |file: std::io::Result<fs::DirEntry>| {
        let path = file.unwrap().path();
        let board = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        (path.display().to_string(), board)
    };
    files.map(read).collect()
}

fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    board["panels"].as_array().unwrap().iter()
}

/// What a board asks Prometheus, with values in the place of its variables.
fn expressions(board: &Value) -> Vec<String> {
    let targets = panels(board)
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let filled = |target: &Value| {
        let expression = target["expr"].as_str().unwrap();
        let expression = expression
            .replace("$__rate_interval", "5m")
            .replace("$__range", "1h");
        ["$route", "$origin", "$rule"]
            .iter()
            .fold(expression, |text, name| text.replace(name, ".*"))
    };
    targets.map(filled).collect()
}

#[test]
fn boards_ask_what_prometheus_understands_and_fit_on_the_screen() {
    let boards = boards();
    assert!(boards.len() >= 4);
    for (file, board) in &boards {
        let rules: String = expressions(board)
            .iter()
            .enumerate()
            .map(|(number, expression)| {
                format!(
                    "  - {{record: \"board:{number}\", expr: {}}}\n",
                    Value::from(expression.as_str())
                )
            })
            .collect();
        assert!(!rules.contains('$'), "{file}: a variable is not known: {rules}");
        let mut written = tempfile::NamedTempFile::new().unwrap();
        write!(written, "groups:\n- name: boards\n  rules:\n{rules}").unwrap();
        is_content(&promtool(
            &["check", "rules", written.path().to_str().unwrap()],
            "",
        ));

        let declared = board["templating"]["list"].as_array().unwrap();
        let names: BTreeSet<&str> = declared.iter().map(|one| one["name"].as_str().unwrap()).collect();
        for name in ["route", "origin", "rule"] {
            let is_asked = panels(board).any(|panel| panel.to_string().contains(&format!("${name}")));
            assert!(!is_asked || names.contains(name), "{file}: ${name}");
        }
        let mut ids = BTreeSet::new();
        let mut cells = BTreeSet::new();
        for panel in panels(board) {
            assert!(
                ids.insert(panel["id"].as_u64().unwrap()),
                "{file}: {}",
                panel["id"]
            );
            let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            for (x, y) in
                (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
            {
                assert!(
                    x < 24 && cells.insert((x, y)),
                    "{file}: {} overlaps",
                    panel["title"]
                );
            }
        }
    }
}

#[test]
fn alerts_fire_when_they_should_and_name_a_runbook_that_there_is() {
    is_content(&promtool(
        &["test", "rules", &format!("{OPS}/prometheus/alerts_test.yml")],
        "",
    ));
    let root = env!("CARGO_MANIFEST_DIR");
    let runbooks = fs::read_to_string(format!("{root}/docs/runbooks.md")).unwrap();
    let alerts = fs::read_to_string(format!("{OPS}/prometheus/alerts.yml")).unwrap();
    let kinds = blobwatch_detector::AnomalyKind::ALL.map(|kind| format!("## {}\n", kind.as_str()));
    for section in kinds {
        assert!(runbooks.contains(&section), "{section}");
    }
    let told = fs::read_to_string(format!("{OPS}/prometheus/alerts_test.yml")).unwrap();
    for alert in alerts.split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap();
        assert!(
            alert.contains("runbook: \"docs/runbooks.md#"),
            "{name} has no runbook"
        );
        assert!(told.contains(name), "{name} is not tested");
    }
    let lost = format!("name=~\"{}\"", DATA_LOSSES.join("|"));
    assert!(alerts.contains(&lost), "webhooks are told of {lost}");
    let links = alerts.split("docs/runbooks.md#").skip(1);
    let names = links
        .filter_map(|rest| rest.split('"').next())
        .filter(|name| !name.contains('{'));
    for name in names {
        assert!(runbooks.contains(&format!("## {name}\n")), "{name}");
    }
}
