//! What answers: a registry, and Blobwatch's own word on its health. `Err` is what a person should mend.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Request, Response};

/// For one answer; who takes longer is told of as one who does not answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Of one answer.
const MAX_BODY: u64 = 64 << 10;

/// One request, with another name of the host where one is given.
pub(crate) fn ask(url: &str, host: Option<&str>) -> Result<Response<String>> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .build()
        .into();
    let mut request = Request::builder().uri(url);
    if let Some(host) = host {
        request = request.header("host", host);
    }
    let request = request.body(()).context("failed to write a request")?;
    let (parts, mut body) = agent.run(request)?.into_parts();
    let text = body
        .with_config()
        .limit(MAX_BODY)
        .lossy_utf8(true)
        .read_to_string()?;
    Ok(Response::from_parts(parts, text))
}

/// What an answer to `/v2/` says of the registry; an answer of Blobwatch's own says that there is none.
pub(crate) fn registry(answer: &Response<String>) -> Result<String, String> {
    let status = answer.status().as_u16();
    let own = answer.headers().get("proxy-status");
    let own = own.and_then(|own| own.to_str().ok());
    if own.is_some_and(|own| own.starts_with("blobwatch;")) {
        let body: Value = serde_json::from_str(answer.body()).unwrap_or_default();
        let message = body.pointer("/errors/0/message").and_then(Value::as_str);
        return Err(format!(
            "cannot be used: {} ({status})",
            message.unwrap_or("it does not answer")
        ));
    }
    match status {
        200 | 401 => Ok(format!("answers ({status})")),
        _ => Err(format!("answers {status} to /v2/: is it a registry?")),
    }
}

/// What an answer of `healthz` says.
pub(crate) fn health(body: &str) -> Result<(), String> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let reasons = body
        .get("reasons")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let reasons: Vec<&str> = reasons.filter_map(Value::as_str).collect();
    match body.get("status").and_then(Value::as_str) {
        Some("ok") => Ok(()),
        Some(status) => Err(format!("{status}: {}", reasons.join("; "))),
        None => {
            Err("the answer is not Blobwatch's: has the API a host of its own (BLOBWATCH_HOST)?".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use ureq::http::Response;

    use super::{health, registry};

    #[track_caller]
    fn answers(status: u16, own: &str, body: &str, expected: Result<&str, &str>) {
        let answer = Response::builder().status(status).header("proxy-status", own);
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(registry(&answer.body(body.to_owned()).unwrap()), expected);
    }

    #[test]
    fn a_registrys_answer_is_told_from_ours() {
        answers(200, "", "{}", Ok("answers (200)"));
        answers(401, "", "", Ok("answers (401)"));
        let other = |status: u16| format!("answers {status} to /v2/: is it a registry?");
        answers(404, "", "", Err(&other(404)));
        answers(502, "nginx;error=x", "", Err(&other(502)));
        let body = r#"{"errors":[{"message":"the registry did not answer"}]}"#;
        let own = "blobwatch;error=destination_unavailable";
        answers(
            502,
            own,
            body,
            Err("cannot be used: the registry did not answer (502)"),
        );
        answers(502, own, "", Err("cannot be used: it does not answer (502)"));
    }

    #[test]
    fn what_is_degraded_has_its_reasons() {
        assert_eq!(health(r#"{"status":"ok"}"#), Ok(()));
        let degraded = r#"{"status":"degraded","reasons":["a","b"]}"#;
        assert_eq!(health(degraded), Err("degraded: a; b".to_owned()));
        assert!(health("<html>").is_err());
    }
}
