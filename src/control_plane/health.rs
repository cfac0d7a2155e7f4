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
use blobwatch_wire::{Health, KnownHealth, Nothing, Object, ObjectsHealth, Problem, Text, Unstored};
use futures_util::StreamExt;
use futures_util::stream::iter;
use worker::{Delay, Env, Request, Response};

use super::control::{authenticate, text_binding};
use super::http::{Answer, FailedTo, now_ms, query_pairs, respond};
use super::isolate_state::isolate_state;
use super::object_call::{call, call_through_named};
use super::session;
use super::storage_check::{still_unstored, watch};

/// FireLogs that are asked: anybody may call this, and each call of an object costs.
const MAX_ASKED: usize = 8;

/// Between two looks at whether the caller that asks has its answer. A request cannot await what another one called.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

thread_local! {
    /// Read and written between awaits, never across one.
    static KNOWN: RefCell<KnownHealth<Answer<ObjectsHealth>>> = const { RefCell::new(KnownHealth::new()) };
}

pub(super) async fn answer(request: &Request, env: &Env) -> Answer<Response> {
    let is_known = is_known(request, env).await?;
    let found = ask_objects(env).await?;
    let revision = is_known.then_some(found.revision);
    let reasons = found.reasons(isolate_state(env));
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
            KNOWN.with_borrow_mut(|known| known.answered(answer.clone()));
            return answer;
        }
        if let Some(answer) = KNOWN.with_borrow(KnownHealth::answer) {
            return answer;
        }
        Delay::from(LOOK_AGAIN).await;
    }
}

async fn ask(env: &Env) -> Answer<ObjectsHealth> {
    let revision = call(env, &HealthCall, Nothing).await?.revision;
    let isolate = isolate_state(env);
    isolate
        .unexplained()
        .take(MAX_ASKED)
        .for_each(|name| watch(Object::FireLog, name));
    let still = still_unstored(env).await.into_iter();
    let still = still.map(|(object, name, fault)| Unstored::of(object, &name, &fault));
    let mut unstored: Vec<Unstored> = still.collect();
    unstored.extend(refusing(env, isolate.fire_logs).await);
    Ok(ObjectsHealth {
        revision,
        without_origin: without_origin(env, revision).await,
        unstored,
    })
}

/// On Cloudflare a route without an origin has the zone's own.
async fn without_origin(env: &Env, revision: u64) -> Vec<String> {
    if !text_binding(env, "ORIGIN").is_empty() || text_binding(env, "PLATFORM") == "cloudflare" {
        return Vec::new();
    }
    let document = call(env, &DocumentCall::AtRevision(revision), Nothing).await;
    let book = document
        .ok()
        .and_then(|Text(book)| Rulebook::from_json(&book).ok());
    book.map_or_else(Vec::new, |book| {
        book.routes_without_origin().map(str::to_owned).collect()
    })
}

/// FireLogs that refuse what they are to store, of those that this isolate calls; before it called one, of those that are known.
async fn refusing(env: &Env, mut names: Vec<String>) -> Vec<Unstored> {
    if names.is_empty() {
        names = call(env, &FireLogNamesCall, Nothing).await.unwrap_or_default();
    }
    names.truncate(MAX_ASKED);
    let asked = iter(names.iter().map(|name| standing(env, name)));
    let answers: Vec<_> = asked.buffered(WAVE).collect().await;
    let failed = |(name, answer): (&String, Result<(), String>)| {
        Some(Unstored {
            who: Object::FireLog.called(name),
            why: answer.err()?,
        })
    };
    names.iter().zip(answers).filter_map(failed).collect()
}

async fn standing(env: &Env, name: &str) -> Result<(), String> {
    let answer = call_through_named(env, name, &StandingCall, Nothing).await;
    answer.map_err(|Problem { detail, .. }| detail)
}
