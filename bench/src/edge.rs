//! CPU of the whole workerd process tree per request and per GB, against a worker that forwards and does nothing else.
//!
//! Every contender is a workerd process of its own. They take turns within seconds, because the price of the same work
//! drifts with what else the machine does; a ratio is always between neighbours in time.

mod cold;
mod contender;
pub(crate) mod cpu;
mod duel;

use crate::figure::{Figure, Target};
use crate::report::Report;
use crate::stage::{BUNDLE, GIGABYTE, Origin, RULES, Traffic, Worker, load};
use anyhow::Result;
use contender::Contender;
use duel::{Costs, duel};
use serde_json::json;
use std::path::PathBuf;

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
    /// Starts of a process each, of which the first pull is measured
    #[arg(long, default_value_t = 9)]
    starts: usize,
    /// Measure these bundles in place of build/bundle: what a change costs or saves
    #[arg(long)]
    bundle: Vec<PathBuf>,
    /// Measure the passthrough worker against itself: what the method cannot tell apart
    #[arg(long)]
    control: bool,
}

/// Targets of the contenders after the first, in their order.
const REQUEST_TARGETS: [Target; 2] = [Target::AtMost(1.30), Target::AtMost(1.10)];
const GIGABYTE_TARGETS: [Target; 1] = [Target::AtMost(1.05)];

/// # Errors
/// When something cannot be started, or a contender answers wrongly.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let origin = Origin::start()?;
    let traffic = Traffic::whole();
    let cold = cold::run(args.starts, &origin, &traffic)?;
    let contenders = contenders(args, &origin)?;
    let small = duel(&contenders, args.rounds, args.turns, |contender| {
        load::closed(contender.address(), &traffic, args.requests)
    })?;
    let large = duel(&contenders, args.gigabytes, 1, |contender| {
        load::download(contender.address(), traffic.gigabyte(), GIGABYTE)
    })?;
    let targets = |targets| {
        if args.control || !args.bundle.is_empty() {
            [].as_slice()
        } else {
            targets
        }
    };
    let requests = 1e6 / count(args.turns * args.requests);
    let mut figures = figures(
        "CPU per request",
        "µs",
        requests,
        &small,
        targets(&REQUEST_TARGETS),
    );
    figures.extend(self::figures(
        "CPU per GB",
        "s",
        1.0,
        &large,
        targets(&GIGABYTE_TARGETS),
    ));
    figures.extend(cold);
    Ok(Report {
        name: if args.control { "edge-control" } else { "edge" },
        setup: json!({ "rounds": args.rounds, "turns": args.turns, "requests": args.requests, "connections": load::CONNECTIONS,
            "gigabytes": args.gigabytes, "rules": RULES }),
        figures,
    })
}

fn contenders(args: &Args, origin: &Origin) -> Result<Vec<Contender>> {
    let start = |name: &str, worker: &Worker, vars: &[_]| Contender::start(name, worker, origin, vars);
    let rival = start("passthrough", &Worker::Passthrough, &[])?;
    if args.control {
        return Ok(vec![
            rival,
            start("passthrough again", &Worker::Passthrough, &[])?,
        ]);
    }
    let mut contenders = vec![rival];
    for bundle in &args.bundle {
        contenders.push(start(
            &bundle.display().to_string(),
            &Worker::Blobwatch(bundle.clone()),
            &[],
        )?);
    }
    if args.bundle.is_empty() {
        let release = Worker::Blobwatch(BUNDLE.into());
        contenders.push(start("blobwatch", &release, &[])?);
        contenders.push(start(
            "blobwatch, flush off",
            &release,
            &[("BLOBWATCH_FLUSH", "off")],
        )?);
    }
    Ok(contenders)
}

/// What each contender costs, and each but the first in parts of the first.
fn figures(what: &str, unit: &'static str, scale: f64, costs: &[Costs], targets: &[Target]) -> Vec<Figure> {
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
    let ratios = others.iter().enumerate().map(|(index, cost)| {
        let target = targets.get(index).copied().unwrap_or(Target::None);
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
