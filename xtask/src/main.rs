//! The project's commands. Each is one module with one `run`; nothing here is part of the worker.

mod build;
mod command;
mod demo;
mod dev;
mod hex;
mod progress;
mod setup;
mod test;
mod workspace;

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
    /// Install what a build needs: the wasm target, the pinned cargo tools, the npm packages
    Setup,
    /// Serve on this machine, in front of your registry or of a built-in demo
    Dev(dev::Args),
    /// Build the worker for release and bundle it for workerd
    Build(build::Args),
    /// Build the worker and run every test, native and end to end
    Test(test::Args),
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
    let workspace = Workspace::find()?;
    match &cli.command {
        Command::Setup => setup::run(&workspace).map(drop),
        Command::Dev(args) => dev::run(&workspace, args),
        Command::Build(args) => build::run(&workspace, args),
        Command::Test(args) => test::run(&workspace, args),
    }
}
