mod older;

use super::*;
use crate::audit::{AuditEntry, Chain, GENESIS, entry_hash};
use crate::calls::verify_audit;
use crate::store::fire_logs::MAX_FIRE_LOGS;
use crate::store::fire_logs::PUSH_RETRY_MAX_MS;
use blobwatch_pull::{Action, Mode};
use blobwatch_rulebook::{ModeSetting, Route, Rule, Settings};
use blobwatch_sql::Native;

const NOW: u64 = 1_593_975_600_000;

fn starter() -> Rulebook {
    Rulebook {
        schema: 1,
        revision: 0,
        routes: vec![Route::named("default")],
        rules: vec![rule("sweep", 1), rule("empty", 1)],
        modes: vec![],
        lists: Vec::new(),
        layouts: Vec::new(),
        settings: Settings::default(),
    }
}

fn rule(id: &str, version: u32) -> Rule {
    Rule {
        id: id.to_owned(),
        version,
        description: String::new(),
        expression: "ssl".to_owned(),
        action: Action::Block,
        default_mode: Mode::Monitor,
        volume: None,
    }
}

fn mode(rule: &str, route: &str, mode: Mode) -> ModeSetting {
    ModeSetting::new(rule, route, mode)
}

fn store() -> RuleBookStore<Native> {
    RuleBookStore::open(Native::in_memory().unwrap(), &starter(), NOW).unwrap()
}

fn because(reason: &str) -> Change<'_> {
    Change {
        actor: "ops",
        now_ms: NOW + 1_000,
        action: "test",
        target: "rulebook",
        before: None,
        after: None,
        reason: Some(reason),
        expected: None,
    }
}

fn ids(book: &Rulebook) -> Vec<(&str, u32)> {
    book.rules
        .iter()
        .map(|rule| (rule.id.as_str(), rule.version))
        .collect()
}

#[test]
fn the_first_start_keeps_the_starter_as_revision_one_and_the_second_leaves_it_alone() {
    let store = store();
    let expected = Rulebook {
        revision: 1,
        ..starter()
    }
    .with_schema();
    assert_eq!(store.document().unwrap(), expected);
    let mut other = starter();
    other.rules.clear();
    let again = RuleBookStore::open(store.sql, &other, NOW).unwrap();
    assert_eq!(again.document().unwrap(), expected);
    assert_eq!(again.audit(None, 10).unwrap().len(), 1);
}

#[test]
fn a_rulebook_that_is_seeded_again_has_another_epoch() {
    assert_eq!(store().epoch(), Ok(NOW));
    let again = |sql, now_ms| RuleBookStore::open(sql, &starter(), now_ms).unwrap();
    assert_eq!(
        again(store().sql, NOW + 1).epoch(),
        Ok(NOW),
        "it was not seeded again"
    );
    assert_eq!(again(Native::in_memory().unwrap(), NOW + 1).epoch(), Ok(NOW + 1));
}

#[test]
fn the_document_of_every_past_revision_can_be_read_again() {
    let store = store();
    let steps: [&[Edit]; 5] = [
        &[Edit::rule(&rule("third", 1)).unwrap()],
        &[Edit::rule(&rule("sweep", 2)).unwrap()],
        &[Edit::mode(&mode("sweep", "default", Mode::Enforce)).unwrap()],
        &[Edit::end_mode("sweep", "default"), Edit::end_rule("sweep")],
        &[Edit::rule(&rule("sweep", 3)).unwrap()],
    ];
    let mut documents = vec![store.document().unwrap()];
    for edits in steps {
        store.change(&because("a step"), edits).unwrap();
        documents.push(store.document().unwrap());
    }
    for (at, document) in documents.iter().enumerate() {
        let revision = at as u64 + 1;
        assert_eq!(document.revision, revision);
        assert_eq!(store.document_at(revision).unwrap().as_ref(), Some(document));
    }
    assert_eq!(
        ids(&documents[2]),
        [("sweep", 2), ("empty", 1), ("third", 1)],
        "a version keeps its place"
    );
    assert_eq!(documents[3].modes.len(), 1);
    assert_eq!(ids(&documents[4]), [("empty", 1), ("third", 1)]);
    assert_eq!(documents[4].modes, []);
    assert_eq!(
        ids(&documents[5]),
        [("empty", 1), ("third", 1), ("sweep", 3)],
        "what returns comes last"
    );
    assert_eq!(store.document_at(0).unwrap(), None);
    assert_eq!(store.document_at(7).unwrap(), None);
}

#[test]
fn every_version_of_a_rule_is_kept_with_who_made_it() {
    let store = store();
    store
        .change(&because("sharper"), &[Edit::rule(&rule("sweep", 2)).unwrap()])
        .unwrap();
    store
        .change(&because("no use"), &[Edit::end_rule("sweep")])
        .unwrap();
    let versions = store.rule_versions("sweep").unwrap();
    let seen: Vec<_> = versions
        .iter()
        .map(|kept| (kept.value.version, kept.since, kept.until, kept.actor.as_str()))
        .collect();
    assert_eq!(seen, [(2, 2, Some(3), "ops"), (1, 1, Some(2), "blobwatch")]);
    assert_eq!(versions[0].reason.as_deref(), Some("sharper"));
    assert_eq!(store.rule_versions("none").unwrap(), []);
}

#[test]
fn a_change_on_another_revision_writes_nothing() {
    let store = store();
    let stale = Change {
        expected: Some(9),
        ..because("late")
    };
    let error = store.change(&stale, &[Edit::end_rule("sweep")]).unwrap_err();
    assert_eq!(
        error,
        RuleBookError::Revision {
            expected: 9,
            found: 1
        }
    );
    assert_eq!(store.document().unwrap().rules.len(), 2);
    assert_eq!(store.audit(None, 10).unwrap().len(), 1);
}

#[test]
fn a_change_that_fails_half_way_writes_nothing() {
    let store = store();
    let before = store.document().unwrap();
    // The audit entry is written last but one: with its place taken, all before it is taken back.
    store
        .sql
        .run(
            "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'disk full'); END",
            &[],
        )
        .unwrap();
    let error = store
        .change(&because("a step"), &[Edit::end_rule("sweep")])
        .unwrap_err();
    assert!(
        matches!(error, RuleBookError::Store(StoreError::Sql(_))),
        "{error:?}"
    );
    store.sql.run("DROP TRIGGER full", &[]).unwrap();
    assert_eq!(store.document().unwrap(), before);
}

#[test]
fn audit_entries_form_a_chain_of_hashes() {
    let store = store();
    for reason in ["one", "two", "three"] {
        store.change(&because(reason), &[]).unwrap();
    }
    let mut entries = store.audit(None, 10).unwrap();
    entries.reverse();
    assert_eq!(
        entries.iter().map(|e| (e.seq, e.revision)).collect::<Vec<_>>(),
        [(1, 1), (2, 2), (3, 3), (4, 4)]
    );
    let mut previous = GENESIS.to_owned();
    for entry in &entries {
        assert_eq!(entry.previous, previous);
        assert_eq!(entry_hash(entry), entry.hash);
        previous.clone_from(&entry.hash);
    }
    let mut forged = entries[1].clone();
    forged.reason = Some("another".to_owned());
    assert_ne!(entry_hash(&forged), forged.hash);
}

#[test]
fn a_log_that_was_changed_in_the_database_does_not_verify() {
    let store = store();
    for reason in ["one", "two"] {
        store.change(&because(reason), &[]).unwrap();
    }
    let verified = || verify_audit(&store, Chain::default()).unwrap().0.report();
    assert!(verified().ok);
    let forge = "UPDATE audit SET actor = 'eve' WHERE seq = 2";
    store.sql.run(forge, &[]).unwrap();
    let report = verified();
    assert_eq!((report.ok, report.entries), (false, 1));
    assert_eq!(report.broken.unwrap().seq, 2);
}

#[test]
fn an_export_reads_entries_up_to_its_bounds() {
    let store = store();
    let large = Change {
        after: Some(format!("{:?}", "x".repeat(1000))),
        ..because("large")
    };
    for _ in 0..3 {
        store.change(&large, &[]).unwrap();
    }
    let seqs = |after, limit, bytes| -> Vec<u64> {
        let entries = store.audit_after(after, limit, bytes).unwrap();
        entries.iter().map(|entry| entry.seq).collect()
    };
    assert_eq!(seqs(0, 10, 1_000_000), [1, 2, 3, 4]);
    assert_eq!(seqs(1, 2, 1_000_000), [2, 3]);
    assert_eq!(seqs(1, 10, 2_100), [2, 3]);
    assert_eq!(seqs(1, 10, 1), [2], "one, however large");
    assert!(seqs(4, 10, 1).is_empty());
}

/// Outlives every deploy: a change of the form breaks the chain of every deployment.
#[test]
fn the_hash_of_an_entry_is_pinned() {
    let entry = AuditEntry {
        seq: 7,
        time_ms: NOW,
        actor: "ops".to_owned(),
        action: "mode.put".to_owned(),
        target: "rules/botnet-sig/modes/default".to_owned(),
        before: None,
        after: Some("{\"mode\":\"enforce\"}".to_owned()),
        reason: Some("\u{fc}ber \"5\" %\n".to_owned()),
        revision: 8,
        previous: GENESIS.to_owned(),
        hash: String::new(),
    };
    assert_eq!(
        entry_hash(&entry),
        "12b7f49ea68d12a7c34493ea563ca1fe49ff2af063725f7a5d85204a7a0f4b5f"
    );
}

#[test]
fn audit_pages_go_from_newest_to_oldest() {
    let store = store();
    for _ in 0..4 {
        store.change(&because("a step"), &[]).unwrap();
    }
    let page = |before| {
        store
            .audit(before, 2)
            .unwrap()
            .iter()
            .map(|e| e.seq)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (page(None), page(Some(4)), page(Some(2))),
        (vec![5, 4], vec![3, 2], vec![1])
    );
}

#[test]
fn a_push_is_due_until_it_is_acknowledged() {
    let store = store();
    let due = |now| {
        store
            .pushes_due(now, 10)
            .unwrap()
            .into_iter()
            .map(|f| f.name)
            .collect::<Vec<_>>()
    };
    assert!(!store.fire_log_seen("fl1-FRA-0", 1, NOW).unwrap());
    assert!(store.fire_log_seen("fl1-IAD-0", 0, NOW).unwrap());
    assert_eq!(due(NOW), ["fl1-IAD-0"]);
    store.change(&because("a step"), &[]).unwrap();
    assert_eq!(due(NOW), ["fl1-FRA-0", "fl1-IAD-0"]);
    assert_eq!(store.next_push_ms().unwrap(), Some(0));
    store.push_failed("fl1-IAD-0", NOW).unwrap();
    store.fire_log_seen("fl1-FRA-0", 2, NOW).unwrap();
    assert_eq!(due(NOW), [""; 0]);
    assert_eq!(store.next_push_ms().unwrap(), Some(NOW + 500));
    assert_eq!(due(NOW + 500), ["fl1-IAD-0"]);
    store.push_failed("fl1-IAD-0", NOW + 500).unwrap();
    assert_eq!(
        store.next_push_ms().unwrap(),
        Some(NOW + 1_500),
        "the wait doubles"
    );
    store.fire_log_seen("fl1-IAD-0", 2, NOW + 600).unwrap();
    assert_eq!(store.next_push_ms().unwrap(), None);
}

#[test]
fn a_push_that_failed_for_long_is_still_retried_and_a_new_revision_is_tried_at_once() {
    let store = store();
    store.fire_log_seen("fl1-IAD-0", 0, NOW).unwrap();
    for _ in 0..100 {
        store.push_failed("fl1-IAD-0", NOW).unwrap();
    }
    assert_eq!(store.next_push_ms().unwrap(), Some(NOW + PUSH_RETRY_MAX_MS));
    store.change(&because("a step"), &[]).unwrap();
    assert_eq!(store.pushes_due(NOW, 10).unwrap().len(), 1);
}

#[test]
fn fire_logs_are_bounded_and_the_longest_silent_go_first() {
    let store = store();
    for n in 0..MAX_FIRE_LOGS + 2 {
        store.fire_log_seen(&format!("fl1-FRA-{n}"), 1, NOW + n).unwrap();
    }
    let names: Vec<String> = store.fire_logs().unwrap().into_iter().map(|f| f.name).collect();
    assert_eq!(names.len() as u64, MAX_FIRE_LOGS);
    assert!(!names.contains(&"fl1-FRA-1".to_owned()) && names.contains(&"fl1-FRA-2".to_owned()));
    let losses = store.losses().unwrap();
    assert_eq!(
        (losses[0].name.as_str(), losses[0].count),
        ("fire_logs_forgotten", 2)
    );
    store
        .fire_log_seen("fl1-IAD-0", 1, NOW + 30 * 86_400_000)
        .unwrap();
    assert_eq!(
        store.fire_logs().unwrap().len(),
        1,
        "the ones that are gone are forgotten"
    );
}

/// What a join left is searched as long as it has records.
#[test]
fn a_silent_fire_log_is_known_as_long_as_records_are_kept() {
    let store = store();
    let settings = Settings {
        retention_hours: 30 * 24,
        ..Settings::default()
    };
    let edits = [Edit::settings(&settings).unwrap()];
    store.change(&because("a month"), &edits).unwrap();
    let known = |day: u64| {
        store
            .fire_log_seen(&format!("fl1-fra-{day}"), 2, NOW + day * 86_400_000)
            .unwrap();
        let names = store.fire_logs().unwrap();
        names.iter().any(|log| log.name == "fl1-fra-0")
    };
    assert_eq!([0, 29, 30, 31].map(known), [true, true, true, false]);
}

#[test]
fn a_fire_log_that_only_says_hello_again_writes_no_row() {
    let store = store();
    store.fire_log_seen("fl1-FRA-0", 1, NOW).unwrap();
    let written = || {
        let rows = store.sql.run("SELECT total_changes()", &[]).unwrap();
        rows[0].integer(0, "changes").unwrap()
    };
    let before = written();
    store.fire_log_seen("fl1-FRA-0", 1, NOW + 60_000).unwrap();
    assert_eq!(written(), before);
    store.fire_log_seen("fl1-FRA-0", 1, NOW + 600_000).unwrap();
    assert_eq!(written(), before + 1);
}

#[test]
fn a_newer_database_is_left_alone() {
    let sql = Native::in_memory().unwrap();
    migrate(&sql, schema::STEPS).unwrap();
    sql.run("UPDATE meta SET value = value + 1 WHERE key = 'schema'", &[])
        .unwrap();
    let error = RuleBookStore::open(sql, &starter(), NOW).unwrap_err();
    let known = schema::STEPS.len() as u64;
    let found = known + 1;
    assert_eq!(
        error,
        RuleBookError::Store(StoreError::NewerSchema { found, known })
    );
}

#[test]
fn every_statement_that_runs_often_uses_an_index() {
    #[track_caller]
    fn case(store: &RuleBookStore<Native>, statement: &str, expected: &str) {
        let parameters =
            vec![SqlValue::Integer(1); (1..9).filter(|n| statement.contains(&format!("?{n}"))).count()];
        let rows = store
            .sql
            .run(&format!("EXPLAIN QUERY PLAN {statement}"), &parameters)
            .unwrap();
        let plan: Vec<String> = rows
            .iter()
            .map(|found| found.text(3, "detail").unwrap().to_owned())
            .collect();
        assert!(plan.iter().any(|step| step.contains(expected)), "{plan:?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{plan:?}");
    }
    let store = store();
    case(
        &store,
        history::AT_REVISION,
        "SEARCH entries USING INDEX entries_until (until>?)",
    );
    case(
        &store,
        fire_logs::DUE,
        "SEARCH fire_logs USING INDEX fire_logs_behind (acknowledged<?)",
    );
    case(
        &store,
        "UPDATE entries SET until = 1 WHERE kind = '' AND key = '' AND until = 2",
        "USING",
    );
    case(
        &store,
        "SELECT seq, hash FROM audit WHERE seq < 7 ORDER BY seq DESC LIMIT 1",
        "USING INTEGER PRIMARY KEY",
    );
}
