//! The figures of docs/detection.md: `cargo run --release -p blobwatch-detect --example localize_figures [tune]`.
//!
//! Reported seeds start at 1,000,000; with `tune` the seeds are those that constants were chosen on.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "times a native program on its own data"
)]

#[path = "../tests/incidents/mod.rs"]
mod incidents;

use blobwatch_detect::localize::{Cause, Cohort, Options, contrast_pattern, localize};
use incidents::{Incident, Strength, generate};

/// One row of the table.
#[derive(Default)]
struct Row {
    overlaps: Vec<f64>,
    milliseconds: Vec<f64>,
}

impl Row {
    fn add(&mut self, incident: &Incident, name: impl Fn(&Incident) -> Vec<Cohort>) {
        let start = cpu_milliseconds();
        let named = name(incident);
        self.milliseconds.push(cpu_milliseconds() - start);
        self.overlaps
            .push(incident.overlap(&named.iter().collect::<Vec<_>>()));
    }

    fn print(&mut self, name: &str) {
        let n = self.overlaps.len() as f64;
        let mean = self.overlaps.iter().sum::<f64>() / n;
        let good = self.overlaps.iter().filter(|iou| **iou >= 0.8).count() as f64 / n;
        self.milliseconds.sort_by(f64::total_cmp);
        let (median, last) = (
            self.milliseconds[self.milliseconds.len() / 2],
            self.milliseconds[self.milliseconds.len() - 1],
        );
        println!("| {name} | {mean:.3} | {good:.2} | {median:.1} | {last:.1} |");
    }
}

/// CPU time of this thread as Linux counts it: other work on the machine does not disturb the figures.
fn cpu_milliseconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e6
}

fn scan(incident: &Incident) -> Vec<Cohort> {
    localize(&incident.section, &Options::default())
        .into_iter()
        .map(|cause| cause.cohort)
        .collect()
}

fn rival(incident: &Incident) -> Vec<Cohort> {
    contrast_pattern(&incident.section).into_iter().collect()
}

fn main() {
    let tune = std::env::args().any(|argument| argument == "tune");
    let verbose = std::env::args().any(|argument| argument == "verbose");
    let first = if tune { 0 } else { 1_000_000 };
    println!(
        "seeds {first}.. ({})\n",
        if tune { "tuned on" } else { "held out" }
    );
    println!(
        "| incidents, method | mean IoU | IoU >= 0.8 | CPU ms, median | CPU ms, max |\n| --- | --- | --- | --- | --- |"
    );
    for (name, strength, causes, seeds) in [
        ("strong", Strength::Strong, 1, 100),
        ("weak", Strength::Weak, 1, 100),
        ("two strong causes", Strength::Strong, 2, 40),
    ] {
        let (mut ours, mut theirs) = (Row::default(), Row::default());
        for seed in first..first + seeds {
            let incident = generate(seed, Some(strength), causes);
            ours.add(&incident, scan);
            theirs.add(&incident, rival);
            let iou = ours.overlaps[ours.overlaps.len() - 1];
            if verbose && iou < 0.9 {
                println!("{seed} {iou:.2} truth {}", incident.truth);
                for Cause {
                    cohort,
                    observed,
                    expected,
                    score,
                } in localize(&incident.section, &Options::default())
                {
                    println!("    {cohort}: {observed} of {expected:.1}, {score:.1}");
                }
            }
        }
        ours.print(&format!("{name}, subset scan"));
        theirs.print(&format!("{name}, contrast pattern"));
    }
    null(first);
}

/// How often something is named where there is nothing, and the highest scores.
fn null(first: u64) {
    let seeds = 300;
    let loose = Options {
        alpha: 0.5,
        ..Options::default()
    };
    let (mut named, mut scores) = (0, Vec::new());
    for seed in first..first + seeds {
        let section = generate(seed, None, 0).section;
        named += u32::from(!localize(&section, &Options::default()).is_empty());
        scores.extend(
            localize(&section, &loose)
                .first()
                .map(|cause| (cause.score * 100.0).round() / 100.0),
        );
    }
    scores.sort_by(|a, b| b.total_cmp(a));
    scores.truncate(8);
    println!("\nnull: something named in {named} of {seeds}; highest scores {scores:?}");
}
