//! Schedules and the one call that take enforcement back.

use super::super::{advance, next_change_ms};
use super::{NOW, api, staged};
use serde_json::{Value, json};

#[test]
fn a_schedule_goes_on_by_itself_where_no_guard_watches() {
    let api = api();
    let (_, set) = api.put("rules/sweep/modes/default", &staged("off"));
    assert_eq!(
        (&set["percent"], &set["stage"]["next"]),
        (&json!(1.0), &json!("2020-07-05T19:02:00.000Z"))
    );
    assert_eq!(set["stage"]["steps"][1], json!({"percent": 10.0, "minutes": 0.5}));
    let (_, again) = api.put("rules/sweep/modes/default", &staged("off"));
    assert_eq!(again["changed"], false);
    assert_eq!(next_change_ms(&api.0, NOW + 60_000).unwrap(), Some(NOW + 120_000));
    advance(&api.0, NOW + 119_999).unwrap();
    assert_eq!(api.0.revision().unwrap(), 2);
    advance(&api.0, NOW + 120_000).unwrap();
    advance(&api.0, NOW + 120_000).unwrap();
    let second = api.get("rules/sweep/modes/default");
    assert_eq!(
        (&second["percent"], &second["stage"]["index"], &second["actor"]),
        (&json!(10.0), &json!(1), &json!("schedule"))
    );
    assert_eq!(
        next_change_ms(&api.0, NOW + 120_000).unwrap(),
        Some(NOW + 150_000)
    );
    advance(&api.0, NOW + 600_000).unwrap();
    assert_eq!(api.get("rules/sweep/modes/default")["percent"], 100.0);
    assert_eq!(next_change_ms(&api.0, NOW + 600_000).unwrap(), None);
    let entries = api.get("audit");
    let actions: Vec<&str> = entries["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["mode.stage", "mode.stage", "mode.put", "seed"]);
    assert_eq!(api.0.document_at(2).unwrap().unwrap().schema, 2);
    assert_eq!(
        api.0.document_at(1).unwrap().unwrap().schema,
        1,
        "older builds read what has no stages"
    );
}

#[test]
fn a_step_waits_for_its_guard() {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    advance(&api.0, NOW + 600_000).unwrap();
    assert_eq!(api.get("rules/sweep/modes/default")["percent"], 1.0);
    assert_eq!(next_change_ms(&api.0, NOW + 600_000).unwrap(), None);
}

#[test]
fn a_setting_that_expires_is_taken_back_by_the_schedule() {
    let api = api();
    let body = json!({"mode": "off", "reason": "r", "expires": "2020-07-05T20:00:00Z"});
    api.put("rules/sweep/modes/default", &body);
    let over = NOW + 3_600_000;
    assert_eq!(next_change_ms(&api.0, NOW).unwrap(), Some(over));
    advance(&api.0, over).unwrap();
    assert_eq!(api.0.document().unwrap().modes, []);
    let entry = &api.get("audit?limit=1")["items"][0];
    assert_eq!(
        (&entry["action"], &entry["actor"]),
        (&json!("mode.expire"), &json!("schedule"))
    );
}

#[test]
fn panic_off_takes_back_everything_in_one_revision() {
    let api = api();
    let enforce = json!({"mode": "enforce", "reason": "r", "force": true});
    api.put("rules/sweep/modes/default", &enforce);
    api.put("rules/around/modes/library", &enforce);
    api.put(
        "rules/around/modes/default",
        &json!({"mode": "off", "reason": "r"}),
    );
    let everywhere = json!({"description": "", "expression": "ssl", "action": "tag", "default_mode": "enforce", "force": true});
    api.put("rules/late", &everywhere);
    let panic = |body: Value| api.call("POST", "panic-off", &body.to_string(), None).unwrap().1;
    let one = panic(json!({"route": "library", "reason": "pulls fail"}));
    assert_eq!(
        (&one["revision"], one["modes"].as_array().unwrap().len()),
        (&json!(6), 2)
    );
    assert_eq!(api.get("rules/sweep/modes/default")["mode"], "enforce");
    let all = panic(json!({"reason": "pulls fail"}));
    assert_eq!((&all["revision"], &all["changed"]), (&json!(7), &json!(true)));
    assert_eq!(api.get("rules/sweep/modes/default")["mode"], "monitor");
    assert_eq!(
        api.get("rules/around/modes/default")["mode"],
        "off",
        "only what is enforced"
    );
    assert_eq!(panic(json!({"reason": "again"}))["changed"], false);
    let entry = &api.get("audit?limit=1")["items"][0];
    assert_eq!(
        (&entry["action"], &entry["target"], &entry["reason"]),
        (&json!("panic-off"), &json!("modes"), &json!("pulls fail"))
    );
    assert_eq!(
        api.refused("POST", "panic-off", r#"{"route":"none","reason":"r"}"#)
            .status,
        404
    );
    assert_eq!(api.refused("POST", "panic-off", "{}").status, 400);
}
