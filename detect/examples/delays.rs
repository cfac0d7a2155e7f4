//! False alarms and delays by volume, on seeded streams: `cargo run --release -p blobwatch-detect --example delays`.
//!
//! 20 cohorts at a base rate of 1 % with a daily season of rate and volume, events of a minute correlated by 0.002. Per
//! volume: null days after four days of learning, then many forks of the learned monitor in which one cohort's rate
//! rises at a random time.

use blobwatch_detect::counts::Counts;
use blobwatch_detect::incident::Event;
use blobwatch_detect::monitor::{Cell, MAX_COHORTS, Monitor, Settings};
use blobwatch_detect::simulate::{Random, Stream};

const COHORTS: usize = 20;
const LEARN_DAYS: u64 = 4;
const GIVE_UP_MINUTES: u64 = 1440;

struct Plan {
    slot_seconds: u64,
    null_days: u64,
    forks: u64,
    seed: u64,
}

fn main() {
    let number = |at: usize, default| {
        std::env::args()
            .nth(at)
            .map_or(Some(default), |text| text.parse().ok())
    };
    let (Some(slot_seconds), Some(null_days), Some(forks), Some(seed)) =
        (number(1, 10), number(2, 60), number(3, 60), number(4, 1))
    else {
        eprintln!("usage: delays [SLOT_SECONDS [NULL_DAYS [FORKS [SEED]]]]");
        return;
    };
    let plan = Plan {
        slot_seconds,
        null_days,
        forks,
        seed,
    };
    println!("{slot_seconds} s slots, {null_days} null days, {forks} forks, seed {seed}");
    println!("req/min  false alarms  rise  median min  90 %  named right");
    for per_minute in [1.0, 10.0, 100.0, 1000.0] {
        run(&plan, per_minute);
    }
}

fn run(plan: &Plan, per_minute: f64) {
    let settings = Settings {
        attributes: vec!["cohort".into()],
        slot_seconds: plan.slot_seconds,
        days_per_false_alarm: 30.0,
        max_cohorts: MAX_COHORTS,
    };
    let mut monitor = Monitor::new(settings);
    let mut stream = Stream::new(plan.seed, COHORTS, per_minute, plan.slot_seconds);
    let day = 86_400 / plan.slot_seconds;
    let null: Vec<Event> = (0..(LEARN_DAYS + plan.null_days) * day)
        .flat_map(|slot| step(&mut monitor, &mut stream, slot, 1.0))
        .collect();
    let alarms = null
        .iter()
        .filter(|event| matches!(event, Event::Opened(_)))
        .count();
    for rise in [5.0, 10.0] {
        let mut found: Vec<(u64, bool)> = (0..plan.forks)
            .map(|fork| delay(plan, &monitor, &stream, fork, rise))
            .collect();
        found.sort_unstable();
        let at = |share: u64| {
            found
                .get((plan.forks * share / 100) as usize)
                .map_or(GIVE_UP_MINUTES, |(minutes, _)| *minutes)
        };
        let right = found.iter().filter(|(_, right)| *right).count();
        println!(
            "{per_minute:7}  {alarms:12}  {rise:4}  {:10}  {:4}  {right:5} of {}",
            at(50),
            at(90),
            plan.forks
        );
    }
}

/// Minutes from the rise to the opening, begun ones counted whole, and whether the right cohort was named by then.
fn delay(plan: &Plan, monitor: &Monitor, stream: &Stream, fork: u64, rise: f64) -> (u64, bool) {
    let (mut monitor, mut stream) = (monitor.clone(), stream.clone());
    let mut random = Random::new(plan.seed + 1000 + fork);
    stream.reseed(random.next_u64());
    let first = (LEARN_DAYS + plan.null_days) * 86_400 / plan.slot_seconds;
    let begin = first + random.next_u64() % (86_400 / plan.slot_seconds);
    for slot in first..begin {
        step(&mut monitor, &mut stream, slot, 1.0);
    }
    for slot in begin..begin + GIVE_UP_MINUTES * 60 / plan.slot_seconds {
        let events = step(&mut monitor, &mut stream, slot, rise);
        let opened = events.iter().find_map(|event| {
            if let Event::Opened(anomaly) = event {
                Some(anomaly)
            } else {
                None
            }
        });
        if let Some(anomaly) = opened {
            let right = anomaly.cohort.iter().any(|(_, value)| value == "0");
            return (((slot - begin + 1) * plan.slot_seconds).div_ceil(60), right);
        }
    }
    (GIVE_UP_MINUTES, false)
}

fn step(monitor: &mut Monitor, stream: &mut Stream, slot: u64, rise: f64) -> Vec<Event> {
    let counts: Vec<Counts> = stream.slot(slot, rise);
    let names: Vec<String> = (0..counts.len()).map(|cohort| cohort.to_string()).collect();
    let values: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    let cells = values
        .iter()
        .zip(counts)
        .map(|(values, counts)| Cell { values, counts });
    monitor.observe(slot, cells)
}
