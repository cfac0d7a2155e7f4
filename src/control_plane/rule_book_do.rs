//! The RuleBook: routes, rules, modes and who changed them, in one object for the whole deployment.
//!
//! Guarantees: a change is whole or not at all; the revision grows by one with each; a change that was acknowledged is
//! stored; every FireLog that is known gets it, again and again until it has it; a schedule goes on after whatever stopped
//! the object, when it wakes. It must be one object because
//! revisions are one sequence and the audit is one chain.

use std::cell::{Cell, OnceCell};

use blobwatch_guard::{GuardThen, Report};
use blobwatch_rule_book::{
    Call, FireLogState, Heard, NoticeKind, RuleBookError, RuleBookStore, Stamp, plan_of, preview_is_fresh,
};
use blobwatch_rulebook::{ChangeNotice, starter};
use blobwatch_wire::{Loss, Problem};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use worker::{DurableObject, Env, Method, Request, Response, Result, State, Stub, durable_object};

use super::http::{
    Answer, internal, internal_request, now_ms, object, query_pairs, refuse, respond, set_alarm, text,
};
use super::rulebook_api::Health;
use super::sql::ObjectSql;
use super::{fire_log_do, guard_report};

/// Pinned: another name is another, empty rulebook.
const NAME: &str = "rulebook";

/// Carries the actor's name from the control plane; nothing outside can reach the object.
pub(super) const ACTOR_HEADER: &str = "blobwatch-actor";

/// Pushes of one alarm; a push takes some 10 ms to 300 ms and they run side by side.
const MAX_PUSHES: usize = 512;

/// Notices of a kind that one alarm tells, one after the other; it rings again at once while more wait.
const MAX_TOLD: usize = 64;

/// A database that cannot be read now is tried again this much later.
const AFTER_FAILURE_MS: u64 = 1_000;

/// Beside a document that goes to a FireLog: the epoch it is of.
const EPOCH_HEADER: &str = "Blobwatch-Epoch";

/// Paths of calls that people make; what is behind it is the core's.
pub(super) const API: &str = "/api/";

pub(super) fn stub(env: &Env) -> Result<Stub> {
    object(env, "RULE_BOOK", NAME)
}

/// The epoch and the document, for the FireLog of that name, which is told of every change from then on.
pub(super) async fn document_for(env: &Env, fire_log: &str) -> Answer<(u64, String)> {
    let mut response = ask(env, &format!("document?fire_log={fire_log}")).await?;
    let epoch = response.headers().get(EPOCH_HEADER).ok().flatten();
    let epoch = epoch.and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok((epoch, body_of(&mut response).await?))
}

/// The document of a past revision.
pub(super) async fn document_at(env: &Env, revision: u64) -> Answer<String> {
    read(env, &format!("document?revision={revision}")).await
}

/// Path of the RuleBook that says where guards stood.
const GUARDS_THEN: &str = "/guards/then";

/// What is asked of it: the settings of a route under a revision, and a time.
#[derive(Serialize, Deserialize)]
struct Then {
    revision: u64,
    route: String,
    time_ms: u64,
}

/// The guards of a route's enforcements, as they stood when a request came that a revision decided about.
pub(super) async fn guards_then(
    env: &Env,
    revision: u64,
    route: &str,
    time_ms: u64,
) -> Answer<Vec<GuardThen>> {
    let failed = |e: &dyn std::fmt::Display| internal("read where guards stood", e);
    let then = Then {
        revision,
        route: route.to_owned(),
        time_ms,
    };
    let body = serde_json::to_string(&then).map_err(|e| failed(&e))?;
    let url = format!("https://rule-book{GUARDS_THEN}");
    let request = internal_request(Method::Post, &url, Some(&body)).map_err(|e| failed(&e))?;
    let stub = stub(env).map_err(|e| failed(&e))?;
    let mut response = stub.fetch_with_request(request).await.map_err(|e| failed(&e))?;
    let text = body_of(&mut response).await?;
    serde_json::from_str(&text).map_err(|e| failed(&e))
}

/// Every FireLog that is known.
pub(super) async fn fire_log_names(env: &Env) -> Answer<Vec<String>> {
    serde_json::from_str(&read(env, "fire-logs").await?).map_err(|e| internal("read the FireLogs' names", e))
}

/// What was changed after a revision, oldest first.
pub(super) async fn changes_since(env: &Env, revision: u64) -> Answer<Vec<ChangeNotice>> {
    let list = read(env, &format!("changes?since={revision}")).await?;
    serde_json::from_str(&list).map_err(|e| internal("read the changes", e))
}

/// What the RuleBook could not tell.
pub(super) async fn losses(env: &Env) -> Answer<Vec<Loss>> {
    serde_json::from_str(&read(env, "losses").await?).map_err(|e| internal("read the losses", e))
}

/// Writes a change that is kept elsewhere into the audit log: `{actor, action, target, before, after, reason}`.
pub(super) async fn write_audit(env: &Env, entry: &Value) -> Answer<()> {
    let failed = |e: &dyn std::fmt::Display| internal("write the audit log", e);
    let body = entry.to_string();
    let request = internal_request(Method::Post, "https://rule-book/audit/entry", Some(&body));
    let stub = stub(env).map_err(|e| failed(&e))?;
    let response = stub
        .fetch_with_request(request.map_err(|e| failed(&e))?)
        .await
        .map_err(|e| failed(&e))?;
    if response.status_code() == 200 {
        Ok(())
    } else {
        Err(failed(&response.status_code()))
    }
}

pub(super) async fn read(env: &Env, call: &str) -> Answer<String> {
    body_of(&mut ask(env, call).await?).await
}

async fn ask(env: &Env, call: &str) -> Answer<Response> {
    let failed = |e| internal("read from the RuleBook", e);
    stub(env)
        .map_err(failed)?
        .fetch_with_str(&format!("https://rule-book/{call}"))
        .await
        .map_err(failed)
}

async fn body_of(response: &mut Response) -> Answer<String> {
    let failed = |e: &dyn std::fmt::Display| internal("read from the RuleBook", e);
    let body = response.text().await.map_err(|e| failed(&e))?;
    if response.status_code() == 200 {
        Ok(body)
    } else {
        Err(failed(&body))
    }
}

#[durable_object(alarm)]
pub struct RuleBook {
    state: State,
    env: Env,
    store: OnceCell<RuleBookStore<ObjectSql>>,
    /// Whether the alarm was seen to since the object woke: one that was lost with the process is set again.
    is_awake: Cell<bool>,
}

impl DurableObject for RuleBook {
    fn new(state: State, env: Env) -> Self {
        Self {
            state,
            env,
            store: OnceCell::new(),
            is_awake: Cell::new(false),
        }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        if !self.is_awake.replace(true)
            && let Err(problem) = self.ring_for_next(now_ms()).await
        {
            worker::console_error!("failed to set the next alarm: {}", problem.detail);
        }
        match self.answer(request).await {
            Ok(response) => Ok(response),
            Err(problem) => refuse(&problem),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        let mut earliest = now_ms();
        for (what, step) in [
            ("advance the schedule", self.advance()),
            ("push the rulebook", self.push().await),
            ("tell the Detector", self.tell().await),
        ] {
            if let Err(problem) = step {
                worker::console_error!("failed to {what}: {}", problem.detail);
                earliest = now_ms() + AFTER_FAILURE_MS;
            }
        }
        if let Err(problem) = self.ring_for_next(earliest).await {
            worker::console_error!("failed to set the next alarm: {}", problem.detail);
        }
        Response::empty()
    }
}

impl RuleBook {
    fn store(&self) -> Answer<&RuleBookStore<ObjectSql>> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let starter = starter().map_err(|e| internal("read the shipped rulebook", e))?;
        let store = RuleBookStore::open(ObjectSql::new(self.state.storage()), &starter, now_ms())
            .map_err(|e| unopened(&e))?;
        Ok(self.store.get_or_init(|| store))
    }

    async fn answer(&self, mut request: Request) -> Answer<Response> {
        let store = self.store()?;
        let url = request.url().map_err(|e| internal("read the address", e))?;
        let unreadable = |e| internal("read the rulebook", e);
        let answer = match (request.method(), url.path()) {
            (Method::Get, "/health") => {
                let revision = store.revision().map_err(unreadable)?;
                respond(Ok(Health {
                    status: "ok".to_owned(),
                    revision,
                }))
            }
            (Method::Get, "/fire-logs") => respond(Ok(names(store.fire_logs().map_err(unreadable)?))),
            (Method::Get, "/changes") => {
                let pairs = query_pairs(&url);
                let since = pairs.first().and_then(|(_, since)| since.parse().ok());
                respond(Ok(blobwatch_rule_book::changes_since(store, since.unwrap_or(0))?))
            }
            (Method::Get, "/losses") => respond(Ok(store.losses().map_err(unreadable)?)),
            (Method::Get, "/audit/export") => {
                let after = query_pairs(&url)
                    .first()
                    .and_then(|(_, after)| after.parse().ok());
                respond(blobwatch_rule_book::export_audit(store, after.unwrap_or(0)))
            }
            (Method::Post, "/audit/entry") => {
                let entry: blobwatch_rule_book::Entry = request
                    .json()
                    .await
                    .map_err(|e| internal("read an audit entry", e))?;
                let written = blobwatch_rule_book::write_entry(store, &entry, now_ms())?;
                set_alarm(&self.state, now_ms()).await?;
                respond(Ok(written))
            }
            (Method::Post, "/audit/verify") => {
                let chain = request
                    .json()
                    .await
                    .map_err(|e| internal("read how far the walk came", e))?;
                respond(blobwatch_rule_book::verify_audit(store, chain))
            }
            (Method::Post, "/previews/plan") => {
                let body = request.text().await.map_err(|e| internal("read the body", e))?;
                respond(plan_of(store, &body, now_ms()))
            }
            (Method::Post, "/previews/done") => {
                let stamp: Stamp = request.json().await.map_err(|e| internal("read a preview", e))?;
                respond(Ok(store.keep_preview(&stamp, now_ms()).map_err(unreadable)?))
            }
            (Method::Post, "/previews/stale") => {
                let stamps: Vec<Stamp> = request.json().await.map_err(|e| internal("read previews", e))?;
                let book = store.document().map_err(unreadable)?;
                let why = |stamp: &Stamp| {
                    preview_is_fresh(stamp, &book, &stamp.rule, &stamp.route, now_ms())
                        .err()
                        .map(|why| why.to_string())
                };
                respond(Ok(stamps.iter().map(why).collect::<Vec<_>>()))
            }
            (Method::Post, guard_report::PATH) => {
                let report = request.json().await.map_err(|e| internal("read a report", e))?;
                respond(self.take_report(&report).await)
            }
            (Method::Get, "/document") => return self.document(&query_pairs(&url)),
            (Method::Post, GUARDS_THEN) => {
                let then: Then = request.json().await.map_err(|e| internal("read a time", e))?;
                respond(Ok(store
                    .guards_then(then.revision, &then.route, then.time_ms)
                    .map_err(unreadable)?))
            }
            (_, path) if path.starts_with(API) => return self.call(&mut request).await,
            _ => return Err(Problem::not_found("call of the RuleBook")),
        };
        answer.map_err(|e| internal("answer", e))
    }

    /// The document, to a FireLog, which is known from then on; or that of a past revision, for an explanation.
    fn document(&self, query: &[(String, String)]) -> Answer<Response> {
        let store = self.store()?;
        let unreadable = |e| internal("read the rulebook", e);
        let value = |name| {
            query
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        let book = match value("revision").and_then(|revision| revision.parse().ok()) {
            Some(revision) => store
                .document_at(revision)
                .map_err(unreadable)?
                .ok_or_else(|| Problem::not_found("rulebook of this revision"))?,
            None => store.document().map_err(unreadable)?,
        };
        if let Some(name) = value("fire_log") {
            store
                .fire_log_seen(name, book.revision, now_ms())
                .map_err(unreadable)?;
        }
        let answered = |e| internal("answer", e);
        let response = respond(Ok(book)).map_err(answered)?;
        let epoch = store.epoch().map_err(unreadable)?.to_string();
        response.headers().set(EPOCH_HEADER, &epoch).map_err(answered)?;
        Ok(response)
    }

    async fn call(&self, request: &mut Request) -> Answer<Response> {
        let store = self.store()?;
        let header = |name: &str| request.headers().get(name).ok().flatten();
        let url = request.url().map_err(|e| internal("read the address", e))?;
        let (actor, if_match) = (header(ACTOR_HEADER).unwrap_or_default(), header("if-match"));
        let body = request.text().await.map_err(|e| internal("read the body", e))?;
        let before = store.revision().map_err(|e| internal("read the rulebook", e))?;
        let method = request.method();
        let call = Call {
            method: method.as_ref(),
            path: url.path().strip_prefix(API).unwrap_or_default(),
            query: url.query().unwrap_or_default(),
            body: &body,
            actor: &actor,
            if_match: if_match.as_deref(),
            now_ms: now_ms(),
        };
        let answer = blobwatch_rule_book::answer(store, &call)?;
        if store.revision().map_err(|e| internal("read the rulebook", e))? != before {
            set_alarm(&self.state, now_ms()).await?;
        }
        let response =
            text(answer.status, "application/json", answer.body).map_err(|e| internal("answer", e))?;
        let etag = format!("\"{}\"", answer.revision);
        response
            .headers()
            .set("ETag", &etag)
            .map_err(|e| internal("answer", e))?;
        Ok(response)
    }

    /// Takes in what a FireLog counted for guards, and takes back what harms.
    async fn take_report(&self, report: &Report) -> Answer<Heard> {
        let store = self.store()?;
        let taken = blobwatch_rule_book::take_report(store, report, now_ms())?;
        if taken.is_due {
            self.advance()?;
            set_alarm(&self.state, now_ms()).await?;
        }
        Ok(taken.heard)
    }

    /// Tells the Detector of harms and changes that it has not heard of.
    async fn tell(&self) -> Answer<()> {
        let store = self.store()?;
        let failed = |e| internal("read what is to be told", e);
        for kind in NoticeKind::ALL {
            for notice in store.notices_due(kind, now_ms(), MAX_TOLD).map_err(failed)? {
                match guard_report::tell_detector(&self.env, &notice).await {
                    Ok(()) => store.notice_told(&notice).map_err(failed)?,
                    Err(problem) => {
                        let is_given_up = store.notice_untold(&notice, now_ms()).map_err(failed)?;
                        let then = if is_given_up { ", and gave it up" } else { "" };
                        worker::console_error!("{}{then}: {}", problem.detail, notice.id);
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes the changes of schedules that are due.
    fn advance(&self) -> Answer<()> {
        blobwatch_rule_book::advance(self.store()?, now_ms())
    }

    /// Rings for whatever comes first: a push or a notice that is tried again, or a change that a schedule makes.
    async fn ring_for_next(&self, earliest_ms: u64) -> Answer<()> {
        let store = self.store()?;
        let push = store
            .next_push_ms()
            .map_err(|e| internal("read the rulebook", e))?;
        let [harm, told] = NoticeKind::ALL.map(|kind| store.next_notice_ms(kind));
        let unreadable = |e| internal("read what is to be told", e);
        let (harm, told) = (harm.map_err(unreadable)?, told.map_err(unreadable)?);
        let change = blobwatch_rule_book::next_change_ms(store, now_ms())?;
        match [push, harm, told, change].into_iter().flatten().min() {
            Some(at) => set_alarm(&self.state, at.max(earliest_ms)).await,
            None => Ok(()),
        }
    }

    /// Pushes the document to every FireLog that is behind.
    async fn push(&self) -> Answer<()> {
        let store = self.store()?;
        let failed = |e| internal("push the rulebook", e);
        let behind = store.pushes_due(now_ms(), MAX_PUSHES).map_err(failed)?;
        let (epoch, book) = (store.epoch().map_err(failed)?, store.document().map_err(failed)?);
        let body = serde_json::to_string(&book).map_err(|e| internal("write the rulebook", e))?;
        let pushes = join_all(behind.iter().map(|log| self.push_to(&log.name, epoch, &body))).await;
        for (log, pushed) in behind.iter().zip(pushes) {
            match pushed {
                Ok(()) => store.fire_log_seen(&log.name, book.revision, now_ms()).map(drop),
                Err(_) => store.push_failed(&log.name, now_ms()),
            }
            .map_err(failed)?;
        }
        Ok(())
    }

    async fn push_to(&self, name: &str, epoch: u64, body: &str) -> Answer<()> {
        let failed = |e| internal("push to a FireLog", e);
        let url = fire_log_do::url(name, &format!("rulebook?epoch={epoch}"));
        let request = internal_request(Method::Put, &url, Some(body)).map_err(failed)?;
        let stub = fire_log_do::stub(&self.env, name).map_err(failed)?;
        let response = stub.fetch_with_request(request).await.map_err(failed)?;
        if response.status_code() == 200 {
            Ok(())
        } else {
            Err(internal("push to a FireLog", response.status_code()))
        }
    }
}

/// A database of a newer build says so; anything else may be over when it is tried again.
fn unopened(error: &RuleBookError) -> Problem {
    match error {
        RuleBookError::NewerSchema { .. } => blobwatch_rule_book::storage(error),
        error => internal("open the rulebook", error),
    }
}

fn names(logs: Vec<FireLogState>) -> Vec<String> {
    logs.into_iter().map(|log| log.name).collect()
}
