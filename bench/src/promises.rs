//! What is promised in seconds and milliseconds: how soon a change acts everywhere, how soon what a guard took back is open
//! everywhere, and how long a pull waits for an object that does not answer. The tests prove how each comes about.

mod change;
mod held;
mod taken_back;

use crate::figure::Figure;
use crate::report::Report;
use crate::stage::{Origin, Worker, Workerd};
use anyhow::{Result, bail};
use serde_json::json;
use std::time::{Duration, Instant};

/// What `promises` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Times that each is measured
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

/// Data centres, each with an isolate and a FireLog of its own.
const COLOS: [&str; 3] = ["AMS", "NRT", "IAD"];

/// What takes longer is no figure but a fault.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures one promise so many times.
type Part = fn(&Workerd, usize) -> Result<Vec<Figure>>;

/// # Errors
/// When something cannot be started, or what is promised does not happen at all.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let origin = Origin::start()?;
    let workerd = Workerd::with_isolates(&Worker::Held, origin.address(), COLOS.len())?;
    let parts: [Part; 3] = [change::figures, taken_back::figures, held::figures];
    let mut figures = Vec::new();
    for part in parts {
        figures.extend(part(&workerd, args.rounds)?);
    }
    Ok(Report {
        name: "promises",
        setup: json!({ "rounds": args.rounds, "isolates": COLOS.len() }),
        figures,
    })
}

/// Seconds since `began` until it holds.
fn seconds_until(began: Instant, mut holds: impl FnMut() -> Result<bool>) -> Result<f64> {
    while !holds()? {
        if began.elapsed() > PATIENCE {
            bail!("it does not hold after {PATIENCE:?}");
        }
    }
    Ok(began.elapsed().as_secs_f64())
}
