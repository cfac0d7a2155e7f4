//! `blobwatch replay`: lines a second and memory, of the program that people run, on logs made here.
//!
//! The logs are combined ones of a registry: pulls of 20,000 clients, four lines in five for blobs, and in the last half
//! hour every download of one system hangs and is resumed, so that there is something to find. The longest log has sixteen
//! hours; memory is held against one of four at the same rate, which has seen all that the history remembers (half an hour).

mod traffic;

use crate::figure::{Figure, Target};
use crate::report::Report;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What `replay` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Lines of four hours; a log of sixteen has four times as many
    #[arg(long, default_value_t = 2_000_000)]
    lines: u64,
    /// Times that each log is read
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

/// Lines a second (issue: replay must keep up with a day of a large registry in minutes).
const TARGET: Target = Target::AtLeast(500_000.0);

/// Seconds of most logs.
const SECONDS: u64 = 4 * 3600;

/// The longest log, and how many times the others it is.
const TIMES: u64 = 4;

/// The longest log may take so much more memory than the others: what the tables had not filled before.
const GROWTH: Target = Target::AtMost(1.25);

/// # Errors
/// When the program is not built or does not find what is in the logs.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let program = program()?;
    let folder = tempfile::tempdir()?;
    let sparse = write(
        &folder.path().join("sparse.log"),
        args.lines / TIMES,
        SECONDS,
        true,
    )?;
    let whole = write(&folder.path().join("whole.log"), args.lines, SECONDS, true)?;
    let bare = write(&folder.path().join("bare.log"), args.lines, SECONDS, false)?;
    let packed = packed(&whole)?;
    let long = write(
        &folder.path().join("long.log"),
        TIMES * args.lines,
        TIMES * SECONDS,
        true,
    )?;
    // The largest of all children so far: the log that takes least comes first.
    replay(&program, &sparse)?;
    let of_sparse = peak_mib()?;
    let mut figures = Vec::new();
    for (name, log) in [
        ("combined log", &bare),
        ("combined log with ranges", &whole),
        ("the same, gzip", &packed),
    ] {
        let mut rates = Vec::new();
        for _ in 0..args.rounds {
            let begun = Instant::now();
            replay(&program, log)?;
            #[expect(clippy::cast_precision_loss, reason = "lines of a log")]
            rates.push(args.lines as f64 / begun.elapsed().as_secs_f64());
        }
        figures.push(Figure::new(name, "lines/s", rates, TARGET));
    }
    let of_whole = peak_mib()?;
    replay(&program, &long)?;
    let of_long = peak_mib()?;
    for (name, mib) in [
        ("memory at a quarter of the rate", of_sparse),
        ("memory of four hours", of_whole),
        ("memory of sixteen hours", of_long),
    ] {
        figures.push(Figure::new(name, "MiB", vec![mib], Target::None));
    }
    figures.push(Figure::new(
        "memory, four times the length",
        "x",
        vec![of_long / of_whole],
        GROWTH,
    ));
    let bytes = std::fs::metadata(&whole)?.len();
    Ok(Report {
        name: "replay",
        setup: json!({ "lines": args.lines, "rounds": args.rounds, "bytes": bytes, "seed": traffic::SEED }),
        figures,
    })
}

fn program() -> Result<PathBuf> {
    let program = workspace::results().with_file_name("release").join("blobwatch");
    ensure!(
        program.exists(),
        "expected {}: cargo build --release -p blobwatch-cli",
        program.display()
    );
    Ok(program)
}

fn write(path: &Path, lines: u64, seconds: u64, has_ranges: bool) -> Result<PathBuf> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    traffic::log(&mut out, lines, seconds, has_ranges)
        .and_then(|()| out.flush())
        .with_context(|| format!("failed to write {}", path.display()))?;
    Ok(path.to_owned())
}

fn packed(log: &Path) -> Result<PathBuf> {
    let path = log.with_extension("log.gz");
    let status = Command::new("gzip")
        .args(["-1", "-c"])
        .arg(log)
        .stdout(File::create(&path)?)
        .status()
        .context("failed to run gzip")?;
    ensure!(status.success(), "gzip failed");
    Ok(path)
}

/// Reads a log; there is one anomaly in it, of one system.
fn replay(program: &Path, log: &Path) -> Result<()> {
    let output = Command::new(program)
        .args(["replay", "--json"])
        .arg(log)
        .stderr(Stdio::inherit())
        .output()
        .context("failed to run blobwatch")?;
    let report: Value = serde_json::from_slice(&output.stdout).context("no report")?;
    let cohorts: Vec<String> = report
        .get("anomalies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|anomaly| anomaly.get("cohort").map(Value::to_string))
        .collect();
    ensure!(
        cohorts.iter().any(|cohort| cohort.contains("amzn2")),
        "expected an anomaly of amzn2, found {cohorts:?}"
    );
    Ok(())
}

/// Largest resident memory of the children so far.
fn peak_mib() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    #[expect(clippy::cast_precision_loss, reason = "kibibytes of a process")]
    Ok(usage.max_rss() as f64 / 1024.0)
}
