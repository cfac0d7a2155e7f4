//! Enforcements that wait for a second person.

use super::{Api, NOW, api};
use crate::preview_freshness::{Healthy, Stamp};
use crate::preview_plan::PreviewPlan;
use crate::{advance, next_alarm_ms};
use blobwatch_wire::{ApiRequest, Problem};
use serde_json::{Value, json};

const SET: &str = "rules/sweep/modes/default";

/// A preview of `sweep` that hits so many of a hundred clients that pull cleanly.
fn previewed(api: &Api, id: &str, healthy: Option<u64>) {
    let book = api.0.document().unwrap();
    let rule = book.rules.iter().find(|rule| rule.id == "sweep").unwrap().clone();
    let plan = PreviewPlan::new(&book, rule, "default", NOW + 60_000);
    let stamp = Stamp {
        healthy: healthy.map(|hit| Healthy { clients: 100, hit }),
        ..Stamp::of(id, &plan, NOW + 60_000, Vec::new())
    };
    api.0.keep_preview(&stamp, NOW + 60_000).unwrap();
}

fn by(api: &Api, actor: &str, method: &str, path: &str, body: &Value) -> Result<(u16, Value), Problem> {
    let body = body.to_string();
    let call = ApiRequest {
        method,
        path,
        query: "",
        body: &body,
        if_match: None,
        actor,
        now_ms: NOW + 60_000,
    };
    let reply = super::answer(&api.0, &call)?;
    Ok((reply.status, serde_json::from_str(&reply.body).unwrap()))
}

/// An enforcement by `ops`, and the status of the answer.
fn enforced(api: &Api, body: &Value) -> (u16, Value) {
    let mut body = body.clone();
    body["mode"] = json!("enforce");
    body["reason"] = json!("too many pulls");
    by(api, "ops", "PUT", SET, &body).unwrap()
}

fn with_second_person(above: f64) -> Api {
    let api = api();
    api.put("second-person", &json!({"above": above}));
    api
}

fn decision(waiting: &Value) -> Value {
    json!({"id": waiting["pending"]["id"], "reason": "seen"})
}

#[test]
fn what_would_hit_many_healthy_clients_waits_for_another_person() {
    let api = with_second_person(5.0);
    previewed(&api, "pv-1", Some(6));
    let revision = api.0.revision().unwrap();
    let (status, waiting) = enforced(&api, &json!({"preview": "pv-1"}));
    assert_eq!((status, &waiting["changed"]), (202, &json!(false)));
    assert_eq!(
        waiting["pending"]["sentence"],
        "ops wants to enforce \"sweep\" on the route \"default\" for 100 % of the clients: 6 of 100 clients that pull \
         cleanly match"
    );
    assert_eq!(api.0.revision().unwrap(), revision);
    assert!(api.0.document().unwrap().modes.is_empty());
    assert_eq!(api.get("pending")["items"][0], waiting["pending"]);

    let approve = format!("{SET}/approve");
    let own = by(&api, "ops", "POST", &approve, &decision(&waiting)).unwrap_err();
    assert_eq!(own.status, 403, "{own:?}");
    let other = json!({"id": "pm-1"});
    assert_eq!(
        by(&api, "olga", "POST", &approve, &other).unwrap_err().status,
        404
    );
    let (status, made) = by(&api, "olga", "POST", &approve, &decision(&waiting)).unwrap();
    assert_eq!((status, &made["mode"]), (201, &json!("enforce")));
    assert_eq!(made["reason"], "too many pulls");
    assert_eq!(api.get("pending")["items"], json!([]));
    let audit = api.get("audit?limit=3");
    let told = |at: usize| {
        let entry = &audit["items"][at];
        (entry["action"].clone(), entry["actor"].clone())
    };
    assert_eq!(told(0), (json!("mode.put"), json!("olga")));
    assert_eq!(audit["items"][0]["after"]["proposed_by"], "ops");
    assert_eq!(told(1), (json!("mode.propose"), json!("ops")));
    assert_eq!(told(2), (json!("second-person.put"), json!("ops")));
    assert_eq!(
        by(&api, "olga", "POST", &approve, &decision(&waiting))
            .unwrap_err()
            .status,
        404,
        "once"
    );
}

#[test]
fn what_hits_few_or_takes_back_never_waits() {
    let api = with_second_person(5.0);
    previewed(&api, "pv-few", Some(5));
    assert_eq!(enforced(&api, &json!({"preview": "pv-few"})).0, 201);
    let monitor = json!({"mode": "monitor", "reason": "r"});
    assert_eq!(by(&api, "ops", "PUT", SET, &monitor).unwrap().0, 200);
    previewed(&api, "pv-many", Some(40));
    // A part of the clients is hit: 40 % of 10 %.
    assert_eq!(
        enforced(&api, &json!({"preview": "pv-many", "percent": 10})).0,
        200
    );
    let stop = json!({"reason": "r"});
    assert_eq!(by(&api, "ops", "POST", "panic-off", &stop).unwrap().0, 200);
    let steps = json!({"preview": "pv-many", "stages": [{"percent": 1, "minutes": 1}, {"percent": 100}]});
    assert_eq!(enforced(&api, &steps).0, 202, "by its last stage");
    api.put(
        "rules/seen",
        &json!({"description": "", "expression": "ssl", "action": "tag"}),
    );
    let tag = json!({"mode": "enforce", "reason": "r", "force": true});
    let tagged = by(&api, "ops", "PUT", "rules/seen/modes/default", &tag).unwrap();
    assert_eq!(tagged.0, 201, "nobody notices a tag");
}

#[test]
fn what_nobody_has_previewed_waits_too() {
    let api = with_second_person(5.0);
    let (status, waiting) = enforced(&api, &json!({"force": true}));
    assert_eq!((status, &waiting["pending"]["healthy"]), (202, &Value::Null));
    let again = json!({"mode": "enforce", "force": true, "reason": "r"});
    assert_eq!(
        by(&api, "eve", "PUT", SET, &again).unwrap_err().status,
        409,
        "one waits"
    );
    let decline = format!("{SET}/decline");
    let (_, declined) = by(&api, "ops", "POST", &decline, &decision(&waiting)).unwrap();
    assert_eq!(declined["id"], waiting["pending"]["id"]);
    previewed(&api, "pv-old", None);
    assert_eq!(
        enforced(&api, &json!({"preview": "pv-old"})).0,
        202,
        "of an earlier build"
    );
    let monitor = json!({"mode": "monitor", "reason": "r"});
    by(&api, "olga", "PUT", SET, &monitor).unwrap();
    assert_eq!(
        api.get("pending")["items"],
        json!([]),
        "the mode was set otherwise"
    );
    assert_eq!(api.get("audit?limit=1")["items"][0]["action"], "mode.decline");
}

#[test]
fn no_other_way_leads_round_the_second_person() {
    let api = with_second_person(5.0);
    let refused = |method: &str, path: &str, body: Value| {
        let problem = by(&api, "ops", method, path, &body).unwrap_err();
        assert!(
            problem.kind.ends_with("second-person-needed"),
            "{path}: {problem:?}"
        );
    };
    let everywhere = json!({"description": "", "expression": "ssl", "action": "block", "default_mode": "enforce", "force": true});
    refused("PUT", "rules/late", everywhere);
    let book = api.get("rulebook");
    let mut pushed = book.clone();
    pushed["modes"] = json!([{"rule": "sweep", "route": "default", "mode": "enforce", "force": true}]);
    let call = |text: &str| {
        let revision = format!("\"{}\"", book["revision"]);
        api.call("PUT", "rulebook?reason=r", text, Some(&revision))
    };
    let problem = call(&pushed.to_string()).unwrap_err();
    assert!(problem.kind.ends_with("second-person-needed"), "{problem:?}");
    pushed["modes"][0]["mode"] = json!("monitor");
    call(&pushed.to_string()).unwrap();
}

#[test]
fn one_that_nobody_decides_lapses_after_an_hour() {
    let api = with_second_person(5.0);
    let (_, waiting) = enforced(&api, &json!({"force": true}));
    let end = NOW + 60_000 + 3_600_000;
    assert_eq!(
        next_alarm_ms(&api.0, NOW + 60_000 + 1)
            .unwrap()
            .map(|at| at <= end),
        Some(true)
    );
    advance(&api.0, end - 1).unwrap();
    assert_eq!(api.get("pending")["items"].as_array().unwrap().len(), 1);
    advance(&api.0, end).unwrap();
    let newest = &api.get("audit?limit=1")["items"][0];
    assert_eq!(
        (&newest["action"], &newest["actor"]),
        (&json!("mode.lapse"), &json!("schedule"))
    );
    assert_eq!(newest["before"]["id"], waiting["pending"]["id"]);
    assert_eq!(api.get("pending")["items"], json!([]));
}

#[test]
fn another_version_of_the_rule_is_another_rule() {
    let api = with_second_person(0.0);
    let (_, waiting) = enforced(&api, &json!({"force": true}));
    api.put(
        "rules/sweep",
        &json!({"description": "d", "expression": "not ssl", "action": "block"}),
    );
    let problem = by(
        &api,
        "olga",
        "POST",
        &format!("{SET}/approve"),
        &decision(&waiting),
    )
    .unwrap_err();
    assert!(problem.kind.ends_with("rule-changed"), "{problem:?}");
    assert!(api.0.document().unwrap().modes.is_empty());
}

#[test]
fn the_share_is_a_percentage_or_none() {
    let api = api();
    assert_eq!(api.get("second-person"), json!({"above": null}));
    for body in ["{}", r#"{"above":100}"#, r#"{"above":-1}"#, r#"{"above":"5"}"#] {
        let problem = api.refused("PUT", "second-person", body);
        assert!(matches!(problem.status, 400 | 422), "{problem:?}");
    }
    api.put("second-person", &json!({"above": 2.5}));
    assert_eq!(api.get("second-person"), json!({"above": 2.5}));
    api.put("second-person", &json!({"above": null}));
    previewed(&api, "pv-1", Some(90));
    assert_eq!(enforced(&api, &json!({"preview": "pv-1"})).0, 201);
}
