//! `blobwatch localize`: one cross-section of counts in, the cohorts that explain the excess out.

use std::path::PathBuf;

use crate::problem::Problem;
use crate::{Outcome, input};

/// Name the cohorts that explain an excess of events
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// CSV with the columns <attributes…>,real,predict; - reads standard input
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    let _input = input::open(&arguments.file)?;
    Err(Problem::Unbuilt)
}
