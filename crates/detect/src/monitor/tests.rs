use super::{BatchOutcome, Cell, IGNORANCE, MAX_COHORTS, MAX_LATE_SLOTS, Monitor, Settings};
use crate::counts::Counts;
use crate::incident::{Anomaly, Event};
use crate::simulate::Random;

fn monitor(attributes: &[&str]) -> Monitor {
    let attributes = attributes.iter().map(|name| (*name).to_owned()).collect();
    Monitor::new(Settings {
        attributes,
        slot_seconds: 60,
        days_per_false_alarm: 30.0,
        max_cohorts: MAX_COHORTS,
        usual: IGNORANCE,
    })
}

/// Two colos × two systems with 100 trials in a slot each, at 1 % and at `rate(colo, os)` for `slots` from `first`.
fn play(monitor: &mut Monitor, first: u64, slots: u64, rate: impl Fn(usize, usize) -> f64) -> Vec<Event> {
    let mut random = Random::new(first + 11);
    let mut events = Vec::new();
    for slot in first..first + slots {
        let mut cells = Vec::new();
        for (colo, colo_name) in ["IAD", "FRA"].iter().enumerate() {
            for (os, os_name) in ["amzn2", "el8"].iter().enumerate() {
                cells.push(([*colo_name, *os_name], random.slot(100, rate(colo, os), 0.002)));
            }
        }
        let cells = cells.iter().map(|(values, counts)| Cell {
            values,
            counts: *counts,
        });
        events.extend(monitor.observe(slot, cells));
    }
    events
}

fn healthy(_: usize, _: usize) -> f64 {
    0.01
}

fn last_named(events: &[Event]) -> Vec<(String, String)> {
    let cohort = |event: &Event| match event {
        Event::Opened(anomaly) | Event::Changed(anomaly) | Event::Closed(anomaly) => anomaly.cohort.clone(),
    };
    events.last().map(cohort).unwrap()
}

fn opened(events: &[Event]) -> Vec<&Anomaly> {
    events
        .iter()
        .filter_map(|event| {
            if let Event::Opened(anomaly) = event {
                Some(anomaly)
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn one_incident_is_named_after_the_cohort_of_the_fault() {
    #[track_caller]
    fn case(rate: fn(usize, usize) -> f64, cohort: &[(&str, &str)]) {
        let mut monitor = monitor(&["colo", "os"]);
        assert_eq!(play(&mut monitor, 0, 1000, healthy), []);
        let events = play(&mut monitor, 1000, 60, rate);
        assert_eq!(opened(&events).len(), 1);
        let cohort: Vec<(String, String)> = cohort.iter().map(|(a, v)| ((*a).into(), (*v).into())).collect();
        assert_eq!(last_named(&events), cohort);
    }
    case(|_, _| 0.05, &[]);
    case(|_, os| if os == 0 { 0.08 } else { 0.01 }, &[("os", "amzn2")]);
    case(|colo, _| if colo == 1 { 0.08 } else { 0.01 }, &[("colo", "FRA")]);
    case(
        |colo, os| if colo == 1 && os == 0 { 0.1 } else { 0.01 },
        &[("colo", "FRA"), ("os", "amzn2")],
    );
}

#[test]
fn an_anomaly_closes_and_reopens_with_its_history() {
    let mut monitor = monitor(&["colo", "os"]);
    let fault = |_, os| if os == 0 { 0.08 } else { 0.01 };
    play(&mut monitor, 0, 1000, healthy);
    let first = play(&mut monitor, 1000, 60, fault);
    let calm = play(&mut monitor, 1060, 60, healthy);
    let again = play(&mut monitor, 1120, 60, fault);
    let (first, again) = (opened(&first)[0], opened(&again)[0]);
    let [Event::Closed(closed)] = &calm[..] else {
        panic!("{calm:?}")
    };
    assert!(closed.closed.unwrap() <= 1060 + 12, "{closed:?}");
    assert_eq!(
        (closed.id, again.id, first.reopened, again.reopened),
        (first.id, first.id, 0, 1)
    );
    assert!(
        (1000..1010).contains(&first.opened) && (995..=1003).contains(&first.onset),
        "{first:?}"
    );
}

#[test]
fn what_alarmed_with_it_opens_nothing_when_it_is_over() {
    let mut monitor = monitor(&["colo", "os"]);
    play(&mut monitor, 0, 1000, healthy);
    let fault = |colo, os| if colo == os { 0.06 } else { 0.01 };
    let first = play(&mut monitor, 1000, 120, fault);
    assert!(!opened(&first).is_empty());
    let calm = play(&mut monitor, 1120, 360, healthy);
    assert_eq!(opened(&calm), Vec::<&Anomaly>::new());
    assert_eq!(monitor.open.len(), 0);
}

#[test]
fn a_fault_does_not_become_normal_while_it_is_open() {
    let mut monitor = monitor(&["colo", "os"]);
    play(&mut monitor, 0, 1000, healthy);
    play(&mut monitor, 1000, 2000, |_, _| 0.05);
    let expected = monitor.cohorts.get(0).unwrap().expected;
    assert!(expected < 0.0115, "{expected}");
}

#[test]
fn what_lasts_for_days_is_adopted() {
    let mut monitor = monitor(&["colo", "os"]);
    play(&mut monitor, 0, 1000, healthy);
    let events = play(&mut monitor, 1000, 5000, |_, _| 0.2);
    assert!(matches!(events.last(), Some(Event::Closed(_))), "{events:?}");
    assert_eq!(opened(&events).len(), 1);
}

#[test]
fn a_slot_is_tested_once() {
    let mut monitor = monitor(&["colo", "os"]);
    play(&mut monitor, 0, 200, healthy);
    let before = serde_json::to_string(&monitor).unwrap();
    assert_eq!(play(&mut monitor, 199, 1, |_, _| 1.0), []);
    assert_eq!(serde_json::to_string(&monitor).unwrap(), before);
}

fn cell(values: &'static [&'static str], trials: u64, events: u64) -> Cell<'static> {
    Cell {
        values,
        counts: Counts { trials, events },
    }
}

#[test]
fn a_batch_counts_once_and_not_out_of_time() {
    let mut monitor = monitor(&["colo"]);
    let mut add = |source, slot| monitor.add(source, slot, [cell(&["IAD"], 10, 1)]);
    assert_eq!(add(1, 100), BatchOutcome::Counted);
    assert_eq!(add(1, 100), BatchOutcome::Repeated);
    assert_eq!(add(2, 100), BatchOutcome::Counted);
    monitor.tick(100);
    assert_eq!(monitor.add(1, 100, []), BatchOutcome::Repeated);
    assert_eq!(monitor.add(3, 100 - MAX_LATE_SLOTS, []), BatchOutcome::Counted);
    assert_eq!(monitor.add(3, 99 - MAX_LATE_SLOTS, []), BatchOutcome::OutOfTime);
    assert_eq!(monitor.add(3, 10_000, []), BatchOutcome::OutOfTime);
    assert_eq!(monitor.uncounted().out_of_time, 2);
}

#[test]
fn counts_in_parts_are_the_counts_in_one() {
    let (mut parts, mut whole) = (monitor(&["colo"]), monitor(&["colo"]));
    for slot in 0..300 {
        parts.add(1, slot, [cell(&["IAD"], 40, 1), cell(&["IAD"], 30, 0)]);
        parts.add(2, slot, [cell(&["IAD"], 30, 2)]);
        whole.add(1, slot, [cell(&["IAD"], 100, 3)]);
        whole.add(2, slot, []);
        parts.tick(slot);
        whole.tick(slot);
    }
    assert_eq!(
        serde_json::to_string(&parts).unwrap(),
        serde_json::to_string(&whole).unwrap()
    );
}

#[test]
fn a_late_cell_counts_when_it_comes() {
    let (mut late, mut timely) = (monitor(&["colo"]), monitor(&["colo"]));
    late.tick(100);
    late.add(1, 99, [cell(&["IAD"], 100, 3)]);
    timely.tick(100);
    timely.add(1, 101, [cell(&["IAD"], 100, 3)]);
    late.tick(101);
    timely.tick(101);
    assert_eq!(
        late.cohorts.get(0).unwrap().expected,
        timely.cohorts.get(0).unwrap().expected
    );
    assert_eq!(late.len(), 2);
}

#[test]
fn malformed_cells_are_counted_and_left_out() {
    let mut monitor = monitor(&["colo"]);
    monitor.observe(1, [cell(&["IAD"], 1, 2), cell(&[], 1, 1), cell(&["IAD"], 5, 1)]);
    assert_eq!((monitor.uncounted().malformed, monitor.len()), (2, 2));
}

#[test]
fn a_saved_monitor_goes_on_as_if_it_had_not_been() {
    let mut through = monitor(&["colo", "os"]);
    play(&mut through, 0, 1000, healthy);
    let mut restored: Monitor = serde_json::from_str(&serde_json::to_string(&through).unwrap()).unwrap();
    let fault = |_, os| if os == 0 { 0.08 } else { 0.01 };
    assert_eq!(
        play(&mut through, 1000, 60, fault),
        play(&mut restored, 1000, 60, fault)
    );
}
