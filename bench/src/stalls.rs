//! How long pulls wait while somebody asks for much: on workerd all objects and all pulls share one thread.
//!
//! In scope: pulls that are due every few milliseconds while one call of the API runs over a FireLog full of records, and while
//! records are merged. A wait is counted from when the pull was due, so that those behind a long one count as well.

mod stretches;

use crate::figure::{Figure, Target};
use crate::preview::CANDIDATES;
use crate::report::Report;
use crate::stage::{Api, BUNDLE, Client, HOUR_MS, StoredStage, Traffic, load};
use anyhow::{Context, Result, bail};
use blobwatch_wire::rfc3339;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What `stalls` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Stored records
    #[arg(long, default_value_t = 400_000)]
    records: u32,
    /// Measure these bundles, one after the other: before and after a change
    #[arg(long, default_value = BUNDLE)]
    bundle: Vec<PathBuf>,
    /// Seconds of pulls that are stored and merged
    #[arg(long, default_value_t = 75)]
    seconds: u64,
    /// Only what computes between two pauses, natively
    #[arg(long)]
    native: bool,
}

/// Between two pulls.
const GAP: Duration = Duration::from_millis(10);

/// Clients in turn, so that a pull which waits holds up no other.
const CLIENTS: u32 = 32;

/// Pulls before the first measurement, while what was loaded is compiled: modules that were built in seconds take long.
const WARM_UP: Duration = Duration::from_secs(5);

/// Of a pull that waits for a call.
const TARGET: Target = Target::AtMost(50.0);

/// Pulls a second that are merged: each merge takes all that it may.
const RATE: u32 = 250;

/// Between two looks at a preview.
const LOOK: Duration = Duration::from_millis(250);

/// # Errors
/// When something cannot be started, or a call fails.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let mut figures = stretches::run(args.records)?;
    for bundle in args.bundle.iter().filter(|_| !args.native) {
        figures.extend(of_bundle(bundle, args)?);
    }
    Ok(Report {
        name: "stalls",
        setup: json!({ "records": args.records, "bundles": args.bundle, "gap_ms": GAP.as_millis(), "seconds": args.seconds }),
        figures,
    })
}

fn of_bundle(bundle: &Path, args: &Args) -> Result<Vec<Figure>> {
    let stored = StoredStage::of(bundle, args.records)?;
    let api = stored.workerd.api();
    let (since, until) = (rfc3339(stored.start_ms), rfc3339(stored.now_ms + HOUR_MS));
    let span = format!("since={since}&until={until}");
    // With the API's Wasm and the object in memory.
    api.get("requests?limit=1")?;
    let summary = format!("requests/summary?by=fingerprint,colo&{span}");
    waits_beside(&stored, &|| {
        thread::sleep(WARM_UP);
        Ok(())
    })?;
    let mut figures = Vec::new();
    let mut measure = |name: &str, call: &dyn Fn() -> Result<()>| -> Result<()> {
        figures.extend(beside(&format!("{}: {name}", bundle.display()), &stored, call)?);
        Ok(())
    };
    measure("nothing", &|| {
        thread::sleep(Duration::from_secs(3));
        Ok(())
    })?;
    measure("a summary", &|| api.get(&summary).map(drop))?;
    measure("a preview", &|| preview(&api, &since, &until))?;
    measure("an export", &|| {
        api.download(&format!("requests?format=ndjson&limit={}&{span}", args.records))
    })?;
    let traffic = Traffic::whole();
    measure("storing and merging", &|| {
        let lasting = Duration::from_secs(args.seconds);
        load::paced(stored.workerd.address(), &traffic, RATE, lasting).map(drop)
    })?;
    Ok(figures)
}

/// What a call takes, and how long pulls wait beside it.
fn beside(name: &str, stored: &StoredStage, call: &dyn Fn() -> Result<()>) -> Result<Vec<Figure>> {
    let (took, waits) =
        waits_beside(stored, call).with_context(|| format!("failed to pull beside {name}"))?;
    let (longest, often) = (at_quantile(&waits, 1.0), at_quantile(&waits, 0.99));
    Ok(vec![
        Figure::new(name, "s", vec![took], Target::None),
        Figure::new("  longest wait of a pull", "ms", vec![longest], TARGET),
        Figure::new("  99 % of pulls wait less than", "ms", vec![often], Target::None),
        Figure::new("  pulls", "ms", waits, Target::None),
    ])
}

/// Seconds that a call takes, and the waits of pulls meanwhile.
fn waits_beside(stored: &StoredStage, call: &dyn Fn() -> Result<()>) -> Result<(f64, Vec<f64>)> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let began = Instant::now();
        let pullers: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (first, over) = (began + GAP * (number + CLIENTS), &over);
                scope.spawn(move || pulls(stored, first, over))
            })
            .collect();
        // All of them are connected by then.
        thread::sleep(GAP * 2 * CLIENTS);
        let began = Instant::now();
        let called = call();
        let took = began.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        let mut waits = Vec::new();
        for puller in pullers {
            let Ok(of_one) = puller.join() else {
                bail!("a client panicked");
            };
            waits.extend(of_one?);
        }
        called?;
        Ok((took, waits))
    })
}

/// The waits of one client's pulls in milliseconds, until it is over.
fn pulls(stored: &StoredStage, first: Instant, over: &AtomicBool) -> Result<Vec<f64>> {
    let client = Client::new(stored.workerd.address(), "curl/8.5.0");
    client.pull("IAD", "192.0.2.1", 0)?;
    let (mut due, mut waits) = (first, Vec::new());
    while !over.load(Ordering::Relaxed) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        client.pull("IAD", "192.0.2.1", 0)?;
        waits.push(due.elapsed().as_secs_f64() * 1_000.0);
        due += GAP * CLIENTS;
    }
    Ok(waits)
}

fn at_quantile(waits: &[f64], quantile: f64) -> f64 {
    let mut sorted = waits.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * quantile).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

fn preview(api: &Api, since: &str, until: &str) -> Result<()> {
    let [(_, expression), ..] = CANDIDATES;
    let rule = json!({"expression": expression, "action": "block"});
    let wanted = json!({"rule": rule, "route": "default", "since": since, "until": until});
    let begun = api.post("previews", &wanted)?;
    let id = begun.get("id").and_then(Value::as_str).unwrap_or_default();
    loop {
        let item = api.get(&format!("previews/{id}"))?;
        match item.get("status").and_then(Value::as_str) {
            Some("running") => thread::sleep(LOOK),
            Some("done") => return Ok(()),
            _ => bail!("the preview did not end well: {item}"),
        }
    }
}
