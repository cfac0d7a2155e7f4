//! Delay by volume and rise, beside the rivals on the same streams, all at the same rate of false alarms.
//!
//! 20 cohorts at 1 % with a daily season, correlation 0.002 within a minute. Null days after four of learning give each
//! detector the threshold that it crosses on as many cohort-days as the allowed rate of false alarms says; then forks,
//! in each of which the first cohort's rate rises at a random time. Ours sees slots of 10 s, the rivals minutes.

use super::rivals::{NAMES, Rivals};
use crate::figure::{Figure, Target};
use blobwatch_detect::counts::{Counts, Tally};
use blobwatch_detect::monitor::{Cell, IGNORANCE, MAX_COHORTS, Monitor, Settings};
use blobwatch_detect::simulate::{Random, Stream};

const COHORTS: usize = 20;
const LEARN_DAYS: u64 = 4;

/// False alarms of one cohort in 30 days.
const ALLOWED: f64 = 0.05;

const SLOT_SECONDS: u64 = 10;
const MINUTE: u64 = 60 / SLOT_SECONDS;
const DAY: u64 = 8640;

/// "> 720" is what the published table says.
const GIVE_UP_MINUTES: u64 = 720;

/// Requests a minute, and what the bold row of the published table has for a rise of five and of ten.
const VOLUMES: [(f64, f64, f64); 4] = [
    (1.0, 489.0, 112.0),
    (10.0, 52.0, 10.0),
    (100.0, 6.0, 2.0),
    (1000.0, 2.0, 1.0),
];

/// How much of it.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) null_days: u64,
    pub(super) forks: u64,
    pub(super) seed: u64,
}

/// Everybody, in the middle of a stream.
#[derive(Clone)]
struct Watchers {
    stream: Stream,
    monitor: Monitor,
    rivals: Vec<Rivals>,
    minute: Vec<Tally>,
}

/// Highest statistics: ours over all cohorts, each rival's of each cohort.
struct Seen {
    ours: f64,
    rivals: Option<Vec<[f64; 7]>>,
}

pub(super) fn run(plan: Plan) -> Vec<Figure> {
    VOLUMES
        .iter()
        .flat_map(|(volume, five, ten)| volume_row(plan, *volume, [(5.0, *five), (10.0, *ten)]))
        .collect()
}

fn volume_row(plan: Plan, volume: f64, rises: [(f64, f64); 2]) -> Vec<Figure> {
    let mut watchers = Watchers::new(plan.seed, volume);
    for slot in 0..LEARN_DAYS * DAY {
        watchers.step(slot, 1.0);
    }
    let thresholds = watchers.calibrate(plan.null_days);
    let mut figures = Vec::new();
    for (rise, published) in rises {
        let delays: Vec<[f64; 8]> = (0..plan.forks)
            .map(|fork| watchers.clone().delays(plan, fork, rise, &thresholds))
            .collect();
        let name = |who: &str| format!("{rise}-fold at {volume} a minute: {who}");
        for (at, who) in ["Monitor, 10 s slots"].iter().chain(&NAMES).enumerate() {
            let all = delays
                .iter()
                .filter_map(|delays| delays.get(at).copied())
                .collect();
            let target = if at == 0 {
                Target::AtMost(published)
            } else {
                Target::None
            };
            figures.push(Figure::new(name(who), "min", all, target));
        }
    }
    figures
}

impl Watchers {
    fn new(seed: u64, volume: f64) -> Self {
        Self {
            stream: Stream::new(seed, COHORTS, volume, SLOT_SECONDS),
            monitor: Monitor::new(Settings {
                attributes: vec!["cohort".to_owned()],
                slot_seconds: SLOT_SECONDS,
                days_per_false_alarm: 30.0 / (ALLOWED * COHORTS as f64),
                max_cohorts: MAX_COHORTS,
                usual: IGNORANCE,
            }),
            rivals: vec![Rivals::new(); COHORTS],
            minute: vec![Tally::default(); COHORTS],
        }
    }

    fn step(&mut self, slot: u64, rise: f64) -> Seen {
        let counts: Vec<Counts> = self.stream.slot(slot, rise);
        let names: Vec<String> = (0..counts.len()).map(|cohort| cohort.to_string()).collect();
        let values: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
        let cells = values.iter().zip(&counts).map(|(values, counts)| Cell {
            values,
            counts: *counts,
        });
        self.monitor.observe(slot, cells);
        for (sum, counts) in self.minute.iter_mut().zip(counts) {
            *sum += Tally::from(counts);
        }
        let full = (slot + 1).is_multiple_of(MINUTE);
        let minutes = self.rivals.iter_mut().zip(&mut self.minute);
        let rivals = full.then(|| {
            minutes
                .map(|(rivals, sum)| rivals.observe(slot / MINUTE, std::mem::take(sum)))
                .collect()
        });
        Seen {
            ours: self.monitor.surplus(),
            rivals,
        }
    }

    /// Ours and each rival's threshold: what is exceeded on the allowed number of cohort-days.
    fn calibrate(&mut self, days: u64) -> [f64; 8] {
        let mut highest: Vec<Vec<f64>> = vec![Vec::new(); 8];
        let first = LEARN_DAYS * DAY;
        for day in 0..days {
            let mut ours = f64::NEG_INFINITY;
            let mut rivals = vec![[f64::NEG_INFINITY; 7]; COHORTS];
            for slot in first + day * DAY..first + (day + 1) * DAY {
                let seen = self.step(slot, 1.0);
                ours = ours.max(seen.ours);
                for (highest, now) in rivals.iter_mut().zip(seen.rivals.iter().flatten()) {
                    for (highest, now) in highest.iter_mut().zip(now) {
                        *highest = highest.max(*now);
                    }
                }
            }
            let mut all = highest.iter_mut();
            if let Some(days) = all.next() {
                days.push(ours);
            }
            for (at, days) in all.enumerate() {
                days.extend(rivals.iter().filter_map(|cohort| cohort.get(at)));
            }
        }
        let allowed = (ALLOWED * COHORTS as f64 * days as f64 / 30.0).floor() as usize;
        let mut thresholds = [f64::INFINITY; 8];
        for (threshold, mut days) in thresholds.iter_mut().zip(highest) {
            days.sort_by(|a, b| b.total_cmp(a));
            *threshold = days.get(allowed).copied().unwrap_or(f64::INFINITY);
        }
        thresholds
    }

    /// Minutes until each notices, infinite where it does not in time.
    fn delays(mut self, plan: Plan, fork: u64, rise: f64, thresholds: &[f64; 8]) -> [f64; 8] {
        let mut random = Random::new(plan.seed + 1000 + fork);
        self.stream.reseed(random.next_u64());
        let first = (LEARN_DAYS + plan.null_days) * DAY;
        let begin = first + random.next_u64() % (DAY / 4) * 4;
        for slot in first..begin {
            self.step(slot, 1.0);
        }
        let mut delays = [f64::INFINITY; 8];
        for slot in begin..begin + GIVE_UP_MINUTES * MINUTE {
            let seen = self.step(slot, rise);
            let rivals = seen.rivals.and_then(|rivals| rivals.first().copied());
            let [a, b, c, d, e, f, g] = rivals.unwrap_or([f64::NEG_INFINITY; 7]);
            let now = [seen.ours, a, b, c, d, e, f, g];
            let minutes = (slot + 1 - begin) as f64 / MINUTE as f64;
            for ((delay, now), threshold) in delays.iter_mut().zip(now).zip(thresholds) {
                if now > *threshold {
                    *delay = delay.min(minutes);
                }
            }
            if delays.iter().all(|delay| delay.is_finite()) {
                break;
            }
        }
        delays
    }
}
