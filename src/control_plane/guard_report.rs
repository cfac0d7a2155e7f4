//! Reports of FireLogs for guards, and the Detector's part of a harm. In scope: who tells whom. What follows is the
//! core's.

use blobwatch_guard::Report;
use blobwatch_rule_book::Heard;
use worker::{Env, Method};

use super::http::{Answer, internal, internal_request, object};
use super::rule_book_do;

/// Path of the RuleBook at which FireLogs report.
pub(super) const PATH: &str = "/guard/counts";

/// Tells the RuleBook what a FireLog counted.
pub(super) async fn send(env: &Env, report: &Report) -> Answer<Heard> {
    let failed = |e: &dyn std::fmt::Display| internal("report to the RuleBook", e);
    let body = serde_json::to_string(report).map_err(|e| failed(&e))?;
    let request = internal_request(Method::Post, &format!("https://rule-book{PATH}"), Some(&body));
    let stub = rule_book_do::stub(env).map_err(|e| failed(&e))?;
    let asked = stub.fetch_with_request(request.map_err(|e| failed(&e))?).await;
    let mut response = asked.map_err(|e| failed(&e))?;
    if response.status_code() != 200 {
        return Err(failed(&response.status_code()));
    }
    response.json().await.map_err(|e| failed(&e))
}

/// Asks the Detector for an anomaly of the cohort that was harmed, with a harm's JSON. It knows by the harm's id what it was
/// told before. The audit log has the harm already.
pub(super) async fn tell_detector(env: &Env, harm: &str) -> Answer<()> {
    let failed = |e: &dyn std::fmt::Display| internal("tell the Detector of a harm", e);
    let stub = object(env, "DETECTOR", "detector").map_err(|e| failed(&e))?;
    let request = internal_request(Method::Post, "https://detector/harm", Some(harm));
    let asked = stub.fetch_with_request(request.map_err(|e| failed(&e))?).await;
    match asked.map_err(|e| failed(&e))?.status_code() {
        200..300 => Ok(()),
        status => Err(failed(&status)),
    }
}
