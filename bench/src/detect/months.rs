//! False alarms: the whole Detector on simulated months without a fault; then one fault, to see that it was awake.

use super::world::{DAY, FIRST, Fault, World};
use crate::figure::{Figure, Target};
use blobwatch_core::cell::CellKey;
use blobwatch_core::detector::{Engine, Moment};

/// Client groups, and starts of a slot.
const GROUPS: usize = 24;
const STARTS: f64 = 120.0;

/// Days of learning before alarms count against the promise; those within are told apart.
const LEARNING_DAYS: u64 = 7;

/// Days of one simulated month.
const MONTH: u64 = 30;

/// How long the fault may go unnoticed.
const GIVE_UP_SLOTS: u64 = 360;

/// Alarms and days of one run.
struct Run {
    days: u64,
    learning: u32,
    alarms: u32,
    cohorts: usize,
    /// Seconds from the onset to the opening.
    delay: Option<f64>,
}

pub(super) fn run(months: f64, seed: u64) -> Vec<Figure> {
    let run = simulate((months * MONTH as f64).ceil() as u64, seed);
    let per_month = f64::from(run.alarms) * MONTH as f64 / run.days as f64;
    let mut figures = vec![
        Figure::new(
            format!("false alarms a month, over {} days", run.days),
            "",
            vec![per_month],
            Target::AtMost(1.0),
        ),
        Figure::new(
            format!("alarms in the first {LEARNING_DAYS} days"),
            "",
            vec![f64::from(run.learning)],
            Target::None,
        ),
        Figure::new("cohorts tracked", "", vec![run.cohorts as f64], Target::None),
    ];
    figures.push(Figure::new(
        "July 2020 at the end of it: opened after",
        "s",
        vec![run.delay.unwrap_or(f64::INFINITY)],
        Target::AtMost(120.0),
    ));
    figures
}

fn simulate(days: u64, seed: u64) -> Run {
    let mut world = World::new(seed, GROUPS, STARTS, LEARNING_DAYS + days);
    let mut engine = Engine::default();
    let mut run = Run {
        days,
        learning: 0,
        alarms: 0,
        cohorts: 0,
        delay: None,
    };
    let end = FIRST + (LEARNING_DAYS + days) * DAY;
    for slot in FIRST..end {
        for told in step(&mut engine, &mut world, slot, None) {
            let day = (slot - FIRST) / DAY;
            println!("day {day}: {told}");
            if day < LEARNING_DAYS {
                run.learning += 1;
            } else {
                run.alarms += 1;
            }
        }
    }
    run.cohorts = engine.cohorts();
    run.delay = (end..end + GIVE_UP_SLOTS).find_map(|slot| {
        let told = step(&mut engine, &mut world, slot, Some(july));
        let first = told.first()?;
        println!("fault: {first}");
        Some((slot + 1 - end) as f64 * 10.0)
    });
    run
}

/// One in eight pulls of Amazon Linux, in every colo but one.
fn july(key: &CellKey) -> f64 {
    if key.os == "amzn2" && key.colo != "IAD" {
        0.125
    } else {
        0.0
    }
}

/// Plays a slot; the sentences of what opened.
fn step(engine: &mut Engine, world: &mut World, slot: u64, fault: Option<Fault>) -> Vec<String> {
    engine.add(world.slot(slot, fault), slot);
    let opened = |moment: &Moment| matches!(moment, Moment::Opened | Moment::Reopened);
    engine
        .tick(slot)
        .changes
        .iter()
        .filter(|change| opened(&change.moment))
        .map(|change| format!("{} {}", change.moment.as_str(), change.anomaly.sentence()))
        .collect()
}
