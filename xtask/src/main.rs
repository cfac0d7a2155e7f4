//! The project's commands. Each is one module with one `run`; nothing here is part of the worker.

mod bench;
mod build;
mod command;
mod demo;
mod deploy;
mod dev;
mod dist;
#[cfg(test)]
mod docs;
mod fuzz;
mod http;
mod layers;
mod lint;
mod parallel;
mod prefixes;
mod record;
mod registry;
mod setup;
mod test;
mod token;
mod workspace;

use crate::command::open;
use blobwatch_host::progress;
use blobwatch_wire::visible_lines;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::Workspace;

/// The project's commands.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what a build needs: the wasm target and the npm packages
    Setup,
    /// Serve on this machine, in front of your registry or of a built-in demo
    Dev(dev::Args),
    /// Play an incident with real stalls and reconnects, and show what Blobwatch finds
    Demo(demo::Args),
    /// Build the worker for release and bundle it for workerd
    Build(build::Args),
    /// Check the types of the worker's JavaScript, and lint it and the dashboard
    Lint,
    /// Build the worker and run every test, native and end to end
    Test(test::Args),
    /// Run the fuzz targets of every parser that a stranger reaches for longer than `cargo test` does
    Fuzz(fuzz::Args),
    /// Print which crate imports which, and fail where that is against the order of ARCHITECTURE.md
    Layers,
    /// Make the table of cloud prefixes from the files that clouds publish
    Prefixes(prefixes::Args),
    /// Pull with real clients through faults, and record their requests in tests/data/clients
    Record,
    /// Measure the figures that the project promises
    Bench(bench::Args),
    /// Check the configuration, the size and the secrets, then upload to Cloudflare
    Deploy(deploy::Args),
    /// Make the archives of a release, which need neither a clone nor a compiler
    Dist(dist::Args),
    /// Make a token for a person or a program
    Token(token::Args),
    /// Run the pinned wrangler, for instance `cargo xtask wrangler secret put BLOBWATCH_TOKENS`
    Wrangler {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", visible_lines(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match &cli.command {
        Command::Setup => setup::run(&workspace).map(drop),
        Command::Dev(args) => dev::run(&workspace, args),
        Command::Demo(args) => demo::run(&workspace, args),
        Command::Build(args) => build::run(&workspace, args),
        Command::Lint => lint::run(&workspace),
        Command::Test(args) => return test::run(&workspace, args),
        Command::Fuzz(args) => fuzz::run(&workspace, args),
        Command::Layers => layers::run(&workspace),
        Command::Prefixes(args) => prefixes::run(&workspace, args),
        Command::Record => record::run(&workspace),
        Command::Bench(args) => bench::run(&workspace, args),
        Command::Deploy(args) => deploy::run(&workspace, args),
        Command::Dist(args) => dist::run(&workspace, args),
        Command::Token(args) => token::run(args),
        Command::Wrangler { arguments } => open(setup::run(&workspace)?.wrangler().args(arguments)),
    }?;
    Ok(ExitCode::SUCCESS)
}
