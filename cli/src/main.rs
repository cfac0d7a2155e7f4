//! `blobwatch`: detection on files, for people who have counts or logs and no deployment yet.
//!
//! In scope: arguments, exit codes, and one module per subcommand. Not in scope: the statistics (`blobwatch-detect`).
//! Exit codes: 0 nothing found, 1 an anomaly or a cause found, 2 a usage or input error.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::problem::Problem;

mod detect;
mod input;
mod localize;
mod problem;
mod replay;
mod table;

#[derive(Parser)]
#[command(
    name = "blobwatch",
    version,
    about = "Says when clients of a registry are stuck, and which",
    after_help = EXIT_CODES
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Detect(detect::Arguments),
    Localize(localize::Arguments),
    Replay(replay::Arguments),
}

const EXIT_CODES: &str = "Exit codes: 0 nothing found, 1 something found, 2 usage or input error";

/// What a subcommand that could read its input has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Nothing,
    Found,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Detect(arguments) => detect::run(&arguments),
        Command::Localize(arguments) => localize::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
    };
    exit_code(result)
}

fn exit_code(result: Result<Outcome, Problem>) -> ExitCode {
    match result {
        Ok(Outcome::Nothing) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Err(problem) => {
            eprintln!("blobwatch: {problem}");
            ExitCode::from(2)
        }
    }
}
