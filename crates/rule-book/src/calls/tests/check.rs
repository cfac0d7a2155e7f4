//! An expression is checked without being stored.

use super::{api, rule};
use serde_json::{Value, json};

fn checked(body: &Value) -> Value {
    let api = api();
    let before = api.0.document().unwrap();
    let (status, answer) = api.call("POST", "rules/check", &body.to_string(), None).unwrap();
    assert_eq!(status, 200);
    assert_eq!(api.0.document().unwrap(), before, "nothing is stored");
    answer
}

/// The same faults as a refused rule, at the same places, whatever kind they are of.
#[test]
fn it_says_what_storing_would_be_refused_for() {
    #[track_caller]
    fn case(expression: &str) {
        let refused = api().refused("PUT", "rules/late", &rule(expression).to_string());
        let answer = checked(&json!({ "expression": expression }));
        assert_eq!(answer["errors"], json!(refused.errors), "{expression}");
    }
    case("");
    case("ssl and http.hots eq \"a\"");
    case("ip.src.asnum eq \"16509\"");
    case("http.user_agent matches \"(\"");
    case("http.user_agent matches \"(a{1000}){1000}\"");
    case("ssl and\n  ä eq 1");
    case(&format!("{}ssl{}", "(".repeat(50), ")".repeat(50)));
    case(&format!("http.host eq \"{}\"", "a".repeat(5_000)));
}

#[test]
fn what_can_be_stored_has_no_errors() {
    for expression in ["ssl", "client.family eq \"docker\" # comment\n and not ssl"] {
        assert_eq!(checked(&json!({ "expression": expression }))["errors"], json!([]));
    }
}

#[test]
fn another_body_is_refused_and_a_rule_may_be_called_check() {
    let refused = api().refused("POST", "rules/check", r#"{"expresion":"ssl"}"#);
    assert_eq!(refused.status, 400);
    assert_eq!(api().put("rules/check", &rule("ssl")).0, 201);
}
