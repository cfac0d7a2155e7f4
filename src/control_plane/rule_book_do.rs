//! The RuleBook: routes, rules, modes and who changed them, in one object for the whole deployment.
//!
//! Guarantees: a change is whole or not at all; the revision grows by one with each; a change that was acknowledged is
//! stored; every FireLog that is known gets it, again and again until it has it; a schedule goes on after whatever stopped
//! the object, when it wakes. It must be one object because
//! revisions are one sequence and the audit is one chain.

use std::cell::{Cell, OnceCell};

use blobwatch_detector::{ChangeCall, HarmCall};
use blobwatch_fire_log::PushRulebookCall;
use blobwatch_guard::Report;
use blobwatch_rule_book::{
    Call, ChangesCall, DocumentCall, EPOCH_HEADER, ExportAuditCall, FireLogNamesCall, FireLogState,
    GuardCountsCall, GuardsThenCall, Health, HealthCall, Heard, NoticeKind, PlanPreviewCall, PreviewDoneCall,
    RuleBookError, RuleBookLossesCall, RuleBookStore, StalePreviewsCall, Untold, VerifyAuditCall,
    WriteEntryCall, plan_of, stale_previews,
};
use blobwatch_rulebook::starter;
use blobwatch_wire::{Nothing, Object, ObjectCall, Problem, Text};
use futures_util::future::join_all;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::http::{Answer, FailedTo, internal, now_ms, query_pairs, refuse, respond, set_alarm, text};
use super::object_call::{Received, answer, call, call_named, reply, send_only};
use super::opened::unopened;
use super::sql::ObjectSql;

/// Pushes of one alarm; a push takes some 10 ms to 300 ms and they run side by side.
const MAX_PUSHES: usize = 512;

/// Notices of a kind that one alarm tells, one after the other; it rings again at once while more wait.
const MAX_TOLD: usize = 64;

/// A database that cannot be read now is tried again this much later.
const AFTER_FAILURE_MS: u64 = 1_000;

/// The epoch and the document, for the FireLog of that name, which is told of every change from then on.
pub(super) async fn document_for(env: &Env, fire_log: &str) -> Answer<(u64, String)> {
    let mut response = send_only(env, &DocumentCall::ForFireLog(fire_log), Nothing).await?;
    let epoch = response.headers().get(EPOCH_HEADER).ok().flatten();
    let epoch = epoch.and_then(|text| text.parse().ok()).unwrap_or(0);
    let Text(document) = reply::<DocumentCall>(&mut response).await?;
    Ok((epoch, document))
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
        let starter = starter().failed_to("read the shipped rulebook")?;
        let store = RuleBookStore::open(ObjectSql::new(self.state.storage()), &starter, now_ms()).map_err(
            |error| match error {
                RuleBookError::Store(error) => unopened("rulebook", error),
                error => internal("open the rulebook", error),
            },
        )?;
        Ok(self.store.get_or_init(|| store))
    }

    async fn answer(&self, request: Request) -> Answer<Response> {
        let store = self.store()?;
        let mut received = Received::of(request)?;
        let path = received.path().to_owned();
        let Some(method) = received.method else {
            return Err(no_such_call());
        };
        match (method, path.as_str()) {
            HealthCall::ROUTE => answer::<HealthCall>(Health {
                status: "ok".to_owned(),
                revision: store.revision().map_err(unreadable)?,
            }),
            FireLogNamesCall::ROUTE => {
                answer::<FireLogNamesCall>(names(store.fire_logs().map_err(unreadable)?))
            }
            ChangesCall::ROUTE => {
                let pairs = query_pairs(&received.url);
                let since = pairs.first().and_then(|(_, since)| since.parse().ok());
                answer::<ChangesCall>(blobwatch_rule_book::changes_since(store, since.unwrap_or(0))?)
            }
            RuleBookLossesCall::ROUTE => answer::<RuleBookLossesCall>(store.losses().map_err(unreadable)?),
            DocumentCall::ROUTE => self.document(&query_pairs(&received.url)),
            ExportAuditCall::ROUTE => {
                let pairs = query_pairs(&received.url);
                let after = pairs.first().and_then(|(_, after)| after.parse().ok());
                answer::<ExportAuditCall>(blobwatch_rule_book::export_audit(store, after.unwrap_or(0))?)
            }
            WriteEntryCall::ROUTE => {
                let entry = received.body::<WriteEntryCall>().await?;
                let written = blobwatch_rule_book::write_entry(store, &entry, now_ms())?;
                set_alarm(&self.state, now_ms()).await?;
                answer::<WriteEntryCall>(written)
            }
            VerifyAuditCall::ROUTE => {
                let chain = received.body::<VerifyAuditCall>().await?;
                answer::<VerifyAuditCall>(blobwatch_rule_book::verify_audit(store, chain)?)
            }
            PlanPreviewCall::ROUTE => {
                let Text(body) = received.body::<PlanPreviewCall>().await?;
                answer::<PlanPreviewCall>(plan_of(store, &body, now_ms())?)
            }
            PreviewDoneCall::ROUTE => {
                let stamp = received.body::<PreviewDoneCall>().await?;
                store.keep_preview(&stamp, now_ms()).map_err(unreadable)?;
                answer::<PreviewDoneCall>(())
            }
            StalePreviewsCall::ROUTE => {
                let stamps = received.body::<StalePreviewsCall>().await?;
                let book = store.document().map_err(unreadable)?;
                answer::<StalePreviewsCall>(stale_previews(&stamps, &book, now_ms()))
            }
            GuardCountsCall::ROUTE => {
                let report = received.body::<GuardCountsCall>().await?;
                answer::<GuardCountsCall>(self.take_report(&report).await?)
            }
            GuardsThenCall::ROUTE => {
                let then = received.body::<GuardsThenCall>().await?;
                let guards = store.guards_then(then.revision, &then.route, then.time_ms);
                answer::<GuardsThenCall>(guards.map_err(unreadable)?)
            }
            (_, path) if path.starts_with(Object::RuleBook.api_prefix()) => self.call(&mut received).await,
            _ => Err(no_such_call()),
        }
    }

    /// The document, to a FireLog, which is known from then on; or that of a past revision, for an explanation.
    fn document(&self, query: &[(String, String)]) -> Answer<Response> {
        let store = self.store()?;
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

    async fn call(&self, received: &mut Received) -> Answer<Response> {
        let store = self.store()?;
        let (body, actor, if_match) = (received.text().await?, received.actor(), received.if_match());
        let before = store.revision().map_err(unreadable)?;
        let call = Call {
            method: received.method_name(),
            path: received.api_path(Object::RuleBook),
            query: received.query(),
            body: &body,
            actor: &actor,
            if_match: if_match.as_deref(),
            now_ms: now_ms(),
        };
        let answer = blobwatch_rule_book::answer(store, &call)?;
        if store.revision().map_err(unreadable)? != before {
            set_alarm(&self.state, now_ms()).await?;
        }
        let response = text(answer.status, "application/json", answer.body).failed_to("answer")?;
        let etag = format!("\"{}\"", answer.revision);
        response.headers().set("ETag", &etag).failed_to("answer")?;
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
                match self.tell_of(&notice).await {
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

    /// The Detector knows by a notice's id what it was told before. The audit log has it already.
    async fn tell_of(&self, notice: &Untold) -> Answer<()> {
        let body = Text(notice.body.clone());
        match notice.kind {
            NoticeKind::Harm => call(&self.env, &HarmCall, body).await,
            NoticeKind::Change => call(&self.env, &ChangeCall, body).await,
        }
    }

    /// Makes the changes of schedules that are due.
    fn advance(&self) -> Answer<()> {
        blobwatch_rule_book::advance(self.store()?, now_ms())
    }

    /// Rings for whatever comes first: a push or a notice that is tried again, or a change that a schedule makes.
    async fn ring_for_next(&self, earliest_ms: u64) -> Answer<()> {
        let store = self.store()?;
        let push = store.next_push_ms().map_err(unreadable)?;
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
        let body = serde_json::to_string(&book).failed_to("write the rulebook")?;
        let pushes = join_all(behind.iter().map(|log| self.push_to(&log.name, epoch, &body))).await;
        for (log, pushed) in behind.iter().zip(pushes) {
            match pushed {
                Ok(_) => store.fire_log_seen(&log.name, book.revision, now_ms()).map(drop),
                Err(_) => store.push_failed(&log.name, now_ms()),
            }
            .map_err(failed)?;
        }
        Ok(())
    }

    async fn push_to(&self, name: &str, epoch: u64, body: &str) -> Answer<Text> {
        call_named(
            &self.env,
            name,
            &PushRulebookCall { epoch },
            Text(body.to_owned()),
        )
        .await
    }
}

fn no_such_call() -> Problem {
    Problem::not_found("call of the RuleBook")
}

fn unreadable(error: RuleBookError) -> Problem {
    internal("read the rulebook", error)
}

fn names(logs: Vec<FireLogState>) -> Vec<String> {
    logs.into_iter().map(|log| log.name).collect()
}
