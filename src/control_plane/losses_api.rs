//! What was lost on the way, by name, over all FireLogs and the RuleBook.

use blobwatch_fire_log::{LossSums, losses};
use blobwatch_rule_book::{FireLogNamesCall, RuleBookLossesCall};
use blobwatch_wire::{Loss, Nothing};
use worker::{Env, Request, Response};

use super::http::{Answer, FailedTo, now_ms, respond, without_parameters};
use super::isolate_state::isolate_state;
use super::object_call::call;
use super::records_api::Objects;

/// Among those that did not answer.
const RULE_BOOK: &str = "rulebook";

/// Counts by name, of those that answer.
pub(super) async fn sums(env: &Env) -> Answer<Vec<(String, u64)>> {
    Ok(all(env).await?.counts())
}

pub(super) async fn answer(request: &Request, env: &Env) -> Answer<Response> {
    without_parameters(&request.url().failed_to("read the address")?)?;
    respond(Ok(all(env).await?.list())).failed_to("answer")
}

async fn all(env: &Env) -> Answer<LossSums> {
    let names = call(env, &FireLogNamesCall, Nothing).await?;
    let mut sums = losses(&Objects(env.clone()), &names).await;
    match call(env, &RuleBookLossesCall, Nothing).await {
        Ok(losses) => sums.add(losses),
        Err(_) => sums.lacks(RULE_BOOK),
    }
    sums.add(untold(env));
    Ok(sums)
}

/// What the isolate that was asked counted, and no FireLog was told.
fn untold(env: &Env) -> impl Iterator<Item = Loss> {
    let losses = isolate_state(env).untold.into_iter();
    losses.map(|(name, count)| Loss {
        name,
        count,
        last_ms: now_ms(),
    })
}
