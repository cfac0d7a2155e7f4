//! `blobwatch` on the command line: detection on files, for people who have counts or logs and no deployment yet, a
//! deployment on this machine, and the operator's client of one.
//!
//! In scope: arguments, exit codes, and one module per subcommand. Not in scope: the statistics (`blobwatch-detect`) and
//! what records mean (`crates/`). docs/cli.md says what each subcommand does and which exit codes it has.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::problem::Problem;

mod addresses;
mod anomaly;
mod answer;
mod api;
mod archive;
mod audit;
mod clock;
mod cohorts;
mod compare;
mod data_folder;
mod databases;
mod detect;
mod doctor;
mod explain;
mod export;
mod ingest;
mod input;
mod installation;
mod list;
mod localize;
mod mcp;
mod output;
mod packets;
mod pending;
mod preview;
mod probe;
mod problem;
mod records;
mod replay;
mod rulebook;
mod serve;
mod shell;
mod sign_in;
mod status;
mod table;
mod tail;
mod token;
mod tokens;
mod whole;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(
    name = "blobwatch",
    version,
    about = "Finds clients of a registry that are stuck, and operates Blobwatch",
    after_help = EXAMPLES
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Doctor(doctor::Doctor),
    Replay(replay::Arguments),
    Detect(detect::Arguments),
    Localize(localize::Arguments),
    Preview(preview::Arguments),
    Rulebook(rulebook::Arguments),
    List(list::Arguments),
    Explain(explain::Arguments),
    Audit(audit::Arguments),
    Archive(archive::Arguments),
    /// Write the records on which a rule fired, as NDJSON, newest first
    Fires(records::Records),
    /// Write records of requests, as NDJSON, newest first
    Requests(records::Records),
    Tail(tail::Tail),
    Cohorts(cohorts::Arguments),
    Compare(compare::Arguments),
    Anomalies(records::Anomalies),
    Anomaly(anomaly::Arguments),
    Status(status::Status),
    Mcp(mcp::Arguments),
    Ingest(ingest::Ingest),
    Addresses(addresses::Addresses),
    Packets(packets::Packets),
    Pending(pending::Arguments),
    Token(token::Token),
    Tokens(tokens::Arguments),
    Completions(shell::Completions),
    Man(shell::Manual),
}

const EXAMPLES: &str = "Examples:
  blobwatch serve --origin https://r.example.com serve on this machine, in front of a registry
  blobwatch replay access.log.gz                 what would have been flagged
  blobwatch detect counts.csv                    anomalies in counts over time
  blobwatch localize stalls.csv                  the cohort that explains an excess
  blobwatch rulebook diff rulebook.toml          what a push would change
  blobwatch list refresh office office.txt       the values that rules name as $office
  blobwatch status                               what is wrong, and what the detector can see
  blobwatch audit verify audit.ndjson            whether the audit log is intact
  blobwatch tail --otlp http://127.0.0.1:4318    fires as they come, to a collector of OpenTelemetry
  blobwatch archive --to /srv/archive            history as Parquet, for DuckDB and others

Exit codes: 0 nothing found, 1 something found, 2 usage or input error";

/// What a subcommand that could read its input has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Nothing,
    Found,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Doctor(arguments) => doctor::doctor(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Detect(arguments) => detect::run(&arguments),
        Command::Localize(arguments) => localize::run(&arguments),
        Command::Preview(arguments) => preview::run(&arguments),
        Command::Rulebook(arguments) => rulebook::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Archive(arguments) => archive::run(&arguments),
        Command::Fires(arguments) => records::export("fires", &arguments),
        Command::Requests(arguments) => records::export("requests", &arguments),
        Command::Tail(arguments) => tail::tail(&arguments),
        Command::Cohorts(arguments) => cohorts::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Anomalies(arguments) => records::anomalies(&arguments),
        Command::Anomaly(arguments) => anomaly::run(&arguments),
        Command::Status(arguments) => status::status(&arguments),
        Command::Mcp(arguments) => mcp::run(&arguments),
        Command::Ingest(arguments) => ingest::ingest(&arguments),
        Command::Addresses(arguments) => addresses::addresses(&arguments),
        Command::Packets(arguments) => packets::packets(&arguments),
        Command::Pending(arguments) => pending::run(&arguments),
        Command::Token(arguments) => token::token(&arguments),
        Command::Tokens(arguments) => tokens::run(&arguments),
        Command::Completions(arguments) => shell::completions(&arguments, Arguments::command()),
        Command::Man(arguments) => shell::manual(&arguments, Arguments::command()),
    };
    exit_code(result)
}

fn exit_code(result: Result<Outcome, Problem>) -> ExitCode {
    match result {
        Ok(Outcome::Nothing) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Err(problem) => {
            output::complain(&problem.to_string());
            ExitCode::from(2)
        }
    }
}
