//! The table of docs/detection.md: how long an open anomaly takes to close, by how many trials a slot there are and how much
//! of the excess is left. 1,000 seeded runs each, six hours of slots at most.

use blobwatch_detect::simulate::closing::{MINUTE, close};

const RUNS: u64 = 1_000;
const SIX_HOURS: u64 = 2_160;

fn main() {
    println!("trials a slot, excess left: closed of {RUNS}, median and 95 % in minutes");
    for trials in [6.0, 20.0, 60.0, 200.0, 600.0] {
        for left in [0.0, 1.0 / 16.0, 1.0 / 8.0, 1.0 / 4.0, 1.0 / 3.0, 1.0 / 2.0] {
            let minutes = |seed| {
                close(seed, trials, left, SIX_HOURS)
                    .map_or(f64::INFINITY, |slots| slots as f64 / MINUTE as f64)
            };
            let mut all: Vec<f64> = (0..RUNS).map(minutes).collect();
            all.sort_by(f64::total_cmp);
            let closed = all.iter().filter(|at| at.is_finite()).count();
            let at = |place: usize| all.get(place).copied().unwrap_or(f64::INFINITY);
            println!(
                "{trials:>5} {left:>6.3}: {closed:>4}, {:.1}, {:.1}",
                at(500),
                at(950)
            );
        }
    }
}
