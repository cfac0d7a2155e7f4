//! The guard as a weapon: what somebody who is denied, or who wants others to be, can do with addresses and names.

use super::*;

/// What the RuleBook makes of it.
fn verdict(watches: &Watches) -> State {
    let mut ledger = Ledger::begin(17, NOW, None);
    for report in watches.reports() {
        ledger.take(&report, &[]);
    }
    ledger.settle(true, None, NOW + 1_000);
    ledger.state
}

fn build(record: Record, family: Family, os: &str) -> Record {
    Record {
        family,
        os: os.into(),
        ..record
    }
}

fn network(record: Record, network: u64) -> Record {
    Record {
        network: NetworkKey(network),
        ..record
    }
}

/// Six names of one address make a past under one User-Agent, and are denied under another with a system of their own.
#[test]
fn eighteen_requests_of_one_address_take_nothing_back() {
    #[track_caller]
    fn case(networks: u64, past: (Family, &str), denial: (Family, &str), before_ms: u64, expected: State) {
        let (mut health, mut watches) = (Health::default(), watching());
        watches.observe(&at(denied(99), NOW - 60_000), &health, NOW - 60_000);
        for name in 0..6 {
            let record = network(build(pull(name), past.0, past.1), name % networks);
            take(&mut health, &record, 2, before_ms);
        }
        for name in 0..6 {
            let record = network(build(denied(name), denial.0, denial.1), name % networks);
            watches.observe(&record, &health, NOW);
        }
        assert_eq!(
            verdict(&watches),
            expected,
            "{networks} {past:?} {denial:?} {before_ms}"
        );
    }
    let (docker, curl) = ((Family::Docker, ""), (Family::Curl, "q"));
    case(1, docker, curl, 30_000, State::Watching);
    case(6, docker, curl, 30_000, State::Watching);
    // The same build throughout.
    case(1, curl, curl, 30_000, State::Watching);
    case(6, curl, curl, 30_000, State::Watching);
    // Before the rule was enforced.
    case(1, curl, curl, HOUR, State::Watching);
    case(4, curl, curl, HOUR, State::Watching);
    case(6, docker, curl, HOUR, State::Watching);
    // This is what healthy clients look like.
    case(5, curl, curl, HOUR, State::Demoted);
    case(6, docker, docker, HOUR, State::Demoted);
}

/// Also where there is harm enough elsewhere for a fifth network: four machines of one count, whatever it names.
#[test]
fn thousands_of_names_of_four_networks_take_nothing_back() {
    let mut health = clean(0..4_000);
    let mut records: Vec<Record> = (0..4_000).map(|name| network(denied(name), name % 4)).collect();
    for bot in 10_000..12_000 {
        let asks = build(pull(bot), Family::GoDefault, "");
        take(&mut health, &Record { status: 404, ..asks }, 1, HOUR);
        records.push(build(denied(bot), Family::GoDefault, ""));
    }
    let watches = watches(&records, &health);
    assert_ne!(verdict(&watches), State::Demoted);
    let counted = counts(&watches);
    assert_eq!((counted.enforced.healthy, counted.sample.clean), (4_000, 16));
}

/// Names without a past, or of few networks, in whatever number.
#[test]
fn dilution_hides_no_harm() {
    #[track_caller]
    fn case(names: u64, networks: u64, is_seen: bool) {
        let mut health = clean(0..40);
        let mut records = Vec::new();
        for name in 10_000..10_000 + names {
            let forged = network(pull(name), 10_000 + name % networks);
            if is_seen {
                let asks = Record {
                    status: 404,
                    ..forged
                };
                take(&mut health, &asks, 1, HOUR);
            }
            records.push(network(denied(name), 10_000 + name % networks));
        }
        records.extend((0..40).map(denied));
        let watches = watches(&records, &health);
        assert_eq!(verdict(&watches), State::Demoted, "{names} {networks} {is_seen}");
    }
    case(5_000, 1, false);
    case(5_000, 5_000, false);
    case(5_000, 1, true);
    case(5_000, 20, true);
    // More than are watched.
    case(20_000, 1, false);
    case(20_000, 20_000, false);
    case(20_000, 100, true);
}

/// Fresh names that only ask: neither those that are denied nor those that are let through let a step pass.
#[test]
fn names_of_one_network_let_no_step_pass() {
    let records: Vec<Record> = (0..1_000)
        .map(|name| Record {
            status: 404,
            ..network(
                if name % 2 == 0 {
                    denied(name)
                } else {
                    held_out(name)
                },
                7,
            )
        })
        .collect();
    assert_eq!(verdict(&watches(&records, &Health::default())), State::Watching);
}

/// Whoever pulls cleanly while let through can be a healthy client, in one network or in two.
#[test]
fn one_network_makes_no_step_wait() {
    #[track_caller]
    fn case(networks: u64, expected: State) {
        let (mut health, mut watches) = (clean(0..8), watching());
        let harmless = |bot: u64| Record {
            status: 404,
            ..pull(1_000 + bot)
        };
        (0..100).for_each(|bot| take(&mut health, &harmless(bot), 1, HOUR));
        (0..100).for_each(|bot| watches.observe(&denied(1_000 + bot), &health, NOW));
        for name in 0..40 {
            let record = network(build(held_out(name), Family::Curl, ""), name % networks);
            (0..2).for_each(|_| {
                watches.observe(&record, &health, NOW);
                health.take(&record, NOW);
            });
        }
        watches.close(&health, NOW + WINDOW_MS);
        assert_eq!(verdict(&watches), expected, "{networks}");
    }
    case(1, State::Passed);
    case(8, State::Watching);
}

#[test]
fn invented_systems_make_no_cohorts_and_one_network_few() {
    let health = clean(1_000..1_040);
    let mut records: Vec<Record> = (0..500)
        .map(|name| network(build(denied(name), Family::Curl, &format!("os{name}")), name))
        .collect();
    let families = [
        Family::Wget,
        Family::Crane,
        Family::Oras,
        Family::Skopeo,
        Family::Podman,
    ];
    for (name, family) in (500..).zip(families) {
        records.push(network(build(denied(name), family, "linux"), 500));
    }
    records.extend((1_000..1_040).map(denied));
    let watches = watches(&records, &health);
    let names = |cohort: &CohortCounts| cohort.cohort.to_string();
    let cohorts: Vec<String> = watches.reports()[0].cohorts.iter().map(names).collect();
    assert_eq!(
        cohorts,
        [
            "curl on other systems",
            "wget on linux",
            "crane on linux",
            "others",
            "docker on amzn2"
        ]
    );
    assert_eq!(verdict(&watches), State::Demoted);
}

/// Clients that let their own downloads break take a detour back only where they were there before, in five networks.
#[test]
fn broken_downloads_of_strangers_take_no_detour_back() {
    #[track_caller]
    fn case(networks: u64, is_known: bool, expected: State) {
        let health = if is_known { clean(0..60) } else { Health::default() };
        let breaks = |name: u64| Record {
            status: 502,
            ..network(hit(name, Action::Detour, Action::Detour), name % networks)
        };
        let works = |name: u64| hit(name, Action::Detour, Action::None);
        let mut all: Vec<Record> = (0..60).map(breaks).collect();
        all.extend((100..400).map(works));
        let watches = watches(&all, &health);
        let mut ledger = Ledger::begin(17, NOW, None);
        watches
            .reports()
            .iter()
            .for_each(|report| ledger.take(report, &[]));
        ledger.settle(false, None, NOW + 1_000);
        assert_eq!(ledger.state, expected, "{networks} {is_known}");
    }
    case(1, false, State::Watching);
    case(60, false, State::Watching);
    case(4, true, State::Watching);
    case(60, true, State::Demoted);
}

/// A step that follows goes on from when the enforcement began; a new version of the rule is another enforcement.
#[test]
fn a_past_made_in_one_step_says_nothing_in_the_next() {
    #[track_caller]
    fn case(version: u32, restarts: bool, expected: State) {
        let mut first = watching();
        let mut health = Health::default();
        first.observe(&at(held_out(99), NOW - HOUR), &health, NOW - HOUR);
        (0..8).for_each(|name| take(&mut health, &pull(name), 3, 60_000));
        let next = GuardedEnforcement {
            guard: 18,
            version,
            ..of()
        };
        let mut watches = if restarts {
            Watches::default()
        } else {
            first.clone()
        };
        watches.retune(vec![next]);
        if restarts {
            let kept = first.changed_bytes();
            watches.restore("sweep", "library", 17, &kept[0].1).unwrap();
        }
        for name in 0..8 {
            let record = Record {
                revision: 18,
                ..denied(name)
            };
            watches.observe(&record, &health, NOW);
        }
        assert_eq!(verdict(&watches), expected, "{version} {restarts}");
    }
    case(1, false, State::Watching);
    case(1, true, State::Watching);
    case(2, false, State::Demoted);
    case(2, true, State::Demoted);
}

/// Clean clients of so many networks among unhealthy ones, spread over so many FireLogs, each of which tells twice: what the RuleBook
/// makes of it.
fn spread(fire_logs: u64, networks: u64) -> (State, u32) {
    let (clean_names, unhealthy) = (0..800, 10_000..10_400);
    let mut ledger = Ledger::begin(17, NOW, None);
    for fire_log in 0..fire_logs {
        let comes = |name: &u64| name % fire_logs == fire_log;
        let mut health = clean(clean_names.clone().filter(comes));
        let mut records: Vec<Record> = clean_names
            .clone()
            .filter(comes)
            .map(|name| network(denied(name), name / fire_logs % networks))
            .collect();
        for name in unhealthy.clone().filter(comes) {
            take(
                &mut health,
                &Record {
                    status: 404,
                    ..pull(name)
                },
                1,
                HOUR,
            );
            records.push(denied(name));
        }
        let mut known: Vec<CohortCounts> = Vec::new();
        for part in [records.get(..records.len() / 2).unwrap(), &records] {
            for report in watches(part, &health).reports() {
                ledger.take(&report, &known);
                known = report.cohorts;
            }
        }
    }
    ledger.settle(true, None, NOW + 1_000);
    (ledger.state, ledger.arms().0.healthy)
}

#[test]
fn four_of_a_network_count_over_all_fire_logs() {
    for fire_logs in [1, 2, 5, 16, 64] {
        assert_eq!(
            spread(fire_logs, 5),
            (State::Watching, 800),
            "{fire_logs} FireLogs"
        );
        // This is what healthy clients look like.
        assert_eq!(
            spread(fire_logs, 40),
            (State::Demoted, 800),
            "{fire_logs} FireLogs"
        );
    }
}
