//! What lets enforcement begin or grow.

use super::{Api, NOW, api};
use serde_json::{Value, json};

#[test]
fn enforcement_begins_or_grows_with_a_preview_or_by_force() {
    let api = api();
    let path = "rules/sweep/modes/default";
    let set = |body: Value| api.call("PUT", path, &body.to_string(), None);
    let needed = |body: Value| {
        let problem = api.refused("PUT", path, &body.to_string());
        assert_eq!(
            (problem.status, problem.errors[0].place.as_str()),
            (409, "body.preview")
        );
        assert!(problem.kind.ends_with("preview-needed"), "{problem:?}");
    };
    needed(json!({"mode": "enforce", "percent": 5, "reason": "r"}));
    needed(json!({"mode": "enforce", "percent": 5, "reason": "r", "preview": "pv-unknown"}));
    set(json!({"mode": "enforce", "percent": 5, "reason": "r", "force": true})).unwrap();
    needed(json!({"mode": "enforce", "percent": 6, "reason": "r"}));
    needed(
        json!({"mode": "enforce", "reason": "r", "stages": [{"percent": 1, "minutes": 1}, {"percent": 100}]}),
    );
    set(json!({"mode": "enforce", "percent": 4, "reason": "less is always allowed"})).unwrap();
    set(json!({"mode": "monitor", "reason": "r"})).unwrap();
    set(json!({"mode": "off", "reason": "r"})).unwrap();
    needed(json!({"mode": "enforce", "percent": 4, "reason": "it was let go"}));
}

/// A preview of the rule as it is now, done when the calls are made.
pub(super) fn previewed(api: &Api, id: &str, rule: &str, route: &str) {
    let book = api.0.document().unwrap();
    let candidate = book.rules.iter().find(|known| known.id == rule).unwrap().clone();
    let plan = crate::preview_plan::PreviewPlan::new(&book, candidate, route, NOW + 60_000);
    let stamp = crate::preview_freshness::Stamp::of(id, &plan, NOW + 60_000, Vec::new());
    api.0.keep_preview(&stamp, NOW + 60_000).unwrap();
}

#[test]
fn a_fresh_preview_lets_enforcement_begin_and_the_audit_log_names_it() {
    let api = api();
    previewed(&api, "pv-1", "sweep", "default");
    let enforce = json!({"mode": "enforce", "percent": 5, "reason": "r", "preview": "pv-1"});
    let elsewhere = api.refused("PUT", "rules/sweep/modes/library", &enforce.to_string());
    assert!(
        elsewhere.detail.contains("was made for the route \"default\""),
        "{elsewhere:?}"
    );
    api.put("rules/sweep/modes/default", &enforce);
    let entry = &api.get("audit?limit=1")["items"][0];
    assert_eq!(entry["after"]["preview"], "pv-1");
    let more = json!({"mode": "enforce", "percent": 50, "reason": "r", "preview": "pv-1"});
    api.put("rules/sweep/modes/default", &more);
    let other = json!({"description": "d", "expression": "not ssl", "action": "block", "force": true});
    api.put("rules/sweep", &other);
    let all = json!({"mode": "enforce", "reason": "r", "preview": "pv-1"});
    let stale = api.refused("PUT", "rules/sweep/modes/default", &all.to_string());
    assert_eq!(
        (stale.status, stale.errors[0].place.as_str()),
        (409, "body.preview")
    );
    assert!(stale.detail.contains("version 1"), "{stale:?}");
}

#[test]
fn a_version_that_nobody_has_seen_is_not_enforced_by_being_written() {
    let api = api();
    let enforce = json!({"mode": "enforce", "reason": "r", "force": true});
    api.put("rules/sweep/modes/default", &enforce);
    let other = json!({"description": "d", "expression": "not ssl", "action": "block"});
    let problem = api.refused("PUT", "rules/sweep", &other.to_string());
    assert_eq!(
        (problem.status, problem.errors[0].place.as_str()),
        (409, "body.expression")
    );
    let described = json!({"description": "other words", "expression": "ssl", "action": "block"});
    api.put("rules/sweep", &described);
    assert_eq!(
        api.0.document().unwrap().modes[0].guard,
        Some(2),
        "the same guard goes on"
    );
    let mut forced = other;
    forced["force"] = json!(true);
    api.put("rules/sweep", &forced);
    assert_eq!(api.0.document().unwrap().modes[0].guard, Some(4), "watched anew");
    let everywhere =
        json!({"description": "", "expression": "ssl", "action": "block", "default_mode": "enforce"});
    let problem = api.refused("PUT", "rules/late", &everywhere.to_string());
    assert_eq!(
        (problem.status, problem.errors[0].place.as_str()),
        (409, "body.default_mode")
    );
}
