//! Signatures of tokens, by WebCrypto, and documents of those who sign them.

use std::cell::RefCell;
use std::pin::pin;
use std::thread::LocalKey;
use std::time::Duration;

use blobwatch_auth::{KeyMaterial, KeyRing, Need, PublicKey, SignedToken};
use blobwatch_wire::MAX_BODY;
use futures_util::future::{Either, select};
use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{AbortController, AbortSignal, Delay, Fetch, Method, Request, RequestInit, RequestRedirect};

use super::body::text_of_response;
use super::http::{Answer, FailedTo, internal, machine_ms};

/// An address that hangs makes nobody wait for longer; keys that are known are used then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the key's owner signed it.
pub(super) async fn is_signed(key: &PublicKey, signed: &SignedToken) -> Answer<bool> {
    if key.algorithm() != signed.algorithm {
        return Ok(false);
    }
    let verified = verify(key, signed).await;
    verified.map_err(|error| internal("check a signature", text(&error)))
}

async fn verify(key: &PublicKey, signed: &SignedToken) -> Result<bool, JsValue> {
    let subtle = property(&property(&js_sys::global(), "crypto")?, "subtle")?;
    let (jwk, import, check) = match &key.material {
        KeyMaterial::Rsa { n, e } => {
            let algorithm = [("name", "RSASSA-PKCS1-v1_5"), ("hash", "SHA-256")];
            let jwk = object(&[("kty", "RSA"), ("alg", "RS256"), ("n", n), ("e", e)])?;
            (jwk, object(&algorithm)?, object(&algorithm)?)
        }
        KeyMaterial::P256 { x, y } => {
            let jwk = object(&[("kty", "EC"), ("crv", "P-256"), ("x", x), ("y", y)])?;
            let import = object(&[("name", "ECDSA"), ("namedCurve", "P-256")])?;
            (jwk, import, object(&[("name", "ECDSA"), ("hash", "SHA-256")])?)
        }
    };
    let uses = Array::of1(&JsValue::from_str("verify"));
    let arguments = Array::of5(&"jwk".into(), &jwk, &import, &JsValue::FALSE, &uses);
    let imported = call(&subtle, "importKey", &arguments).await?;
    let signature = Uint8Array::from(signed.signature.as_slice());
    let of = Uint8Array::from(signed.text.as_bytes());
    let arguments = Array::of4(&check, &imported, &signature, &of);
    Ok(call(&subtle, "verify", &arguments).await?.is_truthy())
}

/// A document of a signer: its keys, or what it says of itself.
pub(super) async fn fetch_document(address: &str, what: &str) -> Answer<String> {
    let request = signer_request(Method::Get, address, None).map_err(|error| internal(what, error))?;
    match ask(request, what).await? {
        (200, document) => Ok(document),
        (status, _) => Err(internal(what, status)),
    }
}

/// Fetches a signer's keys where the one of that name is not known, or all of them are old.
pub(super) async fn refresh_keys(
    keys: &'static LocalKey<RefCell<KeyRing>>,
    kid: &str,
    address: &str,
    whose: &str,
) -> Answer<()> {
    if keys.with_borrow(|keys| keys.need(kid, machine_ms())) != Need::Fetch {
        return Ok(());
    }
    keys.with_borrow_mut(|keys| keys.trying(machine_ms()));
    let document = fetch_document(address, &format!("fetch {whose} keys")).await?;
    let taken = keys.with_borrow_mut(|keys| keys.take(&document, machine_ms()));
    taken.failed_to(&format!("read {whose} keys"))
}

/// Not followed: the platform has no `error`, and an answer that is none of 200 is refused.
pub(super) fn signer_request(method: Method, address: &str, body: Option<&str>) -> worker::Result<Request> {
    let mut init = RequestInit::new();
    init.with_method(method).with_redirect(RequestRedirect::Manual);
    if let Some(body) = body {
        init.with_body(Some(JsValue::from_str(body)));
    }
    Request::new_with_init(address, &init)
}

/// The status of what a signer answers, and all of its body.
pub(super) async fn ask(request: Request, what: &str) -> Answer<(u16, String)> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let answered = match select(pin!(read(request, &signal, what)), pin!(Delay::from(PATIENCE))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => {
            let why = format!("no answer within {} s", PATIENCE.as_secs());
            Err(internal(what, why))
        }
    };
    if answered.is_err() {
        // Also the body of an answer that is not read to its end.
        controller.abort();
    }
    answered
}

async fn read(request: Request, signal: &AbortSignal, what: &str) -> Answer<(u16, String)> {
    let sent = Fetch::Request(request).send_with_signal(signal).await;
    let mut response = sent.map_err(|error| internal(what, error))?;
    let body = text_of_response(&mut response, MAX_BODY).await;
    let body = body.map_err(|problem| internal(what, problem.detail))?;
    Ok((response.status_code(), body))
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
