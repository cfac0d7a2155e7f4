//! Reports of FireLogs for guards, and what the Detector is told. In scope: who tells whom. What follows is the core's.

use blobwatch_guard::Report;
use blobwatch_rule_book::{Heard, Untold};
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

/// Tells the Detector of a harm, which asks for an anomaly of the cohort that was harmed, or of a change of the rulebook. It
/// knows by a notice's id what it was told before. The audit log has both already.
pub(super) async fn tell_detector(env: &Env, notice: &Untold) -> Answer<()> {
    let what = format!("tell the Detector of a {}", notice.kind.name());
    let failed = |e: &dyn std::fmt::Display| internal(&what, e);
    let stub = object(env, "DETECTOR", "detector").map_err(|e| failed(&e))?;
    let url = format!("https://detector/{}", notice.kind.name());
    let request = internal_request(Method::Post, &url, Some(&notice.body));
    let asked = stub.fetch_with_request(request.map_err(|e| failed(&e))?).await;
    match asked.map_err(|e| failed(&e))?.status_code() {
        200..300 => Ok(()),
        status => Err(failed(&status)),
    }
}
