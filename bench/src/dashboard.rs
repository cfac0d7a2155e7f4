//! What the dashboard does for a frame, in Debian's Chromium: `dashboard/test/bench/frames.ts` measures it.
//!
//! Milliseconds are of this machine. Loops are the same work beside a fixed loop in the same page, and counts are the same
//! everywhere.

use crate::figure::{Figure, Target};
use crate::report::Report;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use std::process::{Command, Stdio};

/// What `dashboard` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rounds of each scene
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// A frame of 60 a second.
const FRAME_MS: Target = Target::AtMost(16.7);

const SCRIPT: &str = "dashboard/test/bench/frames.ts";

#[derive(Deserialize)]
struct Measured {
    scenes: Vec<Scene>,
}

/// As in the script.
#[derive(Deserialize)]
struct Scene {
    name: String,
    work_ms: Vec<f64>,
    work_loops: Vec<f64>,
    gap_ms: Vec<f64>,
    elements: f64,
    draws: f64,
    steps: f64,
}

/// # Errors
/// When Node, Chromium or the built pages are missing, or the page does not do what it is asked.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let root = workspace::root();
    let node = root.join("node_modules/.bin/node");
    let mut command = Command::new(if node.is_file() { node } else { "node".into() });
    command
        .arg(SCRIPT)
        .arg(args.rounds.to_string())
        .current_dir(&root);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("failed to run {SCRIPT}"))?;
    ensure!(output.status.success(), "{SCRIPT} ended with {}", output.status);
    let measured: Measured = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{SCRIPT} printed what is no measure"))?;
    Ok(Report {
        name: "dashboard",
        setup: json!({ "rounds": args.rounds }),
        figures: measured.scenes.into_iter().flat_map(figures).collect(),
    })
}

fn figures(scene: Scene) -> [Figure; 6] {
    let figure = |what: &str, unit, samples, target| {
        Figure::new(format!("{}: {what}", scene.name), unit, samples, target)
    };
    [
        figure("own work a frame", "ms", scene.work_ms.clone(), FRAME_MS),
        figure(
            "the same beside a fixed loop",
            "loops",
            scene.work_loops.clone(),
            Target::None,
        ),
        figure(
            "from one frame to the next",
            "ms",
            scene.gap_ms.clone(),
            Target::None,
        ),
        figure("elements made a frame", "", vec![scene.elements], Target::None),
        figure("times drawn a frame", "", vec![scene.draws], Target::None),
        figure("steps of paths a frame", "", vec![scene.steps], Target::None),
    ]
}
