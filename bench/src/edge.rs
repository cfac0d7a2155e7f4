//! CPU of the whole workerd process tree per request and per GB, against a worker that forwards and does nothing else.
//!
//! Every contender is a workerd process of its own. They take turns within seconds, because the price of the same work
//! drifts with what else the machine does; a ratio is always between neighbours in time.

mod contender;
mod cpu;
mod duel;

use crate::figure::{Figure, Target};
use crate::report::Report;
use crate::stage::{GIGABYTE, Origin, RULES, Traffic, Worker, load};
use anyhow::Result;
use contender::Contender;
use duel::{Costs, duel};
use serde_json::json;

/// What `edge` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rounds with small bodies
    #[arg(long, default_value_t = 25)]
    rounds: usize,
    /// Turns of each contender in one round
    #[arg(long, default_value_t = 10)]
    turns: usize,
    /// Requests in one turn
    #[arg(long, default_value_t = 200)]
    requests: usize,
    /// Rounds with one body of 1 GB
    #[arg(long, default_value_t = 9)]
    gigabytes: usize,
    /// Measure the passthrough worker against itself: what the method cannot tell apart
    #[arg(long)]
    control: bool,
}

/// Targets of the contenders after the first, in their order.
const REQUEST_TARGETS: [Target; 2] = [Target::AtMost(1.30), Target::AtMost(1.10)];
const GIGABYTE_TARGETS: [Target; 2] = [Target::AtMost(1.05), Target::None];
const CONTROL_TARGETS: [Target; 2] = [Target::None, Target::None];

/// # Errors
/// When something cannot be started, or a contender answers wrongly.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let origin = Origin::start()?;
    let contenders = contenders(args, &origin)?;
    let traffic = Traffic::whole();
    let small = duel(&contenders, args.rounds, args.turns, |contender| {
        load::closed(contender.address(), &traffic, args.requests)
    })?;
    let large = duel(&contenders, args.gigabytes, 1, |contender| {
        load::download(contender.address(), traffic.gigabyte(), GIGABYTE)
    })?;
    let (per_request, per_gigabyte) = if args.control {
        (CONTROL_TARGETS, CONTROL_TARGETS)
    } else {
        (REQUEST_TARGETS, GIGABYTE_TARGETS)
    };
    let requests = 1e6 / count(args.turns * args.requests);
    let mut figures = figures("CPU per request", "µs", requests, &small, per_request);
    figures.extend(self::figures("CPU per GB", "s", 1.0, &large, per_gigabyte));
    Ok(Report {
        name: if args.control { "edge-control" } else { "edge" },
        setup: json!({ "rounds": args.rounds, "turns": args.turns, "requests": args.requests, "connections": load::CONNECTIONS,
            "gigabytes": args.gigabytes, "rules": RULES }),
        figures,
    })
}

fn contenders(args: &Args, origin: &Origin) -> Result<Vec<Contender>> {
    let start = |name, worker, vars: &[_]| Contender::start(name, worker, origin, vars);
    let rival = start("passthrough", Worker::Passthrough, &[])?;
    if args.control {
        return Ok(vec![rival, start("passthrough again", Worker::Passthrough, &[])?]);
    }
    Ok(vec![
        rival,
        start("blobwatch", Worker::Blobwatch, &[])?,
        start(
            "blobwatch, flush off",
            Worker::Blobwatch,
            &[("BLOBWATCH_FLUSH", "off")],
        )?,
    ])
}

/// What each contender costs, and each but the first in parts of the first.
fn figures(what: &str, unit: &'static str, scale: f64, costs: &[Costs], targets: [Target; 2]) -> Vec<Figure> {
    let own = costs.iter().map(|cost| {
        let samples = cost.seconds.iter().map(|seconds| seconds * scale);
        Figure::new(
            format!("{what}, {}", cost.name),
            unit,
            samples.collect(),
            Target::None,
        )
    });
    let Some((rival, others)) = costs.split_first() else {
        return Vec::new();
    };
    let ratios = others.iter().zip(targets).map(|(cost, target)| {
        Figure::new(
            format!("{what}, {} ÷ {}", cost.name, rival.name),
            "",
            cost.ratios_to(rival),
            target,
        )
    });
    own.chain(ratios).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}
