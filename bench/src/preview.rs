//! Previews over millions of stored records, in this process: every slice, every join and the report.
//!
//! In scope: the time from a plan to the answer, with as many FireLogs side by side as there are threads, and the memory
//! that it takes. Not in scope: Wasm and the calls between objects. The database is the one of the queries.

use crate::figure::{Figure, Target};
use crate::query::{SPAN_MS, START_MS, database};
use crate::report::Report;
use anyhow::{Context, Result, anyhow};
use blobwatch_previews::{Budget, Partial, Replay, Report as Preview, SliceCall, SliceTask, scan_slice};
use blobwatch_pull::{Action, Mode};
use blobwatch_rule_book::PreviewPlan;
use blobwatch_rulebook::{Route, Rule, Rulebook, SCHEMA, Settings};
use blobwatch_sql::{Native, Unpaced, at_once};
use serde_json::json;
use std::path::Path;
use std::thread;
use std::time::Instant;

/// The target of the project's promise, in seconds, for [`RECORDS`] on two cores.
const TARGET: Target = Target::AtMost(60.0);
const RECORDS: u32 = 10_000_000;

/// What `preview` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Records that a preview reads, in all FireLogs together
    #[arg(long, default_value_t = RECORDS)]
    records: u32,
    /// FireLogs, each read by a thread of its own
    #[arg(long, default_value_t = 2)]
    fire_logs: u32,
    /// Runs of each preview
    #[arg(long, default_value_t = 3)]
    runs: u32,
}

/// A name, and a rule that reads what makes it cheap or dear.
pub(crate) const CANDIDATES: [(&str, &str); 4] = [
    (
        "a client and a network",
        "client.os eq \"amzn2\" and ip.src.asnum in {16509 14618}",
    ),
    (
        "a text of the User-Agent",
        "http.user_agent contains \"kernel/5.10.7\"",
    ),
    (
        "a repository and a range",
        "oci.repository wildcard \"library/image-1*\" and range.start ge 1000000",
    ),
    (
        "what no two records share",
        "cf.ray_id contains \"00\" and oci.digest contains \"1f\" and client.key ne \"0\"",
    ),
];

/// # Errors
/// When SQLite refuses.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let each = args.records / args.fire_logs.max(1);
    let path = database(each)?;
    let mut figures = Vec::new();
    for (name, expression) in CANDIDATES {
        let plan = plan(expression)?;
        let mut samples = Vec::new();
        let mut found = String::new();
        for _ in 0..args.runs {
            let began = Instant::now();
            let preview = preview(&path, &plan, args.fire_logs)?;
            samples.push(began.elapsed().as_secs_f64());
            found = format!("{} of {} matched", preview.matched_requests, preview.requests);
        }
        let target = if args.records == RECORDS {
            TARGET
        } else {
            Target::None
        };
        figures.push(Figure::new(format!("{name} ({found})"), "s", samples, target));
    }
    figures.push(Figure::new(
        "memory, at most",
        "MB",
        vec![peak_mb()?],
        Target::AtMost(128.0),
    ));
    Ok(Report {
        name: "preview",
        setup: json!({ "records": args.records, "fire_logs": args.fire_logs, "runs": args.runs }),
        figures,
    })
}

pub(crate) fn plan(expression: &str) -> Result<PreviewPlan> {
    let candidate = Rule {
        id: "candidate".to_owned(),
        version: 1,
        description: String::new(),
        expression: expression.to_owned(),
        action: Action::Block,
        default_mode: Mode::Monitor,
        volume: None,
    };
    let book = Rulebook {
        schema: SCHEMA,
        revision: 1,
        routes: vec![Route::named("default")],
        rules: vec![candidate.clone()],
        modes: Vec::new(),
        lists: Vec::new(),
        layouts: Vec::new(),
        settings: Settings::default(),
    };
    let plan = PreviewPlan::new(&book, candidate, "default", START_MS);
    Ok(PreviewPlan {
        since_ms: START_MS,
        until_ms: START_MS + SPAN_MS + 1,
        ..plan
    })
}

/// As the Previews object does it, but that every FireLog has a thread.
fn preview(path: &Path, plan: &PreviewPlan, fire_logs: u32) -> Result<Preview> {
    let parts = thread::scope(|scope| {
        let logs: Vec<_> = (0..fire_logs)
            .map(|_| scope.spawn(|| fire_log(path, plan)))
            .collect();
        let joined = logs
            .into_iter()
            .map(|log| log.join().map_err(|_| anyhow!("a thread died"))?);
        joined.collect::<Result<Vec<Partial>>>()
    })?;
    let mut whole = Partial::default();
    for part in parts {
        at_once(whole.join(part, &Unpaced)).context("it paused")?;
    }
    at_once(Preview::of(plan, whole, &Unpaced)).context("it paused")
}

fn fire_log(path: &Path, plan: &PreviewPlan) -> Result<Partial> {
    let sql = Native::open(path)?;
    let mut replay = Replay::new(plan).map_err(|error| anyhow!("{error}"))?;
    let (mut whole, mut from_ms) = (Partial::default(), Some(plan.since_ms));
    while let Some(from_now_ms) = from_ms {
        let call = SliceCall {
            plan: plan.clone(),
            from_ms: from_now_ms,
            task: SliceTask::Count,
        };
        let slice = scan_slice(&sql, &mut replay, &call, Budget::default(), &Unpaced);
        let slice = at_once(slice).context("it paused")??;
        from_ms = slice.next_ms;
        at_once(whole.join(slice.part, &Unpaced)).context("it paused")?;
    }
    Ok(whole)
}

/// The most that this process has had in memory, SQLite's caches included.
pub(crate) fn peak_mb() -> Result<f64> {
    let status =
        std::fs::read_to_string("/proc/self/status").context("failed to read the process's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.split_whitespace().next());
    let kb: f64 = kb.context("the process has no peak")?.parse()?;
    Ok(kb / 1024.0)
}
