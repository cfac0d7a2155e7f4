//! Bodies above the limit of a call: refused before they are sent, or as soon as they are too large.
//!
//! None of these bodies ever ends: whoever read one to its end before judging it would not answer within `HANG`.

use crate::api::is_problem;
use crate::harness::http::{Answer, Request};
use crate::harness::place::Place;
use crate::harness::stage::{OPERATOR, Stage, VIEWER};

const SESSION: &str = "/_blobwatch/session";
const API: &str = "/_blobwatch/api/v1";

/// More than any call takes, and than an isolate has.
const LENGTH: &str = "314572800";

/// Announces a body and sends none of it.
fn announced(method: &str, path: &str) -> Request {
    Request::new(method, path).header("Content-Length", LENGTH)
}

/// Sends `limit` bytes and one more as chunks, and not the chunk that would end them.
fn endless(method: &str, path: &str, limit: usize) -> Request {
    let mut request = Request::new(method, path).header("Transfer-Encoding", "chunked");
    for start in (0..=limit).step_by(4096) {
        let length = (limit + 1 - start).min(4096);
        request.body.extend(format!("{length:x}\r\n").bytes());
        request.body.extend(vec![b' '; length]);
        request.body.extend(b"\r\n");
    }
    request
}

fn send(stage: &Stage, token: &str, request: &Request) -> Answer {
    let mut asked = Place::default().ask(request);
    if !token.is_empty() {
        asked = asked.header("Authorization", &format!("Bearer {token}"));
    }
    asked.send(stage.edge.addr()).unwrap()
}

#[test]
fn a_body_above_the_limit_is_refused_without_its_end() {
    let stage = Stage::new();
    let case = |token: &str, method: &str, path: &str, limit: usize| {
        for request in [announced(method, path), endless(method, path, limit)] {
            let problem = is_problem(&send(&stage, token, &request), 413, "");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(&limit.to_string()), "{method} {path}: {detail}");
        }
    };
    case("", "POST", SESSION, 8_192);
    case(OPERATOR, "PUT", &format!("{API}/rules/mine"), 65_536);
    case(
        OPERATOR,
        "PUT",
        &format!("{API}/rules/no-skopeo/modes/default"),
        65_536,
    );
    case(OPERATOR, "POST", &format!("{API}/previews"), 65_536);
    case(OPERATOR, "POST", &format!("{API}/panic-off"), 65_536);
    case(OPERATOR, "PUT", &format!("{API}/rulebook"), 2_000_000);
    case(OPERATOR, "PUT", &format!("{API}/webhooks/chat"), 8_192);
    case(OPERATOR, "DELETE", &format!("{API}/rules/mine"), 8_192);
    stage.api().get("/rules");
}

#[test]
fn who_may_not_call_is_told_so_before_a_body_is_read() {
    let stage = Stage::new();
    let case = |token: &str, path: &str, status: u16| {
        for request in [announced("PUT", path), endless("PUT", path, 0)] {
            is_problem(&send(&stage, token, &request), status, "");
        }
    };
    case("", &format!("{API}/rules/mine"), 401);
    case("wrong", &format!("{API}/rulebook"), 401);
    case(VIEWER, &format!("{API}/rules/mine"), 403);
    case(OPERATOR, &format!("{API}/rules"), 405);
    case(OPERATOR, &format!("{API}/nothing"), 404);
    case(OPERATOR, SESSION, 405);
}
