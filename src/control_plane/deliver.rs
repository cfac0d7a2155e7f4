//! Sending to webhooks.
//!
//! Guarantees: an address is judged again before every attempt; redirects are not followed; an answer is waited for
//! ten seconds, and its body is read only where its format says something in it.

use std::time::Duration;

use blobwatch_detector::{
    AllowedAddresses, Attempt, Delivery, Format, SIGNATURE_HEADER, SecretUse, Webhook, check, signature,
    standard_signature,
};
use blobwatch_wire::MAX_SMALL_BODY;
use futures_util::future::{Either, select};
use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::{Delay, Env, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response, Result};

use super::body::{discard, text_of_response};
use super::http::machine_ms;

/// How long an answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where a deployment on workerd binds a network of public addresses only; a fetch goes there, where it is bound.
const NETWORK: &str = "WEBHOOKS";

/// Sends a delivery once.
pub(super) async fn attempt(
    env: &Env,
    webhook: Option<&Webhook>,
    delivery: &Delivery,
    allowed: AllowedAddresses,
) -> Attempt {
    let Some(webhook) = webhook else {
        return Attempt::failed("the webhook was removed");
    };
    if let Err(error) = check(&webhook.url, allowed) {
        return Attempt::failed(format!("the address is no longer allowed: expected {error}"));
    }
    let request = match request(webhook, delivery) {
        Ok(request) => request,
        Err(error) => return Attempt::failed(error),
    };
    let sending = Box::pin(sent(env, request, webhook.format));
    let timeout = Delay::from(TIMEOUT);
    match select(sending, timeout).await {
        Either::Left((Ok(attempt), _)) => attempt,
        Either::Left((Err(error), _)) => Attempt::failed(error),
        Either::Right(_) => Attempt::failed(format!("no answer within {} s", TIMEOUT.as_secs())),
    }
}

async fn sent(env: &Env, request: Request, format: Format) -> Result<Attempt> {
    let mut response = send(env, request).await?;
    let status = response.status_code();
    if !format.reads_answer() || !(200..300).contains(&status) {
        discard(response);
        return Ok(Attempt::answered(status));
    }
    // An answer that cannot be read says nothing else than its status.
    let answer = text_of_response(&mut response, MAX_SMALL_BODY).await;
    let rejected = answer.ok().and_then(|answer| format.rejected(&answer));
    Ok(rejected.map_or_else(
        || Attempt::answered(status),
        |why| Attempt::rejected(status, &why),
    ))
}

fn request(webhook: &Webhook, delivery: &Delivery) -> Result<Request> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_redirect(RequestRedirect::Manual)
        .with_body(Some(delivery.body.as_str().into()));
    let request = Request::new_with_init(&delivery.url(webhook), &init)?;
    let headers = request.headers();
    headers.set("Content-Type", webhook.format.content_type())?;
    headers.set("User-Agent", "Blobwatch")?;
    headers.set("Blobwatch-Delivery", &delivery.name())?;
    match webhook.format.secret_use() {
        SecretUse::Signature => sign(headers, webhook, delivery)?,
        SecretUse::Credential(scheme) if !webhook.secret.is_empty() => {
            headers.set("Authorization", &format!("{scheme} {}", webhook.secret))?;
        }
        SecretUse::Credential(_) | SecretUse::RoutingKey | SecretUse::Nothing => {}
    }
    Ok(request)
}

/// By the time of the attempt, in the header of Blobwatch's own and in those of Standard Webhooks.
fn sign(headers: &Headers, webhook: &Webhook, delivery: &Delivery) -> Result<()> {
    let unix_s = machine_ms() / 1000;
    let (secret, body, id) = (&webhook.secret, &delivery.body, delivery.name());
    headers.set(SIGNATURE_HEADER, &signature(secret, unix_s, body))?;
    headers.set("Webhook-Id", &id)?;
    headers.set("Webhook-Timestamp", &unix_s.to_string())?;
    headers.set(
        "Webhook-Signature",
        &standard_signature(secret, &id, unix_s, body),
    )
}

async fn send(env: &Env, request: Request) -> Result<Response> {
    let is_bound =
        Reflect::get(env.as_ref(), &JsValue::from_str(NETWORK)).is_ok_and(|value| value.is_object());
    if is_bound {
        env.service(NETWORK)?.fetch_request(request).await
    } else {
        Fetch::Request(request).send().await
    }
}
