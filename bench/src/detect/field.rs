//! Incidents as people report them, through `blobwatch replay`: after how long each is flagged, and whether what is healthy
//! stays quiet. The logs are those of the program's own test, of three healthy hours and one of the story.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use blobwatch_wire::parse_rfc3339;
use serde_json::Value;

use crate::figure::{Figure, Target};
use crate::workspace;
use field_logs::{BEGIN_S, FAULTS, HEALTHY, Line, Span, Story, log};

#[path = "../../../cli/tests/field_logs/mod.rs"]
mod field_logs;

const SPAN: Span = Span {
    healthy_s: 3 * 3600,
    story_s: 3600,
};

/// Minutes in which each is to be flagged.
const WITHIN: Target = Target::AtMost(5.0);
const NONE: Target = Target::AtMost(0.0);

/// # Errors
/// When the program is not built, or reads a log in another way than it is meant.
pub(super) fn run(seed: u64) -> Result<Vec<Figure>> {
    let program = program()?;
    let folder = tempfile::tempdir()?;
    let mut figures = Vec::new();
    for (story, seed) in FAULTS.into_iter().zip(seed..) {
        let found = replay(&program, folder.path(), story, seed)?;
        let minutes = found
            .iter()
            .filter_map(|anomaly| delay(anomaly, story))
            .reduce(f64::min);
        for sentence in found.iter().filter_map(|anomaly| anomaly.get("sentence")) {
            println!("{story:?}: {sentence}");
        }
        let name = format!("{story:?}");
        figures.push(Figure::new(
            &name,
            "minutes",
            vec![minutes.unwrap_or(f64::INFINITY)],
            WITHIN,
        ));
    }
    for (story, seed) in HEALTHY.into_iter().zip(seed..) {
        let found = replay(&program, folder.path(), story, seed)?;
        let name = format!("{story:?} (healthy)");
        figures.push(Figure::new(&name, "anomalies", vec![found.len() as f64], NONE));
    }
    Ok(figures)
}

/// The one that people run, or the one that the tests built.
fn program() -> Result<PathBuf> {
    let built =
        ["release", "debug"].map(|profile| workspace::results().with_file_name(profile).join("blobwatch"));
    let found = built.into_iter().find(|program| program.exists());
    found.context("expected target/release/blobwatch: cargo build --release -p blobwatch-cli")
}

fn replay(program: &Path, folder: &Path, story: Story, seed: u64) -> Result<Vec<Value>> {
    let path = folder.join(format!("{story:?}.log"));
    let write = if story == Story::Slow {
        Line::json
    } else {
        Line::combined
    };
    let text: String = log(story, SPAN, seed).iter().map(write).collect();
    fs::write(&path, text)?;
    let output = Command::new(program)
        .args(["replay", "--json"])
        .arg(&path)
        .output()
        .context("failed to run blobwatch")?;
    let report: Value = serde_json::from_slice(&output.stdout).context("no report")?;
    let anomalies = report.get("anomalies").and_then(Value::as_array);
    Ok(anomalies.cloned().unwrap_or_default())
}

/// Minutes from the fault's begin to an anomaly of its kind that says its words.
fn delay(anomaly: &Value, story: Story) -> Option<f64> {
    let (kind, words) = story.expected();
    let sentence = anomaly.get("sentence")?.as_str()?;
    let kinds = anomaly.get("kinds")?.as_array()?;
    let is_it = kinds.iter().any(|one| one == kind) && words.iter().all(|word| sentence.contains(word));
    let opened_ms = parse_rfc3339(anomaly.get("opened")?.as_str()?)?;
    let began_ms = (BEGIN_S + SPAN.healthy_s) * 1000;
    is_it.then(|| opened_ms.saturating_sub(began_ms) as f64 / 60_000.0)
}
