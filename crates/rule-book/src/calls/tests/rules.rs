//! Rules: their versions, and what becomes of one that is retired.

use super::{api, rule};
use serde_json::{Value, json};

#[test]
fn a_new_rule_is_in_monitor_and_comes_last() {
    let api = api();
    let (status, made) = api.put("rules/late", &rule("not ssl"));
    assert_eq!(status, 201);
    assert_eq!(
        (
            &made["version"],
            &made["default_mode"],
            &made["revision"],
            &made["changed"]
        ),
        (&json!(1), &json!("monitor"), &json!(2), &json!(true))
    );
    assert_eq!(
        (&made["actor"], &made["time"]),
        (&json!("ops"), &json!("2020-07-05T19:01:00.000Z"))
    );
    let list = api.get("rules");
    let ids: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["sweep", "around", "late"]);
    assert_eq!(list["next_cursor"], Value::Null);
}

#[test]
fn the_same_content_makes_no_version_and_other_content_does() {
    let api = api();
    api.put("rules/late", &rule("not ssl"));
    let (status, same) = api.put("rules/late", &rule("not ssl"));
    assert_eq!(
        (status, &same["version"], &same["changed"]),
        (200, &json!(1), &json!(false))
    );
    assert_eq!(api.0.audit(None, 10).unwrap().len(), 2);
    let (status, next) = api.put("rules/late", &rule("ssl"));
    assert_eq!(
        (status, &next["version"], &next["revision"]),
        (200, &json!(2), &json!(3))
    );
    let versions = api.get("rules/late/versions");
    assert_eq!(versions["items"][0]["version"], 2);
    assert_eq!(versions["items"][1]["until_revision"], 3);
}

#[test]
fn a_retired_rule_keeps_its_history_and_its_number_goes_on() {
    let api = api();
    let reason = json!({"mode": "enforce", "reason": "seen enough", "force": true});
    api.put("rules/sweep/modes/library", &reason);
    let (_, gone) = api
        .call("DELETE", "rules/sweep?reason=no%20use", "", None)
        .unwrap();
    assert_eq!((&gone["retired"], &gone["modes"]), (&json!("sweep"), &json!(1)));
    assert_eq!(api.refused("GET", "rules/sweep", "").status, 404);
    assert_eq!(api.get("modes")["items"], json!([]));
    assert_eq!(api.get("rules/sweep/versions")["items"][0]["version"], 1);
    let entry = &api.get("audit?limit=1")["items"][0];
    assert_eq!(
        (&entry["action"], &entry["reason"]),
        (&json!("rule.delete"), &json!("no use"))
    );
    assert_eq!(entry["before"]["modes"][0]["route"], "library");
    let (status, back) = api.put("rules/sweep", &rule("ssl"));
    assert_eq!(
        (status, &back["version"], &back["modes"]),
        (201, &json!(2), &json!([]))
    );
}

#[test]
fn a_rule_that_does_not_compile_is_refused_with_the_marked_line() {
    let problem = api().refused(
        "PUT",
        "rules/sweep",
        &rule("ssl and http.hots eq \"a\"").to_string(),
    );
    assert_eq!((problem.status, problem.errors.len()), (422, 1));
    let place = &problem.errors[0];
    assert_eq!((place.place.as_str(), place.offset), ("body.expression", Some(8)));
    let excerpt = place.excerpt.as_deref().unwrap();
    assert!(excerpt.ends_with("\n        ^^^^^^^^^"), "{excerpt}");
}
