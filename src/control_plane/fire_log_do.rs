//! A FireLog: the records of one colo, and the rulebook for its isolates.
//!
//! Guarantees: a batch that was acknowledged is stored, once, however often it is sent; records go by age and by bytes
//! and in no other way; the rulebook kept is never replaced by an older one of the same RuleBook. It must be one object for a share of a
//! colo's clients, and of its keys of volumes, because they are counted here, and because what one client did before is found here.
//!
//! Calls have the path `/<name>/<call>`: an object does not know its own name.

use std::cell::{Cell, RefCell};

use blobwatch_detector::{Acknowledged, CellsCall};
use blobwatch_fire_log::{
    AddressesCall, CountersCall, EraseAddressCall, FireLog as Store, FireLogError, FlushCall, HandoverCall,
    LoadCall, LossesCall, OutboxBatch, PushRulebookCall, ReadRulebookCall, StandingCall, UpstreamCall,
    handover, tend, wake,
};
use blobwatch_previews::ReplayCall;
use blobwatch_records::held_rulebook;
use blobwatch_rule_book::{GuardCountsCall, LoadReportCall};
use blobwatch_sql::{Shared, Slices};
use blobwatch_wire::{Bytes, LogField, Method, Nothing, Object, ObjectCall, Problem, Text};
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::http::{Answer, internal, now_ms, refuse};
use super::log::{self, logged_as, of_object};
use super::object_call::{ReceivedCall, answer, call, call_named};
use super::opened::{Bell, Opened, unopened};
use super::pause::{pause, rest};
use super::sql::ObjectSql;
use super::told_losses::ToldLosses;
use super::{fire_log_queries, rule_book_do};

/// The rulebook is asked for again when nobody pushed one for this long: a RuleBook that lost its database forgot us too,
/// and would never push. A FireLog that is busy all month asks 2,900 times: with the row that each writes, half a cent.
const ASK_AGAIN_MS: u64 = 15 * 60_000;

/// Rows of cells sent by one alarm: ten minutes of them.
const MAX_ROWS_SENT: usize = 64;

#[durable_object(alarm)]
pub struct FireLog {
    state: State,
    env: Env,
    store: Opened<Store<ObjectSql>>,
    alarm: Bell,
    /// When the RuleBook last said what the rulebook is; 0 since the object woke.
    told_ms: Cell<u64>,
    /// Why the last batch was not stored; none where it was.
    refused: RefCell<Option<Problem>>,
    /// Somebody reads what clients did before; others wait for that.
    is_waking: Cell<bool>,
    told_losses: ToldLosses,
}

impl DurableObject for FireLog {
    fn new(state: State, env: Env) -> Self {
        Self {
            state,
            env,
            store: Opened::new("records", |sql| {
                Store::open_asleep(sql).map_err(|error| unopened("records", error))
            }),
            alarm: Bell::default(),
            told_ms: Cell::new(0),
            refused: RefCell::new(None),
            is_waking: Cell::new(false),
            told_losses: ToldLosses::default(),
        }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let path = request.path();
        let name = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        logged_as(of_object(Object::FireLog, name), async {
            match self.answer(request).await {
                Ok(response) => Ok(response),
                Err(problem) => refuse(&problem),
            }
        })
        .await
    }

    async fn alarm(&self) -> Result<Response> {
        let name = self.with("open the records", |store| Ok(store.name().to_owned()));
        let who = of_object(Object::FireLog, &name.unwrap_or_default());
        logged_as(who, self.rang()).await
    }
}

impl Shared<Store<ObjectSql>, FireLogError> for FireLog {
    type Error = Problem;

    fn with<T>(
        &self,
        body: impl FnOnce(&mut Store<ObjectSql>) -> std::result::Result<T, FireLogError>,
    ) -> Answer<T> {
        self.with("maintain the records", body)
    }
}

impl FireLog {
    async fn rang(&self) -> Result<Response> {
        self.alarm.rang();
        let tended = match self.wake().await {
            Ok(()) => tend(self, now_ms(), &Slices::new(pause)).await,
            Err(problem) => Err(problem),
        };
        for (what, step) in [
            ("report to the guards", self.report_guards().await),
            ("report the load", self.report_load().await),
            ("send the cells", self.send_cells().await),
            ("tell the losses", self.tell_losses().await),
        ] {
            if let Err(problem) = step {
                log::tried_again(what, &problem);
            }
        }
        let now = now_ms();
        let next = match &tended {
            Ok(tended) if tended.more => now,
            Ok(_) => self
                .with("maintain the records", |store| Ok(store.next_alarm_ms(now)))
                .unwrap_or(now + 60_000),
            Err(_) => now + 60_000,
        };
        if let Err(problem) = self.alarm.at(&self.state, next).await {
            log::tried_again("set the next alarm", &problem);
        }
        Response::empty()
    }

    async fn answer(&self, request: Request) -> Answer<Response> {
        let mut received = ReceivedCall::of(request)?;
        let path = received.path().to_owned();
        let (name, call) = path.split_once('/').unwrap_or((&path, ""));
        let Some(method) = received.method else {
            return Err(no_such_call());
        };
        match (method, call) {
            FlushCall::ROUTE => {
                let flushed = self.flush(name, &mut received).await;
                self.refused.replace(flushed.as_ref().err().cloned());
                flushed
            }
            UpstreamCall::ROUTE => self.take_upstream(name, &mut received).await,
            StandingCall::ROUTE => {
                self.with("open the records", |_| Ok(()))?;
                match self.refused.borrow().clone() {
                    Some(problem) => Err(problem),
                    None => answer::<StandingCall>(()),
                }
            }
            ReadRulebookCall::ROUTE => self.read_rulebook(name, received.query()).await,
            PushRulebookCall::ROUTE => self.keep_pushed(&mut received).await,
            ReplayCall::ROUTE => {
                let call = received.body::<ReplayCall>().await?;
                answer::<ReplayCall>(fire_log_queries::slice(&call, &self.records()?).await?)
            }
            CountersCall::ROUTE => {
                answer::<CountersCall>(self.with("read the counters", |store| store.counters())?)
            }
            HandoverCall::ROUTE => self.hand_over(received.query()).await,
            LoadCall::ROUTE => {
                answer::<LoadCall>(self.with("read the load", |store| Ok(store.load(now_ms())))?)
            }
            LossesCall::ROUTE => answer::<LossesCall>(self.with("read the losses", |store| store.losses())?),
            AddressesCall::ROUTE => {
                let sql = self.records()?;
                let asked = AddressesCall::from_query(received.query())?;
                answer::<AddressesCall<'_>>(fire_log_queries::addresses(&asked, &sql)?)
            }
            EraseAddressCall::ROUTE => {
                let EraseAddressCall(client) = EraseAddressCall::from_query(received.query())?;
                let erased = self.with("erase an address", |store| store.erase_address(client))?;
                answer::<EraseAddressCall>(erased)
            }
            (Method::Get, call) => fire_log_queries::answer(call, &received.url, &self.records()?).await,
            _ => Err(no_such_call()),
        }
    }

    async fn flush(&self, name: &str, received: &mut ReceivedCall) -> Answer<Response> {
        let body = self.batch::<FlushCall>(name, received).await?;
        let began_ms = now_ms();
        let reply = self.with("keep a batch", |store| {
            let reply = store.accept(&body, began_ms)?;
            store.flush_took(began_ms, now_ms());
            Ok(reply)
        })?;
        self.tend_later().await?;
        answer::<FlushCall>(Bytes(reply.encode()))
    }

    async fn take_upstream(&self, name: &str, received: &mut ReceivedCall) -> Answer<Response> {
        let body = self.batch::<UpstreamCall>(name, received).await?;
        let taken = self.with("keep what another party tells", |store| {
            store.accept_upstream(&body, now_ms())
        })?;
        self.tend_later().await?;
        answer::<UpstreamCall>(taken)
    }

    /// The body of a call that brings records, once the store can take them.
    async fn batch<C: ObjectCall<Request = Bytes>>(
        &self,
        name: &str,
        received: &mut ReceivedCall,
    ) -> Answer<Vec<u8>> {
        self.be_told(name).await;
        self.with("keep the name", |store| store.be_named(name))?;
        let Bytes(body) = received.body::<C>().await?;
        self.wake().await?;
        Ok(body)
    }

    async fn read_rulebook(&self, name: &str, query: &str) -> Answer<Response> {
        self.be_told(name).await;
        let held = held_rulebook(query);
        let reply = self.with("read the rulebook", |store| Ok(store.reply(held, now_ms())))?;
        answer::<ReadRulebookCall>(Bytes(reply.encode()))
    }

    async fn keep_pushed(&self, received: &mut ReceivedCall) -> Answer<Response> {
        let Text(document) = received.body::<PushRulebookCall>().await?;
        let PushRulebookCall { epoch } = PushRulebookCall::from_query(received.query());
        self.with("keep the rulebook", |store| store.keep_rulebook(epoch, &document))?;
        self.told_ms.set(now_ms());
        answer::<PushRulebookCall>(Text("{}".to_owned()))
    }

    /// What calls that pause read: the store is others' meanwhile.
    fn records(&self) -> Answer<ObjectSql> {
        self.with("open the records", |_| Ok(()))?;
        Ok(ObjectSql::new(self.state.storage()))
    }

    /// Reads what clients did before, once, however many isolates send batches meanwhile: it is in memory while it is read.
    async fn wake(&self) -> Answer<()> {
        while self.is_waking.get() {
            rest().await;
        }
        let _waking = Waking::begin(&self.is_waking);
        wake(self, &Slices::new(pause)).await?;
        self.take_over().await
    }

    /// Asks FireLogs whose clients come here since a split or a join what they know of them.
    async fn take_over(&self) -> Answer<()> {
        const WHAT: &str = "take clients over";
        let asked = self.with(WHAT, |store| {
            let predecessors = store.predecessors(now_ms());
            if predecessors.is_some() {
                store.takes_over(now_ms());
            }
            Ok(predecessors)
        })?;
        let Some((fire_logs, place, names)) = asked else {
            return Ok(());
        };
        for name in names {
            let asked = call_named(&self.env, &name, &HandoverCall { fire_logs, place }, Nothing).await;
            let taken = asked.and_then(|Bytes(body)| {
                self.with(WHAT, |store| store.take_handover(&body, (fire_logs, place)))
            });
            if let Err(problem) = taken {
                let from: [LogField<'_>; 2] = [("from", &name), ("cause", &problem.detail)];
                log::warn("failed to take clients over", &from);
                self.with(WHAT, |store| store.handover_failed(now_ms()))?;
            }
        }
        Ok(())
    }

    /// Does not wait for what this FireLog takes over itself: two may ask each other.
    async fn hand_over(&self, query: &str) -> Answer<Response> {
        let HandoverCall { fire_logs, place } = HandoverCall::from_query(query).ok_or_else(no_such_call)?;
        wake(self, &Slices::new(pause)).await?;
        let handed = handover(self, (fire_logs, place), &Slices::new(pause)).await?;
        answer::<HandoverCall>(Bytes(handed.encode()))
    }

    fn with<T>(
        &self,
        what: &str,
        body: impl FnOnce(&mut Store<ObjectSql>) -> std::result::Result<T, FireLogError>,
    ) -> Answer<T> {
        self.store.with(&self.state, what, body)
    }

    /// Asks the RuleBook for the rulebook, and to be told of every change from then on, unless it told us since the
    /// object woke. When it cannot be had, what is kept goes on to be used.
    async fn be_told(&self, name: &str) {
        let now = now_ms();
        if self.told_ms.get() + ASK_AGAIN_MS > now {
            return;
        }
        match rule_book_do::document_for(&self.env, name).await {
            Ok((epoch, document)) => {
                match self.with("keep the rulebook", |store| store.keep_rulebook(epoch, &document)) {
                    Ok(_) => self.told_ms.set(now),
                    Err(problem) => log::tried_again("keep the rulebook", &problem),
                }
            }
            Err(problem) => log::tried_again("ask for the rulebook", &problem),
        }
    }

    /// Sends what is due of the cells; what is not acknowledged is due again later, and counts once. A guard does not wait for a
    /// Detector that hangs: the next alarm rings when this one has ended.
    async fn send_cells(&self) -> Answer<()> {
        for _ in 0..MAX_ROWS_SENT {
            let unsent = self.with("read the cells", |store| {
                let unsent = store.due_cells(now_ms())?;
                store.cells_tried(now_ms());
                Ok(unsent)
            })?;
            if unsent.is_empty() {
                break;
            }
            for OutboxBatch { seq, body } in unsent {
                let Acknowledged { ack, open } = call(&self.env, &CellsCall, Bytes(body)).await?;
                if ack != seq {
                    return Err(internal(
                        CellsCall::PURPOSE,
                        format_args!("batch {seq} was acknowledged as {ack}"),
                    ));
                }
                self.with("mark the cells", |store| {
                    store.cells_acknowledged(seq);
                    if let Some(open) = open {
                        store.open_cohorts(open);
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// Tells the RuleBook what was counted for guards, where something is due.
    async fn report_guards(&self) -> Answer<()> {
        let report = self.with("count for guards", |store| store.guard_report(now_ms()))?;
        let Some(report) = report else {
            return Ok(());
        };
        let watches = report.watches.clone();
        let heard = call(&self.env, &GuardCountsCall, report).await?;
        self.with("mark the report", |store| {
            store.guard_reported(&watches, heard.again_ms, now_ms());
            Ok(())
        })
    }

    /// Tells the RuleBook how much is asked of this FireLog, where its colo may need more of them, or fewer.
    async fn report_load(&self) -> Answer<()> {
        match self.with("read the load", |store| Ok(store.load_report(now_ms())))? {
            Some(report) => call(&self.env, &LoadReportCall, report).await,
            None => Ok(()),
        }
    }

    async fn tell_losses(&self) -> Answer<()> {
        let losses = self.with("read the losses", |store| store.losses())?;
        self.told_losses.tell(&self.env, losses).await
    }

    async fn tend_later(&self) -> Answer<()> {
        let next = self.with("maintain the records", |store| Ok(store.next_alarm_ms(now_ms())))?;
        self.alarm.by(&self.state, next).await
    }
}

/// Ends with the call that wakes the FireLog, however that ends.
struct Waking<'a>(&'a Cell<bool>);

impl<'a> Waking<'a> {
    fn begin(is_waking: &'a Cell<bool>) -> Self {
        is_waking.set(true);
        Self(is_waking)
    }
}

impl Drop for Waking<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

fn no_such_call() -> Problem {
    Problem::not_found("call of a FireLog")
}
