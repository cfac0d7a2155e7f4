use super::traffic::{AMAZON, BUILDS, Build, Fault, HEALTHY, NOON, World, story};
use crate::{AnomalyKind, Contrast, Engine, Switch};
use blobwatch_pull::{ClientKey, Family, NetworkKey};
use blobwatch_records::Event;

const HOUR: u64 = 360;

pub(crate) fn healthy(_: &Build, _: &str, _: bool) -> Fault {
    HEALTHY
}

/// The night of July 2020: Amazon Linux, everywhere but at home.
pub(crate) fn july(build: &Build, colo: &str, _: bool) -> Fault {
    if build.os == AMAZON.os && colo != "IAD" {
        Fault {
            resumed: 0.125,
            repeated: 0.3,
            ..HEALTHY
        }
    } else {
        HEALTHY
    }
}

#[test]
fn healthy_traffic_opens_nothing() {
    let mut world = World::new(1);
    let outcome = world.play(4 * HOUR, healthy);
    assert_eq!(outcome.changes, []);
    assert!(outcome.minutes.len() > 200, "{}", outcome.minutes.len());
}

#[test]
fn the_night_of_july_2020_opens_within_a_minute_of_twenty_clients() {
    let mut world = World::new(2);
    world.play(HOUR, healthy);
    let began = world.slot;
    let outcome = world.play(30, july);
    let first = &outcome.changes.first().expect("it opens").anomaly;
    let delay = first.opened_ms / 10_000 - began;
    // Four or five clients a slot are hit: the first minute with twenty of them has ended after six.
    assert!(delay <= 12, "opened after {delay} slots: {}", first.sentence());
    let now = world.engine.open().next().unwrap();
    let sentence = now.sentence();
    assert!(
        sentence.starts_with("docker on amzn2")
            || sentence.starts_with("clients on amzn2")
            || sentence.starts_with("bw1-a"),
        "{sentence}"
    );
    assert!(sentence.contains("not IAD"), "{sentence}");
    assert!(now.affected.clients >= 20, "{sentence}");
    assert!(!now.evidence.is_empty());
    let open: Vec<String> = world.engine.open().map(|anomaly| anomaly.sentence()).collect();
    assert_eq!(
        open.len(),
        1,
        "stalls of the same cohort are the same anomaly: {open:?}"
    );
    assert!(
        now.kinds.contains(&AnomalyKind::StallSurge),
        "{:?}",
        story(&outcome.changes)
    );
    let ended = world.slot;
    let over = world.play(90, healthy);
    let closed = over.changes.last().unwrap();
    assert_eq!(story(&over.changes).last().unwrap(), "closed an-000001");
    let slots = closed.anomaly.closed_ms.unwrap() / 10_000 - ended;
    // 36 starts a slot: two minutes are the median (docs/detection.md).
    assert!((6..=24).contains(&slots), "closed after {slots} slots");
    let again = world.play(30, july);
    assert_eq!(story(&again.changes).first().unwrap(), "reopened an-000001");
    assert_eq!(world.engine.open().next().unwrap().reopened, 1);
}

#[test]
fn a_fault_that_is_mended_by_half_stays_open() {
    let mut world = World::new(11);
    world.play(HOUR, healthy);
    world.play(60, july);
    let half = |build: &Build, colo: &str, fired: bool| {
        let now = july(build, colo, fired);
        Fault {
            resumed: HEALTHY.resumed + (now.resumed - HEALTHY.resumed) / 2.0,
            ..now
        }
    };
    let outcome = world.play(2 * HOUR, half);
    let told = story(&outcome.changes);
    assert!(
        !told.iter().any(|change| change == "closed an-000001"),
        "{told:?}"
    );
    let open: Vec<String> = world
        .engine
        .open()
        .map(|anomaly| format!("{} {:?}", anomaly.sentence(), anomaly.history))
        .collect();
    assert_eq!(open.len(), 1, "{open:#?}");
}

#[test]
fn an_incident_is_nobodys_past() {
    let mut world = World::new(12);
    world.play(72, healthy);
    let during = world.play(180, july);
    let told = story(&during.changes);
    assert!(
        told.iter().all(|change| change.ends_with("an-000001")),
        "one cause is one anomaly: {told:?}"
    );
    let over = world.play(60, healthy);
    assert_eq!(story(&over.changes), ["closed an-000001"]);
    let expected = |world: &World| {
        let (key, _) = world
            .engine
            .window()
            .rows(0, u64::MAX)
            .find(|(key, _)| &*key.os == AMAZON.os && &*key.colo == "FRA")
            .unwrap();
        world
            .engine
            .rates_before(AnomalyKind::ResumeSurge, world.slot)
            .of(key)
    };
    assert!(expected(&world) < 0.01, "{}", expected(&world));
    let again = world.play(30, july);
    let told = story(&again.changes);
    assert!(
        told.iter().any(|change| change == "reopened an-000001"),
        "{told:?}"
    );
    assert!(expected(&world) < 0.1, "{}", expected(&world));
}

/// What happens anyway clusters: of a rise below five times ten clients are not enough.
#[test]
fn a_slight_rise_takes_twice_as_many_clients() {
    #[track_caller]
    fn case(resumed: f64, clients: u64, opens: bool) {
        let of_amazon = |resumed, clients| {
            move |build: &Build, _: &str, _: bool| match build.os == AMAZON.os {
                true => Fault {
                    resumed,
                    clients,
                    networks: clients,
                    ..HEALTHY
                },
                false => HEALTHY,
            }
        };
        let mut world = World::new(21);
        let before = world.play(HOUR, of_amazon(0.02, 2));
        assert_eq!(before.changes, []);
        let outcome = world.play(180, of_amazon(resumed, clients));
        let told = story(&outcome.changes);
        assert_eq!(!told.is_empty(), opens, "{resumed} {clients}: {told:?}");
    }
    case(0.09, 15, false);
    case(0.09, 100, true);
    case(0.3, 15, true);
}

#[test]
fn one_client_and_one_network_open_nothing() {
    for (clients, networks) in [(1, 1), (400, 1), (400, 3)] {
        let mut world = World::new(3);
        world.play(HOUR, healthy);
        let outcome = world.play(60, |build, colo, _| {
            if build.os == AMAZON.os && colo == "FRA" {
                Fault {
                    resumed: 0.9,
                    clients,
                    networks,
                    ..HEALTHY
                }
            } else {
                HEALTHY
            }
        });
        assert_eq!(outcome.changes, [], "{clients} clients in {networks} networks");
    }
}

/// Registries see few ranges until a fault makes everybody ask for them.
#[test]
fn ranges_that_are_refused_are_told_where_hardly_any_was_ever_asked_for() {
    for before in [0, 20] {
        let mut world = World::new(13);
        for slot in 0..HOUR {
            let asked = u32::from(slot % (HOUR / 20) == 0 && before > 0);
            let batch = world.ranged(asked, 0);
            let outcome = world.take(batch);
            assert_eq!(outcome.changes, [], "{before} ranges before");
        }
        let told: Vec<_> = (0..30)
            .flat_map(|_| {
                let batch = world.ranged(2, 2);
                world.take(batch).changes
            })
            .collect();
        let first = told.first().map(|change| change.anomaly.sentence());
        let open: Vec<_> = world.engine.open().map(|anomaly| &anomaly.kinds).collect();
        assert_eq!(open, [&[AnomalyKind::RangeRefused]], "{before} before: {first:?}");
    }
}

/// Machines behind one address pull the same images: each pull but the first looks like a restart, from the first day on.
#[test]
fn what_is_usual_at_a_registry_is_learned_however_often_it_is() {
    let mut world = World::new(16);
    for slot in 0..2 * HOUR {
        let mut batch = world.ranged(0, 0);
        for (at, cell) in batch.cells.iter_mut().enumerate() {
            let begins = u32::from(slot >= HOUR && at < 2);
            (cell.counts.known_starts, cell.counts.restarts) = (begins, begins);
            if begins > 0 {
                let client = (world.slot + at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                cell.affected
                    .insert(Event::Restart, ClientKey(client), NetworkKey(!client));
            }
        }
        assert_eq!(world.take(batch).changes, [], "slot {slot}");
    }
}

#[test]
fn a_deploy_that_resets_everybody_once_is_a_note() {
    let mut world = World::new(4);
    world.play(HOUR, healthy);
    let all = |resumed| {
        move |_: &Build, _: &str, _: bool| Fault {
            resumed,
            repeated: 0.0,
            ..HEALTHY
        }
    };
    let burst = world.play(2, all(0.6));
    let after = world.play(30, healthy);
    assert_eq!(story(&burst.changes), Vec::<String>::new());
    assert_eq!(story(&after.changes), Vec::<String>::new());
    assert_eq!(after.notes.len(), 1, "{:?}", after.notes);
    let goes_on = world.play(30, all(0.6));
    assert_eq!(
        goes_on
            .changes
            .first()
            .map(|change| change.anomaly.cohort.0.len()),
        Some(0),
        "what goes on is everybody's anomaly"
    );
}

#[test]
fn the_rule_inside_the_cohort_is_named() {
    let mut world = World::new(5).rule(|build| build.family == Family::Docker);
    world.play(HOUR, healthy);
    world.play(30, |build, _, fired| {
        let hit = fired && build.family == Family::Docker;
        Fault {
            resumed: if hit { 0.3 } else { HEALTHY.resumed },
            ..HEALTHY
        }
    });
    let now = world.engine.open().next().expect("it is open");
    let rule = now.rules.first().expect("the rule is named");
    assert_eq!(
        (rule.rule.as_str(), rule.contrast),
        ("botnet-sig", Contrast::Inside)
    );
    assert!(rule.lift > 10.0 && rule.share > 0.9, "{rule:?}");
}

#[test]
fn a_rule_on_the_whole_cohort_needs_its_switch() {
    let run = |switches: Vec<Switch>| {
        let mut world = World::new(6).rule(|_| true);
        world.play(HOUR, healthy);
        let everybody = |build: &Build, colo: &str, _: bool| july(build, colo, true);
        world.engine.switched(switches);
        world.play(30, everybody);
        let now = world.engine.open().next().expect("it is open");
        now.rules.first().cloned()
    };
    assert_eq!(run(vec![]), None);
    let switch = Switch {
        rule: Some("botnet-sig".to_owned()),
        route: Some("hub".to_owned()),
        time_ms: (NOON + HOUR) * 10_000 - 60_000,
        text: "enforce on hub by olga".to_owned(),
    };
    // It fires on half of everything: not more on what is hit, so that a switch alone does not name it.
    assert_eq!(run(vec![switch]), None);
}

#[test]
fn a_route_that_was_changed_within_the_onset_is_told() {
    let run = |route: &str, minutes_before: u64| {
        let mut world = World::new(15);
        world.play(HOUR, healthy);
        world.engine.switched([Switch {
            rule: None,
            route: Some(route.to_owned()),
            time_ms: (NOON + HOUR) * 10_000 - minutes_before * 60_000,
            text: "route hub: origin https://a.example to https://b.example, by olga".to_owned(),
        }]);
        for _ in 0..30 {
            let batch = world.ranged(2, 2);
            world.take(batch);
        }
        let now = world.engine.open().next().expect("it is open");
        (now.sentence(), now.routes.len())
    };
    let (sentence, changes) = run("hub", 1);
    assert_eq!(changes, 1);
    assert!(
        sentence.contains("; route hub was changed at 12:59; "),
        "{sentence}"
    );
    assert_eq!(run("other", 1).1, 0, "another route's change is no cause");
    assert_eq!(run("hub", 40).1, 0, "nor is what was changed long before");
}

#[test]
fn two_causes_are_two_anomalies() {
    let mut world = World::new(7);
    world.play(HOUR, healthy);
    world.play(60, |build, colo, _| {
        let hit = build.os == AMAZON.os || (colo == "SYD" && build.family == Family::Containerd);
        Fault {
            resumed: if hit { 0.25 } else { HEALTHY.resumed },
            ..HEALTHY
        }
    });
    let open: Vec<String> = world
        .engine
        .open()
        .map(|anomaly| anomaly.cohort.to_string())
        .collect();
    assert_eq!(open.len(), 2, "{open:?}");
}

#[test]
fn a_saved_state_goes_on_where_it_was() {
    let mut world = World::new(8);
    world.play(HOUR, healthy);
    world.play(20, july);
    let saved = postcard::to_allocvec(&world.engine).unwrap();
    let mut again: Engine = postcard::from_bytes(&saved).unwrap();
    assert_eq!(postcard::to_allocvec(&again).unwrap(), saved);
    let mut twin = World::new(9);
    std::mem::swap(&mut twin.engine, &mut again);
    twin.slot = world.slot;
    let mut other = World::new(9);
    other.slot = world.slot;
    std::mem::swap(&mut other.engine, &mut world.engine);
    let (a, b) = (twin.play(90, healthy), other.play(90, healthy));
    assert_eq!(a, b);
    assert_eq!(story(&a.changes).last().unwrap(), "closed an-000001");
}

#[test]
fn late_and_early_batches_are_counted_and_left_out() {
    use crate::engine::{BatchOutcome, MAX_EARLY_SLOTS, MAX_LATE_SLOTS};
    use blobwatch_records::CellBatch;
    let mut engine = Engine::default();
    let batch = |slot| CellBatch {
        slot,
        ..CellBatch::default()
    };
    assert_eq!(engine.add(batch(NOON), NOON), BatchOutcome::Counted);
    assert_eq!(
        engine.add(batch(NOON - MAX_LATE_SLOTS - 1), NOON),
        BatchOutcome::OutOfTime
    );
    assert_eq!(
        engine.add(batch(NOON + MAX_EARLY_SLOTS + 1), NOON),
        BatchOutcome::OutOfTime
    );
    assert_eq!(engine.uncounted().out_of_time, 2);
    assert_eq!(BUILDS.len(), 5);
}
