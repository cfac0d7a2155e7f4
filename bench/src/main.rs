//! The benchmarks. Each prints a table and writes `target/bench/<name>.json`; `cargo xtask bench` builds what they need
//! and runs them.

mod cost;
mod dashboard;
mod detect;
mod edge;
mod figure;
mod guard;
mod preview;
mod preview_edge;
mod promises;
mod query;
mod query_edge;
mod replay;
mod report;
mod rules;
mod scale;
mod soak;
mod stage;
mod stalls;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Blobwatch's benchmarks.
#[derive(Parser)]
#[command(disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// CPU per request and per GB on workerd, against a plain JavaScript passthrough worker
    Edge(edge::Args),
    /// Rules and rulebooks, native, against wirefilter and CEL
    Rules(rules::Args),
    /// One pass of one rulebook, which `rules --instructions` counts
    #[command(hide = true)]
    CountRules(rules::CountArgs),
    /// Queries over stored records, native
    Query(query::Args),
    /// Previews over stored records, native
    Preview(preview::Args),
    /// Previews over stored records, through the API on workerd
    PreviewEdge(preview_edge::Args),
    /// Queries over stored records, through the API on workerd
    QueryEdge(query_edge::Args),
    /// Lines a second of `blobwatch replay`, and its memory
    Replay(replay::Args),
    /// Promotions of harmless and of harmful rules, simulated
    Guard(guard::Args),
    /// Rows written and object requests per million watched requests, priced
    Cost(cost::Args),
    /// False alarms, delay, localisation and cost of detection, native, beside rivals
    Detect(detect::Args),
    /// Seconds until a change or a guard's taking back acts everywhere, and what a pull waits for us, on workerd
    Promises(promises::Args),
    /// How long pulls wait while somebody asks for much, on workerd
    Stalls(stalls::Args),
    /// What the dashboard does for a frame, in Chromium
    Dashboard(dashboard::Args),
    /// A registry of Docker Hub's size in compressed time, native: CPU, memory, rows, price and delay of everything
    Scale(scale::Args),
    /// Memory and pulls over a million requests of clients and blobs that are all new, on workerd
    Soak(soak::Args),
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    match &cli.command {
        Command::Edge(args) => edge::run(args)?.publish(),
        Command::Rules(args) => rules::run(args)?.publish(),
        Command::CountRules(args) => rules::count(args),
        Command::Query(args) => query::run(args)?.publish(),
        Command::Preview(args) => preview::run(args)?.publish(),
        Command::PreviewEdge(args) => preview_edge::run(args)?.publish(),
        Command::QueryEdge(args) => query_edge::run(args)?.publish(),
        Command::Replay(args) => replay::run(args)?.publish(),
        Command::Guard(args) => guard::run(args)?.publish(),
        Command::Cost(args) => cost::run(args)?.publish(),
        Command::Detect(args) => detect::run(args)?.publish(),
        Command::Promises(args) => promises::run(args)?.publish(),
        Command::Stalls(args) => stalls::run(args)?.publish(),
        Command::Dashboard(args) => dashboard::run(args)?.publish(),
        Command::Scale(args) => scale::run(args)?.publish(),
        Command::Soak(args) => soak::run(args)?.publish(),
    }
}
