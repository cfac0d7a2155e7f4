//! The calls that the Previews object answers.

use worker::{Env, Request, Response};

use super::http::{Answer, internal, internal_request};
use super::previews_do::stub;
use super::rule_book_do::ACTOR_HEADER;

/// Hands a call to the Previews object in the name of `actor`, and its answer back. `path` is below the API's prefix.
pub(super) async fn forward(path: &str, request: &mut Request, env: &Env, actor: &str) -> Answer<Response> {
    let failed = |e| internal("reach the previews", e);
    let url = request.url().map_err(failed)?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let body = request.text().await.map_err(failed)?;
    let asked = internal_request(
        request.method(),
        &format!("https://previews/{path}{query}"),
        Some(body.as_str()).filter(|body| !body.is_empty()),
    );
    let asked = asked.map_err(failed)?;
    asked.headers().set(ACTOR_HEADER, actor).map_err(failed)?;
    stub(env)
        .map_err(failed)?
        .fetch_with_request(asked)
        .await
        .map_err(failed)
}
