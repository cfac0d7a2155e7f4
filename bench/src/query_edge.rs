//! Queries over millions of stored records through the real API, Durable Objects and Wasm included.
//!
//! The records are put into the FireLog's file while workerd does not run, by the same code that runs in the object.

use crate::figure::{Figure, Target};
use crate::query::{RARE_RULE, ROUTES, SPAN_MS, fill};
use crate::report::Report;
use crate::stage::{Api, BUNDLE, Origin, Traffic, Worker, Workerd, load};
use anyhow::{Context, Result, ensure};
use blobwatch_core::store::Native;
use blobwatch_core::store::fire_log::FireLog;
use blobwatch_core::time::rfc3339;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What `query-edge` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Stored records
    #[arg(long, default_value_t = 5_000_000)]
    records: u32,
    /// Runs of each query, each with other values
    #[arg(long, default_value_t = 31)]
    runs: u32,
}

/// Of a query, from the request to the last byte of its answer.
const TARGET: Target = Target::AtMost(100.0);
const HOUR_MS: u64 = 3_600_000;
const LIMIT: usize = 100;

/// # Errors
/// When something cannot be started, or an answer is not one.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let origin = Origin::start()?;
    let workerd = Workerd::start(&Worker::Blobwatch(BUNDLE.into()), origin.address(), &[])?;
    // The first request makes the FireLog and its file.
    load::closed(workerd.address(), &Traffic::whole(), 1)?;
    let now_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    // Inside of the retention, until the run is over.
    let start_ms = now_ms - SPAN_MS + HOUR_MS;
    let workerd = workerd.restart_after(|stopped| {
        let log = FireLog::open(Native::open(&database(&stopped.objects("FireLog"))?)?)?;
        fill(log, args.records, start_ms)
    })?;
    let bench = Bench {
        api: workerd.api(),
        runs: args.runs,
        end_ms: now_ms,
    };
    Ok(Report {
        name: "query-edge",
        setup: json!({ "records": args.records, "runs": args.runs, "limit": LIMIT }),
        figures: bench.figures()?,
    })
}

/// The file of the only object of a class.
///
/// # Errors
/// When there is none, or more than one.
pub(crate) fn database(folder: &Path) -> Result<PathBuf> {
    let files = fs::read_dir(folder).with_context(|| format!("failed to find {}", folder.display()))?;
    let paths = files.flatten().map(|file| file.path());
    let mut objects = paths.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // workerd keeps the alarms of the whole class in metadata.sqlite.
        name.ends_with(".sqlite") && !name.starts_with("metadata")
    });
    let found = objects.next().context("the FireLog has no file")?;
    ensure!(objects.next().is_none(), "there is more than one FireLog");
    Ok(found)
}

struct Bench {
    api: Api,
    runs: u32,
    end_ms: u64,
}

impl Bench {
    fn figures(&self) -> Result<Vec<Figure>> {
        Ok(vec![
            self.figure("requests: route, rule, 1 h", TARGET, "requests", 1, None)?,
            self.figure("fires: route, rule, 1 h", TARGET, "fires", 1, None)?,
            self.figure("requests: route, rule, 24 h", TARGET, "requests", 24, None)?,
            self.figure("fires: route, rule, 24 h", TARGET, "fires", 24, None)?,
            self.figure(
                "fires: route, rule of 1 in 100,000, 24 h",
                Target::None,
                "fires",
                24,
                Some(RARE_RULE),
            )?,
        ])
    }

    fn figure(&self, name: &str, target: Target, of: &str, hours: u64, rule: Option<&str>) -> Result<Figure> {
        let mut samples = Vec::new();
        let mut found = 0;
        for run in 0..self.runs {
            let until_ms = self.end_ms - u64::from(run) * HOUR_MS;
            let since_ms = until_ms - hours * HOUR_MS;
            let route = ROUTES.into_iter().cycle().nth(run as usize % ROUTES.len());
            let rule = rule.map_or_else(|| format!("rule-{}", run % 4), str::to_owned);
            let (since, until) = (rfc3339(since_ms), rfc3339(until_ms));
            let call = format!(
                "{of}?route={}&rule={rule}&since={since}&until={until}",
                route.unwrap_or_default()
            );
            let began = Instant::now();
            found += self.answer(&call)?;
            samples.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        let name = format!("{name} ({} found)", found / self.runs as usize);
        Ok(Figure::new(name, "ms", samples, target))
    }

    /// The first [`LIMIT`] records, in as many calls as their cursors ask for.
    fn answer(&self, call: &str) -> Result<usize> {
        let (mut found, mut cursor) = (0, String::new());
        loop {
            let page = self.api.get(&format!("{call}&limit={}{cursor}", LIMIT - found))?;
            let items = page.get("items").and_then(Value::as_array);
            found += items.context("a page has no items")?.len();
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(next) if found < LIMIT => cursor = format!("&cursor={next}"),
                _ => return Ok(found),
            }
        }
    }
}
