//! The Detector on SQLite in memory: nothing lost, nothing twice, whenever the process dies.

mod acts;
mod changes;
mod conditions;
mod deliveries;
mod ingest;
mod marginals;
mod rollups;
mod saves;
mod schema;
mod shares;
mod state;

use std::cell::RefCell;

use super::*;
use crate::store::changes::{MAX_CHANGES, OF_TIME};
use crate::store::deliveries::MAX_ATTEMPTS;
use crate::store::state::STATE_FORMAT;
use crate::tests::stories::{healthy, july};
use crate::tests::traffic::{NOON, World};
use crate::webhook::{EventName, Format, Severity};
use crate::{Engine, Rollup};
use blobwatch_guard::{Against, HarmNotice};
use blobwatch_pull::{Family, Mode};
use blobwatch_records::{CellBatch, SLOT_S};
use blobwatch_rulebook::{AnomalyBreadth, Cause, ChangeNotice, PartChange, RuleValue};
use blobwatch_sql::{Native, Unpaced, at_once};

pub(crate) const START_MS: u64 = NOON * SLOT_S * 1000;

pub(crate) fn open() -> Detector<Native> {
    Detector::open(Native::in_memory().unwrap(), START_MS).unwrap()
}

/// As the process does when it starts again: nothing but the database is left.
pub(crate) fn reopened(detector: Detector<Native>, now_ms: u64) -> Detector<Native> {
    Detector::open(detector.sql, now_ms).unwrap()
}

/// The parts of a row.
fn whole(mut row: StoredRollup) -> Vec<Rollup> {
    std::iter::from_fn(|| row.next_part().unwrap()).collect()
}

/// The parts of the rows of minutes.
fn minutes(detector: &Detector<Native>, first: u64, until: u64) -> Vec<Rollup> {
    let mut next = first;
    let rows = std::iter::from_fn(|| {
        let row = detector.rollup_from(Unit::Minute, next, until).unwrap()?;
        next = row.minute + 1;
        Some(row)
    });
    rows.flat_map(whole).collect()
}

/// Its minutes as builds wrote them that kept no sample of requests.
pub(crate) fn without_samples(detector: Detector<Native>, now_ms: u64) -> Detector<Native> {
    for rollup in minutes(&detector, 0, u64::MAX >> 1) {
        detector.keep_minutes(&[rollup]).unwrap();
    }
    reopened(detector, now_ms)
}

pub(crate) fn keep_all_sums(detector: &mut Detector<Native>, now_ms: u64) {
    at_once(keep_sums(&RefCell::new(detector), now_ms, &Unpaced))
        .unwrap()
        .unwrap();
}

pub(crate) fn save(detector: &mut Detector<Native>, now_ms: u64) {
    try_to_save(detector, now_ms).unwrap();
}

fn try_to_save(detector: &mut Detector<Native>, now_ms: u64) -> Result<(), StoreError> {
    at_once(save::save(&RefCell::new(detector), now_ms, &Unpaced)).unwrap()
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
        enforced: None,
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
        format: Format::Generic,
        secret: "a secret of some length".to_owned(),
        events: vec![EventName::Opened, EventName::Changed, EventName::Closed],
        kinds: Vec::new(),
        routes: Vec::new(),
        severity: Severity::Info,
        dashboard: None,
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
