//! What was lost on the way, by name, over all FireLogs and the RuleBook.

use std::collections::BTreeMap;

use blobwatch_fire_log::LossesCall;
use blobwatch_rule_book::{FireLogNamesCall, RuleBookLossesCall};
use blobwatch_wire::{Loss, Nothing, rfc3339};
use futures_util::future::join_all;
use serde::Serialize;
use worker::{Env, Request, Response};

use super::http::{Answer, FailedTo, now_ms, respond, without_parameters};
use super::isolate_state::IsolateState;
use super::object_call::{call, call_named};

/// Among those that did not answer.
const RULE_BOOK: &str = "rulebook";

#[derive(Serialize)]
struct List {
    items: Vec<Item>,
    next_cursor: Option<String>,
    /// FireLogs that did not answer, and the RuleBook: what they count is not in the items.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
}

#[derive(Serialize)]
struct Item {
    name: String,
    count: u64,
    /// When it was last reported.
    last: String,
}

/// Counts by name, of those that answer.
pub(super) async fn sums(env: &Env) -> Answer<Vec<(String, u64)>> {
    let names = call(env, &FireLogNamesCall, Nothing).await?;
    let answers = join_all(names.iter().map(|name| losses(env, name))).await;
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let of_rule_book = call(env, &RuleBookLossesCall, Nothing)
        .await
        .into_iter()
        .flatten();
    for loss in answers.into_iter().flatten().flatten().chain(of_rule_book) {
        add(&mut sums, loss);
    }
    untold(env).for_each(|loss| add(&mut sums, loss));
    Ok(sums.into_iter().map(|(name, (count, _))| (name, count)).collect())
}

pub(super) async fn answer(request: &Request, env: &Env) -> Answer<Response> {
    without_parameters(&request.url().failed_to("read the address")?)?;
    let mut names = call(env, &FireLogNamesCall, Nothing).await?;
    let mut answers = join_all(names.iter().map(|name| losses(env, name))).await;
    names.push(RULE_BOOK.to_owned());
    answers.push(call(env, &RuleBookLossesCall, Nothing).await);
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut incomplete = Vec::new();
    for (name, answer) in names.into_iter().zip(answers) {
        match answer {
            Ok(losses) => losses.into_iter().for_each(|loss| add(&mut sums, loss)),
            Err(_) => incomplete.push(name),
        }
    }
    untold(env).for_each(|loss| add(&mut sums, loss));
    let item = |(name, (count, last_ms))| Item {
        name,
        count,
        last: rfc3339(last_ms),
    };
    respond(Ok(List {
        items: sums.into_iter().map(item).collect(),
        next_cursor: None,
        incomplete,
    }))
    .failed_to("answer")
}

/// What the isolate that was asked counted, and no FireLog was told.
fn untold(env: &Env) -> impl Iterator<Item = Loss> {
    let losses = IsolateState::of(env).untold.into_iter();
    losses.map(|(name, count)| Loss {
        name,
        count,
        last_ms: now_ms(),
    })
}

fn add(sums: &mut BTreeMap<String, (u64, u64)>, loss: Loss) {
    let (count, last_ms) = sums.entry(loss.name).or_default();
    *count += loss.count;
    *last_ms = loss.last_ms.max(*last_ms);
}

async fn losses(env: &Env, name: &str) -> Answer<Vec<Loss>> {
    call_named(env, name, &LossesCall, Nothing).await
}
