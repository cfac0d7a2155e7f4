//! A registry of Docker Hub's size in compressed time: isolates, FireLogs, the Detector and the RuleBook in one process, by the
//! calls that the objects make of each other.
//!
//! In scope: what all of it costs, how late it is, and when it sees the night of July 2020. Not in scope: networks, the runtime,
//! Wasm. A second of the world is as long as its work takes; nothing is extrapolated: what was played is in the setup.

pub(crate) mod played_request;
mod calls;
pub(crate) mod centre;
pub(crate) mod colo;
mod counted;
mod crowd;
mod intake;
mod play;
mod spent;
mod world;

use crate::cost::{PRICES, TARGET};
use crate::figure::{Figure, Target};
use crate::preview::peak_mb;
use crate::report::Report;
use crate::workspace;
use anyhow::Result;
use play::Played;
use serde_json::json;
use spent::Part;

/// What `scale` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Data centres
    #[arg(long, default_value_t = 300)]
    colos: usize,
    /// Watched requests a second, in all of them
    #[arg(long, default_value_t = 60_000.0)]
    rate: f64,
    /// Requests a second of one isolate
    #[arg(long, default_value_t = 60.0)]
    isolate_rate: f64,
    /// Minutes of healthy traffic; a cohort is tested after five. With 0 nothing is played
    #[arg(long, default_value_t = 7)]
    minutes: u64,
    /// Minutes of July 2020 after them, at most: it ends a minute after it was told
    #[arg(long, default_value_t = 5)]
    fault_minutes: u64,
    /// Slots in which the Detector has a full batch of every colo; none with 0
    #[arg(long, default_value_t = 24)]
    crowded_slots: u64,
}

/// Bytes that an awake object is billed for, in GB, and USD for a million GB-s (docs/cost.md).
const OBJECT_GB: f64 = 0.128;
const USD_A_GB_S: f64 = 12.5e-6;

/// # Errors
/// When something refuses what it should take.
pub(crate) fn run(args: &Args) -> Result<Report> {
    std::fs::create_dir_all(workspace::results())?;
    let folder = tempfile::tempdir_in(workspace::results())?;
    let mut figures = intake::run(folder.path(), crate::query::START_MS / 1_000)?;
    if args.crowded_slots > 0 {
        let start_s = crate::query::START_MS / 1_000;
        figures.extend(crowd::run(
            args.colos,
            args.crowded_slots,
            folder.path(),
            start_s,
        )?);
    }
    if args.minutes == 0 {
        return Ok(Report {
            name: "scale",
            setup: json!({ "colos": args.colos, "crowded_slots": args.crowded_slots }),
            figures,
        });
    }
    let played = play::run(args, folder.path())?;
    figures.extend(cpu(&played));
    figures.extend(lateness(&played));
    figures.extend(price(&played));
    figures.push(Figure::new(
        "memory of the process, at most",
        "MB",
        vec![peak_mb()?],
        Target::None,
    ));
    Ok(Report {
        name: "scale",
        setup: json!({
            "colos": args.colos, "requests_a_second": args.rate, "isolates": played.isolates,
            "fire_logs": played.fire_logs, "minutes": played.seconds as f64 / 60.0, "requests": played.all.requests,
            "real_seconds": played.took_s, "threads": played.threads,
            "share_of_a_day": played.seconds as f64 / 86_400.0, "anomalies": played.open,
        }),
        figures,
    })
}

fn cpu(played: &Played) -> Vec<Figure> {
    let millions = played.all.requests as f64 / 1e6;
    let part = |name: &str, part| {
        let seconds = vec![played.all.seconds(part) / millions];
        Figure::new(
            format!("CPU a million requests: {name}"),
            "s",
            seconds,
            Target::None,
        )
    };
    let share = |seconds: f64| vec![seconds / played.seconds as f64];
    let of_detector = [Part::Cells, Part::Ticks, Part::Sums];
    let detector = of_detector.map(|part| played.all.seconds(part)).iter().sum();
    let mb = |bytes: i64| vec![bytes as f64 / 1e6];
    let slots = played.seconds as f64 / 10.0;
    let each = |all: u64| vec![all as f64 / slots];
    vec![
        part("isolates", Part::Requests),
        part("FireLogs, flushes", Part::Flushes),
        part("FireLogs, alarms", Part::Alarms),
        part("Detector, batches of cells", Part::Cells),
        part("Detector, ticks", Part::Ticks),
        part("Detector, minutes and hours added up", Part::Sums),
        part("RuleBook", Part::RuleBook),
        Figure::new(
            "of one CPU: the busiest FireLog",
            "",
            share(played.busiest_s),
            Target::AtMost(0.5),
        ),
        Figure::new(
            "of one CPU: the Detector",
            "",
            share(detector),
            Target::AtMost(0.25),
        ),
        Figure::new(
            "batches of cells in a slot",
            "",
            each(played.batches),
            Target::None,
        ),
        Figure::new("cells in a slot", "", each(played.cells), Target::None),
        Figure::new(
            "kilobytes of cells in a slot",
            "kB",
            each(played.cell_bytes / 1_000),
            Target::None,
        ),
        Figure::new(
            "a tick of the Detector",
            "ms",
            played.ticks_ms.clone(),
            Target::AtMost(1_000.0),
        ),
        Figure::new("Detector: held at the end", "MB", mb(played.bytes), Target::None),
        Figure::new(
            "Detector: held at most",
            "MB",
            mb(played.most_bytes),
            Target::AtMost(100.0),
        ),
        Figure::new("Detector: cohorts", "", vec![played.cohorts as f64], Target::None),
        Figure::new(
            "Detector: requests in no cohort",
            "%",
            vec![100.0 * played.other_requests as f64 / played.all.requests as f64],
            Target::None,
        ),
    ]
}

fn lateness(played: &Played) -> Vec<Figure> {
    let at_most = Target::AtMost(300.0);
    let mut figures = vec![
        Figure::new(
            "a record reaches its FireLog after",
            "ms",
            played.flush_lags_ms.clone(),
            Target::None,
        ),
        Figure::new(
            "a slot is tested after its end by",
            "ms",
            played.lags_ms.clone(),
            Target::AtMost(20_000.0),
        ),
        Figure::new(
            "July 2020: told after its first minute",
            "s",
            vec![played.delay_s],
            Target::AtMost(60.0),
        ),
    ];
    for (name, times_ms) in &played.calls_ms {
        figures.push(Figure::new(name.clone(), "ms", times_ms.clone(), at_most));
    }
    figures
}

/// As docs/cost.md counts.
fn price(played: &Played) -> Vec<Figure> {
    let millions = played.all.requests as f64 / 1e6;
    let objects = played.fire_logs as f64 + if played.fire_logs >= 50 { 2.0 } else { 1.0 };
    let duration_usd = objects * OBJECT_GB * played.seconds as f64 * USD_A_GB_S;
    let counted = |name: &str| match name {
        "rows_written" => played.rows_written + played.all.alarms_set,
        "object_requests" => played.all.object_requests,
        "alarms" => played.all.alarms,
        _ => played.rows_read,
    };
    let mut figures = Vec::new();
    let mut usd = duration_usd / millions;
    for (name, price) in PRICES {
        let per_million = counted(name) as f64 / millions;
        usd += per_million * price / 1e6;
        let name = format!("{} per million requests", name.replace('_', " "));
        figures.push(Figure::new(name, "", vec![per_million], Target::None));
    }
    figures.push(Figure::new(
        "price of a million requests, with duration",
        "USD",
        vec![usd],
        TARGET,
    ));
    figures
}
