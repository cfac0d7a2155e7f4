//! What Cloudflare would bill for Blobwatch beside the requests themselves: rows and object requests of a counted run.
//!
//! The counts are the platform's own (`rowsRead` and `rowsWritten` of every statement), taken by `data/counting.js`. They
//! hang on how many requests one isolate sees: a flush goes out each second or each 256 records, whichever is first.

use crate::figure::{Figure, Target};
use crate::report::Report;
use crate::stage::{Origin, Traffic, Worker, Workerd, load, rulebook};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::Duration;

/// What `cost` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Watched requests a second
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// Seconds that are counted
    #[arg(long, default_value_t = 75)]
    seconds: u64,
}

/// Counted names, and USD for a million of each: Cloudflare's published prices of Durable Objects, beyond what a plan
/// includes (docs/cost.md). An alarm is a request.
pub(crate) const PRICES: [(&str, f64); 4] = [
    ("rows_written", 1.0),
    ("object_requests", 0.15),
    ("alarms", 0.15),
    ("rows_read", 0.001),
];

/// USD for a million watched requests.
pub(crate) const TARGET: Target = Target::AtMost(0.05);

/// The load before it is counted: the rulebook is read, tables are made.
const WARM_UP: Duration = Duration::from_secs(5);

/// Counting stops so long after the load: the last batches are flushed and merged.
const TAIL: Duration = Duration::from_secs(12);

/// # Errors
/// When something cannot be started, or the rate cannot be kept.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let origin = Origin::start()?;
    let workerd = Workerd::start(&Worker::Counted, origin.address(), &[])?;
    rulebook::install(&workerd.api())?;
    let traffic = Traffic::ranged();
    let send = |lasting| load::paced(workerd.address(), &traffic, args.rate, lasting);
    send(WARM_UP)?;
    let before = workerd.api().counts()?;
    let sent = send(Duration::from_secs(args.seconds))?;
    sleep(TAIL);
    let after = workerd.api().counts()?;
    let counted = |name: &str| anyhow::Ok(count(&after, name)? - count(&before, name)?);
    let millions = counted("pulls")? / 1e6;
    let mut figures = Vec::new();
    let mut price = 0.0;
    for (name, usd) in PRICES {
        let per_million = counted(name)? / millions;
        price += per_million * usd / 1e6;
        let name = format!("{} per million requests", name.replace('_', " "));
        figures.push(Figure::new(name, "", vec![per_million], Target::None));
    }
    figures.push(Figure::new(
        "price of a million requests",
        "USD",
        vec![price],
        TARGET,
    ));
    Ok(Report {
        name: "cost",
        setup: json!({ "rate": args.rate, "seconds": args.seconds, "requests": sent }),
        figures,
    })
}

fn count(counts: &Value, name: &str) -> Result<f64> {
    let count = counts.get(name).and_then(Value::as_f64);
    count.with_context(|| format!("{name} was not counted: {counts}"))
}
