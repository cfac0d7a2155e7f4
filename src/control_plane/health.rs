//! Liveness, readiness and what an operator must mend: `healthz`.
//!
//! 200 while the rulebook can be read, also where something is degraded: pulls go on then, and a restart mends none of it.
//! `?ready` answers 503 for whoever must not send traffic to, or go on with a rollout of, what stores nothing.

use std::time::Duration;

use blobwatch_fire_log::StandingCall;
use blobwatch_rule_book::{DocumentCall, FireLogNamesCall, HealthCall};
use blobwatch_rulebook::Rulebook;
use blobwatch_wire::{Nothing, Problem};
use futures_util::future::{Either, join_all, select};
use serde::Serialize;
use worker::{Delay, Env, Request, Response};

use super::control::text_binding;
use super::http::{Answer, FailedTo, query_pairs, respond};
use super::isolate_state::IsolateState;
use super::object_call::{call, call_through_named};

/// FireLogs that are asked: anybody may call this, and each call of an object costs.
const MAX_ASKED: usize = 8;

/// How long one of them may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Shown {
    status: &'static str,
    revision: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

pub(super) async fn answer(request: &Request, env: &Env) -> Answer<Response> {
    let revision = call(env, &HealthCall, Nothing).await?.revision;
    let reasons = reasons(env, revision).await;
    let status = if reasons.is_empty() { "ok" } else { "degraded" };
    let url = request.url().failed_to("read the address")?;
    let must_be_ready = query_pairs(&url).iter().any(|(name, _)| name == "ready");
    let code = if must_be_ready && !reasons.is_empty() {
        503
    } else {
        200
    };
    let shown = Shown {
        status,
        revision,
        reasons,
    };
    let response = respond(Ok(shown)).failed_to("answer")?;
    Ok(response.with_status(code))
}

async fn reasons(env: &Env, revision: u64) -> Vec<String> {
    let state = IsolateState::of(env);
    let mut reasons = state.reasons;
    reasons.extend(without_origin(env, revision).await);
    for (name, reason) in unstored(env, state.fire_logs).await {
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
    let answers = join_all(names.iter().map(|name| standing(env, name))).await;
    let failed = |(name, answer): (String, Result<(), String>)| {
        let reason = format!("FireLog {name} stores nothing: {}", answer.err()?);
        Some((name, reason))
    };
    names.into_iter().zip(answers).filter_map(failed).collect()
}

async fn standing(env: &Env, name: &str) -> Result<(), String> {
    let asked = call_through_named(env, name, &StandingCall, Nothing);
    match select(Box::pin(asked), Delay::from(ANSWER_LIMIT)).await {
        Either::Left((answer, _)) => answer.map_err(|Problem { detail, .. }| detail),
        Either::Right(_) => Err(format!("no answer within {} s", ANSWER_LIMIT.as_secs())),
    }
}
