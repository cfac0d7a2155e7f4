//! The Detector: what is wrong and for whom, in one object for the whole deployment.
//!
//! Guarantees: counts that were acknowledged are counted once, also when the process dies; an anomaly that opened,
//! changed or closed is told to every webhook that wants it until somebody takes it; what people do about anomalies is
//! told to the RuleBook until it is in the audit log. It must be one object because a
//! fault in six colos is found sooner in their sum, and because the promise of few false alarms is one promise for
//! everything that is watched.

use std::cell::Cell;

use blobwatch_detector::{
    Acknowledged, AllowedAddresses, AnomalyCall, CellsCall, ChangeCall, Detector as Store, HarmCall,
    IngestedCall, LostCall, NewShareCall, SharedDetector, SharedReportCall, keep_sums, save_when_due,
};
use blobwatch_guard::HarmNotice;
use blobwatch_records::CellBatch;
use blobwatch_rule_book::{ChangesCall, EntryOnce, NewAuditEntry, WriteEntryOnceCall};
use blobwatch_rulebook::ChangeNotice;
use blobwatch_sql::{Shared, Slices, StoreError};
use blobwatch_wire::{ApiRequest, Bytes, Nothing, Object, ObjectCall, Problem, Text};
use serde::de::DeserializeOwned;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::control::text_binding;
use super::deliver;
use super::http::{Answer, api_answer, now_ms, refuse};
use super::log::{self, logged_as, of_object};
use super::object_call::{ReceivedCall, answer, call};
use super::opened::{Bell, Opened, unopened};
use super::pause::pause;
use super::sql::ObjectSql;

/// How long after a try that failed the RuleBook is asked again for the changes before it told of any.
const CATCH_UP_AGAIN_MS: u64 = 60_000;

/// Deliveries of one alarm; each may take ten seconds, and the alarm rings again at once while more wait.
const MAX_DELIVERIES: usize = 4;

const CATCH_UP: &str = "ask the RuleBook for older changes";

const WRITE_ENTRIES: &str = "write what people did into the audit log";

#[durable_object(alarm)]
pub struct Detector {
    state: State,
    env: Env,
    store: Opened<Store<ObjectSql>>,
    alarm: Bell,
    /// From when on the RuleBook may be asked for old changes; no more once they are here.
    next_catch_up_ms: Cell<u64>,
}

impl DurableObject for Detector {
    fn new(state: State, env: Env) -> Self {
        Self {
            state,
            env,
            store: Opened::new("counts", |sql| {
                Store::open(sql, now_ms()).map_err(|error| unopened("counts", error))
            }),
            alarm: Bell::default(),
            next_catch_up_ms: Cell::new(0),
        }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        logged_as(of_object(Object::Detector, ""), async {
            match self.answer(request).await {
                Ok(response) => Ok(response),
                Err(problem) => refuse(&problem),
            }
        })
        .await
    }

    async fn alarm(&self) -> Result<Response> {
        logged_as(of_object(Object::Detector, ""), async {
            self.alarm.rang();
            for (what, step) in [
                (CATCH_UP, self.catch_up().await),
                // Before what is old is forgotten.
                (
                    "add the counts up",
                    keep_sums(self, now_ms(), &Slices::new(pause)).await,
                ),
                (
                    "test the counts",
                    self.with("test the counts", |store| store.tick(now_ms())),
                ),
                ("deliver to webhooks", self.deliver().await),
                (WRITE_ENTRIES, self.write_entries().await),
                (
                    "save the counts",
                    save_when_due(self, now_ms(), &Slices::new(pause)).await,
                ),
                ("set the next alarm", self.ring_for_next().await),
            ] {
                if let Err(problem) = step {
                    log::tried_again(what, &problem);
                }
            }
            Response::empty()
        })
        .await
    }
}

impl SharedDetector<ObjectSql> for Detector {
    fn read<T>(&self, body: impl FnOnce(&Store<ObjectSql>) -> Answer<T>) -> Answer<T> {
        self.store.read(&self.state, body)
    }
}

impl Shared<Store<ObjectSql>, StoreError> for Detector {
    type Error = Problem;

    fn with<T>(
        &self,
        body: impl FnOnce(&mut Store<ObjectSql>) -> std::result::Result<T, StoreError>,
    ) -> Answer<T> {
        self.with("keep the counts", body)
    }
}

impl Detector {
    async fn answer(&self, request: Request) -> Answer<Response> {
        let mut received = ReceivedCall::of(request)?;
        let Some(method) = received.method else {
            return Err(no_such_call());
        };
        let path = received.path().to_owned();
        let response = match (method, path.as_str()) {
            CellsCall::ROUTE => self.accept(&mut received).await?,
            HarmCall::ROUTE => {
                let harm: HarmNotice = notice::<HarmCall, _>(&mut received).await?;
                self.with("keep a harm", |store| store.harm(&harm, now_ms()))?;
                answer::<HarmCall>(())?
            }
            ChangeCall::ROUTE => {
                let change: ChangeNotice = notice::<ChangeCall, _>(&mut received).await?;
                self.with("keep a change", |store| store.change(&change, now_ms()))?;
                answer::<ChangeCall>(())?
            }
            IngestedCall::ROUTE => {
                let report = received.body::<IngestedCall>().await?;
                self.with("keep figures of a source", |store| store.ingested(&report))?;
                answer::<IngestedCall>(())?
            }
            (AnomalyCall::METHOD, path) if path.starts_with(AnomalyCall::PATH) => {
                self.try_to_catch_up().await;
                let id = path.trim_start_matches(AnomalyCall::PATH);
                let pace = Slices::new(pause);
                let facts = blobwatch_detector::report_facts(self, id, now_ms(), &pace);
                answer::<AnomalyCall>(facts.await?)?
            }
            LostCall::ROUTE => {
                let losses = received.body::<LostCall>().await?;
                self.with("keep what was lost", |store| store.lost(&losses, now_ms()))?;
                answer::<LostCall>(())?
            }
            NewShareCall::ROUTE => {
                let new = received.body::<NewShareCall>().await?;
                let share = |store: &mut Store<ObjectSql>| blobwatch_detector::share(store, &new, now_ms());
                let item = self.with("make a link", share)?;
                self.try_to_write_entries().await;
                answer::<NewShareCall>(item?)?
            }
            SharedReportCall::ROUTE => {
                self.try_to_catch_up().await;
                let Text(hash) = received.body::<SharedReportCall>().await?;
                let pace = Slices::new(pause);
                let report = blobwatch_detector::shared_report(self, &hash, now_ms(), &pace);
                answer::<SharedReportCall>(report.await?)?
            }
            (_, path) if path.starts_with(Object::Detector.api_prefix()) => self.call(&mut received).await?,
            _ => return Err(no_such_call()),
        };
        self.ring_for_next().await?;
        Ok(response)
    }

    async fn accept(&self, received: &mut ReceivedCall) -> Answer<Response> {
        let Bytes(body) = received.body::<CellsCall>().await?;
        let batch = CellBatch::decode(&body).map_err(unreadable)?;
        let acknowledged = self.with("count", |store| {
            let ack = store.accept(&body, batch, now_ms())?;
            let open = Some(store.open_cohorts());
            Ok(Acknowledged { ack, open })
        })?;
        answer::<CellsCall>(acknowledged)
    }

    async fn call(&self, received: &mut ReceivedCall) -> Answer<Response> {
        let body = received.text().await?;
        let actor = received.actor();
        let path = received.api_path(Object::Detector);
        if path == "timeline" {
            self.try_to_catch_up().await;
        }
        let call = ApiRequest {
            method: received.method_name(),
            path,
            query: received.query(),
            body: &body,
            actor: &actor,
            if_match: None,
            now_ms: now_ms(),
        };
        if blobwatch_detector::is_act(&call) {
            let act = |store: &mut Store<ObjectSql>| blobwatch_detector::act(store, &call);
            let reply = self.with("keep what was done about an anomaly", act)?;
            self.try_to_write_entries().await;
            return api_answer(reply?);
        }
        let pace = Slices::new(pause);
        let reply = blobwatch_detector::answer(self, &call, self.allowed(), &pace);
        api_answer(reply.await?)
    }

    fn allowed(&self) -> AllowedAddresses {
        AllowedAddresses::of(&text_binding(&self.env, "WEBHOOKS_MAY_REACH"))
    }

    fn with<T>(
        &self,
        what: &str,
        body: impl FnOnce(&mut Store<ObjectSql>) -> std::result::Result<T, StoreError>,
    ) -> Answer<T> {
        self.store.with(&self.state, what, body)
    }

    /// Fetches, once, the changes that were made before the RuleBook told of any. A RuleBook of an older build cannot answer
    /// yet: it is asked again later, and what it tells meanwhile counts.
    async fn catch_up(&self) -> Answer<()> {
        let now = now_ms();
        if self.next_catch_up_ms.get() > now {
            return Ok(());
        }
        self.next_catch_up_ms.set(now + CATCH_UP_AGAIN_MS);
        if !self.with("read how far changes are known", |store| store.is_caught_up())? {
            let notices = call(&self.env, &ChangesCall { since: 0 }, Nothing).await?;
            self.with("keep the changes", |store| store.catch_up(&notices))?;
        }
        self.next_catch_up_ms.set(u64::MAX);
        Ok(())
    }

    /// The same, where what was counted can be shown without the changes too.
    async fn try_to_catch_up(&self) {
        if let Err(problem) = self.catch_up().await {
            log::tried_again(CATCH_UP, &problem);
        }
    }

    async fn deliver(&self) -> Answer<()> {
        let due = self.with("read the deliveries", |store| store.due(now_ms(), MAX_DELIVERIES))?;
        for delivery in due {
            let webhook = self.with("read a webhook", |store| store.webhook(&delivery.webhook))?;
            let attempt = deliver::attempt(&self.env, webhook.as_ref(), &delivery, self.allowed()).await;
            self.with("keep a delivery", |store| {
                store.attempted(&delivery, &attempt, now_ms())
            })?;
        }
        Ok(())
    }

    /// Tells the RuleBook of what people did about anomalies, until the audit log has all of it.
    async fn write_entries(&self) -> Answer<()> {
        while let Some(done) = self.with("read an entry of the audit log", |store| store.next_entry())? {
            let entry = NewAuditEntry {
                action: done.action.clone(),
                actor: done.actor.clone(),
                after: done.after.clone(),
                before: None,
                reason: done.reason.clone(),
                target: done.target.clone(),
            };
            let time_ms = done.time_ms;
            call(&self.env, &WriteEntryOnceCall, EntryOnce { time_ms, entry }).await?;
            self.with("forget an entry of the audit log", |store| {
                store.entry_written(&done)
            })?;
        }
        Ok(())
    }

    /// The same, where the next alarm tries again.
    async fn try_to_write_entries(&self) {
        if let Err(problem) = self.write_entries().await {
            log::tried_again(WRITE_ENTRIES, &problem);
        }
    }

    async fn ring_for_next(&self) -> Answer<()> {
        match self.with("read what is due", |store| store.next_alarm_ms(now_ms()))? {
            Some(next) => self.alarm.by(&self.state, next).await,
            None => Ok(()),
        }
    }
}

/// What the RuleBook wrote down, and tells until it is taken.
async fn notice<C: ObjectCall<Request = Text>, T: DeserializeOwned>(
    received: &mut ReceivedCall,
) -> Answer<T> {
    let Text(body) = received.body::<C>().await?;
    serde_json::from_str(&body).map_err(unreadable)
}

fn no_such_call() -> Problem {
    Problem::not_found("call of the Detector")
}

/// 422: the sender keeps the batch, and a newer build here may read it.
fn unreadable(error: impl std::fmt::Display) -> Problem {
    Problem::new(
        422,
        "unreadable",
        "Unreadable counts",
        format!("failed to read counts: {error}"),
    )
}
