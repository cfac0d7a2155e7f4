//! OpenID Connect at the edge: a browser is sent to the provider, and comes back with a code for a session of ours.
//!
//! In scope: what needs the platform. Not in scope: which answers and tokens hold (`blobwatch_auth::oidc`).

use std::cell::{Cell, RefCell};

use blobwatch_auth::{
    BEGIN, CALLBACK, Callback, IdToken, KeyRing, Oidc, Provider, PublicKey, SignIn, clear_sign_in_cookie,
    id_token_of, set_cookie, sign_in_cookie,
};
use blobwatch_wire::Problem;
use worker::{Env, Method, Request, Response};

use super::admission::earliest_ms;
use super::control::text_binding;
use super::http::{Answer, FailedTo, internal, machine_ms, now_ms};
use super::log;
use super::random::random_bytes;
use super::session::{header, host, sessions, with_cookies};
use super::signature::{ask, fetch_document, is_signed, refresh_keys, signer_request};
use super::tries;

/// The variable that says which provider.
const BINDING: &str = "BLOBWATCH_OIDC";

/// What a provider says of itself is asked again after this long.
const PROVIDER_MS: u64 = 3_600_000;

/// A provider that could not be asked is left alone for this long, whoever wants to sign in.
const AGAIN_MS: u64 = 5_000;

/// The dashboard.
const PAGE: &str = "/_blobwatch/";

thread_local! {
    /// Of the one provider that an isolate knows. Read and written between awaits, never across one.
    static KEYS: RefCell<KeyRing> = RefCell::new(KeyRing::default());
    static PROVIDER: RefCell<Option<(u64, Provider)>> = const { RefCell::new(None) };
    /// When it last could not be asked.
    static FAILED_MS: Cell<u64> = const { Cell::new(0) };
}

/// `GET` sends the browser to the provider, or takes it back.
pub(super) async fn answer(address: &str, request: &Request, env: &Env) -> Answer<Response> {
    let Some(oidc) = configured(env)? else {
        return Err(Problem::not_found("identity provider: BLOBWATCH_OIDC is not set"));
    };
    match address {
        BEGIN => begin(&oidc, request, env).await,
        // A stranger who invents codes asks the provider no more often than one who invents tokens.
        CALLBACK => tries::limited(request, env, finish(&oidc, request, env)).await,
        _ => Err(Problem::no_such_call()),
    }
}

pub(super) fn configured(env: &Env) -> Answer<Option<Oidc>> {
    Oidc::from_json(&text_binding(env, BINDING)).map_err(|error| {
        log::error(&format!("failed to read {BINDING}"), &[("cause", &error)]);
        let detail =
            format!("nobody can sign in at an identity provider: {BINDING} cannot be read ({error})");
        Problem::new(503, "closed", "The control plane is closed", detail)
    })
}

/// Where a browser begins to sign in, if there is a provider.
pub(super) fn begins_at(env: &Env) -> Option<&'static str> {
    matches!(configured(env), Ok(Some(_))).then_some(BEGIN)
}

async fn begin(oidc: &Oidc, request: &Request, env: &Env) -> Answer<Response> {
    let (sessions, provider) = (sessions(env)?, provider(oidc).await?);
    let sign_in = SignIn::begin(&sessions, &random_bytes()?, machine_ms());
    let cookie = sign_in_cookie(&sign_in, &host(request)?);
    redirect(&sign_in.address(oidc, &provider), &[cookie])
}

async fn finish(oidc: &Oidc, request: &Request, env: &Env) -> Answer<Response> {
    let (sessions, host) = (sessions(env)?, host(request)?);
    let url = request.url().failed_to("read the address")?;
    let callback = Callback::read(url.query().unwrap_or_default(), oidc)?;
    let cookies = header(request, "cookie").unwrap_or_default();
    let sign_in = SignIn::read(&sessions, &cookies, &callback.state, machine_ms())?;
    let provider = provider(oidc).await?;
    let token = exchange(oidc, &provider, &callback.code, &sign_in).await?;
    let id_token = IdToken::read(&token, oidc, sign_in.nonce(), machine_ms())?;
    let key = key(&provider, &id_token.signed.kid).await?;
    let is_proven = is_signed(&key, &id_token.signed).await?;
    let person = id_token.proven(is_proven, oidc)?;
    let begins_ms = now_ms().max(earliest_ms(&person.name, env).await);
    let session = sessions.open_for(oidc, &person, begins_ms)?;
    let mut set = set_cookie(&session, &host);
    set.push(clear_sign_in_cookie(&host));
    redirect(PAGE, &set)
}

/// The code for a token, from our server to the provider's.
async fn exchange(oidc: &Oidc, provider: &Provider, code: &str, sign_in: &SignIn) -> Answer<String> {
    const WHAT: &str = "ask the identity provider for a token";
    let asked = provider.token_request(oidc, code, sign_in.verifier());
    let request = signer_request(Method::Post, &provider.token, Some(&asked.body));
    let request = request.map_err(|error| internal(WHAT, error))?;
    let headers = request.headers();
    let form = "application/x-www-form-urlencoded";
    headers.set("Content-Type", form).failed_to(WHAT)?;
    headers.set("Accept", "application/json").failed_to(WHAT)?;
    if let Some(authorization) = &asked.authorization {
        headers.set("Authorization", authorization).failed_to(WHAT)?;
    }
    let (status, body) = ask(request, WHAT).await?;
    id_token_of(status, &body)
}

async fn provider(oidc: &Oidc) -> Answer<Provider> {
    const WHAT: &str = "read the identity provider's discovery document";
    let is_fresh = |(at, _): &&(u64, Provider)| machine_ms().abs_diff(*at) < PROVIDER_MS;
    let known = PROVIDER.with_borrow(|known| known.as_ref().filter(is_fresh).map(|(_, known)| known.clone()));
    if let Some(known) = known {
        return Ok(known);
    }
    if machine_ms().abs_diff(FAILED_MS.get()) < AGAIN_MS {
        return Err(internal(WHAT, "it could not be asked just now"));
    }
    let discovered = discover(oidc, WHAT).await;
    match &discovered {
        Ok(found) => PROVIDER.set(Some((machine_ms(), found.clone()))),
        Err(_) => FAILED_MS.set(machine_ms()),
    }
    discovered
}

async fn discover(oidc: &Oidc, what: &str) -> Answer<Provider> {
    let document = fetch_document(&oidc.discovery(), what).await?;
    Provider::read(&document, oidc).failed_to(what)
}

/// The provider's key of that name, fetched where it is not known.
async fn key(provider: &Provider, kid: &str) -> Answer<PublicKey> {
    refresh_keys(&KEYS, kid, &provider.keys, "the identity provider's").await?;
    let known = KEYS.with_borrow(|keys| keys.known(kid, machine_ms()));
    known.ok_or_else(IdToken::unknown_key)
}

fn redirect(to: &str, cookies: &[String]) -> Answer<Response> {
    let response = Response::empty().failed_to("answer")?.with_status(302);
    let headers = response.headers();
    headers.set("Location", to).failed_to("answer")?;
    headers.set("Cache-Control", "no-store").failed_to("answer")?;
    with_cookies(response, cookies)
}
