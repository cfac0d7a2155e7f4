//! Challenges, and the success that follows them or does not.

use super::*;
use blobwatch_pull::NetworkKey;

#[test]
fn a_challenge_is_unanswered_after_a_minute_without_success() {
    let challenged = |client, at_ms| {
        let mut record = of(client, ask(at_ms, None));
        record.status = 401;
        record
    };
    let mut challenges = Challenges::default();
    let records = [
        challenged(1, 0),
        challenged(2, 0),
        challenged(1, 10_000),
        of(2, ask(30_000, None)),
        of(3, ask(30_000, None)),
        challenged(3, 31_000),
    ];
    for record in &records {
        challenges.see(record, || record.client);
    }
    let began = records[0].id.time_ms();
    let due = |after: u64, until: u64| -> Vec<u64> {
        let kept = challenges.unanswered(began + after, began + until);
        kept.map(|(_, client)| client.0).collect()
    };
    assert_eq!(due(0, 64_999), Vec::<u64>::new());
    assert_eq!(due(0, 65_000), [1], "once, however often it is asked for");
    assert_eq!(due(65_000, 120_000), [3], "what came before does not answer it");
}

#[test]
fn challenges_are_bounded_and_no_client_takes_all_the_room() {
    let mut challenges = Challenges::default();
    let challenge = |client, n: u64| {
        let mut record = of(client, ask(n, None));
        (record.status, record.digest) = (401, format!("sha256:{n}"));
        record
    };
    challenges.see(&challenge(7, 0), || "quiet");
    for n in 0..10_000 {
        challenges.see(&challenge(1, n), || "loud");
    }
    assert!(challenges.len() <= 10);
    assert_eq!(
        challenges.take_dropped(),
        0,
        "of one client they are not waited for"
    );
    for n in 0..20_000 {
        let network = NetworkKey(n);
        challenges.see(
            &Record {
                network,
                ..challenge(n, n)
            },
            || "many",
        );
    }
    // All but the loud one's: it has its eight.
    let waited_for = 9 + 20_000 - 1;
    assert_eq!(challenges.len() + challenges.take_dropped() as usize, waited_for);
    assert!(challenges.len() <= 4096);
    challenges.forget(u64::MAX);
    assert!(challenges.is_empty());
}

#[test]
fn no_network_takes_the_room_of_others() {
    let mut challenges = Challenges::default();
    for n in 0..30_000 {
        let mut record = of(n, ask(n, None));
        (record.status, record.digest) = (401, format!("sha256:{n}"));
        let is_quiet = n % 300 == 0;
        record.network = NetworkKey(if is_quiet { n } else { 1 });
        challenges.see(&record, || is_quiet);
    }
    let waiting = challenges.unanswered(0, u64::MAX - 1);
    assert_eq!(waiting.filter(|(_, is_quiet)| **is_quiet).count(), 100);
    assert_eq!(challenges.len(), 100 + 512);
    assert_eq!(challenges.take_dropped(), 30_000 - 612, "it is said");
    challenges.forget(u64::MAX);
    assert!(challenges.is_empty());
}
