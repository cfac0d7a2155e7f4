//! The RuleBook: routes, rules, modes and who changed them, in one object for the whole deployment.
//!
//! Guarantees: a change is whole or not at all; the revision grows by one with each; a change that was acknowledged is
//! stored; every FireLog that is known gets it, again and again until it has it; a schedule goes on after whatever stopped
//! the object, when it wakes. It must be one object because
//! revisions are one sequence and the audit is one chain.

use std::cell::RefCell;

use blobwatch_detector::{ChangeCall, HarmCall};
use blobwatch_fire_log::{PushRulebookCall, WAVE};
use blobwatch_guard::Report;
use blobwatch_rule_book::{
    Admission, AdmissionCall, ChangesCall, CreateTokenCall, Document, DocumentCall, EPOCH_HEADER,
    EndSessionCall, EndedSessionsCall, ExpireTokenCall, ExportAuditCall, FireLogNamesCall, FireLogState,
    GuardCountsCall, GuardsThenCall, Health, HealthCall, ListTokensCall, LoadReportCall, Loads, NextReport,
    NoticeKind, PendingNotice, PlanPreviewCall, PreviewDoneCall, RetentionCall, RevokeTokenCall,
    RuleBookError, RuleBookLossesCall, RuleBookMetricsCall, RuleBookStore, StalePreviewsCall, TokenUsedCall,
    UnknownNamesCall, VerifyAuditCall, WriteEntryCall, WriteEntryOnceCall, create_token, expire_token,
    list_tokens, plan_of, revoke_token, rule_book_metrics, stale_previews, unknown_names,
};
use blobwatch_rulebook::{LoadReport, starter};
use blobwatch_wire::{ApiRequest, LogField, Method, Nothing, Object, ObjectCall, Problem, Text};
use futures_util::StreamExt;
use futures_util::stream::iter;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::http::{Answer, FailedTo, api_answer, now_ms, query_pairs, refuse, respond};
use super::log::{self, logged_as, of_object};
use super::object_call::{ReceivedCall, answer, call, call_named, reply, send_only};
use super::opened::{Bell, Opened, unopened};
use super::sql::ObjectSql;
use super::told_losses::ToldLosses;

/// Pushes of one alarm; a push takes some 10 ms to 300 ms, and six run side by side.
const MAX_PUSHES: usize = 512;

/// Notices of a kind that one alarm tells, one after the other; it rings again at once while more wait.
const MAX_TOLD: usize = 64;

const READ: &str = "read the rulebook";

const PUSH: &str = "push the rulebook";

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

/// Method and path of a call.
type Route<'a> = (Method, &'a str);

#[durable_object(alarm)]
pub struct RuleBook {
    state: State,
    env: Env,
    store: Opened<RuleBookStore<ObjectSql>>,
    alarm: Bell,
    loads: RefCell<Loads>,
    told_losses: ToldLosses,
}

impl DurableObject for RuleBook {
    fn new(state: State, env: Env) -> Self {
        Self {
            state,
            env,
            store: Opened::new("rulebook", |sql| {
                let starter = starter().failed_to("read the shipped rulebook")?;
                RuleBookStore::open(sql, &starter, now_ms()).map_err(|error| unopened("rulebook", error))
            }),
            alarm: Bell::default(),
            loads: RefCell::default(),
            told_losses: ToldLosses::default(),
        }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        logged_as(of_object(Object::RuleBook, ""), async {
            if self.alarm.wakes()
                && let Err(problem) = self.ring_for_next(now_ms()).await
            {
                log::tried_again("set the next alarm", &problem);
            }
            match self.answer(request).await {
                Ok(response) => Ok(response),
                Err(problem) => refuse(&problem),
            }
        })
        .await
    }

    async fn alarm(&self) -> Result<Response> {
        logged_as(of_object(Object::RuleBook, ""), async {
            self.alarm.rang();
            let mut earliest = now_ms();
            for (what, step) in [
                ("advance the schedule", self.advance()),
                ("push the rulebook", self.push().await),
                ("tell the Detector", self.tell().await),
            ] {
                if let Err(problem) = step {
                    log::tried_again(what, &problem);
                    earliest = now_ms() + AFTER_FAILURE_MS;
                }
            }
            if let Err(problem) = self.ring_for_next(earliest).await {
                log::tried_again("set the next alarm", &problem);
            }
            Response::empty()
        })
        .await
    }
}

impl RuleBook {
    fn with<T>(
        &self,
        what: &str,
        body: impl FnOnce(&RuleBookStore<ObjectSql>) -> std::result::Result<T, RuleBookError>,
    ) -> Answer<T> {
        self.store.with(&self.state, what, |store| body(store))
    }

    fn with_api<T>(&self, body: impl FnOnce(&RuleBookStore<ObjectSql>) -> Answer<T>) -> Answer<T> {
        self.store.read(&self.state, body)
    }

    async fn answer(&self, request: Request) -> Answer<Response> {
        let mut received = ReceivedCall::of(request)?;
        let path = received.path().to_owned();
        let Some(method) = received.method else {
            return Err(no_such_call());
        };
        if path.starts_with(Object::RuleBook.api_prefix()) {
            return self.call(&mut received).await;
        }
        let route = (method, path.as_str());
        let answered = match self.read(route, &received)? {
            None => self.write(route, &mut received).await?,
            read => read,
        };
        answered.ok_or_else(no_such_call)
    }

    /// Calls with a body.
    async fn write(&self, route: Route<'_>, received: &mut ReceivedCall) -> Answer<Option<Response>> {
        if let Some(answered) = self.write_audit(route, received).await? {
            return Ok(Some(answered));
        }
        if let Some(answered) = self.let_in(route, received).await? {
            return Ok(Some(answered));
        }
        if let Some(answered) = self.preview(route, received).await? {
            return Ok(Some(answered));
        }
        self.hear_fire_logs(route, received).await
    }

    /// Calls that only read; a FireLog that reads the document is known from then on.
    fn read(&self, route: Route<'_>, received: &ReceivedCall) -> Answer<Option<Response>> {
        let answered = match route {
            HealthCall::ROUTE => answer::<HealthCall>(Health {
                status: "ok".to_owned(),
                revision: self.with(READ, RuleBookStore::revision)?,
            }),
            FireLogNamesCall::ROUTE => {
                answer::<FireLogNamesCall>(names(self.with(READ, RuleBookStore::fire_logs)?))
            }
            RuleBookMetricsCall::ROUTE => {
                let page = self.with_api(|store| rule_book_metrics(store, now_ms()))?;
                answer::<RuleBookMetricsCall>(Text(page))
            }
            RetentionCall::ROUTE => answer::<RetentionCall>(self.with(READ, RuleBookStore::retention)?),
            RuleBookLossesCall::ROUTE => {
                answer::<RuleBookLossesCall>(self.with(READ, RuleBookStore::losses)?)
            }
            AdmissionCall::ROUTE => answer::<AdmissionCall>(Admission {
                ended: self.with(READ, |store| store.ended_sessions(now_ms()))?,
                tokens: self.with(READ, RuleBookStore::stored_tokens)?,
            }),
            EndedSessionsCall::ROUTE => {
                let ended = self.with(READ, |store| store.ended_sessions(now_ms()))?;
                answer::<EndedSessionsCall>(ended)
            }
            ListTokensCall::ROUTE => {
                let tokens = self.with_api(|store| list_tokens(store, now_ms()))?;
                answer::<ListTokensCall>(tokens)
            }
            ChangesCall::ROUTE => {
                let ChangesCall { since } = ChangesCall::from_query(received.query());
                let changes = self.with_api(|store| blobwatch_rule_book::changes_since(store, since))?;
                answer::<ChangesCall>(changes)
            }
            ExportAuditCall::ROUTE => {
                let ExportAuditCall { after } = ExportAuditCall::from_query(received.query());
                let exported = self.with_api(|store| blobwatch_rule_book::export_audit(store, after))?;
                answer::<ExportAuditCall>(exported)
            }
            DocumentCall::ROUTE => self.document(&query_pairs(&received.url)),
            _ => return Ok(None),
        };
        answered.map(Some)
    }

    /// The audit log.
    async fn write_audit(&self, route: Route<'_>, received: &mut ReceivedCall) -> Answer<Option<Response>> {
        let answered = match route {
            WriteEntryCall::ROUTE => {
                let entry = received.body::<WriteEntryCall>().await?;
                let write = |store: &_| blobwatch_rule_book::write_entry(store, &entry, now_ms());
                let written = self.with_api(write)?;
                self.alarm.by(&self.state, now_ms()).await?;
                answer::<WriteEntryCall>(written)
            }
            WriteEntryOnceCall::ROUTE => {
                let told = received.body::<WriteEntryOnceCall>().await?;
                let write = |store: &_| blobwatch_rule_book::write_entry_once(store, &told);
                answer::<WriteEntryOnceCall>(self.with_api(write)?)
            }
            VerifyAuditCall::ROUTE => {
                let chain = received.body::<VerifyAuditCall>().await?;
                let verified = self.with_api(|store| blobwatch_rule_book::verify_audit(store, chain))?;
                answer::<VerifyAuditCall>(verified)
            }
            _ => return Ok(None),
        };
        answered.map(Some)
    }

    /// Who may call: tokens, and sessions that end.
    async fn let_in(&self, route: Route<'_>, received: &mut ReceivedCall) -> Answer<Option<Response>> {
        let answered = match route {
            EndSessionCall::ROUTE => {
                let end = received.body::<EndSessionCall>().await?;
                self.with("end a session", |store| store.end_session(&end, now_ms()))?;
                answer::<EndSessionCall>(())
            }
            CreateTokenCall::ROUTE => {
                let create = received.body::<CreateTokenCall>().await?;
                let made = self.with_api(|store| create_token(store, &create, now_ms()))?;
                answer::<CreateTokenCall>(made)
            }
            ExpireTokenCall::ROUTE => {
                let expire = received.body::<ExpireTokenCall>().await?;
                let item = self.with_api(|store| expire_token(store, &expire, now_ms()))?;
                answer::<ExpireTokenCall>(item)
            }
            RevokeTokenCall::ROUTE => {
                let revoke = received.body::<RevokeTokenCall>().await?;
                let item = self.with_api(|store| revoke_token(store, &revoke, now_ms()))?;
                answer::<RevokeTokenCall>(item)
            }
            TokenUsedCall::ROUTE => {
                let used = received.body::<TokenUsedCall>().await?;
                self.with("write down that a token was used", |store| {
                    store.token_used(&used.name, now_ms())
                })?;
                answer::<TokenUsedCall>(())
            }
            _ => return Ok(None),
        };
        answered.map(Some)
    }

    /// What the Previews ask and tell.
    async fn preview(&self, route: Route<'_>, received: &mut ReceivedCall) -> Answer<Option<Response>> {
        let answered = match route {
            PlanPreviewCall::ROUTE => {
                let Text(body) = received.body::<PlanPreviewCall>().await?;
                let plan = self.with_api(|store| plan_of(store, &body, now_ms()))?;
                answer::<PlanPreviewCall>(plan)
            }
            PreviewDoneCall::ROUTE => {
                let stamp = received.body::<PreviewDoneCall>().await?;
                self.with("keep a preview", |store| store.keep_preview(&stamp, now_ms()))?;
                answer::<PreviewDoneCall>(())
            }
            StalePreviewsCall::ROUTE => {
                let stamps = received.body::<StalePreviewsCall>().await?;
                let book = self.with(READ, RuleBookStore::document)?;
                answer::<StalePreviewsCall>(stale_previews(&stamps, &book, now_ms()))
            }
            _ => return Ok(None),
        };
        answered.map(Some)
    }

    /// What FireLogs tell, and what lists of their records ask.
    async fn hear_fire_logs(
        &self,
        route: Route<'_>,
        received: &mut ReceivedCall,
    ) -> Answer<Option<Response>> {
        let answered = match route {
            GuardCountsCall::ROUTE => {
                let report = received.body::<GuardCountsCall>().await?;
                answer::<GuardCountsCall>(self.take_report(&report).await?)
            }
            LoadReportCall::ROUTE => {
                let report = received.body::<LoadReportCall>().await?;
                self.take_load(&report).await?;
                answer::<LoadReportCall>(())
            }
            GuardsThenCall::ROUTE => {
                let then = received.body::<GuardsThenCall>().await?;
                let guards = self.with(READ, |store| {
                    store.guards_then(then.revision, &then.route, then.time_ms)
                })?;
                answer::<GuardsThenCall>(guards)
            }
            UnknownNamesCall::ROUTE => {
                let names = received.body::<UnknownNamesCall>().await?;
                let unknown = self.with(READ, |store| unknown_names(store, &names))?;
                answer::<UnknownNamesCall>(unknown)
            }
            _ => return Ok(None),
        };
        answered.map(Some)
    }

    /// The document, to a FireLog, which is known from then on; or that of a past revision, for an explanation.
    fn document(&self, query: &[(String, String)]) -> Answer<Response> {
        let read = |store: &_| blobwatch_rule_book::read_document(store, query, now_ms());
        let Document { epoch, book } = self.with_api(read)?;
        let response = respond(Ok(book)).failed_to("answer")?;
        let headers = response.headers();
        headers
            .set(EPOCH_HEADER, &epoch.to_string())
            .failed_to("answer")?;
        Ok(response)
    }

    async fn call(&self, received: &mut ReceivedCall) -> Answer<Response> {
        let (body, actor, if_match) = (received.text().await?, received.actor(), received.if_match());
        let before = self.with(READ, RuleBookStore::revision)?;
        let call = ApiRequest {
            method: received.method_name(),
            path: received.api_path(Object::RuleBook),
            query: received.query(),
            body: &body,
            actor: &actor,
            if_match: if_match.as_deref(),
            now_ms: now_ms(),
        };
        let reply = self.with_api(|store| blobwatch_rule_book::answer(store, &call))?;
        if reply.revision != Some(before) {
            self.alarm.by(&self.state, now_ms()).await?;
        }
        api_answer(reply)
    }

    /// Takes in what a FireLog counted for guards, and takes back what harms.
    async fn take_report(&self, report: &Report) -> Answer<NextReport> {
        let taken = self.with_api(|store| blobwatch_rule_book::take_report(store, report, now_ms()))?;
        if taken.is_due {
            self.advance()?;
            self.alarm.by(&self.state, now_ms()).await?;
        }
        Ok(taken.next)
    }

    /// Takes in what a FireLog is asked to do, and pushes where that changes how many there are.
    async fn take_load(&self, report: &LoadReport) -> Answer<()> {
        let is_changed = self.with_api(|store| {
            let mut loads = self.loads.borrow_mut();
            blobwatch_rule_book::take_load(store, &mut loads, report, now_ms())
        })?;
        if is_changed {
            self.alarm.by(&self.state, now_ms()).await?;
        }
        Ok(())
    }

    /// Tells the Detector of harms and changes that it has not heard of.
    async fn tell(&self) -> Answer<()> {
        const WHAT: &str = "read what is to be told";
        for kind in NoticeKind::ALL {
            for notice in self.with(WHAT, |store| store.notices_due(kind, now_ms(), MAX_TOLD))? {
                match self.tell_of(&notice).await {
                    Ok(()) => self.with(WHAT, |store| store.notice_told(&notice))?,
                    Err(problem) => {
                        let is_given_up = self.with(WHAT, |store| store.notice_untold(&notice, now_ms()))?;
                        let fields: [LogField<'_>; 2] = [("notice", &notice.id), ("cause", &problem.detail)];
                        if is_given_up {
                            log::error("gave up telling the Detector", &fields);
                        } else {
                            log::warn("failed to tell the Detector", &fields);
                        }
                    }
                }
            }
        }
        let losses = self.with("read the losses", RuleBookStore::losses)?;
        self.told_losses.tell(&self.env, losses).await
    }

    /// The Detector knows by a notice's id what it was told before. The audit log has it already.
    async fn tell_of(&self, notice: &PendingNotice) -> Answer<()> {
        let body = Text(notice.body.clone());
        match notice.kind {
            NoticeKind::Harm => call(&self.env, &HarmCall, body).await,
            NoticeKind::Change => call(&self.env, &ChangeCall, body).await,
        }
    }

    /// Makes the changes of schedules that are due.
    fn advance(&self) -> Answer<()> {
        self.with_api(|store| blobwatch_rule_book::advance(store, now_ms()))
    }

    /// Rings for whatever comes first, if anything waits.
    async fn ring_for_next(&self, earliest_ms: u64) -> Answer<()> {
        match self.with_api(|store| blobwatch_rule_book::next_alarm_ms(store, now_ms()))? {
            Some(at) => self.alarm.by(&self.state, at.max(earliest_ms)).await,
            None => Ok(()),
        }
    }

    /// Pushes the document to every FireLog that is behind.
    async fn push(&self) -> Answer<()> {
        let (behind, epoch, book) = self.with(PUSH, |store| {
            let behind = store.pushes_due(now_ms(), MAX_PUSHES)?;
            Ok((behind, store.epoch()?, store.document()?))
        })?;
        let body = serde_json::to_string(&book).failed_to("write the rulebook")?;
        let push = async |log: &FireLogState| (log.name.clone(), self.push_to(&log.name, epoch, &body).await);
        let mut pushes = iter(behind.iter().map(push)).buffer_unordered(WAVE);
        while let Some((name, pushed)) = pushes.next().await {
            self.with(PUSH, |store| match pushed {
                Ok(_) => store.fire_log_seen(&name, book.revision, now_ms()).map(drop),
                Err(_) => store.push_failed(&name, now_ms()),
            })?;
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

fn names(logs: Vec<FireLogState>) -> Vec<String> {
    logs.into_iter().map(|log| log.name).collect()
}
