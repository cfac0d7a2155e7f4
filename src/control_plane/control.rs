//! The control plane: who may call what, and which object answers.
//!
//! In scope: who calls, and handing a call to whoever answers. Not in scope: which calls there are (`blobwatch_wire`'s
//! table), what a call means (the crate of its object) and where things are kept (`*_do`).

use blobwatch_auth::{Candidate, session_over};
use blobwatch_tokens::{Actor, Role, Tokens};
use blobwatch_wire::{
    API, DashboardFile, Handler, Lookup, Method, Object, Problem, handler_at, look_up, methods_at,
    role_of_missing,
};
use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::{Env, Request, Response, Result};

use super::admission::{admission, used};
use super::body::text_of_request;
use super::gone::while_called;
use super::http::{Answer, ConditionalRequest, FailedTo, method_of, now_ms, refuse};
use super::log::{self, logged_as};
use super::object_call::forward;
use super::{
    access, addresses_api, audit_api, demo_api, detector_api, health, ingest_api, loads_api, losses_api,
    oidc, page, records_api, session, shares_api, tokens_api, tries,
};

pub(super) async fn answer_event(request: Request, env: Env) -> Result<Response> {
    let signal = request.inner().signal();
    let who = of_call(&request);
    while_called(&signal, logged_as(who, answer_caller(request, env))).await
}

/// The call of the table, for the log: an address may have a secret in it.
fn of_call(request: &Request) -> Vec<(&'static str, String)> {
    let address = request.path();
    let path = address.strip_prefix(API).unwrap_or(&address);
    match look_up(Method::of_name(&method_of(request)), path) {
        Lookup::Call(call) => vec![("call", format!("{} {}", call.method.name(), call.path))],
        _ => Vec::new(),
    }
}

async fn answer_caller(request: Request, env: Env) -> Result<Response> {
    let asked = ConditionalRequest::of(&request);
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
    if let Some(handler) = handler_at(&address) {
        return answer_outside(handler, &address, &mut request, env).await;
    }
    if let Some(found) = DashboardFile::at(&address) {
        return page::answer(&found, &request, env).await;
    }
    let Some(path) = address.strip_prefix(API) else {
        if page::is_shown(&request) {
            return page::nothing_here();
        }
        return Err(Problem::not_found(
            "page at this address; the dashboard is at /_blobwatch/, the API under /_blobwatch/api/v1/",
        ));
    };
    let method = Method::of_name(&method_of(&request));
    match look_up(method, path) {
        Lookup::Call(call) => {
            let query = query_of(&request)?;
            let needed = call.role_with(&query);
            let actor = authorize(&request, env, needed).await?;
            call.check_query(&query)?;
            let body = text_of_request(&mut request, call.max_body()).await?;
            actor.require_for(needed, &call.changed(path, &query, &body))?;
            let asked = AuthorizedCall {
                path,
                request: &request,
                body: &body,
                actor: &actor.name,
            };
            answer(call.handler, &asked, env).await
        }
        Lookup::MethodNotAllowed(allowed) => {
            authorize(&request, env, role_of_missing(method, path)).await?;
            let names: Vec<&str> = allowed.iter().map(|method| method.name()).collect();
            method_not_allowed(&request, &names)
        }
        Lookup::NotFound => {
            authorize(&request, env, role_of_missing(method, path)).await?;
            Err(Problem::no_such_path(path))
        }
    }
}

fn query_of(request: &Request) -> Answer<String> {
    let url = request.url().failed_to("read the address")?;
    Ok(url.query().unwrap_or_default().to_owned())
}

/// A call below the API's prefix, of somebody who may make it.
struct AuthorizedCall<'a> {
    path: &'a str,
    request: &'a Request,
    /// Read already.
    body: &'a str,
    actor: &'a str,
}

async fn answer(handler: Handler, asked: &AuthorizedCall<'_>, env: &Env) -> Answer<Response> {
    let AuthorizedCall {
        path,
        request,
        body,
        actor,
    } = *asked;
    match handler {
        Handler::Object(object) => forward(env, object, path, request, body, actor).await,
        Handler::AuditLog => match audit_api::answer(path, request, env).await? {
            Some(answer) => Ok(answer),
            None => forward(env, Object::RuleBook, path, request, body, actor).await,
        },
        Handler::Records => records_api::answer(path, request, env).await,
        Handler::Compare => records_api::compare(request, body, env).await,
        Handler::Addresses => addresses_api::answer(path, request, env, actor).await,
        Handler::Losses => losses_api::answer(request, env).await,
        Handler::Loads => loads_api::answer(request, env).await,
        Handler::Report => detector_api::report(path, request, env).await,
        Handler::NewShare => shares_api::create(path, request, body, env, actor).await,
        Handler::WebhookChange => detector_api::change_webhook(path, request, body, env, actor).await,
        Handler::Tokens => tokens_api::answer(path, request, body, env, actor).await,
        Handler::Demo => demo_api::forward(path, request, body, env).await,
        Handler::OpenApi => page::openapi(env).await,
        Handler::Metrics
        | Handler::Health
        | Handler::Session
        | Handler::Oidc
        | Handler::Ingest
        | Handler::SharedReport => Err(Problem::no_such_call()),
    }
}

/// A call outside of the API's prefix.
async fn answer_outside(
    handler: Handler,
    address: &str,
    request: &mut Request,
    env: &Env,
) -> Answer<Response> {
    if handler == Handler::Metrics {
        authorize(request, env, Role::Viewer).await?;
    }
    let allowed = methods_at(address);
    if !allowed.contains(&method_of(request).as_str()) {
        return method_not_allowed(request, &allowed);
    }
    match handler {
        Handler::Health => health::answer(request, env).await,
        Handler::Session => {
            if let Lookup::Call(call) = look_up(Method::of_name(&method_of(request)), address) {
                call.check_query(&query_of(request)?)?;
            }
            session::answer(request, env).await
        }
        Handler::Oidc => oidc::answer(address, request, env).await,
        Handler::Metrics => detector_api::metrics(env).await,
        Handler::SharedReport => shares_api::open(address, request, env).await,
        Handler::Ingest => ingest_api::answer(address, request, env).await,
        _ => Err(Problem::no_such_call()),
    }
}

/// 405 with what is accepted.
pub(super) fn method_not_allowed(request: &Request, allowed: &[&str]) -> Answer<Response> {
    let problem = Problem::method_not_allowed(&method_of(request));
    let response = refuse(&problem).failed_to("answer")?;
    let allow = response.headers().set("Allow", &allowed.join(", "));
    allow.failed_to("answer")?;
    Ok(response)
}

/// Who calls, with at least that role: by a bearer token, by the cookie of a session, or through Access.
async fn authorize(request: &Request, env: &Env, needed: Role) -> Answer<Actor> {
    let actor = authenticate(request, env).await?;
    actor.require(needed)?;
    Ok(actor)
}

/// What somebody sends on purpose goes before what a browser sends by itself.
pub(super) async fn authenticate(request: &Request, env: &Env) -> Answer<Actor> {
    let bearer = request.headers().get("authorization").ok().flatten();
    if bearer.is_none()
        && let Some(actor) = session::actor(request, env).await?
    {
        return Ok(actor);
    }
    if bearer.is_none() && tokens(env)?.is_empty() {
        if access::is_configured(env) {
            return Err(Candidate::missing());
        }
        if oidc::begins_at(env).is_some() {
            return Err(session_over());
        }
    }
    by_token(request, bearer.as_deref(), env).await
}

/// Who calls with a token. Without one there is nothing to guess.
pub(super) async fn by_token(request: &Request, bearer: Option<&str>, env: &Env) -> Answer<Actor> {
    match bearer {
        None => of_token(None, env).await,
        bearer => tries::limited(request, env, of_token(bearer, env)).await,
    }
}

/// The secret's tokens hold whatever happens; the RuleBook is asked about the others.
async fn of_token(bearer: Option<&str>, env: &Env) -> Answer<Actor> {
    let secret = tokens(env)?;
    if bearer.is_none() && !secret.is_empty() {
        return secret.authenticate(None).cloned();
    }
    if let Ok(actor) = secret.authenticate(bearer) {
        return Ok(actor.clone());
    }
    let known = admission(env).await?;
    let tokens = secret.with_stored(&known.tokens, now_ms());
    let actor = tokens.authenticate(bearer)?;
    used(&actor.name, &known, env).await;
    Ok(actor.clone())
}

/// The tokens of the secret.
pub(super) fn tokens(env: &Env) -> Answer<Tokens> {
    let secret = text_binding(env, "BLOBWATCH_TOKENS");
    Tokens::from_json(&secret).map_err(|error| {
        log::error("failed to read BLOBWATCH_TOKENS", &[("cause", &error)]);
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
