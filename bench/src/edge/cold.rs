//! What a cold start takes: CPU of a process from its start until its first pull is answered, and of a pull later on. An isolate of
//! Cloudflare starts when it is first asked. The first pull's CPU has the objects in it, which start beside it; what its client waits
//! is a time of this machine, the only one here.

use super::cpu;
use crate::figure::{Figure, Target};
use crate::stage::{BUNDLE, Origin, Traffic, Worker, Workerd, load};
use anyhow::Result;
use std::time::Instant;

/// # Errors
/// When something cannot be started, or answers wrongly.
pub(super) fn run(starts: usize, origin: &Origin, traffic: &Traffic) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let workers = [
        ("passthrough", Worker::Passthrough),
        ("blobwatch", Worker::Blobwatch(BUNDLE.into())),
    ];
    for (name, worker) in workers {
        let measured = (0..starts).map(|_| measure(&worker, origin, traffic));
        let measured = measured.collect::<Result<Vec<_>>>()?;
        let steps = [
            "CPU of the start of a process",
            "CPU of its first pull, with what starts beside it",
            "the first pull is answered after",
        ];
        for (place, step) in steps.into_iter().enumerate() {
            let times_ms = measured.iter().filter_map(|times| times.get(place).copied());
            figures.push(Figure::new(
                format!("cold start, {name}: {step}"),
                "ms",
                times_ms.collect(),
                Target::None,
            ));
        }
    }
    Ok(figures)
}

fn measure(worker: &Worker, origin: &Origin, traffic: &Traffic) -> Result<[f64; 3]> {
    let workerd = Workerd::start(worker, origin.address(), &[])?;
    let started = cpu::of_tree(workerd.pid())?;
    let asked = Instant::now();
    load::closed(workerd.address(), traffic, 1)?;
    let answered = Instant::now() - asked;
    let pulled = cpu::of_tree(workerd.pid())?;
    Ok([started, pulled.saturating_sub(started), answered].map(|time| time.as_secs_f64() * 1e3))
}
