use super::*;
use crate::calls::acts::read;
use crate::handling::Act;

const NOW_MS: u64 = 1_594_036_800_000;

fn asked(method: &str, path: &str, body: &str) -> Result<Act, Problem> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let call = ApiRequest {
        method,
        path,
        query,
        body,
        actor: "ada",
        now_ms: NOW_MS,
        if_match: None,
    };
    assert!(is_act(&call), "{method} {path}");
    read(&call).map(|request| request.act)
}

#[test]
fn each_act_is_read() {
    #[track_caller]
    fn case(method: &str, path: &str, body: &str, expected: &str) {
        let act = asked(method, &format!("anomalies/an-000012/{path}"), body).unwrap();
        assert_eq!(serde_json::to_string(&act).unwrap(), expected, "{path} {body}");
    }
    for body in ["", "{}", " {} "] {
        case("POST", "acknowledge?reason=mine", body, r#""acknowledge""#);
        case("POST", "expected", body, r#""expected""#);
        case("POST", "reopen", body, r#""reopen""#);
        case("DELETE", "mute", body, r#""unmute""#);
    }
    case("POST", "assign", r#"{"to":" grace "}"#, r#"{"assign":"grace"}"#);
    case("POST", "assign", r#"{"to":null}"#, r#"{"assign":null}"#);
    case("POST", "comment", r#"{"text":"a\nb"}"#, r#"{"comment":"a\nb"}"#);
    let muted = |until: &str, of: bool| format!(r#"{{"mute":{{"until_ms":{until},"is_of_cohort":{of}}}}}"#);
    case("POST", "mute", "", &muted("null", false));
    case("POST", "mute", r#"{"cohort":true}"#, &muted("null", true));
    case(
        "POST",
        "mute",
        r#"{"until":"+2h"}"#,
        &muted(&(NOW_MS + 7_200_000).to_string(), false),
    );
    case(
        "POST",
        "mute",
        r#"{"until":"2020-07-06T12:00:01Z"}"#,
        &muted(&(NOW_MS + 1_000).to_string(), false),
    );
}

#[test]
fn what_an_act_cannot_say_is_refused_with_its_place() {
    #[track_caller]
    fn case(path: &str, body: &str, status: u16, place: &str) {
        let problem = asked("POST", &format!("anomalies/{path}"), body).unwrap_err();
        let places: Vec<&str> = problem.errors.iter().map(|error| error.place.as_str()).collect();
        assert_eq!((problem.status, places), (status, vec![place]), "{path} {body}");
    }
    let (long, longer) = ("x".repeat(1_001), "ä".repeat(51));
    case("12/acknowledge", "", 400, "path.id");
    case("an-000012/acknowledge?why=x", "", 400, "query.why");
    case("an-000012/acknowledge?reason=", "", 422, "query.reason");
    case("an-000012/acknowledge", r#"{"text":"x"}"#, 400, "body.text");
    case("an-000012/acknowledge", "[]", 400, "body");
    case("an-000012/assign", "{}", 400, "body");
    case("an-000012/assign", r#"{"to":""}"#, 422, "body.to");
    case("an-000012/assign", r#"{"to":"a\u0000b"}"#, 422, "body.to");
    case(
        "an-000012/assign",
        &json!({"to": longer}).to_string(),
        422,
        "body.to",
    );
    case("an-000012/comment", "", 400, "body");
    case("an-000012/comment", r#"{"text":" "}"#, 422, "body.text");
    case(
        "an-000012/comment",
        &json!({"text": long}).to_string(),
        422,
        "body.text",
    );
    for until in [
        "2020-07-06T12:00:00Z",
        "+0s",
        "+91d",
        "-2h",
        "+99999999999999999999d",
        "2h",
        "tomorrow",
        "9999-12-31T23:59:59Z",
    ] {
        let body = json!({"until": until}).to_string();
        case("an-000012/mute", &body, 422, "body.until");
    }
    case("an-000012/mute", r#"{"until":7}"#, 400, "body.until");
}
