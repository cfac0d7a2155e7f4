//! Liveness, readiness and what an operator must mend: `healthz`.
//!
//! 200 while the rulebook can be read, also where something is degraded: pulls go on then, and a restart mends none of it.
//! `?ready` answers 503 for whoever must not send traffic to, or go on with a rollout of, what stores nothing. Anybody may
//! ask, so an isolate asks its objects once a second for all of them.

use std::cell::RefCell;
use std::time::Duration;

use blobwatch_fire_log::{StandingCall, WAVE};
use blobwatch_rule_book::{DocumentCall, FireLogNamesCall, HealthCall};
use blobwatch_rulebook::Rulebook;
use blobwatch_tokens::Role;
use blobwatch_wire::{Health, Nothing, Problem};
use futures_util::StreamExt;
use futures_util::stream::iter;
use worker::{Delay, Env, Request, Response};

use super::control::{authenticate, text_binding};
use super::http::{Answer, FailedTo, now_ms, query_pairs, respond};
use super::isolate_state::IsolateState;
use super::object_call::{call, call_through_named};
use super::session;

/// FireLogs that are asked: anybody may call this, and each call of an object costs.
const MAX_ASKED: usize = 8;

/// Objects are asked no more often than this.
const KNOWN_FOR_MS: u64 = 1_000;

/// Between two looks at whether the caller that asks has its answer. A request cannot await what another one called.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

thread_local! {
    /// Read and written between awaits, never across one.
    static KNOWN: RefCell<CachedHealth> = const { RefCell::new(CachedHealth { asked_ms: 0, answer: None }) };
}

struct CachedHealth {
    asked_ms: u64,
    /// None while a caller asks.
    answer: Option<Answer<ObjectsHealth>>,
}

/// What the objects said.
#[derive(Clone)]
struct ObjectsHealth {
    revision: u64,
    without_origin: Option<String>,
    /// Names of FireLogs, and why they store nothing.
    unstored: Vec<(String, String)>,
}

pub(super) async fn answer(request: &Request, env: &Env) -> Answer<Response> {
    let is_known = is_known(request, env).await?;
    let found = ask_objects(env).await?;
    let revision = is_known.then_some(found.revision);
    let reasons = reasons(env, found);
    let url = request.url().failed_to("read the address")?;
    let must_be_ready = query_pairs(&url).iter().any(|(name, _)| name == "ready");
    let code = if must_be_ready && !reasons.is_empty() {
        503
    } else {
        200
    };
    let response = respond(Ok(Health::new(revision, reasons))).failed_to("answer")?;
    Ok(response.with_status(code))
}

/// An unknown token is refused; a browser's cookie that is over makes a stranger of it.
async fn is_known(request: &Request, env: &Env) -> Answer<bool> {
    let bearer = request.headers().get("authorization").ok().flatten();
    if bearer.is_some() {
        let actor = authenticate(request, env).await?;
        return Ok(actor.require(Role::Viewer).is_ok());
    }
    Ok(matches!(session::actor(request, env).await, Ok(Some(_))))
}

/// Asks, or waits for the caller that asks; when that one has gone, another asks in its place.
async fn ask_objects(env: &Env) -> Answer<ObjectsHealth> {
    loop {
        if KNOWN.with_borrow_mut(|known| known.begins_to_ask(now_ms())) {
            let answer = ask(env).await;
            KNOWN.with_borrow_mut(|known| known.answer = Some(answer.clone()));
            return answer;
        }
        if let Some(answer) = KNOWN.with_borrow(|known| known.answer.clone()) {
            return answer;
        }
        Delay::from(LOOK_AGAIN).await;
    }
}

impl CachedHealth {
    /// Also where the clock was set back.
    fn begins_to_ask(&mut self, now_ms: u64) -> bool {
        let is_due = now_ms.abs_diff(self.asked_ms) >= KNOWN_FOR_MS;
        if is_due {
            *self = Self {
                asked_ms: now_ms,
                answer: None,
            };
        }
        is_due
    }
}

async fn ask(env: &Env) -> Answer<ObjectsHealth> {
    let revision = call(env, &HealthCall, Nothing).await?.revision;
    Ok(ObjectsHealth {
        revision,
        without_origin: without_origin(env, revision).await,
        unstored: unstored(env, IsolateState::of(env).fire_logs).await,
    })
}

fn reasons(env: &Env, found: ObjectsHealth) -> Vec<String> {
    let mut reasons = IsolateState::of(env).reasons;
    reasons.extend(found.without_origin);
    for (name, reason) in found.unstored {
        if !reasons.iter().any(|known| known.contains(&name)) {
            reasons.push(reason);
        }
    }
    reasons
}

/// On Cloudflare a route without an origin has the zone's own.
async fn without_origin(env: &Env, revision: u64) -> Option<String> {
    if !text_binding(env, "ORIGIN").is_empty() || text_binding(env, "PLATFORM") == "cloudflare" {
        return None;
    }
    let document = call(env, &DocumentCall::AtRevision(revision), Nothing)
        .await
        .ok()?;
    let book = Rulebook::from_json(&document.0).ok()?;
    let without: Vec<_> = book
        .routes
        .iter()
        .filter(|route| route.origin.is_none())
        .collect();
    let names: Vec<&str> = without.iter().map(|route| route.name.as_str()).collect();
    let which = names.join(", ");
    (!names.is_empty()).then(|| format!("ORIGIN is not set, and routes have no origin: {which}"))
}

/// FireLogs that cannot store, of those that this isolate calls; before it called one, of those that are known.
async fn unstored(env: &Env, mut names: Vec<String>) -> Vec<(String, String)> {
    if names.is_empty() {
        names = call(env, &FireLogNamesCall, Nothing).await.unwrap_or_default();
    }
    names.truncate(MAX_ASKED);
    let asked = iter(names.iter().map(|name| standing(env, name)));
    let answers: Vec<_> = asked.buffered(WAVE).collect().await;
    let failed = |(name, answer): (String, Result<(), String>)| {
        let reason = format!("FireLog {name} stores nothing: {}", answer.err()?);
        Some((name, reason))
    };
    names.into_iter().zip(answers).filter_map(failed).collect()
}

async fn standing(env: &Env, name: &str) -> Result<(), String> {
    let answer = call_through_named(env, name, &StandingCall, Nothing).await;
    answer.map_err(|Problem { detail, .. }| detail)
}
