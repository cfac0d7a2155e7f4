//! Pasts: what they say, how they are kept, and what goes when there is no room.

use super::*;
use crate::health::MAX_PASTS;

const SECOND: u64 = 1_000;

fn standing(health: &Health, record: &Record, enforced_ms: u64, now_ms: u64) -> Standing {
    health.standing(Who::of(record), enforced_ms, now_ms)
}

#[test]
fn a_client_pulls_cleanly_with_two_downloads_and_few_that_fail() {
    #[track_caller]
    fn case(good: u32, bad: u32, hours: u64, expected: bool) {
        let mut health = Health::default();
        let cut = Record {
            status: 502,
            ..pull(1)
        };
        take(&mut health, &cut, bad, 0);
        take(&mut health, &pull(1), good, 0);
        let is_clean = health.is_clean(Who::of(&pull(1)), NOW + hours * HOUR);
        assert_eq!(is_clean, expected, "{good} {bad} {hours}");
    }
    case(2, 0, 0, true);
    case(1, 0, 0, false);
    case(10, 1, 24, true);
    case(9, 1, 0, false);
    case(2, 0, 25, false);
    case(1_000, 50, 0, true);
    assert!(!Health::default().is_clean(Who::of(&pull(1)), NOW));
}

/// A past that began when the client was denied already is one that it made for that.
#[test]
fn a_clean_past_speaks_for_its_client_where_it_is_older_than_the_enforcement() {
    #[track_caller]
    fn case(began_before: u64, enforced_before: u64, expected: Standing) {
        let mut health = Health::default();
        take(&mut health, &pull(1), 1, began_before);
        take(&mut health, &pull(1), 5, SECOND);
        let found = standing(&health, &pull(1), NOW - enforced_before, NOW);
        assert_eq!(found, expected, "{began_before} {enforced_before}");
    }
    case(HOUR, 0, Standing::Clean);
    case(2 * SECOND, 2 * SECOND - 1, Standing::Clean);
    case(2 * SECOND, 2 * SECOND, Standing::Unknown);
    case(HOUR, 2 * HOUR, Standing::Unknown);
    // A month at 100 %: whoever pulls cleanly for a day was not made for it.
    case(23 * HOUR, 720 * HOUR, Standing::Unknown);
    case(24 * HOUR + 1, 720 * HOUR, Standing::Clean);
}

#[test]
fn a_client_that_was_seen_and_does_not_pull_is_unhealthy_and_one_that_was_not_is_unknown() {
    let mut health = Health::default();
    let asks = Record {
        status: 404,
        ..pull(1)
    };
    take(&mut health, &asks, 5, HOUR);
    take(&mut health, &denied(2), 5, HOUR);
    let found = [1, 2, 3].map(|client| standing(&health, &pull(client), NOW, NOW));
    assert_eq!(found, [Standing::Unhealthy, Standing::Unknown, Standing::Unknown]);
}

#[test]
fn a_past_is_that_of_one_client_build() {
    let health = clean(1..2);
    #[track_caller]
    fn case(health: &Health, change: impl FnOnce(&mut Record), expected: Standing) {
        let mut record = pull(1);
        change(&mut record);
        assert_eq!(standing(health, &record, NOW, NOW), expected);
    }
    case(
        &health,
        |record| record.repository = "other/image".into(),
        Standing::Clean,
    );
    case(
        &health,
        |record| record.version = "20.10.1".into(),
        Standing::Clean,
    );
    case(&health, |record| record.family = Family::Curl, Standing::Unknown);
    case(&health, |record| record.os = "q".into(), Standing::Unknown);
    case(
        &health,
        |record| record.fingerprint = "bw1-0-0".into(),
        Standing::Unknown,
    );
}

#[test]
fn pasts_read_back_as_they_were_kept() {
    let mut health = clean(0..100);
    take(&mut health, &held_out(200), 1, 2 * HOUR);
    health.taken(NOW);
    let bytes = health.changed_bytes().unwrap();
    assert_eq!(health.changed_bytes(), None);
    let again = Health::decode(&bytes).unwrap();
    assert_eq!((again.taken_ms(), &again.pasts), (NOW, &health.pasts));
    assert!(Health::decode(&bytes[..bytes.len() - 1]).is_err());
}

/// Times are kept in eighths of a second; a past never becomes older than it is.
#[test]
fn a_kept_past_is_not_older_than_it_was() {
    for (ago_ms, kept_ms) in [
        (0, 0),
        (124, 0),
        (125, 125),
        (1_999, 1_875),
        (90 * 24 * HOUR, 0xff_fffe * 125),
    ] {
        let mut health = Health::default();
        // It comes often enough not to be forgotten.
        let visits = (0..=ago_ms / (20 * HOUR)).map(|n| ago_ms - n * 20 * HOUR);
        visits.for_each(|before_ms| take(&mut health, &pull(1), 1, before_ms));
        health.taken(NOW);
        let again = Health::decode(&health.changed_bytes().unwrap()).unwrap();
        let first = again.pasts.values().next().unwrap().first_good_ms;
        assert_eq!(NOW - first, kept_ms, "{ago_ms}");
    }
}

/// Names of few networks, and names that never pull, however many.
#[test]
fn forged_clients_do_not_take_the_place_of_others() {
    #[track_caller]
    fn case(networks: u64, pulls: u32) {
        let mut health = clean(0..1_000);
        let names = MAX_PASTS as u64 * 5 / 4;
        for name in 0..names {
            let forged = Record {
                network: NetworkKey(1_000_000 + name % networks),
                status: if pulls == 0 { 404 } else { 200 },
                ..pull(1_000_000 + name)
            };
            take(&mut health, &forged, pulls.max(1), 60_000);
        }
        assert!(health.pasts.len() <= MAX_PASTS);
        let known =
            (0..1_000).filter(|client| standing(&health, &pull(*client), NOW, NOW) == Standing::Clean);
        assert_eq!(known.count(), 1_000, "{networks} {pulls}");
        let kept = health.pasts.len() as u64 + u64::from(health.evicted());
        assert_eq!(kept, names + 1_000, "what goes is counted");
        health.taken(NOW);
        assert!(health.changed_bytes().unwrap().len() < 1_900_000, "one row");
    }
    case(1, 2);
    case(1_000, 2);
    case(u64::MAX, 0);
    // Each in a network of its own and clean: the oldest pasts stay.
    case(u64::MAX, 2);
}

#[test]
fn a_new_client_finds_room_when_one_network_fills_all() {
    let mut health = Health::default();
    for name in 0..MAX_PASTS as u64 {
        let forged = Record {
            network: NetworkKey(7),
            ..pull(1_000_000 + name)
        };
        take(&mut health, &forged, 2, HOUR);
    }
    (0..1_000).for_each(|client| take(&mut health, &pull(client), 2, 60_000));
    let known = (0..1_000).filter(|client| standing(&health, &pull(*client), NOW, NOW) == Standing::Clean);
    assert_eq!(known.count(), 1_000);
}
