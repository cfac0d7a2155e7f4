//! As a log, read by the program.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use blobwatch_wire::parse_rfc3339;
use serde_json::Value;

use super::{Line, OpenedAnomaly, SPAN, Story, log};
use crate::workspace;

/// # Errors
/// When the program is not built, or tells nothing that can be read.
pub(super) fn play(story: Story, seed: u64) -> Result<Vec<OpenedAnomaly>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(format!("{story:?}.log"));
    let write = if story == Story::Slow {
        Line::json
    } else {
        Line::combined
    };
    let text: String = log(story, SPAN, seed).iter().map(write).collect();
    fs::write(&path, text)?;
    let output = Command::new(program()?)
        .args(["replay", "--json"])
        .arg(&path)
        .output()
        .context("failed to run blobwatch")?;
    let report: Value = serde_json::from_slice(&output.stdout).context("no report")?;
    let anomalies = report.get("anomalies").and_then(Value::as_array);
    let anomalies = anomalies.into_iter().flatten();
    anomalies
        .map(|anomaly| told(anomaly).context("an anomaly without its words"))
        .collect()
}

/// The one that people run, or the one that the tests built.
fn program() -> Result<PathBuf> {
    let built =
        ["release", "debug"].map(|profile| workspace::results().with_file_name(profile).join("blobwatch"));
    let found = built.into_iter().find(|program| program.exists());
    found.context("expected target/release/blobwatch: cargo build --release -p blobwatch-cli")
}

fn told(anomaly: &Value) -> Option<OpenedAnomaly> {
    let kinds = anomaly.get("kinds")?.as_array()?.iter();
    Some(OpenedAnomaly {
        kinds: kinds.filter_map(Value::as_str).map(str::to_owned).collect(),
        sentence: anomaly.get("sentence")?.as_str()?.to_owned(),
        opened_ms: parse_rfc3339(anomaly.get("opened")?.as_str()?)?,
    })
}
