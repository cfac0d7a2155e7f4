//! Queries over millions of stored records through the real API, Durable Objects and Wasm included.

use crate::figure::{Figure, Target};
use crate::query::{RARE_RULE, ROUTES};
use crate::report::Report;
use crate::stage::{Api, HOUR_MS, StoredStage};
use anyhow::{Context, Result};
use blobwatch_wire::rfc3339;
use serde_json::{Value, json};
use std::time::Instant;

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
const LIMIT: usize = 100;

/// # Errors
/// When something cannot be started, or an answer is not one.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let stored = StoredStage::begin(args.records)?;
    let bench = Bench {
        api: stored.workerd.api(),
        runs: args.runs,
        end_ms: stored.now_ms,
    };
    Ok(Report {
        name: "query-edge",
        setup: json!({ "records": args.records, "runs": args.runs, "limit": LIMIT }),
        figures: bench.figures()?,
    })
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
