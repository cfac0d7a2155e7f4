//! `blobwatch detect`: counts over time in, anomalies as JSON lines out.

use std::path::PathBuf;

use crate::problem::Problem;
use crate::{Outcome, input};

/// Find anomalies in counts over time
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// CSV with the columns time,<attributes…>,trials,events; - reads standard input
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    let _input = input::open(&arguments.file)?;
    Err(Problem::Unbuilt)
}
