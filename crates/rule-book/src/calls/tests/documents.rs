//! Modes, routes, settings and whole rulebooks as they are read and written.

use super::{api, rule};
use serde_json::{Value, json};

#[test]
fn lists_go_on_where_a_page_ended() {
    let api = api();
    let first = api.get("rules?limit=1");
    assert_eq!(
        (&first["items"][0]["id"], &first["next_cursor"]),
        (&json!("sweep"), &json!("sweep"))
    );
    let second = api.get("rules?limit=1&cursor=sweep");
    assert_eq!(
        (&second["items"][0]["id"], &second["next_cursor"]),
        (&json!("around"), &Value::Null)
    );
    api.put(
        "rules/sweep/modes/default",
        &json!({"mode": "off", "reason": "r"}),
    );
    let newest = api.get("audit?limit=1");
    assert_eq!(
        (&newest["items"][0]["seq"], &newest["next_cursor"]),
        (&json!(2), &json!("2"))
    );
    let oldest = api.get("audit?limit=1&cursor=2");
    assert_eq!(
        (&oldest["items"][0]["seq"], &oldest["next_cursor"]),
        (&json!(1), &Value::Null)
    );
}

#[test]
fn a_mode_says_who_set_it_why_and_until_when() {
    let api = api();
    let body = json!({"mode": "enforce", "percent": 12.5, "reason": " seen enough ", "force": true, "expires": "2020-07-05T21:00:00+01:00"});
    let (status, set) = api.put("rules/sweep/modes/library", &body);
    assert_eq!(status, 201);
    let expected = json!({
        "rule": "sweep", "route": "library", "mode": "enforce", "percent": 12.5,
        "expires": "2020-07-05T20:00:00.000Z", "expired": false,
        "time": "2020-07-05T19:01:00.000Z", "actor": "ops", "reason": "seen enough",
        "since_revision": 2, "stage": null, "revision": 2, "changed": true,
        "guard": {"state": "watching", "since": "2020-07-05T19:01:00.000Z", "denied_clients": 0, "denied_healthy": 0, "denied_unhealthy": 0, "denied_unknown": 0, "pasts_evicted": 0,
            "harm": {"enforced": {"pulls": 0, "bad": 0, "clients": 0, "bad_clients": 0},
                     "held_out": {"pulls": 0, "bad": 0, "clients": 0, "bad_clients": 0}},
            "cohorts": [], "text": null},
    });
    assert_eq!(set, expected);
    let (status, again) = api.put("rules/sweep/modes/library", &body);
    assert_eq!(
        (status, &again["changed"], &again["revision"]),
        (200, &json!(false), &json!(2))
    );
    assert_eq!(api.get("rules/sweep")["modes"][0]["percent"], 12.5);
    assert_eq!(api.get("rules/sweep/modes/library")["reason"], "seen enough");
    assert_eq!(api.get("rules/around/modes")["items"], json!([]));
    let (_, unset) = api.call("DELETE", "rules/sweep/modes/library", "", None).unwrap();
    assert_eq!(
        (&unset["mode"], &unset["revision"]),
        (&json!("monitor"), &json!(3))
    );
}

#[test]
fn a_route_is_written_whole_and_takes_its_modes_with_it() {
    let api = api();
    let (status, made) = api.put("routes/ecr", &json!({"host": "ecr.example", "observe": 0.25}));
    assert_eq!(
        (status, &made["repository"], &made["detour"]),
        (201, &json!("**"), &Value::Null)
    );
    let (_, again) = api.put("routes/ecr", &json!({"host": "ecr.example", "observe": 0.25}));
    assert_eq!(again["changed"], false);
    let (status, narrower) = api.put(
        "routes/ecr",
        &json!({"host": "ecr.example", "repository": "team/*"}),
    );
    assert_eq!(
        (status, &narrower["observe"], &narrower["since_revision"]),
        (200, &json!(0.0), &json!(3))
    );
    api.put(
        "rules/sweep/modes/ecr",
        &json!({"mode": "enforce", "reason": "r", "force": true}),
    );
    let (_, gone) = api.call("DELETE", "routes/ecr", "", None).unwrap();
    assert_eq!((&gone["retired"], &gone["modes"]), (&json!("ecr"), &json!(1)));
    assert_eq!(api.0.document().unwrap().modes, []);
}

#[test]
fn a_route_cannot_lose_the_origin_that_an_enforced_detour_needs() {
    let api = api();
    api.put(
        "rules/around/modes/library",
        &json!({"mode": "enforce", "reason": "cdn is broken", "force": true}),
    );
    let problem = api.refused("PUT", "routes/library", r#"{"repository":"library/**"}"#);
    assert_eq!(
        (problem.status, problem.errors[0].place.as_str()),
        (422, "modes[0].mode")
    );
}

#[test]
fn settings_are_written_whole() {
    let api = api();
    let (_, set) = api.put("settings", &json!({"retry_after_s": 60, "fire_logs": {"IAD": 4}}));
    assert_eq!(
        (&set["retry_after_s"], &set["retention_hours"]),
        (&json!(60), &json!(168))
    );
    assert_eq!(api.get("settings")["fire_logs"]["IAD"], 4);
    assert_eq!(api.0.document().unwrap().settings.retry_after_s, 60);
}

#[test]
fn the_rulebook_of_any_revision_can_be_read() {
    let api = api();
    api.put("rules/late", &rule("not ssl"));
    let count = |path: &str| api.get(path)["rules"].as_array().unwrap().len();
    assert_eq!(
        (
            count("rulebook"),
            count("rulebook?revision=2"),
            count("rulebook?revision=1")
        ),
        (3, 3, 2)
    );
    assert_eq!(
        api.get("rulebook?revision=0")["revision"],
        0,
        "the one that ships"
    );
    assert_eq!(api.refused("GET", "rulebook?revision=3", "").status, 404);
    assert_eq!(
        api.refused("GET", "rulebook?revision=x", "").errors[0].place,
        "query.revision"
    );
}

#[test]
fn a_route_may_have_a_breadth_of_its_own() {
    let api = api();
    let own = json!({"clients": 3, "networks": 1});
    let route = json!({"repository": "internal/**", "anomaly_breadth": own});
    let (_, made) = api.put("routes/internal", &route);
    assert_eq!(made["anomaly_breadth"], own);
    assert_eq!(api.get("rulebook")["schema"], 5);
    let (_, without) = api.put("routes/internal", &json!({"repository": "internal/**"}));
    assert_eq!(
        (&without["changed"], without.get("anomaly_breadth")),
        (&json!(true), None)
    );
    let body = r#"{"repository": "internal/**", "anomaly_breadth": {"clients": 0, "networks": 1}}"#;
    let problem = api.refused("PUT", "routes/internal", body);
    let place = problem.errors[0].place.as_str();
    assert!(place.ends_with("anomaly_breadth.clients"), "{place}");
}
