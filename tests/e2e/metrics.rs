//! Metrics and alerts, as Prometheus' own tool reads them.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::harness::http::Request;
use crate::harness::stage::Stage;

const OPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ops/prometheus");

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
    let alerts = fs::read_to_string(format!("{OPS}/alerts.yml")).unwrap();
    let expressions = alerts
        .lines()
        .filter(|line| line.trim_start().starts_with("expr:"));
    let words =
        expressions.flat_map(|line| line.split(|letter: char| letter != '_' && !letter.is_alphanumeric()));
    let mut named = words.filter(|word| word.starts_with("blobwatch_")).peekable();
    assert!(named.peek().is_some());
    named.for_each(|name| assert!(known.contains(name), "{name} is not among {known:?}"));
}

#[test]
fn alerts_fire_when_they_should_and_name_a_runbook_that_there_is() {
    is_content(&promtool(
        &["test", "rules", &format!("{OPS}/alerts_test.yml")],
        "",
    ));
    let root = env!("CARGO_MANIFEST_DIR");
    let runbooks = fs::read_to_string(format!("{root}/docs/runbooks.md")).unwrap();
    let alerts = fs::read_to_string(format!("{OPS}/alerts.yml")).unwrap();
    let kinds = blobwatch_detector::AnomalyKind::ALL.map(|kind| format!("## {}\n", kind.as_str()));
    for section in kinds {
        assert!(runbooks.contains(&section), "{section}");
    }
    let links = alerts.split("docs/runbooks.md#").skip(1);
    let names = links
        .filter_map(|rest| rest.split('"').next())
        .filter(|name| !name.contains('{'));
    for name in names {
        assert!(runbooks.contains(&format!("## {name}\n")), "{name}");
    }
}
