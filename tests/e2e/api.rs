//! The control plane: who may call it, what it refuses and how it says so, and the audit of what it took.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::harness::api::Api;
use crate::harness::deployment::{Bundle, Deployment};
use crate::harness::http::{Answer, Request};
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::{OPERATOR, Stage, VIEWER};

pub(crate) fn blob(stage: &Stage) -> Request {
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    Request::get(&target).header("User-Agent", "curl/7.88.1")
}

/// A problem document that names the place.
#[track_caller]
pub(crate) fn is_problem(answer: &Answer, status: u16, place: &str) -> Value {
    assert_eq!(answer.status(), status, "{}", answer.text());
    assert_eq!(answer.get("content-type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    let names_it = place.is_empty()
        || problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .any(|e| e["place"] == place);
    assert!(names_it, "{place}: {problem}");
    problem
}

#[test]
fn closed_until_configured() {
    let stage = Stage::new();
    let edge = Deployment::new(Bundle::Release, &stage.origin.url()).start();
    let answer = Api::new(edge.addr(), OPERATOR).try_get("/rules");
    assert!(matches!(answer.status(), 401 | 403 | 503), "{}", answer.text());
    assert!(
        answer.text().contains("BLOBWATCH_TOKENS"),
        "says how to open it: {}",
        answer.text()
    );
    let pull = Place::default().ask(&blob(&stage)).send(edge.addr()).unwrap();
    assert!(pull.body == stage.registry.image.small().bytes);
    assert_eq!(health(edge.addr()).status(), 200);
}

fn health(edge: SocketAddr) -> Answer {
    Request::get("/_blobwatch/healthz").send(edge).unwrap()
}

#[test]
fn only_known_tokens_open_it_and_viewers_change_nothing() {
    let stage = Stage::new();
    for token in ["", "wrong", &OPERATOR[1..], &OPERATOR.to_uppercase()] {
        let answer = Api::new(stage.edge.addr(), token).try_get("/rules");
        is_problem(&answer, 401, "");
        assert!(answer.get("www-authenticate").unwrap().starts_with("Bearer"));
    }
    let viewer = Api::new(stage.edge.addr(), VIEWER);
    viewer.get("/rules");
    let rule = json!({"description": "", "expression": "range.present", "action": "tag"});
    is_problem(&viewer.try_put("/rules/mine", &rule), 403, "");
    assert_eq!(
        rules(&stage).iter().filter(|rule| rule["id"] == "mine").count(),
        0
    );
    let health = viewer.send(Request::get("/_blobwatch/healthz"));
    assert!(health.json()["revision"].is_u64());
}

fn rules(stage: &Stage) -> Vec<Value> {
    stage.api().items("/rules")
}

#[test]
fn parameters_that_are_not_understood_are_refused_by_name() {
    let stage = Stage::new();
    let case = |path: &str, place: &str| {
        is_problem(&stage.api().try_get(path), 400, place);
    };
    for list in ["requests", "fires"] {
        case(&format!("/{list}?bogus=1"), "query.bogus");
        case(&format!("/{list}?limit=0"), "query.limit");
        case(&format!("/{list}?limit=many"), "query.limit");
        case(&format!("/{list}?since=yesterday"), "query.since");
        case(&format!("/{list}?until=2020-13-01T00:00:00Z"), "query.until");
        case(&format!("/{list}?status=ok"), "query.status");
        case(&format!("/{list}?mode=loud"), "query.mode");
        case(&format!("/{list}?verdict=maybe"), "query.verdict");
        case(&format!("/{list}?range=odd"), "query.range");
        case(&format!("/{list}?format=xml"), "query.format");
        case(&format!("/{list}?cursor=made-up"), "query.cursor");
    }
    case("/fires/summary?by=mood", "query.by");
    case("/rules?bogus=1", "query.bogus");
    case("/audit?bogus=1", "query.bogus");
}

/// Probes, scrapers and mail gateways add parameters of their own: what they call answers as without. The API's calls are
/// made by those who read its page, and refuse.
#[test]
fn what_other_programs_call_passes_over_parameters_that_it_does_not_know() {
    let stage = Stage::new();
    let ask = |method: &str, path: &str| {
        let request = Request::new(method, &format!("/_blobwatch{path}")).header("Accept", "*/*");
        stage.api().send(request)
    };
    let shown = |answer: &Answer| {
        let header = |name: &str| answer.get(name).unwrap_or_default().to_owned();
        (
            answer.status(),
            header("content-type"),
            header("location"),
            header("allow"),
        )
    };
    let token = "ab".repeat(32);
    for path in [
        "",
        "/",
        "/healthz",
        "/metrics",
        "/session/oidc",
        "/session/oidc/callback",
        "/ingest/v1/waf",
        &format!("/shared/{token}"),
        "/assets/none.js",
    ] {
        for method in ["GET", "HEAD", "POST", "OPTIONS"] {
            let (without, with) = (ask(method, path), ask(method, &format!("{path}?x=1&y")));
            assert_eq!(shown(&with), shown(&without), "{method} {path}");
        }
    }
    is_problem(&ask("GET", "/session?x=1"), 400, "query.x");
    is_problem(&ask("GET", "/api/v1/openapi.json?x=1"), 400, "query.x");
}

#[test]
fn rulebook_takes_a_change_whole_or_not_at_all() {
    let stage = Stage::new();
    let before = rulebook(&stage);
    let case = |path: &str, body: Value, status: u16, place: &str| {
        let problem = is_problem(&stage.api().try_put(path, &body), status, place);
        assert_eq!(rulebook(&stage), before, "{problem}");
    };
    let rule = |name: &str, value: Value| {
        let mut rule = json!({"description": "", "expression": "range.present", "action": "block"});
        rule[name] = value;
        rule
    };
    case(
        "/rules/a",
        rule("expression", json!("http.user_agent contins \"x\"")),
        422,
        "body.expression",
    );
    case(
        "/rules/a",
        rule("expression", json!("no.such.field eq 1")),
        422,
        "body.expression",
    );
    case("/rules/a", rule("expression", json!("")), 422, "body.expression");
    case("/rules/a", rule("action", json!("explode")), 400, "body.action");
    case(
        "/rules/a",
        rule("default_mode", json!("loud")),
        400,
        "body.default_mode",
    );
    case("/rules/a", rule("surprise", json!(1)), 400, "body.surprise");
    case(
        "/rules/a",
        rule("volume", json!({"by": "mood", "requests": 1, "seconds": 1})),
        400,
        "body.volume.by",
    );
    case("/rules/UPPER", rule("action", json!("tag")), 400, "path.rule");
    case("/routes/a", json!({"observe": 2}), 422, "body.observe");
    case("/routes/a", json!({"origin": "ftp://x"}), 422, "body.origin");
    case(
        "/rules/none/modes/default",
        json!({"mode": "monitor", "reason": "x"}),
        404,
        "",
    );
    is_problem(&stage.api().try_get("/nothing"), 404, "");
}

#[test]
fn bad_expression_is_shown_with_the_word_underlined() {
    let stage = Stage::new();
    let rule = json!({"description": "", "expression": "http.user_agent contains \"a\" and ip.src.asnumm eq 5", "action": "block"});
    let problem = is_problem(&stage.api().try_put("/rules/a", &rule), 422, "body.expression");
    let error = &problem["errors"][0];
    assert_eq!(error["offset"], 33);
    assert!(error["excerpt"].as_str().unwrap().contains("^^^"), "{error}");
}

#[test]
fn modes_are_refused_with_the_place() {
    let stage = Stage::new();
    stage.api().put(
        "/rules/a",
        &json!({"description": "", "expression": "range.present", "action": "block"}),
    );
    let before = rulebook(&stage);
    let case = |route: &str, body: Value, status: u16, place: &str| {
        let answer = stage.api().try_put(&format!("/rules/a/modes/{route}"), &body);
        is_problem(&answer, status, place);
        assert_eq!(rulebook(&stage), before);
    };
    case("default", json!({"mode": "enforce"}), 400, "body");
    case(
        "default",
        json!({"mode": "loud", "reason": "x"}),
        400,
        "body.mode",
    );
    case(
        "default",
        json!({"mode": "monitor", "percent": 5, "reason": "x"}),
        422,
        "body.percent",
    );
    case(
        "default",
        json!({"mode": "enforce", "percent": 101, "reason": "x", "force": true}),
        422,
        "body.percent",
    );
    case(
        "default",
        json!({"mode": "enforce", "expires": "soon", "reason": "x"}),
        422,
        "body.expires",
    );
    case(
        "default",
        json!({"mode": "enforce", "reason": "x"}),
        409,
        "body.preview",
    );
    case("nowhere", json!({"mode": "enforce", "reason": "x"}), 404, "");
}

/// Everything that a change could have touched.
pub(crate) fn rulebook(stage: &Stage) -> [Value; 4] {
    let api = stage.api();
    let revision = api.get("/rulebook")["revision"].take();
    [api.get("/rules"), api.get("/routes"), api.get("/audit"), revision]
}

#[test]
fn audit_says_who_changed_what_and_why_in_an_unbroken_chain() {
    let stage = Stage::new();
    let api = stage.api();
    let mut rule = json!({"description": "", "expression": "range.present", "action": "tag"});
    api.put("/rules/a", &rule);
    rule["expression"] = json!("not range.present");
    let second = api.put("/rules/a", &rule);
    assert_eq!(second["version"], 2, "{second}");
    api.put(
        "/rules/a/modes/default",
        &json!({"mode": "off", "reason": "too loud"}),
    );
    api.delete("/rules/a");
    assert!(rules(&stage).iter().all(|rule| rule["id"] != "a"));
    let mut audit = api.items("/audit?limit=2");
    audit.sort_by_key(|entry| entry["seq"].as_u64());
    for pair in audit.windows(2) {
        assert_eq!(pair[1]["previous"], pair[0]["hash"]);
        assert_eq!(pair[1]["revision"], pair[0]["revision"].as_u64().unwrap() + 1);
    }
    let own: Vec<_> = audit.iter().filter(|entry| entry["actor"] == "olga").collect();
    assert_eq!(own.len(), 4, "{audit:#?}");
    assert_eq!(own[2]["reason"], "too loud");
    assert!(own[2]["target"].as_str().unwrap().contains("a"));
    assert_eq!(own[1]["before"]["expression"], "range.present");
    assert_eq!(own[1]["after"]["expression"], "not range.present");
}
