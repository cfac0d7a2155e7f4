//! The table of docs/detection.md: how long an open anomaly takes to close, by how many trials a slot there are and how much
//! of the excess is left. 1,000 seeded runs each, six hours of slots at most.

use blobwatch_detect::counts::Tally;
use blobwatch_detect::recovery::Recovery;
use blobwatch_detect::simulate::Random;

const RUNS: u64 = 1_000;
const SIX_HOURS: u64 = 2_160;

/// Slots of a day: one false recovery in that many. As core's detector has it.
const THRESHOLD: f64 = 9.064;
const MINUTE: u64 = 6;

const EXPECTED: f64 = 0.004;
const OBSERVED: f64 = 0.12;
const RHO: f64 = 0.002;

fn main() {
    println!("trials a slot, excess left: closed of {RUNS}, median and 95 % in minutes");
    for trials in [6.0, 20.0, 60.0, 200.0, 600.0] {
        for left in [0.0, 1.0 / 16.0, 1.0 / 8.0, 1.0 / 4.0, 1.0 / 3.0, 1.0 / 2.0] {
            let mut all: Vec<f64> = (0..RUNS).map(|seed| minutes(seed, trials, left)).collect();
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

/// Minutes until it closes; endless where six hours are not enough.
fn minutes(seed: u64, trials: f64, left: f64) -> f64 {
    let mut random = Random::new(seed);
    let mut recovery = Recovery::new((EXPECTED, 0.0), OBSERVED, RHO);
    let mut play = |recovery: &mut Recovery, left: f64| {
        let trials = random.poisson(trials);
        let counts = random.slot(trials, EXPECTED + left * (OBSERVED - EXPECTED), RHO);
        recovery.advance(Tally::from(counts));
    };
    for _ in 0..60 {
        play(&mut recovery, 1.0);
    }
    let closed = (1..=SIX_HOURS).find(|_| {
        play(&mut recovery, left);
        recovery.is_over(THRESHOLD, MINUTE)
    });
    closed.map_or(f64::INFINITY, |slots| slots as f64 / MINUTE as f64)
}
