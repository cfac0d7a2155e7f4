//! Tries of tokens: what this isolate saw of each address, and which address a request is from.

use std::cell::RefCell;
use std::net::IpAddr;
use std::thread::LocalKey;

use blobwatch_tokens::{Tries, too_many_tries};
use blobwatch_wire::parse_address;
use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::{Env, Request};

use super::control::text_binding;
use super::http::{Answer, now_ms};

thread_local! {
    /// Read and written between awaits, never across one. Whoever mistypes a link can go on with a token.
    static TOKENS: RefCell<Tries> = RefCell::new(Tries::default());
    static LINKS: RefCell<Tries> = RefCell::new(Tries::default());
}

/// Looks at a token, unless too many of this address were not known.
pub(super) async fn limited<T>(
    request: &Request,
    env: &Env,
    look: impl Future<Output = Answer<T>>,
) -> Answer<T> {
    let (address, now_ms) = (address(request, env), now_ms());
    may_try(&TOKENS, address, now_ms)?;
    let looked = look.await;
    if matches!(&looked, Err(problem) if problem.status == 401) {
        TOKENS.with_borrow_mut(|tries| tries.failed(address, now_ms));
    }
    looked
}

/// Opens a link, unless too many of this address opened nothing.
pub(super) async fn limited_links<T>(
    request: &Request,
    env: &Env,
    open: impl Future<Output = Answer<T>>,
) -> Answer<T> {
    let (address, now_ms) = (address(request, env), now_ms());
    may_try(&LINKS, address, now_ms)?;
    let opened = open.await;
    if matches!(&opened, Err(problem) if problem.status == 404) {
        LINKS.with_borrow_mut(|tries| tries.failed(address, now_ms));
    }
    opened
}

fn may_try(tries: &'static LocalKey<RefCell<Tries>>, address: Option<IpAddr>, now_ms: u64) -> Answer<()> {
    let wait_s = tries.with_borrow(|tries| tries.wait_s(address, now_ms));
    wait_s.map_or(Ok(()), |wait_s| Err(too_many_tries(wait_s)))
}

/// As `facts.js` of the data plane: Cloudflare's header on Cloudflare, `request.cf` alone elsewhere.
fn address(request: &Request, env: &Env) -> Option<IpAddr> {
    let property = |of: &JsValue, name: &str| Reflect::get(of, &JsValue::from_str(name)).ok();
    let said = property(request.inner().as_ref(), "cf")
        .filter(JsValue::is_object)
        .and_then(|cf| property(&cf, "clientIp")?.as_string());
    let header = || request.headers().get("cf-connecting-ip").ok().flatten();
    let is_cloudflare = text_binding(env, "PLATFORM") == "cloudflare";
    let text = said.or_else(|| is_cloudflare.then(header).flatten())?;
    parse_address(&text)
}
