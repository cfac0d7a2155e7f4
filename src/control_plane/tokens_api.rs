//! `tokens`: who may call, listed, made, expired and revoked. A token is said once, in the answer to whoever makes it.

use blobwatch_rule_book::{
    CreateTokenCall, ExpireTokenCall, ListTokensCall, NewToken, RevokeToken, RevokeTokenCall, TokenItem,
    new_expiry, new_token,
};
use blobwatch_tokens::digest;
use blobwatch_wire::{List, Nothing, Place, Problem, hex};
use worker::{Env, Method, Request, Response};

use super::admission::forget;
use super::control::tokens;
use super::detector_api::reason;
use super::http::{Answer, FailedTo, now_ms, respond, text, without_parameters};
use super::object_call::{call, call_through};
use super::random::random_bytes;

pub(super) async fn answer(
    path: &str,
    request: &Request,
    body: &str,
    env: &Env,
    actor: &str,
) -> Answer<Response> {
    let name = path.split_once('/').map(|(_, name)| name);
    match (request.method(), name) {
        (Method::Get, None) => list(request, env).await,
        (Method::Post, None) => create(request, body, env, actor).await,
        (Method::Put, Some(name)) => expire(name, request, body, env, actor).await,
        (Method::Delete, Some(name)) => revoke(name, request, env, actor).await,
        _ => Err(Problem::no_such_call()),
    }
}

/// Those of the secret first.
async fn list(request: &Request, env: &Env) -> Answer<Response> {
    without_parameters(&request.url().failed_to("read the address")?)?;
    let secret = tokens(env)?;
    let mut items: Vec<TokenItem> = secret.actors().map(TokenItem::of_secret).collect();
    items.extend(call(env, &ListTokensCall, Nothing).await?);
    let next_cursor = None;
    respond(Ok(List { items, next_cursor })).failed_to("answer")
}

async fn create(request: &Request, body: &str, env: &Env, actor: &str) -> Answer<Response> {
    without_parameters(&request.url().failed_to("read the address")?)?;
    let token = hex(&random_bytes()?);
    let create = new_token(body, actor, &digest(&token), now_ms())?;
    not_of_secret(&create.token.name, env)?;
    let item = call_through(env, &CreateTokenCall, create).await?;
    forget();
    let made = serde_json::to_string(&NewToken { token, item }).failed_to("answer")?;
    text(201, "application/json", made).failed_to("answer")
}

async fn expire(name: &str, request: &Request, body: &str, env: &Env, actor: &str) -> Answer<Response> {
    without_parameters(&request.url().failed_to("read the address")?)?;
    let expire = new_expiry(body, name, actor, now_ms())?;
    not_of_secret(name, env)?;
    let item = call_through(env, &ExpireTokenCall, expire).await?;
    forget();
    respond(Ok(item)).failed_to("answer")
}

async fn revoke(name: &str, request: &Request, env: &Env, actor: &str) -> Answer<Response> {
    let revoke = RevokeToken {
        name: name.to_owned(),
        actor: actor.to_owned(),
        reason: reason(&request.url().failed_to("read the address")?)?,
    };
    not_of_secret(name, env)?;
    let item = call_through(env, &RevokeTokenCall, revoke).await?;
    forget();
    respond(Ok(item)).failed_to("answer")
}

/// The secret's tokens are changed where the secret is.
fn not_of_secret(name: &str, env: &Env) -> Answer<()> {
    if tokens(env)?.named(name).is_none() {
        return Ok(());
    }
    let detail = format!("the token {name:?} is in the secret BLOBWATCH_TOKENS: change it there");
    Err(Problem {
        errors: vec![Place::new("name", detail.clone())],
        ..Problem::new(409, "token-of-secret", "The token is the secret's", detail)
    })
}
