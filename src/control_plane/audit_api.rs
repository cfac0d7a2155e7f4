//! The audit log as a whole: exported, or walked to its end. The RuleBook does both in bounded steps, so that changes are
//! decided in between.

use blobwatch_rule_book::{Chain, ChainReport, ExportAuditCall, VerifyAuditCall, export_begin};
use blobwatch_wire::Nothing;
use futures_util::stream;
use worker::{Env, Method, Request, Response};

use super::http::{Answer, FailedTo, respond, without_parameters};
use super::object_call::call;

/// `None` for every other call of the RuleBook's.
pub(super) async fn answer(path: &str, request: &Request, env: &Env) -> Answer<Option<Response>> {
    if request.method() != Method::Get || !path.starts_with("audit") {
        return Ok(None);
    }
    let url = request.url().failed_to("read the address")?;
    match path {
        "audit" => export_begin(url.query().unwrap_or_default())?
            .map(|after| export(env.clone(), after))
            .transpose(),
        "audit/verify" => {
            without_parameters(&url)?;
            respond(verify(env).await).map(Some).failed_to("answer")
        }
        _ => Ok(None),
    }
}

async fn verify(env: &Env) -> Answer<ChainReport> {
    let mut chain = Chain::default();
    loop {
        let (walked, is_done) = call(env, &VerifyAuditCall, chain).await?;
        if is_done {
            return Ok(walked.report());
        }
        chain = walked;
    }
}

/// NDJSON, a step at a time. A step that cannot be had breaks the stream off, so that a shortened log is never taken for
/// a whole one.
fn export(env: Env, after: u64) -> Answer<Response> {
    let steps = stream::unfold((env, Some(after)), |(env, at)| async move {
        let after = at?;
        match call(&env, &ExportAuditCall { after }, Nothing).await {
            Ok(exported) if exported.lines.is_empty() => None,
            Ok(exported) => Some((Ok(exported.lines.into_bytes()), (env, exported.after))),
            Err(problem) => Some((Err(worker::Error::RustError(problem.detail)), (env, None))),
        }
    });
    let response = Response::from_stream(steps).failed_to("answer")?;
    for (name, value) in [
        ("Content-Type", "application/x-ndjson"),
        ("Cache-Control", "no-store"),
    ] {
        response.headers().set(name, value).failed_to("answer")?;
    }
    Ok(response)
}
