use serde_json::{Value, json};

use super::{
    Call, MAX_BODY, advance, answer, export_audit, export_begin, next_change_ms, take_report, verify_audit,
};
use crate::audit::{AuditItem, Chain};
use crate::guard::{Arm, Cohort, CohortCounts, Counts, Report, WatchReport};
use crate::problem::Problem;
use crate::rulebook::{MAX_DOCUMENT, Rulebook, STARTER};
use crate::store::Native;
use crate::store::rule_book::RuleBookStore;
use crate::user_agent::Family;

const NOW: u64 = 1_593_975_600_000;

fn store() -> RuleBookStore<Native> {
    let starter = r#"{"schema":1,"revision":0,
        "routes":[{"name":"default"},{"name":"library","repository":"library/**","detour":"https://bucket.example"}],
        "rules":[{"id":"sweep","version":1,"description":"d","expression":"ssl","action":"block"},
                 {"id":"around","version":1,"expression":"ssl","action":"detour"}],
        "modes":[]}"#;
    RuleBookStore::open(
        Native::in_memory().unwrap(),
        &Rulebook::from_json(starter).unwrap(),
        NOW,
    )
    .unwrap()
}

struct Api(RuleBookStore<Native>);

impl Api {
    fn call(
        &self,
        method: &str,
        path: &str,
        body: &str,
        if_match: Option<&str>,
    ) -> Result<(u16, Value), Problem> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let call = Call {
            method,
            path,
            query,
            body,
            if_match,
            actor: "ops",
            now_ms: NOW + 60_000,
        };
        let reply = answer(&self.0, &call)?;
        assert_eq!(reply.revision, self.0.revision().unwrap());
        Ok((reply.status, serde_json::from_str(&reply.body).unwrap()))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, "", None).unwrap();
        assert_eq!(status, 200);
        body
    }

    #[track_caller]
    fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call("PUT", path, &body.to_string(), None).unwrap()
    }

    /// A call that is refused writes nothing.
    #[track_caller]
    fn refused(&self, method: &str, path: &str, body: &str) -> Problem {
        let before = (self.0.document().unwrap(), self.0.audit(None, 1_000).unwrap());
        let problem = self.call(method, path, body, None).unwrap_err();
        assert_eq!(
            (self.0.document().unwrap(), self.0.audit(None, 1_000).unwrap()),
            before
        );
        problem
    }
}

fn api() -> Api {
    Api(store())
}

fn rule(expression: &str) -> Value {
    json!({"description": "new", "expression": expression, "action": "throttle"})
}

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

#[test]
fn a_body_of_another_form_names_the_field() {
    #[track_caller]
    fn case(path: &str, body: &str, status: u16, place: &str, message: &str) {
        let problem = api().refused("PUT", path, body);
        let found: Vec<_> = problem
            .errors
            .iter()
            .map(|e| (e.place.as_str(), e.message.as_str()))
            .collect();
        assert_eq!(problem.status, status, "{found:?}");
        assert!(
            found.iter().any(|(p, m)| *p == place && m.contains(message)),
            "{found:?}"
        );
    }
    let rule = |more: &str| format!(r#"{{"description":"","expression":"ssl","action":"block"{more}}}"#);
    case("rules/a", "", 400, "body", "EOF");
    case("rules/a", "[]", 400, "body", "expected an object");
    case(
        "rules/a",
        &rule(r#","expresion":"""#),
        400,
        "body.expresion",
        "unknown field `expresion`",
    );
    case(
        "rules/a",
        &rule(r#","action":"tag""#),
        400,
        "body.action",
        "duplicate field `action`",
    );
    case(
        "rules/a",
        r#"{"expression":"ssl","action":"block"}"#,
        400,
        "body",
        "missing field `description`",
    );
    case(
        "rules/a",
        &rule(r#","default_mode":"on""#),
        400,
        "body.default_mode",
        "unknown variant `on`",
    );
    case(
        "rules/a",
        &rule(r#","volume":{"by":"asn","requests":-1,"seconds":1}"#),
        400,
        "body.volume.requests",
        "u32",
    );
    case(
        "rules/a",
        &rule(r#","volume":{"by":"asn","requests":0,"seconds":1}"#),
        422,
        "body.volume.requests",
        "1 to",
    );
    case(
        "rules/a",
        r#"{"description":"","expression":"ssl","action":"none"}"#,
        422,
        "body.action",
        "expected tag",
    );
    case("rules/A%20b", &rule(""), 400, "path.rule", "expected a letter");
    case("routes/x", r#"{"host":"A:1"}"#, 422, "body.host", "lower case");
    case("routes/x", r#"{"observe":2}"#, 422, "body.observe", "0 to 1");
    case(
        "routes/x",
        r#"{"reposotory":"a"}"#,
        400,
        "body.reposotory",
        "unknown field",
    );
    case(
        "routes/default",
        r#"{"host":"a.example"}"#,
        422,
        "body.repository",
        "takes what no other does",
    );
    case(
        "settings",
        r#"{"retention_hours":0}"#,
        422,
        "body.retention_hours",
        "expected 1",
    );
    let mode = |more: &str| format!(r#"{{"mode":"enforce","reason":"why","force":true{more}}}"#);
    case(
        "rules/sweep/modes/default",
        r#"{"mode":"enforce"}"#,
        400,
        "body",
        "missing field `reason`",
    );
    case(
        "rules/sweep/modes/default",
        r#"{"mode":"enforce","reason":" "}"#,
        422,
        "body.reason",
        "1 to 1000 bytes",
    );
    case(
        "rules/sweep/modes/default",
        &mode(r#","percent":0"#),
        422,
        "body.percent",
        "above 0",
    );
    case(
        "rules/sweep/modes/default",
        &mode(r#","percent":101"#),
        422,
        "body.percent",
        "above 0",
    );
    case(
        "rules/sweep/modes/default",
        r#"{"mode":"monitor","reason":"r","percent":5}"#,
        422,
        "body.percent",
        "only the mode enforce",
    );
    case(
        "rules/sweep/modes/default",
        &mode(r#","expires":"tomorrow""#),
        422,
        "body.expires",
        "a time such as",
    );
    case(
        "rules/sweep/modes/default",
        &mode(r#","expires":"2020-07-05T19:01:00Z""#),
        422,
        "body.expires",
        "in the future",
    );
    case(
        "rules/sweep/modes/default",
        &mode(r#","previw":"p1""#),
        400,
        "body.previw",
        "unknown field `previw`",
    );
    case(
        "rules/around/modes/default",
        &mode(""),
        422,
        "body.mode",
        "no detour origin",
    );
    case(
        "rules/sweep/modes/default?reason=",
        &mode(""),
        422,
        "query.reason",
        "1 to 1000",
    );
}

#[test]
fn what_is_not_there_is_404_and_what_nothing_does_is_405() {
    #[track_caller]
    fn case(method: &str, path: &str, body: &str, status: u16) {
        assert_eq!(
            api().refused(method, path, body).status,
            status,
            "{method} {path}"
        );
    }
    let mode = r#"{"mode":"off","reason":"r"}"#;
    case("GET", "rules/none", "", 404);
    case("GET", "rules/none/versions", "", 404);
    case("GET", "rules/none/modes", "", 404);
    case("GET", "rules/sweep/modes/default", "", 404);
    case("GET", "routes/none", "", 404);
    case("GET", "nothing", "", 404);
    case("GET", "rules/sweep/", "", 404);
    case("PUT", "nothing", "", 404);
    case("PUT", "rules/none/modes/default", mode, 404);
    case("PUT", "rules/sweep/modes/none", mode, 404);
    case("DELETE", "rules/none", "", 404);
    case("DELETE", "rules/sweep/modes/default", "", 404);
    case("DELETE", "routes/none", "", 404);
    case("DELETE", "routes/default", "", 409);
    case("DELETE", "audit", "", 405);
    case("PUT", "rules", "{}", 405);
    case("POST", "rules", "{}", 405);
    case("PUT", "rules/a", &" ".repeat(MAX_BODY + 1), 413);
}

#[test]
fn unknown_parameters_are_refused_by_name() {
    #[track_caller]
    fn case(method: &str, path: &str, place: &str) {
        let problem = api().refused(method, path, "");
        assert_eq!((problem.status, problem.errors[0].place.as_str()), (400, place));
    }
    case("GET", "rules?colour=red", "query.colour");
    case("GET", "rules?limit=0", "query.limit");
    case("GET", "rules?limit=1001", "query.limit");
    case("GET", "rules?limit=1&limit=2", "query.limit");
    case("GET", "rules?cursor=gone", "query.cursor");
    case("GET", "audit?cursor=x", "query.cursor");
    case("GET", "rules/sweep?limit=1", "query.limit");
    case("DELETE", "rules/sweep?why=x", "query.why");
}

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
        "guard": {"state": "watching", "since": "2020-07-05T19:01:00.000Z", "denied_clients": 0, "denied_healthy": 0,
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
fn a_change_meant_for_another_revision_is_refused() {
    let api = api();
    let body = rule("not ssl").to_string();
    let put = |if_match| api.call("PUT", "rules/late", &body, Some(if_match));
    assert_eq!(put("\"7\"").unwrap_err().status, 412);
    assert_eq!(put("7").unwrap_err().errors[0].place, "header.if-match");
    assert_eq!(api.0.revision().unwrap(), 1);
    assert_eq!(put("\"1\"").unwrap().0, 201);
    assert_eq!(put("*").unwrap().0, 200);
    assert_eq!(
        put("\"1\"").unwrap_err().status,
        412,
        "also when nothing would change"
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
fn a_rulebook_that_would_be_too_large_is_refused() {
    let mut book = Rulebook::from_json(STARTER).unwrap();
    let large = crate::rulebook::Rule {
        description: "x".repeat(1_000),
        ..book.rules[0].clone()
    };
    let id = |at| format!("rule-{at}");
    book.rules = (0..800)
        .map(|at| crate::rulebook::Rule {
            id: id(at),
            ..large.clone()
        })
        .collect();
    let size = serde_json::to_string(&book).unwrap().len();
    assert!(size < MAX_DOCUMENT, "{size}");
    let api = Api(RuleBookStore::open(Native::in_memory().unwrap(), &book, NOW).unwrap());
    let long = format!("http.host in {{{}}}", "\"a.example\" ".repeat(330));
    let mut refused = None;
    for at in 800..1_000 {
        match api.call(
            "PUT",
            &format!("rules/{}", id(at)),
            &rule(&long).to_string(),
            None,
        ) {
            Ok(_) => {}
            Err(problem) => {
                refused = Some(problem);
                break;
            }
        }
    }
    let problem = refused.unwrap();
    assert_eq!(
        (problem.status, problem.errors[0].place.as_str()),
        (422, "rulebook")
    );
    assert!(serde_json::to_string(&api.0.document().unwrap()).unwrap().len() <= MAX_DOCUMENT);
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
fn previewed(api: &Api, id: &str, rule: &str, route: &str) {
    let book = api.0.document().unwrap();
    let candidate = book.rules.iter().find(|known| known.id == rule).unwrap().clone();
    let plan = crate::preview::Plan::new(&book, candidate, route, NOW + 60_000);
    let stamp = crate::preview::Stamp::of(id, &plan, NOW + 60_000, Vec::new());
    api.0.keep_preview(&stamp, NOW + 60_000).unwrap();
}

#[test]
fn a_fresh_preview_lets_enforcement_begin_and_the_audit_log_names_it() {
    let api = api();
    previewed(&api, "pv-1", "sweep", "default");
    let enforce = json!({"mode": "enforce", "percent": 5, "reason": "r", "preview": "pv-1"});
    let elsewhere = api.refused("PUT", "rules/sweep/modes/library", &enforce.to_string());
    assert!(
        elsewhere.detail.contains("is of the route \"default\""),
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

fn staged(guard: &str) -> Value {
    json!({"mode": "enforce", "reason": "r", "force": true, "guard": guard,
        "stages": [{"percent": 1, "minutes": 1}, {"percent": 10, "minutes": 0.5}, {"percent": 100}]})
}

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

fn push(api: &Api, query: &str, document: &Value) -> Result<Value, Problem> {
    let revision = format!("\"{}\"", api.0.revision().unwrap());
    let path = format!("rulebook?{query}");
    api.call("PUT", &path, &document.to_string(), Some(&revision))
        .map(|(_, body)| body)
}

fn targets(plan: &Value) -> Vec<(&str, &str)> {
    let changes = plan["changes"].as_array().unwrap().iter();
    changes
        .map(|c| (c["action"].as_str().unwrap(), c["target"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_rulebook_that_was_pulled_pushes_nothing() {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    api.put("rules/around/modes/library", &staged("off"));
    let before = api.0.audit(None, 10).unwrap();
    let pushed = push(&api, "reason=same", &api.get("rulebook")).unwrap();
    assert_eq!(
        pushed,
        json!({"revision": 3, "changed": false, "changes": [], "errors": []})
    );
    assert_eq!(api.0.audit(None, 10).unwrap(), before);
}

#[test]
fn a_push_is_one_revision_for_everything_that_it_changes() {
    let api = api();
    let monitor = json!({"mode": "monitor", "reason": "r"});
    api.put("rules/around/modes/library", &monitor);
    let document = json!({
        "routes": [{"name": "ecr", "host": "ecr.example"}, {"name": "default"}],
        "rules": [{"id": "first", "expression": "not ssl", "action": "tag"},
                  {"id": "sweep", "description": "d", "expression": "ssl", "action": "throttle"}],
        "modes": [{"rule": "first", "route": "ecr", "mode": "off"}],
        "settings": {"retry_after_s": 60},
    });
    let plan = push(&api, "dry_run=true", &document).unwrap();
    assert_eq!(
        (&plan["revision"], &plan["changed"], &plan["errors"]),
        (&json!(2), &json!(false), &json!([]))
    );
    let expected = [
        ("add", "routes/ecr"),
        ("retire", "routes/library"),
        ("add", "rules/first"),
        ("change", "rules/sweep"),
        ("retire", "rules/around"),
        ("add", "rules/first/modes/ecr"),
        ("retire", "rules/around/modes/library"),
        ("change", "settings"),
        ("change", "routes"),
        ("change", "rules"),
    ];
    assert_eq!(targets(&plan), expected);
    assert_eq!(api.0.revision().unwrap(), 2, "a plan changes nothing");
    let pushed = push(&api, "reason=from+git", &document).unwrap();
    assert_eq!(
        (&pushed["revision"], &pushed["changed"], targets(&pushed)),
        (&json!(3), &json!(true), targets(&plan))
    );
    let book = api.0.document().unwrap();
    let names: Vec<&str> = book.routes.iter().map(|route| route.name.as_str()).collect();
    let rules: Vec<(&str, u32)> = book
        .rules
        .iter()
        .map(|rule| (rule.id.as_str(), rule.version))
        .collect();
    assert_eq!(
        (names, rules),
        (vec!["ecr", "default"], vec![("first", 1), ("sweep", 2)])
    );
    assert_eq!((book.modes.len(), book.settings.retry_after_s), (1, 60));
    let again = push(&api, "reason=again", &document).unwrap();
    assert_eq!(again["changed"], false);
    let entry = &api.get("audit?limit=1")["items"][0];
    assert_eq!(
        (&entry["action"], &entry["reason"]),
        (&json!("rulebook.put"), &json!("from git"))
    );
    assert_eq!(entry["before"]["rules/sweep"]["action"], "block");
}

#[test]
fn a_push_is_refused_whole_and_names_every_place() {
    let api = api();
    let mut document = api.get("rulebook");
    document["rules"][0]["expression"] = json!("http.hots eq 1");
    document["routes"][1]["host"] = json!("A:1");
    let problem = push(&api, "reason=r", &document).unwrap_err();
    let places: Vec<&str> = problem.errors.iter().map(|e| e.place.as_str()).collect();
    assert_eq!(
        (problem.status, places),
        (422, vec!["body.routes[1].host", "body.rules[0].expression"])
    );
    let plan = push(&api, "dry_run=true", &document).unwrap();
    assert_eq!(plan["errors"][1]["place"], "body.rules[0].expression");
    let sound = api.get("rulebook");
    #[track_caller]
    fn case(answer: Result<(u16, Value), Problem>, status: u16, place: &str) {
        let problem = answer.unwrap_err();
        assert_eq!(
            (problem.status, problem.errors.first().map_or("", |e| &e.place)),
            (status, place)
        );
    }
    let text = sound.to_string();
    case(
        api.call("PUT", "rulebook?reason=r", &text, None),
        400,
        "header.if-match",
    );
    case(
        api.call("PUT", "rulebook", &text, Some("\"1\"")),
        400,
        "query.reason",
    );
    case(
        api.call("PUT", "rulebook?reason=r", &text, Some("\"2\"")),
        412,
        "",
    );
    case(
        api.call("PUT", "rulebook?reason=r&dry_run=yes", &text, Some("\"1\"")),
        400,
        "query.dry_run",
    );
    assert_eq!(api.0.revision().unwrap(), 1);
}

#[test]
fn a_push_never_begins_to_enforce_without_a_preview_or_force() {
    let api = api();
    let mut document = api.get("rulebook");
    document["modes"] = json!([{"rule": "sweep", "route": "default", "mode": "enforce", "percent": 5}]);
    let problem = push(&api, "reason=r", &document).unwrap_err();
    assert_eq!(
        (problem.status, problem.errors[0].place.as_str()),
        (409, "body.modes[0].preview")
    );
    assert_eq!(
        push(&api, "dry_run=true", &document).unwrap()["errors"][0]["place"],
        "body.modes[0].preview"
    );
    document["modes"][0]["force"] = json!(true);
    push(&api, "reason=r", &document).unwrap();
    assert_eq!(api.0.document().unwrap().modes[0].guard, Some(2));
    let after = &api.get("audit?limit=1")["items"][0]["after"];
    assert_eq!(after["rules/sweep/modes/default"]["forced"], true);
    let mut other = api.get("rulebook");
    other["rules"][0]["expression"] = json!("not ssl");
    let problem = push(&api, "reason=r", &other).unwrap_err();
    assert_eq!(
        (problem.status, problem.errors[0].place.as_str()),
        (409, "body.rules[0].expression")
    );
    other["rules"][0]["force"] = json!(true);
    push(&api, "reason=r", &other).unwrap();
    let book = api.0.document().unwrap();
    assert_eq!((book.rules[0].version, book.modes[0].guard), (2, Some(3)));
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
