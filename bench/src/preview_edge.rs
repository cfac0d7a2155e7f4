//! Previews over millions of stored records through the real API, Durable Objects and Wasm included.
//!
//! One FireLog is the slow case: slices of several are read side by side.

use crate::edge::cpu;
use crate::figure::{Figure, Target};
use crate::preview::CANDIDATES;
use crate::report::Report;
use crate::stage::{Api, HOUR_MS, StoredStage};
use anyhow::{Context, Result, bail};
use blobwatch_wire::rfc3339;
use serde_json::{Value, json};
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What `preview-edge` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Stored records
    #[arg(long, default_value_t = 2_000_000)]
    records: u32,
    /// Runs of each preview
    #[arg(long, default_value_t = 3)]
    runs: u32,
}

/// Between two looks at the progress, as the dashboard and the command line look.
const LOOK: Duration = Duration::from_millis(250);

/// Of one preview, whatever the machine.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// # Errors
/// When something cannot be started, or a preview does not end.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let stored = StoredStage::begin(args.records)?;
    let bench = Bench {
        api: stored.workerd.api(),
        pid: stored.workerd.pid(),
        since: rfc3339(stored.start_ms),
        until: rfc3339(stored.now_ms + HOUR_MS),
    };
    Ok(Report {
        name: "preview-edge",
        setup: json!({ "records": args.records, "runs": args.runs, "fire_logs": 1 }),
        figures: bench.figures(args)?,
    })
}

struct Bench {
    api: Api,
    pid: u32,
    since: String,
    until: String,
}

/// One preview, as who asked for it sees it.
struct PreviewRun {
    seconds: f64,
    /// Of workerd, all of its threads.
    cpu_seconds: f64,
    /// The slowest answer to a look at its progress.
    look_ms: f64,
    item: Value,
}

impl Bench {
    fn figures(&self, args: &Args) -> Result<Vec<Figure>> {
        // Before the first preview, with the API's Wasm in memory.
        self.api.get("rules?limit=1")?;
        let idle_mb = self.memory("VmRSS:")?;
        // From here on the kernel's peak is that of what follows.
        fs::write(format!("/proc/{}/clear_refs", self.pid), "5").context("failed to reset the peak")?;
        let millions = f64::from(args.records) / 1e6;
        let (mut figures, mut looks, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
        for (name, expression) in CANDIDATES {
            let (mut samples, mut found) = (Vec::new(), String::new());
            for _ in 0..args.runs {
                let seen = self.preview(expression)?;
                let count = |name: &str| seen.item.get(name).and_then(Value::as_u64).unwrap_or(0);
                found = format!("{} of {} matched", count("matched_requests"), count("requests"));
                samples.push(seen.seconds / millions);
                cpu.push(seen.cpu_seconds / millions);
                looks.push(seen.look_ms);
            }
            let name = format!("a million records: {name} ({found})");
            figures.push(Figure::new(name, "s", samples, Target::None));
        }
        let name = "a million records: CPU of workerd, of all of these";
        figures.push(Figure::new(name, "s", cpu, Target::None));
        figures.push(Figure::new(
            "slowest look at the progress",
            "ms",
            looks,
            Target::None,
        ));
        figures.push(Figure::new("workerd before", "MB", vec![idle_mb], Target::None));
        let peak = vec![self.memory("VmHWM:")?];
        figures.push(Figure::new("workerd, at most", "MB", peak, Target::None));
        Ok(figures)
    }

    fn preview(&self, expression: &str) -> Result<PreviewRun> {
        let wanted = json!({"rule": {"expression": expression, "action": "block"}, "route": "default",
            "since": self.since, "until": self.until});
        let (began, cpu_before) = (Instant::now(), cpu::of_tree(self.pid)?);
        let begun = self.api.post("previews", &wanted)?;
        let id = begun
            .get("id")
            .and_then(Value::as_str)
            .context("a preview has no id")?;
        let mut look_ms: f64 = 0.0;
        while began.elapsed() < PATIENCE {
            let looked = Instant::now();
            let item = self.api.get(&format!("previews/{id}"))?;
            look_ms = look_ms.max(looked.elapsed().as_secs_f64() * 1_000.0);
            match item.get("status").and_then(Value::as_str) {
                Some("running") => sleep(LOOK),
                Some("done") => {
                    let seconds = began.elapsed().as_secs_f64();
                    let cpu = cpu::of_tree(self.pid)?.saturating_sub(cpu_before);
                    return Ok(PreviewRun {
                        seconds,
                        cpu_seconds: cpu.as_secs_f64(),
                        look_ms,
                        item,
                    });
                }
                _ => bail!("the preview did not end well: {item}"),
            }
        }
        bail!("the preview {id} still runs after {PATIENCE:?}")
    }

    /// Of the process, in MB.
    fn memory(&self, of: &str) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix(of));
        let kb = line.and_then(|line| line.split_whitespace().next());
        let kb: f64 = kb.with_context(|| format!("the process has no {of}"))?.parse()?;
        Ok(kb / 1024.0)
    }
}
