use super::*;
use crate::link_hash;
use crate::packets::tests::{counts, row};
use blobwatch_upstream::{PacketCounts, PacketOutcome};

/// Databases as these versions wrote them.
const VERSION_1: &str = include_str!("../../../tests/data/detector-v1.sql");

const VERSION_2: &str = include_str!("../../../tests/data/detector-v2.sql");

const VERSION_3: &str = include_str!("../../../tests/data/detector-v3.sql");

const VERSION_4: &str = include_str!("../../../tests/data/detector-v4.sql");

const VERSION_5: &str = include_str!("../../../tests/data/detector-v5.sql");

const VERSION_6: &str = include_str!("../../../tests/data/detector-v6.sql");

const VERSION_7: &str = include_str!("../../../tests/data/detector-v7.sql");

const VERSION_8: &str = include_str!("../../../tests/data/detector-v8.sql");

const VERSION_9: &str = include_str!("../../../tests/data/detector-v9.sql");

const ALL: [&str; 9] = [
    VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8, VERSION_9,
];

/// Whoever was told of the end is told that somebody looks into it.
fn told_of_acts() -> Webhook {
    let mut hook = hook();
    hook.events.push(EventName::Acknowledged);
    hook
}

fn with(script: &str) -> Native {
    let sql = Native::in_memory().unwrap();
    sql.script(script).unwrap();
    sql
}

/// A version without a sample has no test that it opens.
#[test]
fn every_version_has_a_sample() {
    let number = |script| {
        let rows = with(script).run("SELECT value FROM meta WHERE key = 'schema'", &[]);
        rows.unwrap()[0].integer(0, "meta.value").unwrap()
    };
    let numbers = ALL.map(number);
    assert_eq!(
        (numbers, crate::store::schema::STEPS.len()),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], 9)
    );
}

#[test]
fn every_version_comes_to_the_same_tables_and_keeps_its_rows() {
    for script in ALL {
        let detector = Detector::open(with(script), START_MS + 700_000).unwrap();
        let tables = |sql: &Native| sql.run("SELECT name, sql FROM sqlite_master ORDER BY name", &[]);
        assert_eq!(tables(&detector.sql), tables(&open().sql));
        assert_eq!(detector.webhook("chat").unwrap(), Some(told_of_acts()));
        assert_eq!(detector.anomaly(1).unwrap().unwrap().opened_ms, START_MS);
        assert_eq!(detector.due(START_MS, 10).unwrap().len(), 2);
        let first = START_MS / 60_000;
        assert!(!minutes(&detector, first, first + 60).is_empty());
    }
}

#[test]
fn an_anomaly_of_version_1_is_told_as_it_was() {
    let detector = Detector::open(with(VERSION_1), START_MS + 700_000).unwrap();
    let anomaly = detector.anomaly(1).unwrap().unwrap();
    assert_eq!(
        (anomaly.name().as_str(), anomaly.affected.clients),
        ("an-000001", 31)
    );
    assert_eq!(anomaly.rules[0].rule, "botnet-sig");
    assert!(anomaly.sentence().contains("amzn2"), "{}", anomaly.sentence());
    assert_eq!(detector.marks(0, u64::MAX, 10).unwrap().len(), 2);
    assert!(!detector.is_caught_up().unwrap());
}

#[test]
fn a_change_of_version_3_is_kept() {
    let detector = Detector::open(with(VERSION_3), START_MS + 700_000).unwrap();
    let marks = detector.change_marks(0, u64::MAX >> 1, 10).unwrap();
    assert_eq!(marks.len(), 1);
    assert!(detector.is_caught_up().unwrap());
}

#[test]
fn a_source_and_a_window_of_version_4_are_kept() {
    let detector = Detector::open(with(VERSION_4), START_MS + 700_000).unwrap();
    let sources = detector.ingest_sources().unwrap();
    assert_eq!(
        (sources[0].0.as_str(), sources[0].1.counts.lines),
        ("cloudflare", 3)
    );
    let windows = detector.upstream_windows(0, u64::MAX >> 1, 10).unwrap();
    assert_eq!(
        (windows[0].id.as_str(), windows[0].until_ms),
        ("c", Some(1_594_036_900_000))
    );
}

#[test]
fn a_webhook_of_version_6_is_kept() {
    let detector = Detector::open(with(VERSION_6), START_MS + 700_000).unwrap();
    let pager = detector.webhook("pager").unwrap().unwrap();
    assert_eq!(
        (pager.format, pager.severity),
        (Format::Opsgenie, Severity::Critical)
    );
    assert_eq!((pager.kinds.len(), pager.routes), (1, vec!["hub".to_owned()]));
}

#[test]
fn what_people_did_in_version_7_is_kept() {
    let mut detector = Detector::open(with(VERSION_7), START_MS + 700_000).unwrap();
    let anomaly = detector.anomaly(1).unwrap().unwrap();
    let muted = anomaly.handling.muted.as_ref().unwrap();
    assert_eq!((muted.by.as_str(), muted.of), ("olga", Some(1)));
    assert_eq!(anomaly.history.last().unwrap().by.as_deref(), Some("olga"));
    let entry = detector.next_entry().unwrap().unwrap();
    assert_eq!(entry.action, "anomaly.mute");
    let again = blobwatch_guard::HarmNotice {
        id: "another".to_owned(),
        ..denial()
    };
    detector.harm(&again, START_MS + 800_000).unwrap();
    let newest = detector.anomalies(u64::MAX, 1).unwrap().remove(0);
    assert!(newest.handling.muted.unwrap().is_silent, "the cohort is muted");
}

#[test]
fn packets_of_version_5_are_kept() {
    let detector = Detector::open(with(VERSION_5), START_MS + 700_000).unwrap();
    let (minute, sums) = detector.packets_from(0, u64::MAX >> 1).unwrap().unwrap();
    let samples: Vec<u64> = sums.rows.values().map(|packets| packets.samples).collect();
    assert_eq!((minute, samples), (26_567_280, vec![2]));
    let again = PacketCounts {
        body: 7,
        ..counts(vec![row(minute, PacketOutcome::Dropped, 2, &[])])
    };
    detector.keep_packets(&again, START_MS).unwrap();
    let (_, after) = detector.packets_from(0, u64::MAX >> 1).unwrap().unwrap();
    assert_eq!(after, sums, "its body was counted");
}

#[test]
fn an_older_database_keeps_what_it_has() {
    let mut detector = Detector::open(with(VERSION_2), START_MS + 700_000).unwrap();
    let tables = |sql: &Native| sql.run("SELECT name, sql FROM sqlite_master ORDER BY name", &[]);
    assert_eq!(tables(&detector.sql), tables(&open().sql));
    assert_eq!(detector.webhooks().unwrap(), [told_of_acts()]);
    let anomaly = detector.anomaly(1).unwrap().unwrap();
    assert_eq!(anomaly.closed_ms, Some(START_MS));
    let marks = detector.marks(0, u64::MAX, 10).unwrap();
    assert_eq!(
        marks.iter().map(|mark| mark.id.as_str()).collect::<Vec<_>>(),
        ["an-000001"; 2]
    );
    let due = detector.due(START_MS, 10).unwrap();
    assert_eq!(due.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), [1, 2]);
    let first = NOON / 6;
    assert!(!minutes(&detector, first, first + 60).is_empty());
    assert_eq!(detector.log.batches, 2);
    assert!(
        !detector.is_caught_up().unwrap(),
        "its switches are fetched again"
    );
    detector.harm(&denial(), START_MS + 700_000).unwrap();
    assert_eq!(
        detector.anomalies(u64::MAX, 10).unwrap(),
        [anomaly],
        "it was told before"
    );
}

#[test]
fn a_newer_database_is_refused() {
    let detector = open();
    detector
        .sql
        .run("UPDATE meta SET value = 99 WHERE key = 'schema'", &[])
        .unwrap();
    let refused = Detector::open(detector.sql, START_MS).err();
    assert_eq!(refused, Some(StoreError::NewerSchema { found: 99, known: 9 }));
}

#[test]
fn a_link_of_version_8_opens_until_it_expires() {
    let detector = Detector::open(with(VERSION_8), START_MS + 700_000).unwrap();
    let hash = link_hash(&"a".repeat(64)).unwrap();
    let expires_ms = 1_594_641_620_000;
    let share = detector.share_of(&hash, expires_ms - 1).unwrap().unwrap();
    assert_eq!(
        (share.name().as_str(), share.anomaly, share.actor.as_str()),
        ("sh-1594036820000", 1, "olga")
    );
    assert_eq!(detector.share_of(&hash, expires_ms).unwrap(), None);
}

#[test]
fn marginals_of_version_9_are_read_and_those_of_other_minutes_made() {
    let mut detector = Detector::open(with(VERSION_9), START_MS + 700_000).unwrap();
    let first = START_MS / 60_000;
    let of = |detector: &Detector<Native>, minute| {
        let found = detector.marginal_from(Unit::Minute, "colo", minute, minute + 1);
        match found.unwrap().unwrap() {
            StoredMarginal::Counts(row) => Some(whole(row)),
            StoredMarginal::Missing(_) => None,
        }
    };
    let kept = of(&detector, first).unwrap();
    assert_eq!(of(&detector, first + 1), None);
    keep_all_sums(&mut detector, START_MS + 700_000);
    assert!(of(&detector, first + 1).is_some());
    detector.sql.run("DELETE FROM minute_marginal", &[]).unwrap();
    keep_all_sums(&mut detector, START_MS + 700_000);
    assert_eq!(of(&detector, first).unwrap(), kept);
}
