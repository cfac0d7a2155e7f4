//! `blobwatch replay`: lines a second and memory, of the program that is released, on logs made here.
//!
//! The logs are those of a registry: pulls of 20,000 clients, four lines in five for blobs, and in the last half hour every
//! download of one system hangs and is resumed, so that there is something to find. The longest log has sixteen hours; memory
//! is held against one of four at the same rate, which has seen all that the history remembers (half an hour). Other forms
//! than the combined one are written of a quarter of the lines: some of theirs have a thousand bytes.

mod forms;
mod traffic;

use crate::figure::{Figure, Target};
use crate::report::Report;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use forms::{COMBINED, Form, OTHERS, WITH_RANGES};
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

/// Combined lines a second (issue: replay must keep up with a day of a large registry in minutes).
const COMBINED_TARGET: Target = Target::AtLeast(500_000.0);

/// Lines a second of other forms, whose lines are three times as long.
const OTHER_TARGET: Target = Target::AtLeast(250_000.0);

/// Seconds of most logs.
const SECONDS: u64 = 4 * 3600;

/// The longest log, and how many times the others it is.
const TIMES: u64 = 4;

/// The longest log may take so much more memory than the others: what the tables had not filled before.
const GROWTH: Target = Target::AtMost(1.25);

/// A log on the disk.
struct Log {
    path: PathBuf,
    lines: u64,
    /// Lines that are for blobs.
    requests: u64,
    has_parts: bool,
}

/// # Errors
/// When the program is not built or does not find what is in the logs.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let program = program()?;
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let few = args.lines / TIMES;
    let sparse = write(&at("sparse.log"), &WITH_RANGES, few, SECONDS)?;
    let whole = write(&at("whole.log"), &WITH_RANGES, args.lines, SECONDS)?;
    let bare = write(&at("bare.log"), &COMBINED, args.lines, SECONDS)?;
    let packed = packed(&whole)?;
    let long = write(&at("long.log"), &WITH_RANGES, TIMES * args.lines, TIMES * SECONDS)?;
    let bytes = std::fs::metadata(&whole.path)?.len();
    // The largest of all children so far: the log that takes least comes first.
    replay(&program, &sparse)?;
    let of_sparse = peak_mib()?;
    let mut figures = Vec::new();
    for (name, log) in [
        (COMBINED.name, &bare),
        (WITH_RANGES.name, &whole),
        ("the same, gzip", &packed),
    ] {
        figures.push(rate(&program, name, log, args.rounds, COMBINED_TARGET)?);
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
    for form in &OTHERS {
        let log = write(&at("other.log"), form, few, SECONDS)?;
        figures.push(rate(&program, form.name, &log, args.rounds, OTHER_TARGET)?);
    }
    Ok(Report {
        name: "replay",
        setup: json!({ "lines": args.lines, "rounds": args.rounds, "bytes": bytes, "seed": traffic::SEED }),
        figures,
    })
}

/// The profile that releases are built with.
const PROFILE: &str = "portable";

fn program() -> Result<PathBuf> {
    let program = workspace::results().with_file_name(PROFILE).join("blobwatch");
    ensure!(
        program.exists(),
        "expected {}: cargo build --profile {PROFILE} -p blobwatch-cli",
        program.display()
    );
    Ok(program)
}

/// Lines a second.
fn rate(program: &Path, name: &str, log: &Log, rounds: u32, target: Target) -> Result<Figure> {
    let mut rates = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        replay(program, log)?;
        #[expect(clippy::cast_precision_loss, reason = "lines of a log")]
        rates.push(log.lines as f64 / begun.elapsed().as_secs_f64());
    }
    Ok(Figure::new(name, "lines/s", rates, target))
}

fn write(path: &Path, form: &Form, lines: u64, seconds: u64) -> Result<Log> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut requests = 0;
    for request in traffic::requests(lines, seconds) {
        requests += u64::from(request.blob.is_some());
        writeln!(out, "{}", (form.line)(&request))
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    out.flush()?;
    Ok(Log {
        path: path.to_owned(),
        lines,
        requests,
        has_parts: form.has_parts,
    })
}

fn packed(log: &Log) -> Result<Log> {
    let path = log.path.with_extension("log.gz");
    let status = Command::new("gzip")
        .args(["-1", "-c"])
        .arg(&log.path)
        .stdout(File::create(&path)?)
        .status()
        .context("failed to run gzip")?;
    ensure!(status.success(), "gzip failed");
    Ok(Log { path, ..*log })
}

/// Reads a log: every request is found in it, and one anomaly, of one system, if its form shows parts.
fn replay(program: &Path, log: &Log) -> Result<()> {
    let output = Command::new(program)
        .args(["replay", "--json"])
        .arg(&log.path)
        .stderr(Stdio::inherit())
        .output()
        .context("failed to run blobwatch")?;
    let report: Value = serde_json::from_slice(&output.stdout).context("no report")?;
    let found = report.get("requests").and_then(Value::as_u64);
    ensure!(
        found == Some(log.requests),
        "expected {} requests in {}, found {found:?}",
        log.requests,
        log.path.display()
    );
    let cohorts: Vec<String> = report
        .get("anomalies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|anomaly| anomaly.get("cohort").map(Value::to_string))
        .collect();
    ensure!(
        !log.has_parts || cohorts.iter().any(|cohort| cohort.contains("amzn2")),
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
