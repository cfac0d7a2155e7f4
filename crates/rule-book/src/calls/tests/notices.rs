//! What the Detector is told of each change, once and in order.

use serde_json::json;

use super::{Api, NOW, api, rule, staged};
use crate::calls::{advance, changes_since};
use crate::store::{MAX_CHANGES, NoticeKind, PendingNotice, RuleBookStore};
use blobwatch_pull::Mode;
use blobwatch_rulebook::{Cause, ChangeNotice, ModeValue, PartChange, RuleValue, starter};
use blobwatch_sql::{Native, Sql, SqlValue};

fn due(api: &Api, at_ms: u64) -> Vec<PendingNotice> {
    api.0.notices_due(NoticeKind::Change, at_ms, 1_000).unwrap()
}

fn told(api: &Api) -> Vec<ChangeNotice> {
    let read = |untold: &PendingNotice| -> ChangeNotice {
        let notice: ChangeNotice = serde_json::from_str(&untold.body).unwrap();
        assert_eq!(untold.id, notice.id);
        notice
    };
    due(api, NOW + 600_000).iter().map(read).collect()
}

/// Everything that can be done to a rulebook.
fn story() -> Api {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("off"));
    advance(&api.0, NOW + 130_000).unwrap();
    let mut changed = rule("ssl");
    changed["force"] = json!(true);
    api.put("rules/sweep?reason=r", &changed);
    api.put(
        "rules/sweep/modes/library",
        &json!({"mode": "monitor", "reason": "r"}),
    );
    api.put(
        "rules/sweep/modes/library",
        &json!({"mode": "monitor", "reason": "another"}),
    );
    api.call("DELETE", "rules/sweep/modes/library", "", None).unwrap();
    api.put(
        "rules/around/modes/library",
        &json!({"mode": "off", "reason": "r", "expires": "2020-07-05T19:03:00Z"}),
    );
    advance(&api.0, NOW + 190_000).unwrap();
    api.put("rules/new", &rule("ssl"));
    api.put("routes/hub", &json!({"origin": "https://a.example"}));
    api.put(
        "routes/hub",
        &json!({"origin": "https://a.example", "observe": 0.5}),
    );
    api.put("settings", &json!({"retry_after_s": 7}));
    api.put(
        "settings",
        &json!({"retry_after_s": 7, "anomaly_breadth": {"clients": 3, "networks": 1}}),
    );
    api.call("POST", "panic-off", r#"{"reason": "r"}"#, None).unwrap();
    let mut book = api.get("rulebook");
    book["routes"][0]["detour"] = json!("https://b.example");
    book["rules"][2]["action"] = json!("tag");
    book["rules"].as_array_mut().unwrap().swap(0, 1);
    book["modes"] = json!([{"rule": "around", "route": "hub", "mode": "off"}]);
    let revision = api.0.revision().unwrap();
    let if_match = format!("\"{revision}\"");
    api.call("PUT", "rulebook?reason=r", &book.to_string(), Some(&if_match))
        .unwrap();
    api.call("DELETE", "routes/hub", "", None).unwrap();
    api.call("DELETE", "rules/new", "", None).unwrap();
    api
}

#[test]
fn each_change_is_told_with_its_cause() {
    let api = story();
    let notices = told(&api);
    let said: Vec<(Cause, &str, &str, usize)> = notices
        .iter()
        .map(|notice| {
            (
                notice.cause,
                notice.action.as_str(),
                notice.target.as_str(),
                notice.parts.len(),
            )
        })
        .collect();
    let expected = [
        (Cause::Operator, "mode.put", "rules/sweep/modes/default", 1),
        (Cause::Stage, "mode.stage", "rules/sweep/modes/default", 1),
        (Cause::Operator, "rule.put", "rules/sweep", 1),
        (Cause::Operator, "mode.put", "rules/sweep/modes/library", 1),
        (Cause::Operator, "mode.put", "rules/sweep/modes/library", 1),
        (Cause::Operator, "mode.delete", "rules/sweep/modes/library", 1),
        (Cause::Operator, "mode.put", "rules/around/modes/library", 1),
        (Cause::Stage, "mode.stage", "rules/sweep/modes/default", 1),
        (Cause::Expiry, "mode.expire", "rules/around/modes/library", 1),
        (Cause::Operator, "rule.put", "rules/new", 1),
        (Cause::Operator, "route.put", "routes/hub", 1),
        (Cause::Operator, "settings.put", "settings", 1),
        (Cause::PanicOff, "panic-off", "modes", 1),
        (Cause::Push, "rulebook.put", "rulebook", 4),
        (Cause::Operator, "route.delete", "routes/hub", 1),
        (Cause::Operator, "rule.delete", "rules/new", 1),
    ];
    assert_eq!(said, expected, "oldest first");
    let stage = notices
        .iter()
        .find(|notice| notice.cause == Cause::Stage)
        .unwrap();
    let enforced = |percent| ModeValue {
        mode: Mode::Enforce,
        percent: Some(percent),
    };
    let part = PartChange::Mode {
        rule: "sweep".to_owned(),
        route: "default".to_owned(),
        before: Some(enforced(1.0)),
        after: Some(enforced(10.0)),
        default_mode: Some(Mode::Monitor),
    };
    assert_eq!((stage.time_ms, &stage.parts), (NOW + 130_000, &vec![part]));
    let retired = PartChange::Rule {
        rule: "new".to_owned(),
        before: Some(RuleValue {
            version: 2,
            default_mode: Some(Mode::Monitor),
            enforced: Some(false),
        }),
        after: None,
    };
    assert!(notices.iter().any(|notice| notice.parts == [retired.clone()]));
}

#[test]
fn what_the_audit_log_says_of_a_change_is_what_was_told() {
    let api = story();
    let sorted = |mut notices: Vec<ChangeNotice>| {
        for notice in &mut notices {
            notice
                .parts
                .sort_by_key(|part| serde_json::to_string(part).unwrap());
        }
        notices.sort_by_key(|notice| notice.revision);
        notices
    };
    let (told, audited) = (sorted(told(&api)), changes_since(&api.0, 0).unwrap());
    assert!(audited.is_sorted_by_key(|notice| notice.revision));
    assert_eq!(sorted(audited), told);
    let later = changes_since(&api.0, told[3].revision).unwrap();
    assert_eq!(sorted(later), told[4..]);
}

#[test]
fn a_change_that_was_not_made_is_not_told() {
    let api = api();
    api.refused(
        "PUT",
        "rules/sweep/modes/nowhere",
        r#"{"mode": "off", "reason": "r"}"#,
    );
    let stale = api.call("PUT", "rules/new", &rule("ssl").to_string(), Some("\"7\""));
    assert_eq!(stale.unwrap_err().status, 412);
    assert_eq!(due(&api, NOW + 600_000), []);
}

#[test]
fn changes_beyond_the_bound_are_counted_as_lost_and_harms_stay() {
    let api = api();
    api.0.put_notice(NoticeKind::Harm, ("h", "{}"), 0, NOW).unwrap();
    for n in 0..MAX_CHANGES + 2 {
        let id = n.to_string();
        api.0
            .put_notice(NoticeKind::Change, (&id, "{}"), 0, NOW + n)
            .unwrap();
    }
    let waiting = api.0.notices_due(NoticeKind::Change, NOW, 2_000).unwrap();
    assert_eq!((waiting.len() as u64, waiting[0].id.as_str()), (MAX_CHANGES, "2"));
    assert_eq!(api.0.notices_due(NoticeKind::Harm, NOW, 10).unwrap().len(), 1);
    let lost = api.0.losses().unwrap();
    let said: Vec<(&str, u64)> = lost.iter().map(|loss| (loss.name.as_str(), loss.count)).collect();
    assert_eq!(said, [("changes_dropped", 2)]);
}

#[test]
fn a_change_that_is_not_taken_is_told_again() {
    let api = api();
    api.put("rules/new", &rule("ssl"));
    let [change]: [PendingNotice; 1] = due(&api, NOW).try_into().unwrap();
    assert!(!api.0.notice_untold(&change, NOW).unwrap());
    assert_eq!(
        (
            due(&api, NOW + 999),
            api.0.next_notice_ms(NoticeKind::Change).unwrap()
        ),
        (vec![], Some(NOW + 1_000))
    );
    let [again]: [PendingNotice; 1] = due(&api, NOW + 1_000).try_into().unwrap();
    assert_eq!((&again.body, again.attempts), (&change.body, 1));
    api.0.notice_told(&again).unwrap();
    assert_eq!(api.0.next_notice_ms(NoticeKind::Change).unwrap(), None);
}

#[test]
fn harms_of_an_older_build_still_wait() {
    let old = Native::in_memory().unwrap();
    old.script(include_str!("../../../tests/data/rule_book_v1.sql"))
        .unwrap();
    let store = RuleBookStore::open(old, &starter().unwrap(), NOW).unwrap();
    // As the last build before the outbox left it.
    let sql = store.sql();
    for statement in [
        "DROP TABLE guard_readings",
        "DROP TABLE archives",
        "DROP TABLE tokens",
        "DROP TABLE pending_modes",
        "DROP TABLE ended_sessions",
        "DROP TABLE outbox",
        "DROP TABLE losses",
        "DROP TABLE layouts",
        crate::store::HARMS,
    ] {
        sql.run(statement, &[]).unwrap();
    }
    sql.run("INSERT INTO harms VALUES ('h', '{}', 1, 3, 2)", &[])
        .unwrap();
    sql.run(
        "UPDATE meta SET value = ?1 WHERE key = 'schema'",
        &[SqlValue::Integer(5)],
    )
    .unwrap();
    let store = RuleBookStore::open(store.into_sql(), &starter().unwrap(), NOW).unwrap();
    let waiting = store.notices_due(NoticeKind::Harm, NOW, 10).unwrap();
    assert_eq!((waiting.len(), waiting[0].attempts), (1, 3));
}

/// Who is hit changes only where a rule that names the list acts.
#[test]
fn a_list_is_told_where_a_rule_that_names_it_is_enforced() {
    let api = api();
    let list = |items: &[&str]| json!({"kind": "network", "items": items});
    api.put("lists/aws", &list(&["192.0.2.0/24"]));
    api.put("rules/inside", &rule("ip.src in $aws"));
    api.put("rules/other", &rule("not ip.src in $aws"));
    api.put("lists/aws", &list(&["192.0.2.0/24", "198.51.100.0/24"]));
    let lists = |api: &Api| -> Vec<PartChange> {
        let notices = told(api)
            .into_iter()
            .filter(|notice| notice.target != "rules/inside");
        let parts = notices.flat_map(|notice| notice.parts);
        parts
            .filter(|part| matches!(part, PartChange::List { .. }))
            .collect()
    };
    assert_eq!(lists(&api), [], "both rules only watch");
    api.put(
        "rules/inside/modes/default",
        &json!({"mode": "enforce", "reason": "r", "force": true}),
    );
    api.put(
        "lists/aws",
        &list(&["203.0.113.0/24", "198.51.100.0/24", "2001:db8::/32"]),
    );
    let described = json!({"kind": "network", "description": "theirs", "items": ["203.0.113.0/24", "198.51.100.0/24", "2001:db8::/32"]});
    api.put("lists/aws", &described);
    let told_of = |added, removed| PartChange::List {
        list: "aws".to_owned(),
        rules: vec!["inside".to_owned()],
        added,
        removed,
    };
    assert_eq!(lists(&api), [told_of(2, 1)]);
    let body = json!({"add": ["192.0.2.7"]}).to_string();
    api.call("POST", "lists/aws/items", &body, None).unwrap();
    assert_eq!(lists(&api), [told_of(2, 1), told_of(1, 0)]);
    let mut book = api.get("rulebook");
    book["lists"][0]["items"] = json!(["192.0.2.7"]);
    let if_match = format!("\"{}\"", api.0.revision().unwrap());
    api.call("PUT", "rulebook?reason=r", &book.to_string(), Some(&if_match))
        .unwrap();
    assert_eq!(lists(&api).last(), Some(&told_of(0, 3)));
}
