//! What is refused, and how the answer names the place.

use serde_json::{Value, json};

use super::{Api, NOW, api, rule};
use crate::store::RuleBookStore;
use blobwatch_rulebook::{MAX_DOCUMENT, Rulebook, STARTER};
use blobwatch_sql::Native;
use blobwatch_wire::MAX_BODY;
use blobwatch_wire::{CALLS, Handler, Object, Problem};

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
    case("rules/a", "", 400, "body", "expected JSON, found nothing");
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
        "expected one of `off`, `monitor`, `enforce`, found `on`",
    );
    case(
        "rules/a",
        &rule(r#","volume":{"by":"asn","requests":-1,"seconds":1}"#),
        400,
        "body.volume.requests",
        "expected a whole number from 0 to 4,294,967,295, found -1",
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
        400,
        "body.action",
        "expected one of `tag`, `allow`, `detour`, `throttle`, `block`, found `none`",
    );
    case(
        "rules/A%20b",
        &rule(""),
        400,
        "path.rule",
        "expected a lower-case letter",
    );
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
        "takes every request that no other",
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

#[track_caller]
fn all(path: &str, body: &Value, status: u16, mut expected: Vec<&str>) {
    let problem = api().refused("PUT", path, &body.to_string());
    let mut places: Vec<_> = problem.errors.iter().map(|error| error.place.as_str()).collect();
    places.sort_unstable();
    expected.sort_unstable();
    assert_eq!(
        (problem.status, places),
        (status, expected),
        "{:#?}",
        problem.errors
    );
}

/// Of form and of content, whichever comes first.
#[test]
fn everything_that_is_wrong_with_a_body_is_told_at_once() {
    all(
        "routes/x",
        &json!({"host": "Foo:80", "origin": "http://x/path", "observe": 2, "redirects": "maybe"}),
        400,
        vec!["body.host", "body.origin", "body.observe", "body.redirects"],
    );
    all(
        "rules/a",
        &json!({"description": 5, "expression": "client.famly eq \"x\"", "action": "deny", "volume": {"by": "asn", "requests": 0, "seconds": "1"}}),
        400,
        vec![
            "body.description",
            "body.expression",
            "body.action",
            "body.volume.seconds",
            "body.volume.requests",
        ],
    );
    all(
        "rules/a",
        &json!({"default_mode": "on"}),
        400,
        vec!["body", "body", "body", "body.default_mode"],
    );
    all(
        "settings",
        &json!({"retention_hours": 0, "retry_after_s": "soon", "archive": "nowhere", "fire_logs": {"FRA": 0}}),
        400,
        vec![
            "body.retention_hours",
            "body.retry_after_s",
            "body.archive",
            "body.fire_logs.FRA",
        ],
    );
    all(
        "rules/sweep/modes/default",
        &json!({"mode": "enforce", "percent": 150, "reason": " ", "expires": "tomorrow", "guard": "off"}),
        422,
        vec!["body.percent", "body.reason", "body.expires", "body.guard"],
    );
    all(
        "rules/sweep/modes/default",
        &json!({"mode": "enforced", "percent": 150, "reason": 7, "stages": "all"}),
        400,
        vec!["body.mode", "body.percent", "body.reason", "body.stages"],
    );
    all(
        "lists/office",
        &json!({"kind": "address", "items": ["192.0.2.1", "x", 5], "descripton": ""}),
        400,
        vec!["body.items[1]", "body.items[2]", "body.descripton"],
    );
    all(
        "rulebook?dry_run=true",
        &json!({"routes": [{"name": "default", "observe": "half"}], "rules": [5, {"id": "A", "expression": "ssl", "action": "none"}],
            "modes": [{"rule": "x", "route": "default", "mode": "enforce", "expires": "never"}]}),
        400,
        vec![
            "body.routes[0].observe",
            "body.rules[0]",
            "body.rules[1].id",
            "body.rules[1].action",
            "body.modes[0].rule",
            "body.modes[0].expires",
        ],
    );
}

/// Whoever makes a preview first learns of it too late.
#[test]
fn what_is_wrong_is_told_before_what_is_needed() {
    all(
        "rules/sweep/modes/default",
        &json!({"mode": "enforce", "percent": 150, "reason": "r"}),
        422,
        vec!["body.percent"],
    );
    all(
        "rules/new",
        &json!({"description": "", "expression": "ssl and", "action": "block", "default_mode": "enforce"}),
        422,
        vec!["body.expression"],
    );
}

#[test]
fn what_may_have_been_meant_is_told() {
    #[track_caller]
    fn case(method: &str, path: &str, body: &str, status: u16, place: &str, meant: &str) {
        let problem = api().refused(method, path, body);
        let hint = format!("(did you mean `{meant}`?)");
        let is_told = problem
            .errors
            .iter()
            .any(|error| error.place == place && error.message.contains(&hint));
        assert!(problem.status == status && is_told, "{:#?}", problem.errors);
    }
    let mode = r#"{"mode":"off","reason":"r"}"#;
    case("GET", "rules/sweeep", "", 404, "path.rule", "sweep");
    case("GET", "rules/sweeep/versions", "", 404, "path.rule", "sweep");
    case("DELETE", "rules/arround", "", 404, "path.rule", "around");
    case("GET", "routes/libary", "", 404, "path.route", "library");
    case(
        "PUT",
        "rules/sweep/modes/defualt",
        mode,
        404,
        "path.route",
        "default",
    );
    case(
        "POST",
        "panic-off",
        r#"{"route":"libary","reason":"r"}"#,
        404,
        "path.route",
        "library",
    );
    case(
        "PUT",
        "routes/x",
        r#"{"reposotory":"a"}"#,
        400,
        "body.reposotory",
        "repository",
    );
    case(
        "PUT",
        "routes/x",
        r#"{"redirects":"folow"}"#,
        400,
        "body.redirects",
        "follow",
    );
    case("GET", "rules?limt=5", "", 400, "query.limt", "limit");
    let rule = r#"{"description":"","expression":"client.famly eq \"docker\"","action":"block"}"#;
    let problem = api().refused("PUT", "rules/a", rule);
    assert!(
        problem.errors[0]
            .message
            .contains("did you mean `client.family`?"),
        "{problem:?}"
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
fn a_rulebook_that_would_be_too_large_is_refused() {
    let mut book = Rulebook::from_json(STARTER).unwrap();
    let large = blobwatch_rulebook::Rule {
        description: "x".repeat(1_000),
        ..book.rules[0].clone()
    };
    let id = |at| format!("rule-{at}");
    book.rules = (0..800)
        .map(|at| blobwatch_rulebook::Rule {
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
fn every_call_of_the_table_is_known_here() {
    let is_ours = |handler| matches!(handler, Handler::Object(Object::RuleBook) | Handler::AuditLog);
    // The edge walks the log in steps.
    let calls = CALLS
        .iter()
        .filter(|call| is_ours(call.handler) && call.path != "audit/verify");
    let no_such_call = Problem::no_such_call();
    for call in calls {
        let path = call.path.replace("{id}", "sweep").replace("{route}", "default");
        let path = path.replace("{name}", "default");
        if let Err(problem) = api().call(call.method.name(), &path, "{}", None) {
            assert_ne!(problem.detail, no_such_call.detail, "{call:?}");
            assert_ne!(problem.status, 405, "{call:?}");
        }
    }
}
