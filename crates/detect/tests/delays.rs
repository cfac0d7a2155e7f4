//! A small, seeded part of `cargo xtask bench detect`: no alarm without a fault, and a rise found in time.

use blobwatch_detect::incident::Event;
use blobwatch_detect::monitor::{Cell, IGNORANCE, MAX_COHORTS, Monitor, Settings};
use blobwatch_detect::simulate::Stream;

fn step(monitor: &mut Monitor, stream: &mut Stream, slot: u64, rise: f64) -> Vec<Event> {
    let names = ["a", "b", "c", "d", "e"].map(|name| [name]);
    let cells = names
        .iter()
        .zip(stream.slot(slot, rise))
        .map(|(values, counts)| Cell { values, counts });
    monitor.observe(slot, cells)
}

#[track_caller]
fn case(per_minute: f64, at_most_minutes: u64) {
    let attributes = vec!["cohort".to_owned()];
    let mut monitor = Monitor::new(Settings {
        attributes,
        slot_seconds: 60,
        days_per_false_alarm: 30.0,
        max_cohorts: MAX_COHORTS,
        usual: IGNORANCE,
    });
    let mut stream = Stream::new(5, 5, per_minute, 60);
    let null: Vec<Event> = (0..3 * 1440)
        .flat_map(|slot| step(&mut monitor, &mut stream, slot, 1.0))
        .collect();
    assert_eq!(null, []);
    let mut delays: Vec<u64> = (0..9).map(|fork| delay(&monitor, &stream, fork)).collect();
    delays.sort_unstable();
    assert!(delays.get(4) <= Some(&at_most_minutes), "{delays:?}");
}

fn delay(monitor: &Monitor, stream: &Stream, fork: u64) -> u64 {
    let (mut monitor, mut stream) = (monitor.clone(), stream.clone());
    stream.reseed(fork);
    (1..=600)
        .find(|minute| !step(&mut monitor, &mut stream, 3 * 1440 + minute, 5.0).is_empty())
        .unwrap_or(600)
}

#[test]
fn a_five_fold_rise_is_found_in_time_and_nothing_before() {
    case(10.0, 90);
    case(100.0, 12);
    case(1000.0, 4);
}
