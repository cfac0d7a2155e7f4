//! The calls that the Detector answers: anomalies, timelines, cohorts, webhooks, metrics; and the report, whose examples
//! are in the FireLogs.

use blobwatch_detector::{AnomalyCall, ReportFacts, audited, wanted_evidence};
use blobwatch_fire_log::with_counters;
use blobwatch_pull::Record;
use blobwatch_rule_book::{
    FireLogNamesCall, NewAuditEntry, RuleBookMetricsCall, WriteEntryCall, checked_reason,
};
use blobwatch_wire::{MetricsPage, Nothing, Object, Parameters, Problem};
use serde_json::Value;
use worker::{Env, Method, Request, Response, Url};

use super::body::text_of_reply;
use super::http::{Answer, FailedTo, internal, now_ms, text, without_parameters};
use super::object_call::{ForwardedCall, call, call_through};
use super::records_api::Objects;
use super::{loads_api, losses_api, records_api};

/// Media type of Prometheus' text.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Who is told is as much an operator's act as a rule: it is in the audit log, without what is secret of it.
pub(super) async fn change_webhook(
    path: &str,
    request: &Request,
    body: &str,
    env: &Env,
    actor: &str,
) -> Answer<Response> {
    let url = request.url().failed_to("read the address")?;
    let reason = reason(&url)?;
    let method = request.method();
    let ask = |method, body| ForwardedCall {
        method,
        call: path,
        body,
        actor,
        if_match: None,
    };
    let before = match ask(Method::Get, "").send(env, Object::Detector).await? {
        mut response if response.status_code() == 200 => Some(json_of(&mut response).await?),
        _ => None,
    };
    let entry = |action: &str, after| NewAuditEntry {
        action: action.to_owned(),
        actor: actor.to_owned(),
        after,
        before: before.as_ref().map(audited),
        reason: reason.clone(),
        target: path.to_owned(),
    };
    let is_put = method == Method::Put;
    let mut written = None;
    // Before it is removed: a call that is made again would find nothing to write down.
    if !is_put && before.is_some() {
        written = Some(call(env, &WriteEntryCall, entry("webhook.delete", None)).await?);
    }
    let mut response = ask(method, body).send(env, Object::Detector).await?;
    if response.status_code() >= 300 {
        return Ok(response);
    }
    let mut item = json_of(&mut response).await?;
    if is_put {
        let entry = entry("webhook.put", Some(audited(&item)));
        written = Some(call(env, &WriteEntryCall, entry).await.map_err(|_| unaudited())?);
    }
    if let (Value::Object(fields), Some(written)) = (&mut item, written) {
        fields.insert("revision".to_owned(), written.revision.into());
    }
    text(response.status_code(), "application/json", item.to_string()).failed_to("answer")
}

/// What was found wrong is known by the Detector only once it has taken the webhook.
fn unaudited() -> Problem {
    let detail =
        "the webhook was set, and the audit log cannot be written: make the same call again until it is";
    Problem::new(503, "unavailable", "Unavailable", detail)
}

pub(super) fn reason(url: &Url) -> Answer<Option<String>> {
    let parameters = Parameters::parse(url.query().unwrap_or_default(), &["reason"])?;
    checked_reason("query.reason", parameters.get("reason"))
}

async fn json_of(response: &mut Response) -> Answer<Value> {
    let text = text_of_reply(response).await?;
    serde_json::from_str(&text).failed_to("read an answer")
}

/// An anomaly as Markdown, to hand to a partner; `path` is `anomalies/{id}/report`.
pub(super) async fn report(path: &str, request: &Request, env: &Env) -> Answer<Response> {
    without_parameters(&request.url().failed_to("read the address")?)?;
    let id = path.split('/').nth(1).unwrap_or_default();
    let facts = call_through(env, &AnomalyCall(id), Nothing).await?;
    let records = examples(&facts, env).await;
    let report = facts.report(&records, now_ms());
    text(200, "text/markdown; charset=utf-8", report.markdown()).failed_to("answer")
}

/// Records of a report. Without the FireLogs there are none, and a report all the same; what is no longer kept is left out.
pub(super) async fn examples(facts: &ReportFacts, env: &Env) -> Vec<Record> {
    let names = call(env, &FireLogNamesCall, Nothing).await.unwrap_or_default();
    let mut records = Vec::new();
    let ids = wanted_evidence(&facts.anomaly).iter();
    for id in ids.filter_map(|id| id.parse().ok()) {
        records.extend(records_api::record(id, &names, env).await.ok());
    }
    records
}

/// Prometheus text: what the Detector counts, the rulebook's revision, and what was lost on the way.
pub(super) async fn metrics(env: &Env) -> Answer<Response> {
    let scrape = ForwardedCall {
        method: Method::Get,
        call: "metrics",
        body: "",
        actor: "",
        if_match: None,
    };
    let mut response = scrape.send(env, Object::Detector).await?;
    let mut page = text_of_reply(&mut response).await?;
    if response.status_code() != 200 {
        // The Detector's problem is the caller's own: a database of a newer build lasts until that build is deployed.
        let problem = serde_json::from_str::<Problem>(&page);
        return Err(problem.unwrap_or_else(|_| internal("read the metrics", page)));
    }
    let names = call(env, &FireLogNamesCall, Nothing).await?;
    page = with_counters(&Objects(env.clone()), &names, &page).await;
    page.push_str(&loads_api::gauges(&names, env).await);
    page.push_str(&call(env, &RuleBookMetricsCall, Nothing).await?.0);
    page.push_str(&own(&losses_api::sums(env).await?));
    text(200, METRICS, page).failed_to("answer")
}

/// What no object knows by itself: losses of all of them, and which build this is.
fn own(losses: &[(String, u64)]) -> String {
    let mut page = MetricsPage::default();
    let help = "Records and counts that were lost, by name.";
    let sums = losses.iter().map(|(name, count)| (name.as_str(), count));
    page.by("name", "blobwatch_losses_total", "counter", help, sums);
    let build = [(env!("CARGO_PKG_VERSION"), 1)];
    page.by(
        "version",
        "blobwatch_build_info",
        "gauge",
        "The build that answers.",
        build,
    );
    page.0
}
