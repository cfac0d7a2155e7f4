//! July 2020, played: `demo/…` is handed to the program that plays it, which only `cargo xtask dev` runs.

use blobwatch_wire::Problem;
use worker::{Env, Fetch, Request, Response, Url};

use super::control::text_binding;
use super::http::{Answer, FailedTo, internal, internal_request};

/// The variable with the player's address, for instance `http://127.0.0.1:40123`; never set on a deployment.
pub(super) const BINDING: &str = "DEMO";

/// `path` is below the API's prefix, for instance `demo/play`.
pub(super) async fn forward(path: &str, request: &Request, body: &str, env: &Env) -> Answer<Response> {
    let player = text_binding(env, BINDING);
    if player.is_empty() {
        return Err(Problem::not_found(
            "demo in this deployment; run `cargo xtask dev` without --origin",
        ));
    }
    let failed = |e| internal("reach the demo's player", e);
    let target = format!("{player}/{path}");
    let url = Url::parse(&target).failed_to("read the address of the demo's player")?;
    let asked = internal_request(
        request.method(),
        url.as_str(),
        Some(body).filter(|body| !body.is_empty()),
    );
    Fetch::Request(asked.map_err(failed)?)
        .send()
        .await
        .map_err(failed)
}
