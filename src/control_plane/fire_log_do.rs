//! A FireLog: the records of one colo, and the rulebook for its isolates.
//!
//! Guarantees: a batch that was acknowledged is stored, once, however often it is sent; records go by age and by bytes
//! and in no other way; the rulebook kept is never replaced by an older one of the same RuleBook. It must be one object for a share of a
//! colo's clients because volumes are counted here, and because what one client did before is found here.
//!
//! Calls have the path `/<name>/<call>`: an object does not know its own name.

use std::cell::Cell;

use blobwatch_fire_log::{FireLog as Store, FireLogError, Unsent};
use blobwatch_records::Held;
use blobwatch_wire::Problem;
use worker::{DurableObject, Env, Method, Request, Response, Result, State, Stub, Url, durable_object};

use super::fire_log_queries::SLICE;
use super::http::{Answer, internal, now_ms, object, refuse, respond, text};
use super::opened::{Bell, Opened};
use super::sql::ObjectSql;
use super::{detector_do, fire_log_queries, guard_report, rule_book_do};

/// The rulebook is asked for again when nobody pushed one for this long: a RuleBook that lost its database forgot us too,
/// and would never push. A FireLog that is busy all month asks 2,900 times: with the row that each writes, half a cent.
const ASK_AGAIN_MS: u64 = 15 * 60_000;

/// Rows of cells sent by one alarm: ten minutes of them.
const MAX_ROWS_SENT: usize = 64;

/// The FireLog of that name.
pub(super) fn stub(env: &Env, name: &str) -> Result<Stub> {
    object(env, "FIRE_LOG", name)
}

/// Address of a call to the FireLog of that name; `call` may have a query.
pub(super) fn url(name: &str, call: &str) -> String {
    format!("https://fire-log/{name}/{call}")
}

#[durable_object(alarm)]
pub struct FireLog {
    state: State,
    env: Env,
    store: Opened<Store<ObjectSql>>,
    alarm: Bell,
    /// When the RuleBook last said what the rulebook is; 0 since the object woke.
    told_ms: Cell<u64>,
}

impl DurableObject for FireLog {
    fn new(state: State, env: Env) -> Self {
        Self {
            state,
            env,
            store: Opened::new("records", |sql| Store::open(sql).map_err(|e| e.to_string())),
            alarm: Bell::default(),
            told_ms: Cell::new(0),
        }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        match self.answer(request).await {
            Ok(response) => Ok(response),
            Err(problem) => refuse(&problem),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.alarm.rang();
        let tended = self.with("tend the records", |store| store.tend(now_ms()));
        if let Err(problem) = self.send_cells().await {
            worker::console_error!("{}", problem.detail);
        }
        if let Err(problem) = self.report_guards().await {
            worker::console_error!("{}", problem.detail);
        }
        let now = now_ms();
        let next = match &tended {
            Ok(tended) if tended.more => now,
            Ok(_) => self
                .with("tend the records", |store| Ok(store.next_alarm_ms(now)))
                .unwrap_or(now + 60_000),
            Err(_) => now + 60_000,
        };
        if let Err(problem) = self.alarm.at(&self.state, next).await {
            worker::console_error!("{}", problem.detail);
        }
        Response::empty()
    }
}

impl FireLog {
    async fn answer(&self, mut request: Request) -> Answer<Response> {
        let url = request.url().map_err(|e| internal("read the address", e))?;
        let mut segments = url.path().trim_start_matches('/').splitn(2, '/');
        let (name, call) = (
            segments.next().unwrap_or_default(),
            segments.next().unwrap_or_default(),
        );
        let response = match (request.method(), call) {
            (Method::Post, "flush") => {
                self.be_told(name).await;
                self.with("keep the name", |store| store.be_named(name))?;
                let body = request.bytes().await.map_err(|e| internal("read a batch", e))?;
                let reply = self.with("keep a batch", |store| store.accept(&body, now_ms()))?;
                self.tend_later().await?;
                Response::from_bytes(reply.encode())
            }
            (Method::Get, "rulebook") => {
                self.be_told(name).await;
                let held = Held {
                    epoch: number_in(&url, "epoch"),
                    revision: number_in(&url, "held"),
                };
                let reply = self.with("read the rulebook", |store| Ok(store.reply(held, now_ms())))?;
                Response::from_bytes(reply.encode())
            }
            (Method::Put, "rulebook") => {
                let document = request
                    .text()
                    .await
                    .map_err(|e| internal("read the rulebook", e))?;
                let epoch = number_in(&url, "epoch");
                self.with("keep the rulebook", |store| store.keep_rulebook(epoch, &document))?;
                self.told_ms.set(now_ms());
                text(200, "application/json", "{}".to_owned())
            }
            (Method::Post, SLICE) => {
                let call = request.text().await.map_err(|e| internal("read a preview", e))?;
                let slice = |store: &Store<ObjectSql>| Ok(fire_log_queries::slice(&call, store.sql()));
                respond(self.store.read(&self.state, slice)?)
            }
            (Method::Get, "losses") => respond(self.with("read the losses", |store| store.losses())),
            (Method::Get, call) => {
                let answer = |store: &Store<ObjectSql>| fire_log_queries::answer(call, &url, store.sql());
                return self.store.read(&self.state, answer);
            }
            _ => return Err(Problem::not_found("call of a FireLog")),
        };
        response.map_err(|e| internal("answer", e))
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
                    Err(problem) => worker::console_error!("{}", problem.detail),
                }
            }
            Err(problem) => worker::console_error!("{}", problem.detail),
        }
    }

    /// Sends what is due of the cells; what is not acknowledged is due again later.
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
            for Unsent { seq, body } in unsent {
                detector_do::send_cells(&self.env, seq, body)
                    .await
                    .map_err(|e| internal("send cells to the Detector", e))?;
                self.with("mark the cells", |store| {
                    store.cells_acknowledged(seq);
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
        let heard = guard_report::send(&self.env, &report).await?;
        self.with("mark the report", |store| {
            store.guard_reported(&report.watches, heard.again_ms, now_ms());
            Ok(())
        })
    }

    async fn tend_later(&self) -> Answer<()> {
        let next = self.with("tend the records", |store| Ok(store.next_alarm_ms(now_ms())))?;
        self.alarm.by(&self.state, next).await
    }
}

/// A number of the query; 0 where it is missing.
fn number_in(url: &Url, name: &str) -> u64 {
    let value = url
        .query_pairs()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned());
    value.and_then(|text| text.parse().ok()).unwrap_or(0)
}
