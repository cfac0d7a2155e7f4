//! The figures that the project promises, measured here and now. Each subject prints a table and leaves
//! `target/bench/<subject>.json`; measuring is the work of the package `blobwatch-bench`, building what is measured is ours.
//! A missed target is reported there, and is no error: the machine may be busy.

use crate::build::{self, Sizes, Variant};
use crate::command::open;
use crate::dist::build_released;
use crate::progress::step;
use crate::setup::{Tools, debian};
use crate::test::BROWSER;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::fs;
use std::process::Command;

/// What `cargo xtask bench` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to measure; everything but `scale` and `soak` when nothing is named
    #[arg(value_enum)]
    subjects: Vec<Subject>,
    /// Arguments for the benchmark, after `--`; then name one subject
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// One table. The JSON file has its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Subject {
    /// Rules and rulebooks, native, against wirefilter and CEL
    Rules,
    /// Queries over stored records, native
    Query,
    /// Previews over stored records, native
    Preview,
    /// Promotions of harmless and of harmful rules, simulated
    Guard,
    /// CPU of workerd per request and per GB, against a plain JavaScript passthrough worker
    Edge,
    /// Previews over stored records, through the API on workerd
    PreviewEdge,
    /// Queries over stored records, through the API on workerd
    QueryEdge,
    /// Lines a second of `blobwatch replay`, and its memory
    Replay,
    /// Rows written and object requests per million watched requests, priced
    Cost,
    /// False alarms, delay, localisation and cost of detection, native, beside rivals
    Detect,
    /// Seconds until a change acts everywhere, and what a pull waits for us, on workerd
    Promises,
    /// How long pulls wait while somebody asks for much, on workerd
    Stalls,
    /// What the dashboard does for a frame, in Chromium
    Dashboard,
    /// A registry of Docker Hub's size in compressed time, native; only when it is named
    Scale,
    /// Memory and pulls over a million requests of clients and blobs that are all new, on workerd; only when it is named
    Soak,
    /// Bytes of the Wasm modules
    Size,
}

impl Subject {
    fn needs_worker(self) -> bool {
        matches!(
            self,
            Self::Edge
                | Self::PreviewEdge
                | Self::QueryEdge
                | Self::Cost
                | Self::Promises
                | Self::Stalls
                | Self::Soak
                | Self::Size
        )
    }
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let subjects = if args.subjects.is_empty() {
        let all = Subject::value_variants().iter().copied();
        all.filter(|subject| !matches!(subject, Subject::Scale | Subject::Soak))
            .collect()
    } else {
        args.subjects.clone()
    };
    let worker = if subjects.iter().any(|subject| subject.needs_worker()) {
        let tools = build::worker(workspace, Variant::Release)?;
        let sizes = build::sizes(workspace, Variant::Release)?;
        Some((tools, sizes))
    } else {
        None
    };
    for subject in subjects {
        match subject {
            Subject::Replay => build_program(workspace)?,
            Subject::Dashboard => build_pages(workspace)?,
            _ => {}
        }
        match (subject, &worker) {
            (Subject::Size, Some((_, sizes))) => write_sizes(workspace, sizes)?,
            _ => measure(
                workspace,
                worker.as_ref().map(|(tools, _)| tools),
                subject,
                &args.arguments,
            )?,
        }
    }
    Ok(())
}

/// In the open: a benchmark says what it is doing while it runs for minutes.
fn measure(
    workspace: &Workspace,
    tools: Option<&Tools>,
    subject: Subject,
    arguments: &[String],
) -> Result<()> {
    let name = subject
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default();
    let mut cargo = tools.map_or_else(|| Command::new("cargo"), |tools| tools.command("cargo"));
    cargo.current_dir(workspace.root());
    cargo
        .args([
            "run",
            "--quiet",
            "--profile",
            "bench",
            "--package",
            "blobwatch-bench",
            "--",
            &name,
        ])
        .args(arguments);
    open(&mut cargo)
}

/// The program that `replay` measures, as it is released.
fn build_program(workspace: &Workspace) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace.root());
    open(build_released(&mut cargo).arg("--quiet"))
}

/// What `dashboard` looks at, and with what.
fn build_pages(workspace: &Workspace) -> Result<()> {
    step("browser", |step| {
        let purpose = "the dashboard is measured in a real browser";
        Ok((debian::ensure(step, &[BROWSER], purpose)?, ()))
    })?;
    build::dashboard(workspace).map(drop)
}

fn write_sizes(workspace: &Workspace, sizes: &Sizes) -> Result<()> {
    println!("{sizes}");
    let path = workspace.target().join("bench/size.json");
    fs::create_dir_all(workspace.target().join("bench"))
        .and_then(|()| fs::write(&path, format!("{:#}\n", sizes.json())))
        .with_context(|| format!("failed to write {}", path.display()))
}
