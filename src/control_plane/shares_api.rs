//! Links to the report of an anomaly: made for an operator, and opened by whoever has one.
//!
//! Guarantees: a token has 256 random bits, is in the answer that makes it, and is kept nowhere; whoever guesses tokens waits as
//! whoever guesses those of operators does; a page has no script and is kept by no cache.

use blobwatch_detector::{NewShare, NewShareCall, NewShareItem, SharedReportCall, link_hash};
use blobwatch_wire::{Problem, SHARED, Text, escaped, hex, plain_page};
use worker::{Env, Request, Response};

use super::detector_api::examples;
use super::http::{Answer, FailedTo, now_ms, text};
use super::object_call::call_through;
use super::page::plain;
use super::random::random_bytes;
use super::tries::limited_links;

/// Makes a link; `path` is `anomalies/{id}/shares`.
pub(super) async fn create(
    path: &str,
    request: &Request,
    body: &str,
    env: &Env,
    actor: &str,
) -> Answer<Response> {
    let url = request.url().failed_to("read the address")?;
    let token = hex(&random_bytes()?);
    let new = NewShare {
        anomaly: path.split('/').nth(1).unwrap_or_default().to_owned(),
        query: url.query().unwrap_or_default().to_owned(),
        body: body.to_owned(),
        actor: actor.to_owned(),
        hash: link_hash(&token).unwrap_or_default(),
    };
    let made = NewShareItem {
        item: call_through(env, &NewShareCall, new).await?,
        path: format!("{SHARED}{token}"),
    };
    let made = serde_json::to_string(&made).failed_to("answer")?;
    text(201, "application/json", made).failed_to("answer")
}

/// What a link opens, as a page; so is why it opens nothing.
pub(super) async fn open(address: &str, request: &Request, env: &Env) -> Answer<Response> {
    let token = address.strip_prefix(SHARED).unwrap_or_default();
    let opened = limited_links(request, env, report(token, env)).await;
    let (status, html) = match opened {
        Ok(html) => (200, html),
        Err(problem) => (problem.status, sorry(&problem)),
    };
    plain(status, html)
}

async fn report(token: &str, env: &Env) -> Answer<String> {
    // What is no token is looked up nowhere.
    let hash = link_hash(token).ok_or_else(|| Problem::not_found("link of this token"))?;
    let shared = call_through(env, &SharedReportCall, Text(hash)).await?;
    let records = examples(&shared.facts, env).await;
    let report = shared.facts.report(&records, now_ms());
    Ok(report.page(shared.expires_ms))
}

fn sorry(problem: &Problem) -> String {
    let (title, why) = match problem.status {
        404 => (
            "This link opens nothing",
            "It has expired, was revoked, or was not copied whole. Ask whoever sent it for a new one.",
        ),
        429 => (
            "Try again in a minute",
            "Too many links from this address opened nothing.",
        ),
        _ => ("The report cannot be read now", "Try again in a minute."),
    };
    plain_page(title, &format!("<h1>{title}</h1>\n<p>{}</p>", escaped(why)))
}
