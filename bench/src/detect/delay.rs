//! Delay by volume and rise, beside the rivals on the same streams, all at the same rate of false alarms.
//!
//! 20 cohorts at 1 % with a daily season, correlation 0.002 within a minute. Null days after four of learning give each
//! detector the threshold that it crosses on as many cohort-days as the allowed rate of false alarms says; then forks,
//! in each of which the first cohort's rate rises at a random time. Ours sees slots of 10 s, the rivals minutes.

mod kinds;

use super::rivals::{NAMES, Rivals};
use crate::figure::{Figure, Target};
use blobwatch_detect::counts::{Counts, Tally};
use blobwatch_detect::monitor::{Cell, Estimate, IGNORANCE, MAX_COHORTS, Monitor, Settings};
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

/// What was watched before anything is wrong.
#[derive(Clone, Copy)]
struct Health {
    /// Trials of a cohort in a minute, and the share of events.
    per_minute: f64,
    rate: f64,
    /// What is expected of everybody before anything was seen.
    usual: Estimate,
}

/// What is wrong with the first cohort.
#[derive(Clone, Copy)]
enum Fault {
    Nothing,
    /// Its rate is multiplied.
    Rise(f64),
    /// A share of its trials are events, whatever they were.
    Hits(f64),
    /// So many trials come in a minute beside the others, all of them events.
    Adds(f64),
}

impl Fault {
    fn rate(self, healthy: f64) -> f64 {
        match self {
            Self::Nothing | Self::Adds(_) => healthy,
            Self::Rise(times) => healthy * times,
            Self::Hits(share) => healthy + share * (1.0 - healthy),
        }
    }
}

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
struct Highest {
    ours: f64,
    rivals: Option<Vec<[f64; 7]>>,
}

pub(super) fn run(plan: Plan) -> Vec<Figure> {
    VOLUMES
        .iter()
        .flat_map(|(volume, five, ten)| volume_row(plan, *volume, [(5.0, *five), (10.0, *ten)]))
        .collect()
}

/// Of every kind of which there is a rate.
pub(super) use kinds::run as by_kind;

fn volume_row(plan: Plan, volume: f64, rises: [(f64, f64); 2]) -> Vec<Figure> {
    let health = Health {
        per_minute: volume,
        rate: 0.01,
        usual: IGNORANCE,
    };
    let delays = delays(plan, health, &rises.map(|(rise, _)| Fault::Rise(rise)));
    let mut figures = Vec::new();
    for ((rise, published), delays) in rises.into_iter().zip(delays) {
        let name = |who: &str| format!("{rise}-fold at {volume} a minute: {who}");
        figures.extend(figures_of(&delays, name, Target::AtMost(published)));
    }
    figures
}

/// Ours, which has a target, and each rival's.
fn figures_of(delays: &[Delays], name: impl Fn(&str) -> String, ours: Target) -> Vec<Figure> {
    let who = ["Monitor, 10 s slots"].into_iter().chain(NAMES).enumerate();
    who.map(|(at, who)| {
        let all = delays.iter().filter_map(|delays| delays.get(at).copied());
        let target = if at == 0 { ours } else { Target::None };
        Figure::new(name(who), "min", all.collect(), target)
    })
    .collect()
}

/// Minutes until ours and each rival notices.
type Delays = [f64; 8];

/// Of each fault, the delays in every fork.
fn delays(plan: Plan, health: Health, faults: &[Fault]) -> Vec<Vec<Delays>> {
    let mut watchers = Watchers::new(plan.seed, health);
    for slot in 0..LEARN_DAYS * DAY {
        watchers.step(slot, Fault::Nothing);
    }
    let thresholds = watchers.calibrate(plan.null_days);
    let mut delays = vec![Vec::new(); faults.len()];
    for fork in 0..plan.forks {
        let (forked, begin) = watchers.clone().forked(plan, fork);
        for (delays, fault) in delays.iter_mut().zip(faults) {
            delays.push(forked.clone().delays(begin, *fault, &thresholds));
        }
    }
    delays
}

impl Watchers {
    fn new(seed: u64, health: Health) -> Self {
        let mut stream = Stream::new(seed, COHORTS, health.per_minute, SLOT_SECONDS);
        stream.rate = health.rate;
        Self {
            stream,
            monitor: Monitor::new(Settings {
                attributes: vec!["cohort".to_owned()],
                slot_seconds: SLOT_SECONDS,
                days_per_false_alarm: 30.0 / (ALLOWED * COHORTS as f64),
                max_cohorts: MAX_COHORTS,
                usual: health.usual,
            }),
            rivals: vec![Rivals::new(); COHORTS],
            minute: vec![Tally::default(); COHORTS],
        }
    }

    fn step(&mut self, slot: u64, fault: Fault) -> Highest {
        let mut counts: Vec<Counts> = self.stream.slot_where(slot, |rate| fault.rate(rate));
        if let (Fault::Adds(per_minute), Some(first)) = (fault, counts.first_mut()) {
            let added = self.stream.come(slot, per_minute);
            *first += Counts {
                trials: added,
                events: added,
            };
        }
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
        Highest {
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
                let seen = self.step(slot, Fault::Nothing);
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

    /// Goes on with other random numbers, up to where a fault begins.
    fn forked(mut self, plan: Plan, fork: u64) -> (Self, u64) {
        let mut random = Random::new(plan.seed + 1000 + fork);
        self.stream.reseed(random.next_u64());
        let first = (LEARN_DAYS + plan.null_days) * DAY;
        let begin = first + random.next_u64() % (DAY / 4) * 4;
        for slot in first..begin {
            self.step(slot, Fault::Nothing);
        }
        (self, begin)
    }

    /// Minutes until each notices, infinite where it does not in time.
    fn delays(mut self, begin: u64, fault: Fault, thresholds: &Delays) -> Delays {
        let mut delays = [f64::INFINITY; 8];
        for slot in begin..begin + GIVE_UP_MINUTES * MINUTE {
            let seen = self.step(slot, fault);
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
