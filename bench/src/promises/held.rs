//! A pull that asks an object which does not answer.

use super::COLOS;
use crate::figure::{Figure, Target};
use crate::stage::{Client, Workerd};
use anyhow::Result;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A pull waits 50 ms for us; the rest is the clocks'.
const TARGET: Target = Target::AtMost(55.0);

/// Longer than a rulebook counts as confirmed by the flush that follows a pull.
const UNCONFIRMED: Duration = Duration::from_secs(6);

/// Longer than until it is asked for again.
const ASKED_AGAIN: Duration = Duration::from_millis(1_100);

pub(super) fn figures(workerd: &Workerd, rounds: usize) -> Result<Vec<Figure>> {
    let usual = pulls(workerd, rounds)?;
    let usual = Figure::new("a pull while all objects answer", "ms", usual, Target::None);
    let median = usual.median();
    let mut figures = vec![usual];
    for class in ["FireLog", "RuleBook", "Detector"] {
        workerd.hold(class)?;
        let samples = pulls(workerd, rounds);
        workerd.hold("")?;
        let longer = samples?.into_iter().map(|sample| sample - median).collect();
        let name = format!("how much longer while no {class} answers");
        figures.push(Figure::new(name, "ms", longer, TARGET));
    }
    Ok(figures)
}

/// Each asks for the rulebook first.
fn pulls(workerd: &Workerd, rounds: usize) -> Result<Vec<f64>> {
    let colos = workerd.isolates().zip(COLOS).take(1);
    let mut samples = Vec::new();
    for (isolate, colo) in colos {
        let client = Client::new(isolate, "curl/8.5.0");
        client.pull(colo, "192.0.2.1", 0)?;
        sleep(UNCONFIRMED);
        for _ in 0..rounds {
            sleep(ASKED_AGAIN);
            let began = Instant::now();
            client.pull(colo, "192.0.2.1", 0)?;
            samples.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
    }
    Ok(samples)
}
