//! The statistics of detection: false alarms, delay, localisation, cost. Every generator is seeded. Constants were chosen
//! on the tuning seeds; what is reported runs on others, unless `--tuned` asks for them.

pub(crate) mod cost;
mod delay;
mod field;
mod lag;
mod months;
mod place;
mod rivals;
mod riskloc;
mod samples;
mod world;

use crate::report::Report;
use anyhow::Result;
use clap::ValueEnum;
use serde_json::json;
use std::time::{Duration, Instant};

/// Seeds that constants were chosen on start here, reported ones there.
const TUNED: u64 = 0;
const REPORTED: u64 = 1_000_000;

/// Generated incidents of each strength; `--seeds` gives another number.
const SEEDS: u64 = 60;

/// What `detect` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Simulated months without a fault
    #[arg(long, default_value_t = 0.5)]
    months: f64,
    /// Minutes after which no further day of the months is begun: what was played until then is the figure
    #[arg(long)]
    minutes: Option<u64>,
    /// Incidents of each strength, forks of each delay, and null days of its calibration
    #[arg(long, default_value_t = SEEDS)]
    seeds: u64,
    /// Run on the seeds that constants were chosen on
    #[arg(long)]
    tuned: bool,
    /// Parts to measure; all when none is named
    #[arg(long, value_enum)]
    part: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// False alarms of the whole Detector, and July 2020 after them
    Months,
    /// Delay by volume and rise, beside rivals
    Delay,
    /// Delay of each kind by volume and by how many pulls are hit, beside rivals
    Kinds,
    /// Cohorts named in generated incidents, beside rivals
    Place,
    /// CPU and memory of a tick
    Cost,
    /// Incidents as people report them, through `blobwatch replay`
    Field,
    /// Attribution to another party's rule whose events come late
    Lag,
}

/// # Errors
/// When a generated input is refused.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let seed = if args.tuned { TUNED } else { REPORTED };
    let wanted = |part| args.part.is_empty() || args.part.contains(&part);
    let minutes = args.minutes.map(|minutes| Duration::from_secs(60 * minutes));
    let until = minutes.map(|minutes| Instant::now() + minutes);
    let mut figures = Vec::new();
    if wanted(Part::Place) {
        figures.extend(place::run(seed, args.seeds)?);
    }
    if wanted(Part::Cost) {
        figures.extend(cost::run()?);
    }
    if wanted(Part::Delay) {
        figures.extend(delay::run(delay::Plan {
            null_days: args.seeds,
            forks: args.seeds,
            seed,
        }));
    }
    if wanted(Part::Kinds) {
        figures.extend(delay::by_kind(delay::Plan {
            null_days: args.seeds,
            forks: args.seeds,
            seed,
        }));
    }
    if wanted(Part::Field) {
        figures.extend(field::run(seed)?);
    }
    if wanted(Part::Lag) {
        figures.extend(lag::run(seed, args.seeds));
    }
    if wanted(Part::Months) {
        figures.extend(months::run(args.months, until, seed)?);
    }
    Ok(Report {
        name: "detect",
        setup: json!({
            "months": args.months, "seeds": args.seeds, "first_seed": seed,
            "tuned_on_these_seeds": args.tuned, "tuning_seeds_begin": TUNED,
        }),
        figures,
    })
}
