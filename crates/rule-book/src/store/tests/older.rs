//! Databases as every version wrote them.

use super::{because, ids, mode, starter};
use crate::audit::entry_hash;
use crate::store::outbox::NoticeKind;
use crate::store::{RuleBookStore, schema};
use blobwatch_pull::Mode;
use blobwatch_sql::{Native, Row, Sql, migrate};
use blobwatch_tokens::Role;

const NOW: u64 = 1_593_975_605_000;

const VERSION_1: &str = include_str!("../../../tests/data/rule_book_v1.sql");
const VERSION_2: &str = include_str!("../../../tests/data/rule_book_v2.sql");
const VERSION_3: &str = include_str!("../../../tests/data/rule_book_v3.sql");
/// For an hour of its history, the tables of version 4 were version 3, and those of version 3 were missing.
const VERSION_3_PREVIEWS: &str = include_str!("../../../tests/data/rule_book_v3_previews.sql");
const VERSION_4: &str = include_str!("../../../tests/data/rule_book_v4.sql");
const VERSION_5: &str = include_str!("../../../tests/data/rule_book_v5.sql");
const VERSION_6: &str = include_str!("../../../tests/data/rule_book_v6.sql");
const VERSION_7: &str = include_str!("../../../tests/data/rule_book_v7.sql");
const VERSION_8: &str = include_str!("../../../tests/data/rule_book_v8.sql");
const VERSION_9: &str = include_str!("../../../tests/data/rule_book_v9.sql");
const VERSION_10: &str = include_str!("../../../tests/data/rule_book_v10.sql");
const VERSION_11: &str = include_str!("../../../tests/data/rule_book_v11.sql");
const VERSION_12: &str = include_str!("../../../tests/data/rule_book_v12.sql");

const ALL: [&str; 13] = [
    VERSION_1,
    VERSION_2,
    VERSION_3,
    VERSION_3_PREVIEWS,
    VERSION_4,
    VERSION_5,
    VERSION_6,
    VERSION_7,
    VERSION_8,
    VERSION_9,
    VERSION_10,
    VERSION_11,
    VERSION_12,
];

fn opened(script: &str) -> RuleBookStore<Native> {
    let old = Native::in_memory().unwrap();
    old.script(script).unwrap();
    RuleBookStore::open(old, &starter(), NOW).unwrap()
}

fn tables(sql: &Native) -> Vec<Row> {
    sql.run("SELECT name, sql FROM sqlite_master ORDER BY name", &[])
        .unwrap()
}

/// A version without a sample has no test that it opens.
#[test]
fn every_version_has_a_sample() {
    let number = |script: &str| {
        let sql = Native::in_memory().unwrap();
        sql.script(script).unwrap();
        let rows = sql
            .run("SELECT value FROM meta WHERE key = 'schema'", &[])
            .unwrap();
        rows[0].integer(0, "meta.value").unwrap()
    };
    let numbers: Vec<u64> = ALL.iter().copied().map(number).collect();
    assert_eq!(numbers, [1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(schema::STEPS.len(), 12);
}

#[test]
fn every_version_keeps_the_rulebook_and_gets_the_same_tables() {
    let new = Native::in_memory().unwrap();
    migrate(&new, schema::STEPS).unwrap();
    for script in ALL {
        let store = opened(script);
        assert_eq!(tables(&store.sql), tables(&new), "{script}");
        assert_eq!(store.revision().unwrap(), 3);
        let book = store.document().unwrap();
        assert_eq!(ids(&book), [("sweep", 2), ("empty", 1)]);
        let [kept] = book.modes.as_slice() else {
            panic!("{:?}", book.modes)
        };
        assert_eq!(
            (kept.rule.as_str(), kept.route.as_str(), kept.mode),
            ("sweep", "default", mode("sweep", "default", Mode::Enforce).mode)
        );
        let entries = store.audit(None, 10).unwrap();
        assert!(entries.iter().all(|entry| entry_hash(entry) == entry.hash));
        store.fire_log_seen("fl1-FRA-0", 3, NOW).unwrap();
        assert_eq!(store.change(&because("goes on"), &[]).unwrap(), 4);
        assert_eq!(opened_again(store).revision().unwrap(), 4);
    }
}

fn opened_again(store: RuleBookStore<Native>) -> RuleBookStore<Native> {
    RuleBookStore::open(store.sql, &starter(), NOW).unwrap()
}

#[test]
fn what_a_version_brought_is_kept_by_all_that_follow() {
    for script in [
        VERSION_2,
        VERSION_3,
        VERSION_3_PREVIEWS,
        VERSION_4,
        VERSION_5,
        VERSION_6,
        VERSION_7,
        VERSION_8,
        VERSION_9,
        VERSION_10,
        VERSION_11,
        VERSION_12,
    ] {
        let known = opened(script).fire_logs().unwrap();
        let known: Vec<_> = known
            .iter()
            .map(|log| (log.name.as_str(), log.acknowledged))
            .collect();
        assert_eq!(known, [("fl1-FRA-0", 3), ("fl1-IAD-0", 2)]);
    }
    for script in [
        VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8, VERSION_9, VERSION_10, VERSION_11,
        VERSION_12,
    ] {
        let store = opened(script);
        let ledger = store.guard("sweep", "default").unwrap().unwrap();
        assert_eq!((ledger.guard, ledger.cohorts[0].counts.enforced.clients), (3, 40));
        let counts = store.guard_counts("sweep", "default", "fl1-FRA-0", 3).unwrap();
        assert_eq!(counts, ledger.cohorts);
    }
    for script in [
        VERSION_3_PREVIEWS,
        VERSION_4,
        VERSION_5,
        VERSION_6,
        VERSION_7,
        VERSION_8,
        VERSION_9,
        VERSION_10,
        VERSION_11,
        VERSION_12,
    ] {
        let stamp = opened(script).preview("pv-000001").unwrap().unwrap();
        assert_eq!((stamp.rule.as_str(), stamp.version), ("sweep", 2));
    }
    for script in [
        VERSION_5, VERSION_6, VERSION_7, VERSION_8, VERSION_9, VERSION_10, VERSION_11, VERSION_12,
    ] {
        let store = opened(script);
        let waiting = store.notices_due(NoticeKind::Harm, NOW, 10).unwrap();
        assert_eq!((waiting.len(), waiting[0].attempts), (1, 3));
        assert!(waiting[0].body.contains("\"healthy\":20"));
    }
    for script in [
        VERSION_6, VERSION_7, VERSION_8, VERSION_9, VERSION_10, VERSION_11, VERSION_12,
    ] {
        let losses = opened(script).losses().unwrap();
        assert_eq!((losses[0].name.as_str(), losses[0].count), ("changes_dropped", 2));
    }
    for script in [
        VERSION_7, VERSION_8, VERSION_9, VERSION_10, VERSION_11, VERSION_12,
    ] {
        let ended = opened(script).ended_sessions(NOW).unwrap();
        assert_eq!(ended.ended_s("ops"), Some(1_593_975_600));
    }
    for script in [VERSION_9, VERSION_10, VERSION_11, VERSION_12] {
        let store = opened(script);
        let pending = store.pending_mode("empty", "default").unwrap().unwrap();
        assert_eq!(
            (pending.actor.as_str(), pending.expires_ms),
            ("ops", 1_593_979_201_000)
        );
        assert_eq!(store.second_person_above().unwrap(), Some(2.5));
    }
    for script in [VERSION_11, VERSION_12] {
        readings_and_archives_are_kept(&opened(script));
    }
    let book = opened(VERSION_12).document().unwrap();
    assert_eq!(
        book.lists[0].source.as_deref(),
        Some("https://example.com/office.txt")
    );
    for script in [VERSION_8, VERSION_9, VERSION_10, VERSION_11, VERSION_12] {
        tokens_are_kept(script);
    }
    for script in [VERSION_10, VERSION_11, VERSION_12] {
        let book = opened(script).document().unwrap();
        let layout = book.layout("FRA").unwrap();
        assert_eq!((layout.count, layout.earlier[0].count), (2, 1));
        assert_eq!(book.schema, if book.lists.is_empty() { 6 } else { 7 });
    }
}

fn tokens_are_kept(script: &str) {
    let tokens = opened(script).stored_tokens().unwrap();
    let [ada, ci] = tokens.as_slice() else {
        panic!("{tokens:?}")
    };
    assert_eq!((ada.name.as_str(), ada.grant.role), ("ada", Role::Operator));
    assert_eq!(ada.grant.routes.as_deref(), Some(&["default".to_owned()][..]));
    assert_eq!(
        (ada.expires_ms, ada.used_ms),
        (Some(1_593_979_201_000), Some(1_593_975_602_000))
    );
    assert_eq!((ci.grant.role, ci.expires_ms), (Role::Viewer, None));
}

fn readings_and_archives_are_kept(store: &RuleBookStore<Native>) {
    let readings = store.guard_readings("sweep", "default", 0).unwrap();
    let [kept] = readings.as_slice() else {
        panic!("{readings:?}")
    };
    assert_eq!(
        (kept.at_ms, kept.guard, kept.reading.harmless),
        (1_593_975_602_000, 3, 2.35)
    );
    assert_eq!(
        (kept.reading.enforced.clients, kept.reading.held_out.unknown),
        (40, 1)
    );
    let archives = store.archives().unwrap();
    let [run] = archives.as_slice() else {
        panic!("{archives:?}")
    };
    assert_eq!(
        (run.place.as_str(), run.until_ms, run.actor.as_str()),
        ("/srv/archive", Some(1_593_974_700_000), "archiver")
    );
}
