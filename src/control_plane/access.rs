//! Cloudflare Access at the edge: the team's keys, fetched and kept in the isolate.
//!
//! In scope: what needs the platform. Not in scope: which tokens hold (`blobwatch_auth::access`).

use std::cell::RefCell;

use blobwatch_auth::{Access, Candidate, HEADER, KeyRing, Proven, PublicKey, access_tokens_of};
use blobwatch_tokens::Actor;
use blobwatch_wire::Problem;
use worker::{Env, Method, Request};

use super::control::text_binding;
use super::http::{Answer, machine_ms};
use super::log;
use super::session::check_site;
use super::signature::{is_signed, refresh_keys};

/// The variable that says whose tokens are taken.
const BINDING: &str = "BLOBWATCH_ACCESS";

thread_local! {
    /// Of the one team that an isolate knows. Read and written between awaits, never across one.
    static KEYS: RefCell<KeyRing> = RefCell::new(KeyRing::default());
}

/// Who calls through Access; `None` where no token came, or no team is configured. Of several cookies those count that hold.
pub(super) async fn actor(request: &Request, env: &Env) -> Answer<Option<Actor>> {
    let header = |name| request.headers().get(name).ok().flatten();
    let (asserted, cookies) = (header(HEADER), header("cookie"));
    let tokens = access_tokens_of(asserted.as_deref(), cookies.as_deref());
    if tokens.is_empty() {
        return Ok(None);
    }
    let Some(access) = configured(env)? else {
        return Ok(None);
    };
    // A browser sends the token by itself, also for a page of somebody else.
    if request.method() != Method::Get {
        check_site(request)?;
    }
    let (mut proven, mut why) = (Vec::new(), None);
    for candidate in Candidate::read_all(&tokens, &access, machine_ms())? {
        match prove(&access, candidate).await {
            Ok(found) => proven.push(found),
            Err(problem) => why = why.or(Some(problem)),
        }
    }
    Proven::only(proven, why).map(Some)
}

async fn prove(access: &Access, candidate: Candidate) -> Answer<Proven> {
    let key = key(access, &candidate.signed.kid).await?;
    let is_proven = is_signed(&key, &candidate.signed).await?;
    candidate.proven(is_proven)
}

/// Whether somebody may come through Access.
pub(super) fn is_configured(env: &Env) -> bool {
    matches!(configured(env), Ok(Some(_)))
}

fn configured(env: &Env) -> Answer<Option<Access>> {
    Access::from_json(&text_binding(env, BINDING)).map_err(|error| {
        log::error(&format!("failed to read {BINDING}"), &[("cause", &error)]);
        let detail = format!("nobody can sign in through Access: {BINDING} cannot be read ({error})");
        Problem::new(503, "closed", "The control plane is closed", detail)
    })
}

/// The team's key of that name, fetched where it is not known.
async fn key(access: &Access, kid: &str) -> Answer<PublicKey> {
    // A key that is known goes on to be used while the keys cannot be fetched: the log says why.
    drop(refresh_keys(&KEYS, kid, &access.keys, "the team's").await);
    match KEYS.with_borrow(|keys| keys.known(kid, machine_ms())) {
        Some(key) => Ok(key),
        None if KEYS.with_borrow(KeyRing::has_keys) => Err(Candidate::unknown_key()),
        None => Err(Candidate::no_keys()),
    }
}
