//! The calls that the RuleBook answers: rules, routes, modes, audit; and the health of the deployment.

use serde::{Deserialize, Serialize};
use worker::{Env, Method, Request, Response};

use super::http::{Answer, internal, internal_request};
use super::rule_book_do::{ACTOR_HEADER, API, stub};

/// Liveness and revision, nothing else: anyone may ask.
#[derive(Serialize, Deserialize)]
pub(super) struct Health {
    pub(super) status: String,
    pub(super) revision: u64,
}

pub(super) async fn health(env: &Env) -> Answer<Health> {
    let failed = |e| internal("read the revision", e);
    let request = internal_request(Method::Get, "https://rule-book/health", None).map_err(failed)?;
    let mut response = stub(env)
        .map_err(failed)?
        .fetch_with_request(request)
        .await
        .map_err(failed)?;
    response.json().await.map_err(failed)
}

/// Hands a call to the RuleBook in the name of `actor`, and its answer back. `path` is below the API's prefix.
pub(super) async fn forward(path: &str, request: &mut Request, env: &Env, actor: &str) -> Answer<Response> {
    let failed = |e| internal("reach the rulebook", e);
    let url = request.url().map_err(failed)?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let body = request.text().await.map_err(failed)?;
    let target = format!("https://rule-book{API}{path}{query}");
    let asked = internal_request(
        request.method(),
        &target,
        Some(body.as_str()).filter(|body| !body.is_empty()),
    );
    let asked = asked.map_err(failed)?;
    asked.headers().set(ACTOR_HEADER, actor).map_err(failed)?;
    if let Ok(Some(expected)) = request.headers().get("if-match") {
        asked.headers().set("if-match", &expected).map_err(failed)?;
    }
    stub(env)
        .map_err(failed)?
        .fetch_with_request(asked)
        .await
        .map_err(failed)
}
