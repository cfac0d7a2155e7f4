//! The audit log as it is shown, exported and verified.

use super::super::{export_audit, export_begin, verify_audit};
use super::api;
use crate::audit::{AuditItem, Chain};
use serde_json::{Value, json};

#[test]
fn audit_shows_what_was_hashed() {
    let api = api();
    api.put(
        "rules/sweep/modes/default",
        &json!({"mode": "enforce", "percent": 5, "reason": "why \u{fc}", "force": true}),
    );
    let entry = api.0.audit(None, 1).unwrap().remove(0);
    let shown = &api.get("audit")["items"][0];
    assert_eq!(
        shown["after"].to_string().len(),
        entry.after.as_deref().unwrap().len()
    );
    assert_eq!(
        shown["after"],
        json!({"rule": "sweep", "route": "default", "mode": "enforce", "percent": 5.0, "guard": 2, "forced": true})
    );
    assert_eq!(
        (&shown["before"], &shown["previous"]),
        (&Value::Null, &json!(entry.previous))
    );
    assert_eq!(
        (&shown["reason"], &shown["target"]),
        (&json!("why \u{fc}"), &json!("rules/sweep/modes/default"))
    );
}

#[test]
fn the_log_is_exported_oldest_first_and_verified_in_steps() {
    let api = api();
    for at in 0..3 {
        let reason = json!({"mode": "enforce", "percent": 5 + at, "reason": "seen enough", "force": true});
        api.put("rules/sweep/modes/library", &reason);
    }
    let exported = export_audit(&api.0, 0).unwrap();
    let lines: Vec<&str> = exported.lines.lines().collect();
    assert_eq!((lines.len(), exported.after), (4, Some(4)));
    let mut offline = Chain::default();
    for line in &lines {
        let item = AuditItem::read(line).unwrap();
        assert!(offline.push(&item.try_into().unwrap()), "{line}");
    }
    assert_eq!(export_audit(&api.0, 2).unwrap().lines.lines().count(), 2);
    assert_eq!(export_audit(&api.0, 4).unwrap().after, None);
    let (chain, is_done) = verify_audit(&api.0, Chain::default()).unwrap();
    assert!(!is_done && !chain.is_broken());
    let (chain, is_done) = verify_audit(&api.0, chain).unwrap();
    assert!(is_done);
    assert_eq!(chain.report(), offline.report());
}

#[test]
fn an_export_is_asked_for_by_its_format() {
    #[track_caller]
    fn case(query: &str, expected: Result<Option<u64>, &str>) {
        let begin = export_begin(query);
        match expected {
            Ok(expected) => assert_eq!(begin, Ok(expected)),
            Err(place) => assert_eq!(begin.unwrap_err().errors[0].place, place),
        }
    }
    case("", Ok(None));
    case("format=json&limit=2", Ok(None));
    case("format=ndjson", Ok(Some(0)));
    case("format=ndjson&after=7", Ok(Some(7)));
    case("format=ndjson&after=x", Err("query.after"));
    case("format=ndjson&limit=2", Err("query.limit"));
    case("format=csv", Err("query.format"));
    assert!(api().call("GET", "audit?format=json&limit=1", "", None).is_ok());
}
