//! Cloudflare Access at the edge: the team's keys, fetched and kept in the isolate, and WebCrypto's word on a signature.
//!
//! In scope: what needs the platform. Not in scope: which tokens hold (`blobwatch_auth::access`).

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use blobwatch_auth::{Access, Candidate, HEADER, KeyRing, Need, PublicKey, access_token_of};
use blobwatch_tokens::Actor;
use blobwatch_wire::{MAX_BODY, Problem};
use futures_util::future::{Either, select};
use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{
    AbortController, AbortSignal, Delay, Env, Fetch, Method, Request, RequestInit, RequestRedirect,
};

use super::body::text_of_response;
use super::control::text_binding;
use super::http::{Answer, internal, machine_ms};
use super::session::check_site;

/// The variable that says whose tokens are taken.
const BINDING: &str = "BLOBWATCH_ACCESS";

/// An address that hangs makes nobody wait for longer; keys that are known are used then.
const PATIENCE: Duration = Duration::from_secs(5);

thread_local! {
    /// Of the one team that an isolate knows. Read and written between awaits, never across one.
    static KEYS: RefCell<KeyRing> = RefCell::new(KeyRing::default());
}

/// Who calls through Access; `None` where no token came, or no team is configured.
pub(super) async fn actor(request: &Request, env: &Env) -> Answer<Option<Actor>> {
    let header = |name| request.headers().get(name).ok().flatten();
    let (asserted, cookies) = (header(HEADER), header("cookie"));
    let Some(token) = access_token_of(asserted.as_deref(), cookies.as_deref()) else {
        return Ok(None);
    };
    let Some(access) = configured(env)? else {
        return Ok(None);
    };
    // A browser sends the token by itself, also for a page of somebody else.
    if request.method() != Method::Get {
        check_site(request)?;
    }
    let candidate = Candidate::read(token, &access, machine_ms())?;
    let key = key(&access, &candidate.kid).await?;
    let is_proven = verify(&key, &candidate).await;
    candidate
        .proven(is_proven.map_err(|error| internal("check a signature", text(&error)))?)
        .map(Some)
}

/// Whether somebody may come through Access.
pub(super) fn is_configured(env: &Env) -> bool {
    matches!(configured(env), Ok(Some(_)))
}

fn configured(env: &Env) -> Answer<Option<Access>> {
    Access::from_json(&text_binding(env, BINDING)).map_err(|error| {
        worker::console_error!("failed to read {BINDING}: {error}");
        let detail = format!("nobody can sign in through Access: {BINDING} cannot be read ({error})");
        Problem::new(503, "closed", "The control plane is closed", detail)
    })
}

/// The team's key of that name, fetched where it is not known.
async fn key(access: &Access, kid: &str) -> Answer<PublicKey> {
    if need(kid) == Need::Fetch {
        KEYS.with_borrow_mut(|keys| keys.trying(machine_ms()));
        match fetch(&access.keys).await {
            Ok(document) => {
                let taken = KEYS.with_borrow_mut(|keys| keys.take(&document, machine_ms()));
                if let Err(why) = taken {
                    worker::console_error!("failed to read the team's keys: {why}");
                }
            }
            Err(problem) => worker::console_error!("{}", problem.detail),
        }
    }
    // A key that is known goes on to be used while the keys cannot be fetched.
    match KEYS.with_borrow(|keys| keys.known(kid, machine_ms())) {
        Some(key) => Ok(key),
        None if KEYS.with_borrow(KeyRing::has_keys) => Err(Candidate::unknown_key()),
        None => Err(Candidate::no_keys()),
    }
}

fn need(kid: &str) -> Need {
    KEYS.with_borrow(|keys| keys.need(kid, machine_ms()))
}

async fn fetch(address: &str) -> Answer<String> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let fetched = match select(pin!(ask(address, &signal)), pin!(Delay::from(PATIENCE))).await {
        Either::Left((document, _)) => document,
        Either::Right(_) => {
            let why = format!("no answer within {} s", PATIENCE.as_secs());
            Err(internal("fetch the team's keys", why))
        }
    };
    if fetched.is_err() {
        // Also the body of an answer that is not read to its end.
        controller.abort();
    }
    fetched
}

async fn ask(address: &str, signal: &AbortSignal) -> Answer<String> {
    let failed = |e: &dyn std::fmt::Display| internal("fetch the team's keys", e);
    let mut init = RequestInit::new();
    // Not followed: the platform has no `error`, and an answer that is none of 200 is refused below.
    init.with_redirect(RequestRedirect::Manual);
    let request = Request::new_with_init(address, &init).map_err(|e| failed(&e))?;
    let mut response = Fetch::Request(request)
        .send_with_signal(signal)
        .await
        .map_err(|e| failed(&e))?;
    match response.status_code() {
        200 => text_of_response(&mut response, MAX_BODY)
            .await
            .map_err(|problem| failed(&problem.detail)),
        status => Err(failed(&status)),
    }
}

/// RSASSA-PKCS1-v1_5 with SHA-256, by WebCrypto.
async fn verify(key: &PublicKey, candidate: &Candidate) -> Result<bool, JsValue> {
    let subtle = property(&property(&js_sys::global(), "crypto")?, "subtle")?;
    let algorithm = object(&[("name", "RSASSA-PKCS1-v1_5"), ("hash", "SHA-256")])?;
    let jwk = object(&[("kty", "RSA"), ("alg", "RS256"), ("n", &key.n), ("e", &key.e)])?;
    let uses = Array::of1(&JsValue::from_str("verify"));
    let arguments = Array::of5(&"jwk".into(), &jwk, &algorithm, &JsValue::FALSE, &uses);
    let imported = call(&subtle, "importKey", &arguments).await?;
    let signature = Uint8Array::from(candidate.signature.as_slice());
    let signed = Uint8Array::from(candidate.signed.as_bytes());
    let arguments = Array::of4(&algorithm, &imported, &signature, &signed);
    Ok(call(&subtle, "verify", &arguments).await?.is_truthy())
}

fn property(of: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    Reflect::get(of, &JsValue::from_str(name))
}

fn object(entries: &[(&str, &str)]) -> Result<JsValue, JsValue> {
    let object = Object::new();
    for (name, value) in entries {
        Reflect::set(&object, &JsValue::from_str(name), &JsValue::from_str(value))?;
    }
    Ok(object.into())
}

async fn call(of: &JsValue, name: &str, arguments: &Array) -> Result<JsValue, JsValue> {
    let function: Function = property(of, name)?.dyn_into()?;
    let promise: Promise = function.apply(of, arguments)?.dyn_into()?;
    JsFuture::from(promise).await
}

fn text(error: &JsValue) -> String {
    error.as_string().unwrap_or_else(|| format!("{error:?}"))
}
