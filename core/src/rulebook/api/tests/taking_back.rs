//! Schedules, guards and the one call that take enforcement back.

use super::super::{advance, next_change_ms, take_report};
use super::{NOW, api, staged};
use crate::guard::{Arm, Cohort, CohortCounts, Counts, Report, WatchReport};
use crate::user_agent::Family;
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

fn reported(guard: u64, enforced: (u32, u32), held_out: (u32, u32)) -> Report {
    let arm = |(clients, healthy)| Arm {
        clients,
        healthy,
        ..Arm::default()
    };
    let counts = Counts {
        enforced: arm(enforced),
        held_out: arm(held_out),
        ..Counts::default()
    };
    let cohort = Cohort {
        family: Some(Family::Skopeo),
        os: String::new(),
    };
    let watch = WatchReport {
        rule: "sweep".into(),
        route: "default".into(),
        guard,
        cohorts: vec![CohortCounts { cohort, counts }],
        evidence: vec!["01M850MDRGD6ZQ9TZR58000002".into()],
    };
    Report {
        source: "fl1-FRA-0".into(),
        watches: vec![watch],
    }
}

#[test]
fn a_step_goes_on_when_its_guard_lets_it_pass() {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    take_report(&api.0, &reported(2, (5, 0), (0, 0)), NOW + 70_000).unwrap();
    advance(&api.0, NOW + 130_000).unwrap();
    let held = api.get("rules/sweep/modes/default");
    assert_eq!(
        (&held["percent"], &held["guard"]["denied_clients"]),
        (&json!(1.0), &json!(5))
    );
    let taken = take_report(&api.0, &reported(2, (5, 0), (30, 0)), NOW + 130_000).unwrap();
    assert_eq!(
        (taken.heard.again_ms, taken.demoted, taken.is_due),
        (10_000, vec![], true)
    );
    advance(&api.0, NOW + 130_000).unwrap();
    let next = api.get("rules/sweep/modes/default");
    assert_eq!(
        (
            &next["percent"],
            &next["guard"]["denied_clients"],
            &next["guard"]["state"]
        ),
        (&json!(10.0), &json!(0), &json!("watching"))
    );
    take_report(&api.0, &reported(2, (5, 5), (300, 300)), NOW + 140_000).unwrap();
    advance(&api.0, NOW + 140_000).unwrap();
    assert_eq!(
        api.get("rules/sweep/modes/default")["mode"],
        "enforce",
        "a report for a guard that is over"
    );
    let items = api.get("guards");
    assert_eq!(
        (&items["items"][0]["rule"], &items["items"][0]["state"]),
        (&json!("sweep"), &json!("watching"))
    );
}

#[test]
fn what_harms_is_taken_back_in_the_name_of_the_guard() {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    let harm = take_report(&api.0, &reported(2, (3, 3), (40, 38)), NOW + 70_000)
        .unwrap()
        .demoted;
    assert_eq!(
        (harm.len(), harm[0].healthy, harm[0].cohort.family),
        (1, 41, Some(Family::Skopeo))
    );
    advance(&api.0, NOW + 70_000).unwrap();
    let mode = api.get("rules/sweep/modes/default");
    assert_eq!(
        (
            &mode["mode"],
            &mode["percent"],
            &mode["actor"],
            &mode["guard"]["state"]
        ),
        (
            &json!("monitor"),
            &Value::Null,
            &json!("guard"),
            &json!("demoted")
        )
    );
    assert_eq!(mode["guard"]["denied_healthy"], 3);
    let entry = &api.get("audit?limit=1")["items"][0];
    assert_eq!(
        (&entry["action"], &entry["actor"]),
        (&json!("mode.demote"), &json!("guard"))
    );
    assert!(
        entry["reason"]
            .as_str()
            .unwrap()
            .contains("skopeo that it fires on pull cleanly"),
        "{entry}"
    );
    assert!(
        entry["reason"]
            .as_str()
            .unwrap()
            .ends_with("for instance 01M850MDRGD6ZQ9TZR58000002"),
        "{entry}"
    );
    advance(&api.0, NOW + 80_000).unwrap();
    assert_eq!(api.0.revision().unwrap(), 3, "once");
    api.put("rules/sweep/modes/default", &staged("watch"));
    let again = api.get("rules/sweep/modes/default");
    assert_eq!(
        (&again["mode"], &again["guard"]["state"]),
        (&json!("enforce"), &json!("watching"))
    );
}
