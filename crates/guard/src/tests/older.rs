//! What older builds kept, and what they send while two builds run beside each other.

use super::*;

/// Two good downloads of client 1 and one bad one of client 2, at 19:00 on 5 July 2020.
const PASTS: &str = include_str!("../../tests/data/health-v1.hex");

/// Client 1 denied, client 2 held out and judged, client 9 in its first minute.
const COUNTS: &str = include_str!("../../tests/data/guard-v1.hex");

const LEDGER: &str = include_str!("../../tests/data/ledger-v1.json");
const REPORT: &str = include_str!("../../tests/data/report-v1.json");

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.trim().as_bytes().chunks(2).map(byte).collect()
}

#[test]
fn pasts_without_a_build_are_those_of_whichever_asks() {
    let mut health = Health::decode(&bytes(PASTS)).unwrap();
    let other_build = Record {
        family: Family::Curl,
        ..pull(1)
    };
    let now = NOW + HOUR;
    let standing = |health: &Health, record: &Record| health.standing(Who::of(record), now, now);
    let found = [pull(1), other_build.clone(), pull(2), pull(3)];
    let expected = [
        Standing::Clean,
        Standing::Clean,
        Standing::Unhealthy,
        Standing::Unknown,
    ];
    assert_eq!(found.map(|record| standing(&health, &record)), expected);
    health.take(&at(pull(1), now), now);
    health.taken(now);
    let again = Health::decode(&health.changed_bytes().unwrap()).unwrap();
    assert_eq!(standing(&again, &pull(1)), Standing::Clean);
    assert_eq!(standing(&again, &other_build), Standing::Unknown);
}

#[test]
fn counts_without_networks_go_on() {
    let mut watches = watching();
    watches.restore("sweep", "library", 17, &bytes(COUNTS)).unwrap();
    assert_eq!(counts(&watches).both().clients, 2);
    let health = clean(1..9);
    for client in 1..9 {
        watches.observe(&at(denied(client), NOW + 2), &health, NOW + 2);
    }
    let counted = counts(&watches);
    assert_eq!(counted.enforced.clients, 7, "1 and 2 were counted");
    assert_eq!(
        counted.sample.known, 6,
        "of which no network is known counts for no test"
    );
    watches.close(&health, NOW + 2 * WINDOW_MS);
    assert_eq!(counts(&watches).held_out.clients, 2, "9 had come, too");
}

#[test]
fn a_ledger_without_networks_goes_on_and_an_older_report_takes_nothing_back() {
    let mut ledger: Ledger = serde_json::from_str(LEDGER).unwrap();
    assert_eq!((ledger.arms().0.healthy, ledger.evicted), (1, 0));
    let report: Report = serde_json::from_str(REPORT).unwrap();
    let mut older = report.watches[0].clone();
    older.cohorts[0].counts.enforced.healthy = 500;
    older.cohorts[0].counts.enforced.clients = 500;
    ledger.take(&older, &report.watches[0].cohorts);
    assert_eq!(ledger.settle(true, None, NOW + 1_000), None);
    assert_eq!(ledger.arms().0.healthy, 500);
}
