//! The Detector on SQLite in memory: nothing lost, nothing twice, whenever the process dies.

use std::cell::RefCell;

use super::*;
use crate::store::changes::{MAX_CHANGES, OF_TIME};
use crate::store::deliveries::MAX_ATTEMPTS;
use crate::store::state::STATE_FORMAT;
use crate::tests::stories::{healthy, july};
use crate::tests::traffic::{NOON, World};
use crate::webhook::EventName;
use crate::{Engine, Rollup};
use blobwatch_guard::{Against, HarmNotice};
use blobwatch_pull::{Family, Mode};
use blobwatch_records::{CellBatch, SLOT_S};
use blobwatch_rulebook::{Cause, ChangeNotice, PartChange, RuleValue};
use blobwatch_sql::{Native, Unpaced, at_once};

pub(crate) const START_MS: u64 = NOON * SLOT_S * 1000;

pub(crate) fn open() -> Detector<Native> {
    Detector::open(Native::in_memory().unwrap(), START_MS).unwrap()
}

/// As the process does when it starts again: nothing but the database is left.
pub(crate) fn reopened(detector: Detector<Native>, now_ms: u64) -> Detector<Native> {
    Detector::open(detector.sql, now_ms).unwrap()
}

fn state(engine: &Engine) -> Vec<u8> {
    postcard::to_allocvec(&(engine, engine.admission())).unwrap()
}

/// The parts of a row.
fn whole(mut row: StoredRollup) -> Vec<Rollup> {
    std::iter::from_fn(|| row.next_part().unwrap()).collect()
}

/// The parts of the rows of minutes.
fn minutes(detector: &Detector<Native>, first: u64, until: u64) -> Vec<Rollup> {
    let mut next = first;
    let rows = std::iter::from_fn(|| {
        let row = detector.minute_from(next, until).unwrap()?;
        next = row.minute + 1;
        Some(row)
    });
    rows.flat_map(whole).collect()
}

fn keep_all_hours(detector: &mut Detector<Native>, now_ms: u64) {
    at_once(keep_hours(&RefCell::new(detector), now_ms, &Unpaced))
        .unwrap()
        .unwrap();
}

pub(crate) fn accept(
    detector: &mut Detector<Native>,
    batch: &CellBatch,
    now_ms: u64,
) -> Result<u64, StoreError> {
    detector.accept(&batch.encode(), batch.clone(), now_ms)
}

/// When a slot's batch comes: seconds after its end.
pub(crate) fn arrival(batch: &CellBatch) -> u64 {
    (batch.slot + 1) * SLOT_S * 1000 + 2_000
}

/// A version of the rule `sweep`, written by `olga`.
pub(crate) fn written(revision: u64, time_ms: u64) -> ChangeNotice {
    let version = |version| RuleValue {
        version,
        default_mode: Some(Mode::Monitor),
    };
    ChangeNotice {
        id: format!("1-{revision}"),
        revision,
        time_ms,
        actor: "olga".to_owned(),
        cause: Cause::Operator,
        action: "rule.put".to_owned(),
        target: "rules/sweep".to_owned(),
        parts: vec![PartChange::Rule {
            rule: "sweep".to_owned(),
            before: Some(version(1)),
            after: Some(version(2)),
        }],
    }
}

pub(crate) fn hook() -> Webhook {
    Webhook {
        id: "chat".to_owned(),
        url: "https://hooks.example.org/x".to_owned(),
        secret: "a secret of some length".to_owned(),
        events: vec![EventName::Opened, EventName::Changed, EventName::Closed],
        created_ms: START_MS,
        actor: "olga".to_owned(),
    }
}

/// A story of batches with their arrivals: an hour of health, five minutes of July 2020, and health again.
pub(crate) fn story() -> Vec<CellBatch> {
    let mut world = World::new(2);
    let mut batches = Vec::new();
    for slot in 0..500 {
        let batch = if (360..390).contains(&slot) {
            world.batch(&july)
        } else {
            world.batch(&healthy)
        };
        batches.push(batch);
    }
    batches
}

#[test]
fn a_batch_counts_once_however_often_it_comes() {
    let mut detector = open();
    let batch = CellBatch {
        source: "fl1-FRA-0".to_owned(),
        epoch: 5,
        seq: 1,
        slot: NOON,
        ..CellBatch::default()
    };
    let now = arrival(&batch);
    assert_eq!(accept(&mut detector, &batch, now), Ok(1));
    assert_eq!(accept(&mut detector, &batch, now + 1), Ok(1));
    assert_eq!(detector.log.batches, 1);
    let mut detector = reopened(detector, now);
    assert_eq!(accept(&mut detector, &batch, now + 2), Ok(1));
    assert_eq!(detector.log.batches, 1);
}

#[test]
fn a_process_that_dies_after_any_batch_goes_on_where_it_was() {
    let (mut steady, mut dying) = (open(), open());
    for detector in [&steady, &dying] {
        detector.put_webhook(&hook()).unwrap();
    }
    for (at, batch) in story().iter().enumerate() {
        let now = arrival(batch);
        accept(&mut steady, batch, now).unwrap();
        accept(&mut dying, batch, now).unwrap();
        if at % 2 == 0 {
            steady.tick(now + 5_000).unwrap();
            dying.tick(now + 5_000).unwrap();
        }
        // Often where things happen, seldom where nothing does.
        if at % 97 == 0 || (365..400).contains(&at) && at % 3 == 0 {
            dying = reopened(dying, now + 6_000);
        }
    }
    assert_eq!(state(&steady.engine), state(&dying.engine));
    let anomalies = steady.anomalies(u64::MAX, 10).unwrap();
    assert_eq!(anomalies, dying.anomalies(u64::MAX, 10).unwrap());
    assert_eq!(anomalies.len(), 1);
    assert!(anomalies[0].closed_ms.is_some());
    let told = steady.deliveries(u64::MAX, 100).unwrap();
    assert_eq!(told, dying.deliveries(u64::MAX, 100).unwrap());
    let entries = anomalies[0].history.len();
    assert_eq!(told.len(), entries, "each change is told once");
    let marks = steady.marks(0, u64::MAX, 100).unwrap();
    assert_eq!(marks.len(), 2, "{marks:?}");
    assert_eq!(marks, dying.marks(0, u64::MAX, 100).unwrap());
}

#[test]
fn a_saved_state_empties_the_log_and_comes_back() {
    let mut detector = open();
    let batches = story();
    for batch in &batches[..380] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let now = arrival(&batches[379]) + 5_000;
    assert_eq!(detector.log.batches, 380);
    detector.save(now).unwrap();
    let kept = count(&detector.sql, "SELECT count(*) FROM batch", &[]).unwrap();
    assert_eq!((kept, detector.log.batches), (1, 0));
    let before = state(&detector.engine);
    let mut detector = reopened(detector, now);
    assert_eq!(state(&detector.engine), before);
    assert_eq!(detector.engine.open().count(), 1);
    for batch in &batches[370..400] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    assert_eq!(detector.log.batches, 20, "ten came before");
}

/// A state after eight slots that a build wrote which admitted every value, and the same as the build after it wrote it.
#[test]
fn states_of_older_builds_are_read() {
    let bytes = include_bytes!("../../tests/data/detector-state-v5.bin");
    reads(5, bytes);
    let admission = postcard::to_allocvec(&crate::Admission::default()).unwrap();
    // It admitted systems and fingerprints, and no families.
    let admission = &admission[..admission.len() / 3 * 2];
    reads(6, &[bytes.as_slice(), admission].concat());
}

/// The state does not describe itself: families with a number are written as ever, others with their name.
#[test]
fn families_are_saved_as_numbers_and_names() {
    let saved = |name: &str| postcard::to_allocvec(&Family::of_name(name).unwrap()).unwrap();
    assert_eq!((saved("docker"), saved("unknown")), (vec![0], vec![23]));
    assert_eq!(saved("helm"), b"\x18\x04helm");
    for name in Family::known().chain(["sometool"]) {
        let read: Family = postcard::from_bytes(&saved(name)).unwrap();
        assert_eq!(read.as_str(), name);
    }
    assert!(postcard::from_bytes::<Family>(&[25]).is_err());
    assert!(postcard::from_bytes::<Family>(b"\x18\x01 ").is_err());
}

#[track_caller]
fn reads(format: u64, bytes: &[u8]) {
    let detector = open();
    let head = format!(
        "{{\"format\":{format},\"parts\":1,\"bytes\":{},\"logged\":0}}",
        bytes.len()
    );
    let part = [SqlValue::Integer(0), SqlValue::Blob(bytes.to_vec())];
    let head = [SqlValue::Text(head)];
    let sql = &detector.sql;
    sql.run("INSERT INTO state (part, bytes) VALUES (?, ?)", &part)
        .unwrap();
    sql.run(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('state', ?)",
        &head,
    )
    .unwrap();
    let mut detector = reopened(detector, START_MS);
    assert_eq!(detector.engine.ticked(), Some(159_403_688));
    assert_eq!((detector.engine.cohorts(), detector.sources()), (60, 1));
    let requests = detector
        .engine
        .window()
        .rows(0, u64::MAX)
        .map(|(_, row)| row.counts.requests);
    assert!(requests.sum::<u32>() > 0);
    detector.save(START_MS).unwrap();
    let before = state(&detector.engine);
    assert_eq!(state(&reopened(detector, START_MS).engine), before);
}

#[test]
fn a_state_of_another_build_is_left_and_its_anomalies_are_closed() {
    let mut detector = open();
    let batches = story();
    for batch in &batches[..385] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let now = arrival(&batches[384]) + 5_000;
    detector.save(now).unwrap();
    detector
        .sql
        .run(
            &format!(
                "UPDATE meta SET value = replace(value, '\"format\":{STATE_FORMAT}', '\"format\":0') WHERE key = 'state'"
            ),
            &[],
        )
        .unwrap();
    let detector = reopened(detector, now);
    let anomalies = detector.anomalies(u64::MAX, 10).unwrap();
    assert_eq!(anomalies.len(), 1);
    assert_eq!(anomalies[0].closed_ms, Some(now));
    assert_eq!(detector.engine.open().count(), 0);
}

/// A denial that the guard took back after two minutes.
pub(crate) fn denial() -> HarmNotice {
    HarmNotice {
        id: "1-2-botnet-sig-hub".to_owned(),
        time: "2020-07-06T12:00:00Z".to_owned(),
        since: Some("2020-07-06T11:58:00Z".to_owned()),
        rule: "botnet-sig".to_owned(),
        route: "hub".to_owned(),
        text: "31 of 40 denied clients were healthy".to_owned(),
        family: Some("docker".to_owned()),
        os: None,
        clients: 40,
        harmed: 31,
        against: Against::Harmless,
        expected: 0.02,
        evidence: vec![],
    }
}

#[test]
fn a_harm_takes_a_number_and_keeps_it_however_often_it_is_told() {
    let mut detector = open();
    detector.put_webhook(&hook()).unwrap();
    let harm = denial();
    detector.harm(&harm, START_MS).unwrap();
    detector.harm(&harm, START_MS + 1_000).unwrap();
    let mut detector = reopened(detector, START_MS + 2_000);
    detector.harm(&harm, START_MS + 2_000).unwrap();
    for batch in &story()[..390] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let names = |detector: &Detector<Native>| -> Vec<(String, bool)> {
        let anomalies = detector.anomalies(u64::MAX, 10).unwrap();
        let name = |anomaly: &crate::Anomaly| (anomaly.name(), anomaly.closed_ms.is_some());
        anomalies.iter().map(name).collect()
    };
    let expected = [("an-000002".to_owned(), false), ("an-000001".to_owned(), true)];
    assert_eq!(names(&detector), expected);
    let detector = reopened(detector, START_MS + 4_000_000);
    assert_eq!(names(&detector), expected);
    assert_eq!(
        detector.anomaly(1).unwrap().unwrap().sentence(),
        "docker, route hub: healthy clients denied since 11:58; caused by botnet-sig, which the guard put back to monitor; \
         31 clients"
    );
}

/// The revisions of the switches that the engine knows, by their times.
fn switched(detector: &Detector<Native>) -> Vec<u64> {
    let switches = detector.engine.switches().iter();
    switches.map(|switch| switch.time_ms - START_MS).collect()
}

#[test]
fn a_change_counts_once_however_often_it_comes_and_outlives_the_process() {
    let mut detector = open();
    detector.change(&written(2, START_MS + 2)).unwrap();
    detector.change(&written(2, START_MS + 2)).unwrap();
    assert_eq!(switched(&detector), [2]);
    assert!(!detector.is_caught_up().unwrap());
    let old = [written(1, START_MS + 1), written(2, START_MS + 2)];
    detector.catch_up(&old).unwrap();
    detector.change(&written(3, START_MS + 3)).unwrap();
    let detector = reopened(detector, START_MS + 10);
    assert!(detector.is_caught_up().unwrap());
    assert_eq!(switched(&detector), [1, 2, 3]);
    let marks = detector.change_marks(START_MS, START_MS + 3, 10).unwrap();
    let said: Vec<(&str, &str)> = marks
        .iter()
        .map(|mark| (mark.id.as_str(), mark.text.as_str()))
        .collect();
    assert_eq!(
        said,
        [("rules/sweep", "sweep: rule.put, by olga"); 2],
        "until is not in it"
    );
    let newest = detector.change_marks(START_MS, START_MS + 10, 2).unwrap();
    assert_eq!(newest.len(), 2);
    assert!(newest[0].time < newest[1].time, "oldest first: {newest:?}");
    assert!(newest[0].time > marks[0].time, "the newest: {newest:?}");
}

#[test]
fn changes_are_kept_within_their_bound_and_as_long_as_marks() {
    let mut detector = open();
    let many: Vec<ChangeNotice> = (0..MAX_CHANGES + 2).map(|n| written(n, START_MS + n)).collect();
    detector.catch_up(&many).unwrap();
    let kept = |detector: &Detector<Native>| {
        count(
            &detector.sql,
            "SELECT count(*) FROM change WHERE time_ms >= ?",
            &[SqlValue::Integer(0)],
        )
        .unwrap()
    };
    assert_eq!(kept(&detector), MAX_CHANGES);
    let oldest = count(&detector.sql, "SELECT min(time_ms) FROM change", &[]).unwrap();
    assert_eq!(oldest, START_MS + 2);
    detector.tick(START_MS + 91 * 86_400_000).unwrap();
    assert_eq!(kept(&detector), 0);
}

#[test]
fn minutes_and_hours_are_rows() {
    let mut detector = open();
    let batches = story();
    for batch in &batches {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let first = NOON / 6;
    let minutes = minutes(&detector, first, first + 60);
    assert_eq!(minutes.len(), 60);
    let now_ms = arrival(batches.last().unwrap());
    keep_all_hours(&mut detector, now_ms);
    let hour = detector.hour_from(first / 60, first / 60 + 1).unwrap().unwrap();
    let requests = |rollups: &[Rollup]| -> u64 {
        let cells = rollups.iter().flat_map(|rollup| &rollup.cells);
        cells.map(|(_, counts)| u64::from(counts.requests)).sum()
    };
    assert_eq!(requests(&whole(hour)), requests(&minutes));
    let sent: u64 = batches
        .iter()
        .filter(|batch| (first..first + 60).contains(&(batch.slot / 6)))
        .flat_map(|batch| &batch.cells)
        .map(|cell| u64::from(cell.counts.requests))
        .sum();
    assert_eq!(requests(&minutes), sent);
}

/// The hour lacks what could not be read, and is kept.
#[test]
fn a_damaged_minute_does_not_stop_the_hours() {
    let first = NOON / 6;
    for damaged in ["zeroblob(3)", "x'ffffffff'", "x''", "substr(bytes, 1, 40)"] {
        let mut detector = open();
        for batch in &story()[..400] {
            accept(&mut detector, batch, arrival(batch)).unwrap();
        }
        let statement = format!("UPDATE minute SET bytes = {damaged} WHERE minute = {}", first + 3);
        detector.sql.run(&statement, &[]).unwrap();
        keep_all_hours(&mut detector, START_MS + 70 * 60_000);
        let hour = detector.hour_from(first / 60, first / 60 + 1).unwrap().unwrap();
        assert!(!whole(hour).is_empty(), "{damaged}");
    }
}

/// Nobody came in the hour's last minute; and where nobody comes at all any more, the next alarm finds it.
#[test]
fn an_hour_with_a_quiet_end_is_a_row() {
    for (quiet, last) in [(354..360, 500), (330..372, 500), (300..500, 300)] {
        let mut detector = open();
        let batches: Vec<CellBatch> = story()
            .into_iter()
            .take(last)
            .filter(|batch| !quiet.contains(&(batch.slot - NOON)))
            .collect();
        for batch in &batches {
            accept(&mut detector, batch, arrival(batch)).unwrap();
        }
        let later = START_MS + 80 * 60_000;
        detector.tick(later).unwrap();
        keep_all_hours(&mut detector, later);
        let hour = detector.hour_from(NOON / 360, NOON / 360 + 1).unwrap().unwrap();
        let counted = |rollups: Vec<Rollup>| -> u64 {
            let cells = rollups.into_iter().flat_map(|rollup| rollup.cells);
            cells.map(|(_, counts)| u64::from(counts.requests)).sum()
        };
        let first = NOON / 6;
        assert_eq!(
            counted(whole(hour)),
            counted(minutes(&detector, first, first + 60)),
            "{quiet:?}"
        );
    }
}

#[test]
fn a_delivery_is_tried_until_it_is_taken_or_given_up() {
    let detector = open();
    detector.put_webhook(&hook()).unwrap();
    let id = detector.tell_test("chat", START_MS).unwrap();
    let [delivery] = <[Delivery; 1]>::try_from(detector.due(START_MS, 10).unwrap()).unwrap();
    assert_eq!((delivery.id, delivery.attempts), (id, 0));
    let failed = Attempt::Failed {
        why: "status 500".to_owned(),
    };
    detector.attempted(&delivery, &failed, START_MS).unwrap();
    assert_eq!(detector.due(START_MS + 9_999, 10).unwrap(), []);
    assert_eq!(detector.next_alarm_ms(START_MS).unwrap(), Some(START_MS + 10_000));
    let mut now = START_MS + 10_000;
    while let Some(due) = detector.due(now, 10).unwrap().pop() {
        detector.attempted(&due, &failed, now).unwrap();
        now += 3_600_000;
    }
    let item = detector.deliveries(u64::MAX, 10).unwrap().remove(0);
    assert_eq!((item.status, item.attempts), ("failed", MAX_ATTEMPTS));
    detector.tell_test("chat", now).unwrap();
    let due = detector.due(now, 10).unwrap().remove(0);
    detector
        .attempted(&due, &Attempt::Delivered { status: 200 }, now)
        .unwrap();
    assert_eq!(detector.deliveries(u64::MAX, 1).unwrap()[0].status, "delivered");
    assert_eq!(detector.next_alarm_ms(now).unwrap(), None);
}

#[test]
fn a_removed_webhook_is_told_nothing_more() {
    let detector = open();
    detector.put_webhook(&hook()).unwrap();
    detector.tell_test("chat", START_MS).unwrap();
    detector.delete_webhook("chat", START_MS).unwrap();
    assert_eq!(detector.due(START_MS, 10).unwrap(), []);
    assert_eq!(detector.webhooks().unwrap(), []);
    assert_eq!(detector.deliveries(u64::MAX, 10).unwrap()[0].status, "failed");
}

/// Databases as these versions wrote them.
const VERSION_1: &str = include_str!("../../tests/data/detector-v1.sql");
const VERSION_2: &str = include_str!("../../tests/data/detector-v2.sql");
const VERSION_3: &str = include_str!("../../tests/data/detector-v3.sql");

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
    let numbers = [VERSION_1, VERSION_2, VERSION_3].map(number);
    assert_eq!((numbers, schema::STEPS.len()), ([1, 2, 3], 3));
}

#[test]
fn every_version_comes_to_the_same_tables_and_keeps_its_rows() {
    for script in [VERSION_1, VERSION_2, VERSION_3] {
        let detector = Detector::open(with(script), START_MS + 700_000).unwrap();
        let tables = |sql: &Native| sql.run("SELECT name, sql FROM sqlite_master ORDER BY name", &[]);
        assert_eq!(tables(&detector.sql), tables(&open().sql));
        assert_eq!(detector.webhooks().unwrap(), [hook()]);
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
fn an_older_database_keeps_what_it_has() {
    let mut detector = Detector::open(with(VERSION_2), START_MS + 700_000).unwrap();
    let tables = |sql: &Native| sql.run("SELECT name, sql FROM sqlite_master ORDER BY name", &[]);
    assert_eq!(tables(&detector.sql), tables(&open().sql));
    assert_eq!(detector.webhooks().unwrap(), [hook()]);
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
    assert_eq!(refused, Some(StoreError::NewerSchema { found: 99, known: 3 }));
}

/// A newer build may save another state under the same schema: the first save of this one must not write over it.
#[test]
fn a_state_of_a_newer_format_is_refused_and_left() {
    let next = STATE_FORMAT + 1;
    for head in [
        &format!("{{\"format\":{next},\"parts\":1,\"bytes\":3,\"logged\":0}}"),
        "{\"format\":99}",
    ] {
        let sql = open().sql;
        let parameters = [SqlValue::Text(head.to_owned())];
        let kept = "INSERT OR REPLACE INTO meta (key, value) VALUES ('state', ?)";
        sql.run(kept, &parameters).unwrap();
        sql.run("INSERT INTO state (part, bytes) VALUES (0, x'010203')", &[])
            .unwrap();
        let refused = state::read(&sql).err();
        assert!(
            matches!(refused, Some(StoreError::NewerSchema { found, known: STATE_FORMAT }) if found > STATE_FORMAT),
            "{head}: {refused:?}"
        );
        let left = sql
            .run("SELECT value FROM meta WHERE key = 'state'", &[])
            .unwrap();
        assert_eq!(left[0].text(0, "meta.value").unwrap(), head);
        assert_eq!(sql.run("SELECT bytes FROM state", &[]).unwrap().len(), 1);
    }
}

#[test]
fn statements_that_run_often_use_their_index() {
    #[track_caller]
    fn case(sql: &Native, statement: &str, expected: &str) {
        let rows = sql
            .run(
                &format!("EXPLAIN QUERY PLAN {statement}"),
                &vec![SqlValue::Integer(1); statement.matches('?').count()],
            )
            .unwrap();
        let steps: Vec<&str> = rows.iter().map(|row| row.text(3, "detail").unwrap()).collect();
        assert!(steps.iter().any(|step| step.contains(expected)), "{steps:?}");
        assert!(
            !steps.iter().any(|step| step.contains("TEMP B-TREE")),
            "{steps:?}"
        );
    }
    let sql = &open().sql;
    case(
        sql,
        "SELECT id, webhook, body, attempts FROM delivery WHERE next_ms <= ? ORDER BY next_ms LIMIT ?",
        "USING INDEX delivery_due",
    );
    case(
        sql,
        "SELECT next_ms FROM delivery WHERE next_ms IS NOT NULL ORDER BY next_ms LIMIT 1",
        "delivery_due",
    );
    case(
        sql,
        "SELECT minute, bytes FROM minute WHERE minute >= ? AND minute < ? ORDER BY minute",
        "PRIMARY KEY",
    );
    case(
        sql,
        "SELECT id, arrived_ms, bytes FROM batch WHERE id > ? ORDER BY id LIMIT 500",
        "PRIMARY KEY",
    );
    case(
        sql,
        "SELECT time_ms, kind, id, text FROM mark WHERE time_ms >= ? AND time_ms < ? ORDER BY time_ms LIMIT ?",
        "PRIMARY KEY",
    );
    case(sql, OF_TIME, "USING INDEX change_time");
}
