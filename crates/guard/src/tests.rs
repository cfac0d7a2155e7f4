mod attacks;
mod older;
mod pasts;
mod shares;

use super::counts::MAX_COHORTS;
use std::sync::Arc;

use super::health::{Standing, Who};
use super::pull::Pull;
use super::*;
use blobwatch_pull::{
    Action, ClientKey, Family, Mode, NetworkKey, Outcome, RangeKind, Record, RecordId, sample,
};

pub(super) const NOW: u64 = 1_593_975_600_000;

pub(super) const HOUR: u64 = 3_600_000;

/// A download of a client, whole and well; each client has a network of its own.
pub(super) fn pull(client: u64) -> Record {
    let mut record = at(sample::full(), NOW);
    record.client = ClientKey(client);
    record.network = NetworkKey(client);
    record.status = 200;
    record.range.kind = RangeKind::None;
    record.range.honoured = None;
    record.outcome = Outcome::NotObserved;
    record.fired = Vec::new();
    record.verdict = Action::None;
    record
}

/// The same at another time.
pub(super) fn at(record: Record, time_ms: u64) -> Record {
    Record {
        id: RecordId::from_parts(time_ms, 7, 1),
        ..record
    }
}

fn hit(client: u64, would: Action, applied: Action) -> Record {
    let fired = vec![sample::fired("sweep", 1, Mode::Enforce, would, applied)];
    Record {
        fired,
        verdict: applied,
        ..pull(client)
    }
}

pub(super) fn denied(client: u64) -> Record {
    Record {
        status: 403,
        ..hit(client, Action::Block, Action::Block)
    }
}

pub(super) fn held_out(client: u64) -> Record {
    hit(client, Action::Block, Action::None)
}

pub(super) fn of() -> GuardedEnforcement {
    GuardedEnforcement {
        rule: Arc::from("sweep"),
        route: Arc::from("library"),
        guard: 17,
        version: 1,
    }
}

/// So many downloads of the client, this long before now.
pub(super) fn take(health: &mut Health, record: &Record, pulls: u32, before_ms: u64) {
    let record = at(record.clone(), NOW - before_ms);
    (0..pulls).for_each(|_| health.take(&record, NOW - before_ms));
}

pub(super) fn clean(clients: impl IntoIterator<Item = u64>) -> Health {
    let mut health = Health::default();
    clients
        .into_iter()
        .for_each(|client| take(&mut health, &pull(client), 3, HOUR));
    health
}

pub(super) fn watching() -> Watches {
    let mut watches = Watches::default();
    watches.retune(vec![of()]);
    watches
}

pub(super) fn watches(records: &[Record], health: &Health) -> Watches {
    let mut watches = watching();
    for record in records {
        watches.observe(record, health, NOW);
    }
    watches.close(health, NOW + WINDOW_MS);
    watches
}

pub(super) fn counts(watches: &Watches) -> Counts {
    watches
        .reports()
        .iter()
        .flat_map(|report| &report.cohorts)
        .fold(Counts::default(), |sum, c| sum.plus(c.counts))
}

#[test]
fn what_is_a_good_download_and_what_a_bad_one() {
    #[track_caller]
    fn case(change: impl FnOnce(&mut Record), expected: Option<Pull>) {
        let mut record = pull(1);
        change(&mut record);
        assert_eq!(Pull::of(&record), expected);
    }
    case(|_| (), Some(Pull::Good));
    case(|r| r.status = 307, Some(Pull::Good));
    case(|r| r.status = 404, None);
    case(|r| r.status = 401, None);
    case(|r| r.status = 502, Some(Pull::Bad));
    case(|r| r.status = 0, Some(Pull::Bad));
    case(|r| r.range.kind = RangeKind::Resume, Some(Pull::Bad));
    case(|r| r.range.kind = RangeKind::Restart, Some(Pull::Bad));
    case(|r| r.range.kind = RangeKind::Chunk, Some(Pull::Good));
    case(|r| r.range.kind = RangeKind::Probe, None);
    case(|r| r.range.honoured = Some(false), Some(Pull::Bad));
    case(|r| r.outcome = Outcome::ClientClosed, Some(Pull::Bad));
    case(|r| r.method = blobwatch_pull::Method::Head, None);
    case(|r| r.verdict = Action::Block, None);
}

#[test]
fn each_client_counts_once_in_the_arm_that_it_is_in() {
    let health = clean(0..2);
    let records = [
        denied(0),
        denied(0),
        denied(7),
        held_out(1),
        held_out(1),
        held_out(8),
    ];
    let counted = counts(&watches(&records, &health));
    let arm = |arm: Arm| (arm.clients, arm.healthy, arm.unknown);
    assert_eq!(arm(counted.enforced), (2, 1, 1));
    assert_eq!(arm(counted.held_out), (2, 1, 1));
    assert_eq!(
        (
            counted.held_out.judged,
            counted.held_out.pulls,
            counted.enforced.judged
        ),
        (1, 2, 0),
        "the first minute of one of which nothing is known shows nothing"
    );
}

#[test]
fn what_says_nothing_about_this_guard_is_not_counted() {
    let mut by_another = held_out(1);
    by_another.verdict = Action::Block;
    let mut unsure = held_out(2);
    unsure.degraded = true;
    let mut elsewhere = denied(3);
    elsewhere.route = Arc::from("default");
    let mut before = denied(4);
    before.revision = 16;
    let mut monitored = denied(5);
    monitored.fired[0].mode = Mode::Monitor;
    let counted = counts(&watches(
        &[by_another, unsure, elsewhere, before, monitored],
        &Health::default(),
    ));
    assert_eq!(counted, Counts::default());
}

#[test]
fn a_client_without_a_past_is_new_and_told_by_its_first_minute() {
    let mut health = Health::default();
    let mut watches = watching();
    for client in [1, 1, 2] {
        watches.observe(&held_out(client), &health, NOW);
        health.take(&pull(client), NOW);
    }
    watches.close(&health, NOW + WINDOW_MS - 1);
    assert_eq!(counts(&watches), Counts::default());
    watches.close(&health, NOW + WINDOW_MS);
    let counted = counts(&watches);
    assert_eq!((counted.both().clients, counted.both().unknown), (2, 2));
    assert_eq!(
        counted.sample,
        Sample {
            new: 2,
            new_clean: 1,
            ..Sample::default()
        },
        "two downloads are a pull, one is not"
    );
}

#[test]
fn counts_and_clients_survive_together() {
    let health = clean(0..3);
    let mut first = watches(&[denied(0), held_out(1)], &health);
    first.observe(&held_out(9), &health, NOW + 1);
    let kept = first.changed_bytes();
    assert_eq!(kept.len(), 1);
    assert!(first.changed_bytes().is_empty(), "nothing new");
    let mut second = Watches::default();
    second.retune(vec![of()]);
    second.restore("sweep", "library", 17, &kept[0].1).unwrap();
    assert_eq!(second.reports(), first.reports());
    second.observe(&denied(0), &health, NOW + 2);
    second.close(&health, NOW + 2 * WINDOW_MS);
    assert_eq!(counts(&second).held_out.clients, 2);
    assert_eq!(counts(&second).enforced.clients, 1);
    let cut = &kept[0].1[..kept[0].1.len() - 1];
    let mut third = watching();
    assert!(third.restore("sweep", "library", 17, cut).is_err());
}

#[test]
fn another_guard_begins_from_nothing() {
    let mut watches = watches(&[denied(1)], &Health::default());
    watches.retune(vec![GuardedEnforcement { guard: 18, ..of() }]);
    assert_eq!(counts(&watches), Counts::default());
    watches.retune(Vec::new());
    assert!(watches.is_empty());
}

fn report(cohorts: Vec<CohortCounts>) -> WatchReport {
    WatchReport {
        rule: "sweep".into(),
        route: "library".into(),
        guard: 17,
        cohorts,
        evidence: vec!["01M8".into()],
        evicted: 0,
    }
}

fn arm(clients: u32, healthy: u32) -> Arm {
    Arm {
        clients,
        healthy,
        ..Arm::default()
    }
}

/// With as many networks as there may be; all of the clients count in the tests.
fn cohort(family: Family, os: &str, counts: Counts) -> CohortCounts {
    let both = counts.both();
    let networks = |count: u32| (0..u64::from(count.min(8))).map(NetworkKey).collect();
    let sample = Sample {
        known: both.known(),
        clean: both.healthy,
        ..counts.sample
    };
    CohortCounts {
        cohort: Cohort {
            family: Some(family),
            os: os.into(),
        },
        counts: Counts { sample, ..counts },
        clean_networks: networks(both.healthy),
        bad_networks: networks(counts.enforced.bad_clients),
        clean_clients: Vec::new(),
    }
}

fn settled(counts: Vec<CohortCounts>, denies: bool) -> (State, Option<String>) {
    let mut ledger = Ledger::begin(17, NOW, None);
    ledger.take(&report(counts), &[]);
    let harm = ledger.settle(denies, Some(NOW + 600_000), NOW + 1_000);
    (ledger.state, harm.map(|harm| harm.text))
}

#[test]
fn a_rule_that_hits_clean_clients_is_taken_back_after_a_handful() {
    let counts = Counts {
        enforced: arm(1, 1),
        held_out: arm(5, 4),
        ..Counts::default()
    };
    let (state, text) = settled(vec![cohort(Family::Skopeo, "", counts)], true);
    assert_eq!(state, State::Demoted);
    assert!(text.unwrap().starts_with(
        "5 of the 6 clients of skopeo on which it fires pull cleanly, and 1 of those were denied"
    ));
}

#[test]
fn a_rule_that_hits_nobody_clean_passes() {
    let counts = |clients| {
        vec![cohort(
            Family::Curl,
            "",
            Counts {
                enforced: arm(clients, 0),
                ..Counts::default()
            },
        )]
    };
    assert_eq!(settled(counts(19), true).0, State::Watching);
    assert_eq!(settled(counts(20), true).0, State::Passed);
    assert_eq!(settled(counts(2_000), true).0, State::Passed);
    let shared = Counts {
        enforced: arm(2_000, 30),
        ..Counts::default()
    };
    assert_eq!(
        settled(vec![cohort(Family::Curl, "", shared)], true).0,
        State::Passed,
        "some bots share an address with somebody"
    );
}

#[test]
fn a_clean_cohort_is_seen_among_many_bots() {
    let bots = cohort(
        Family::Curl,
        "",
        Counts {
            enforced: arm(5_000, 10),
            ..Counts::default()
        },
    );
    let clean = cohort(
        Family::Docker,
        "amzn2",
        Counts {
            enforced: arm(12, 11),
            ..Counts::default()
        },
    );
    let (state, text) = settled(vec![bots, clean], true);
    assert_eq!(state, State::Demoted);
    assert!(text.unwrap().contains("clients of docker on amzn2"));
}

#[test]
fn a_detour_is_judged_by_how_the_first_minutes_go() {
    let minutes = |judged, bad_clients| Arm {
        judged,
        bad_clients,
        ..Arm::default()
    };
    let case = |enforced, held_out| {
        settled(
            vec![cohort(
                Family::Docker,
                "amzn2",
                Counts {
                    enforced,
                    held_out,
                    ..Counts::default()
                },
            )],
            false,
        )
        .0
    };
    assert_eq!(case(minutes(60, 30), minutes(600, 12)), State::Demoted);
    assert_eq!(case(minutes(60, 1), minutes(600, 12)), State::Passed);
    assert_eq!(
        case(minutes(3, 3), minutes(600, 12)),
        State::Watching,
        "too few to say"
    );
}

#[test]
fn a_report_that_comes_twice_or_late_changes_nothing() {
    let counts = |n| {
        vec![cohort(
            Family::Curl,
            "",
            Counts {
                enforced: arm(n, 0),
                ..Counts::default()
            },
        )]
    };
    let mut ledger = Ledger::begin(17, NOW, None);
    ledger.take(&report(counts(10)), &[]);
    ledger.take(&report(counts(10)), &counts(10));
    ledger.take(&report(counts(30)), &counts(10));
    ledger.take(&report(counts(10)), &counts(30));
    assert_eq!(ledger.arms().0, arm(30, 0));
    assert_eq!(ledger.evidence, ["01M8"]);
}

#[test]
fn a_guard_that_cannot_tell_holds_the_step() {
    let mut ledger = Ledger::begin(17, NOW, None);
    assert_eq!(ledger.settle(true, Some(NOW + 60_000), NOW + 59_999), None);
    assert_eq!(ledger.state, State::Watching);
    ledger.settle(true, Some(NOW + 60_000), NOW + 60_000);
    assert_eq!(ledger.state, State::Holding);
    ledger.settle(true, None, NOW + 60_000);
    assert_eq!(ledger.state, State::Watching);
    ledger.settle(true, None, NOW + 600_000);
    assert_eq!(ledger.state, State::Holding);
}

#[test]
fn the_cohorts_of_a_ledger_are_bounded() {
    let mut ledger = Ledger::begin(17, NOW, None);
    let counts = Counts {
        enforced: arm(1, 0),
        ..Counts::default()
    };
    for at in 0..100 {
        ledger.take(
            &report(vec![cohort(Family::Docker, &format!("os{at}"), counts)]),
            &[],
        );
    }
    assert_eq!(
        (ledger.cohorts.len(), ledger.arms().0.clients),
        (MAX_COHORTS + 1, 100)
    );
}
