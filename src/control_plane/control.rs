//! The control plane: who may call what, and which object answers.
//!
//! In scope: who calls, the paths under `/_blobwatch`, the fan-out over FireLogs. Not in scope: what a call means (the
//! core) and where things are kept (`rule_book_do`, `fire_log_do`).

use blobwatch_auth::Candidate;
use blobwatch_rule_book::HealthCall;
use blobwatch_tokens::{Actor, Role, Tokens};
use blobwatch_wire::{DashboardFile, Nothing, Object, Problem};
use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::{Context, Env, Method, Request, Response, Result, event};

use super::http::{Answer, Asked, refuse, respond};
use super::object_call::{call, forward};
use super::{access, audit_api, demo_api, detector_api, page, records_api, session};

/// Where the API lives; `docs/api.md`.
const API: &str = "/_blobwatch/api/v1/";

/// Prometheus scrapes it.
const METRICS: &str = "/_blobwatch/metrics";

#[event(fetch)]
async fn fetch(request: Request, env: Env, _ctx: Context) -> Result<Response> {
    if request.path() == "/_blobwatch/healthz" {
        return respond(call(&env, &HealthCall, Nothing).await);
    }
    let asked = Asked::of(&request);
    match route(request, &env).await {
        Ok(response) => asked.unless_known(response).await,
        Err(problem) => refuse(&problem),
    }
}

async fn route(mut request: Request, env: &Env) -> Answer<Response> {
    let address = request.path();
    if address == "/_blobwatch" {
        return page::front();
    }
    if address == session::PATH {
        return session::answer(&mut request, env).await;
    }
    if address == METRICS {
        authorize(&request, env, Role::Viewer).await?;
        return detector_api::metrics(env).await;
    }
    if let Some(found) = DashboardFile::at(&address) {
        return page::answer(&found, &request, env).await;
    }
    let Some(path) = address.strip_prefix(API) else {
        return Err(Problem::not_found(
            "page at this address; the dashboard is at /_blobwatch/, the API under /_blobwatch/api/v1/",
        ));
    };
    match path.split('/').next().unwrap_or_default() {
        "rules" | "routes" | "modes" | "settings" | "rulebook" | "audit" | "panic-off" | "guards"
        | "fire-logs" => {
            let needed = if request.method() == Method::Get {
                Role::Viewer
            } else {
                Role::Operator
            };
            let actor = authorize(&request, env, needed).await?;
            if let Some(answer) = audit_api::answer(path, &request, env).await? {
                return Ok(answer);
            }
            forward(env, Object::RuleBook, path, &mut request, &actor).await
        }
        "previews" => {
            let needed = if request.method() == Method::Get {
                Role::Viewer
            } else {
                Role::Operator
            };
            let actor = authorize(&request, env, needed).await?;
            forward(env, Object::Previews, path, &mut request, &actor).await
        }
        "fires" | "requests" | "losses" => {
            authorize(&request, env, Role::Viewer).await?;
            if request.method() != Method::Get {
                return Err(Problem::new(
                    405,
                    "method-not-allowed",
                    "Method not allowed",
                    "this call takes GET",
                ));
            }
            records_api::answer(path, &request, env).await
        }
        "anomalies" | "timeline" | "cohorts" | "webhooks" => {
            // An address may hold a secret of its own: who is told is the operators' matter.
            let needed = if path.starts_with("webhooks") {
                Role::Operator
            } else {
                Role::Viewer
            };
            let actor = authorize(&request, env, needed).await?;
            detector_api::answer(path, &mut request, env, &actor).await
        }
        "demo" => {
            authorize(&request, env, Role::Operator).await?;
            demo_api::forward(path, &mut request, env).await
        }
        _ => {
            authorize(&request, env, Role::Viewer).await?;
            Err(Problem::not_found("call at this address"))
        }
    }
}

/// Name of the actor, who has at least that role: by a bearer token, by the cookie of a session, or through Access.
async fn authorize(request: &Request, env: &Env, needed: Role) -> Answer<String> {
    let actor = authenticate(request, env).await?;
    actor.require(needed)?;
    Ok(actor.name)
}

/// What somebody sends on purpose goes before what a browser sends by itself.
async fn authenticate(request: &Request, env: &Env) -> Answer<Actor> {
    let bearer = request.headers().get("authorization").ok().flatten();
    if bearer.is_none()
        && let Some(actor) = session::actor(request, env).await?
    {
        return Ok(actor);
    }
    let tokens = tokens(env)?;
    if tokens.is_empty() && access::is_configured(env) {
        return Err(Candidate::missing());
    }
    tokens.authenticate(bearer.as_deref()).cloned()
}

/// Everybody who may call.
pub(super) fn tokens(env: &Env) -> Answer<Tokens> {
    let secret = text_binding(env, "BLOBWATCH_TOKENS");
    Tokens::from_json(&secret).map_err(|error| {
        worker::console_error!("failed to read BLOBWATCH_TOKENS: {error}");
        closed(&error.to_string())
    })
}

/// The text of a variable or secret; empty where there is none. `Env::secret` never returns for a binding that is null,
/// which is what workerd makes of a variable that its environment does not have.
pub(super) fn text_binding(env: &Env, name: &str) -> String {
    Reflect::get(env.as_ref(), &JsValue::from_str(name))
        .ok()
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}

fn closed(why: &str) -> Problem {
    let detail = format!("nobody can sign in: the secret BLOBWATCH_TOKENS cannot be read ({why})");
    Problem::new(503, "closed", "The control plane is closed", detail)
}
