//! False alarms: the whole Detector on simulated months without a fault; then one fault, to see that it was awake.

use anyhow::{Result, anyhow};

use super::world::{DAY, FIRST, World};
use crate::figure::{Figure, Target};
use blobwatch_detector::{Engine, Moment};
use blobwatch_records::{Breadth, CellBatch, CellKey, Event};
use std::thread;
use std::time::Instant;

/// Client groups, and starts of a slot.
const GROUPS: usize = 24;
const STARTS: f64 = 120.0;

/// Days of learning before alarms count against the promise; those within are told apart.
const LEARNING_DAYS: u64 = 7;

/// Days of one simulated month.
const MONTH: u64 = 30;

/// Registries among which the months are divided, side by side: one alone may have a quiet year.
const WORLDS: u64 = 4;

/// Resumed clients of a minute from which on the fault is to be told.
const ENOUGH_CLIENTS: u64 = 20;

/// How long the fault may go unnoticed.
const GIVE_UP_SLOTS: u64 = 360;

/// Alarms and days of one run.
struct Run {
    days: u64,
    learning: u32,
    alarms: u32,
    cohorts: usize,
    /// Seconds from the first minute with twenty resumed clients to the opening.
    delay: Option<f64>,
}

/// # Errors
/// When a registry's thread dies.
pub(super) fn run(months: f64, until: Option<Instant>, seed: u64) -> Result<Vec<Figure>> {
    let days = (months * MONTH as f64 / WORLDS as f64).ceil() as u64;
    let runs: Vec<Run> = thread::scope(|scope| -> Result<_> {
        let simulate = |world| scope.spawn(move || simulate(days, until, seed + world));
        let running: Vec<_> = (0..WORLDS).map(simulate).collect();
        let runs = running.into_iter();
        runs.map(|run| run.join().map_err(|_| anyhow!("a registry's thread died")))
            .collect()
    })?;
    let days: u64 = runs.iter().map(|run| run.days).sum();
    let of = |count: fn(&Run) -> u32| runs.iter().map(count).map(f64::from).sum::<f64>();
    let each = |figure: fn(&Run) -> f64| runs.iter().map(figure).collect();
    Ok(vec![
        Figure::new(
            format!(
                "false alarms a month, over {days} days of {} registries",
                runs.len()
            ),
            "",
            vec![of(|run| run.alarms) * MONTH as f64 / days.max(1) as f64],
            Target::AtMost(1.0),
        ),
        Figure::new(
            format!("alarms in the first {LEARNING_DAYS} days of each"),
            "",
            each(|run| f64::from(run.learning)),
            Target::None,
        ),
        Figure::new(
            "cohorts tracked",
            "",
            each(|run| run.cohorts as f64),
            Target::None,
        ),
        Figure::new(
            "July 2020 at the end of it: opened after the first minute with 20 resumed clients",
            "s",
            each(|run| run.delay.unwrap_or(f64::INFINITY)),
            Target::AtMost(60.0),
        ),
    ])
}

/// Plays so many days, or those that there is time for.
fn simulate(days: u64, until: Option<Instant>, seed: u64) -> Run {
    let mut world = World::new(seed, GROUPS, STARTS, LEARNING_DAYS + days);
    let mut engine = Engine::default();
    let mut run = Run {
        days: 0,
        learning: 0,
        alarms: 0,
        cohorts: 0,
        delay: None,
    };
    let mut slot = FIRST;
    for day in 0..LEARNING_DAYS + days {
        if until.is_some_and(|until| Instant::now() > until) {
            println!("registry {seed}: no time left for day {day}");
            break;
        }
        for _ in 0..DAY {
            for told in step(&mut engine, world.slot(slot, None)) {
                println!("registry {seed}, day {day}: {told}");
                if day < LEARNING_DAYS {
                    run.learning += 1;
                } else {
                    run.alarms += 1;
                }
            }
            slot += 1;
        }
        run.days = (day + 1).saturating_sub(LEARNING_DAYS);
    }
    run.cohorts = engine.cohorts();
    run.delay = july_2020(&mut engine, &mut world, slot);
    run
}

/// Plays the fault from a slot on; how long after the first minute with enough resumed clients it is told, zero if before.
fn july_2020(engine: &mut Engine, world: &mut World, begin: u64) -> Option<f64> {
    let (mut minute, mut enough) = (Breadth::default(), None);
    for slot in begin..begin + GIVE_UP_SLOTS {
        if (slot - begin).is_multiple_of(6) {
            minute = Breadth::default();
        }
        let batch = world.slot(slot, Some(july));
        for cell in batch.cells.iter().filter(|cell| july(&cell.key) > 0.0) {
            minute.merge(cell.affected.of(Event::Resume));
        }
        if enough.is_none() && minute.count_clients() >= ENOUGH_CLIENTS {
            enough = Some(slot);
        }
        if let Some(first) = step(engine, batch).first() {
            println!("fault, after {} s: {first}", (slot + 1 - begin) * 10);
            return Some((slot - enough.unwrap_or(slot)) as f64 * 10.0);
        }
    }
    None
}

/// One in eight pulls of Amazon Linux, in every colo but one.
fn july(key: &CellKey) -> f64 {
    if &*key.os == "amzn2" && &*key.colo != "IAD" {
        0.125
    } else {
        0.0
    }
}

/// Takes in a slot; the sentences of what opened.
fn step(engine: &mut Engine, batch: CellBatch) -> Vec<String> {
    let slot = batch.slot;
    engine.add(batch, slot);
    let opened = |moment: &Moment| matches!(moment, Moment::Opened | Moment::Reopened);
    engine
        .tick(slot)
        .changes
        .iter()
        .filter(|change| opened(&change.moment))
        .map(|change| format!("{} {}", change.moment.as_str(), change.anomaly.sentence()))
        .collect()
}
