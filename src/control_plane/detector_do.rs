//! The Detector: what is wrong and for whom, in one object for the whole deployment.
//!
//! Guarantees: counts that were acknowledged are counted once, also when the process dies; an anomaly that opened,
//! changed or closed is told to every webhook that wants it until somebody takes it. It must be one object because a
//! fault in six colos is found sooner in their sum, and because the promise of few false alarms is one promise for
//! everything that is watched.

use std::cell::Cell;

use blobwatch_detector::{Allowed, Call, Detector as Store, DetectorError};
use blobwatch_guard::HarmNotice;
use blobwatch_records::CellBatch;
use blobwatch_rulebook::ChangeNotice;
use blobwatch_wire::Problem;
use js_sys::Uint8Array;
use serde::{Deserialize, Serialize};
use worker::{
    DurableObject, Env, Method, Request, RequestInit, Response, Result, State, Stub, durable_object,
};

use super::control::text_binding;
use super::deliver;
use super::http::{Answer, internal, now_ms, object, refuse, respond, text};
use super::opened::{Bell, Opened};
use super::rule_book_do::{ACTOR_HEADER, API, changes_since};
use super::sql::ObjectSql;

/// Pinned: another name is another Detector, which knows nothing.
const NAME: &str = "detector";

/// How long after a try that failed the RuleBook is asked again for the changes before it told of any.
const CATCH_UP_AGAIN_MS: u64 = 60_000;

/// Deliveries of one alarm; each may take ten seconds, and the alarm rings again at once while more wait.
const MAX_DELIVERIES: usize = 4;

pub(super) fn stub(env: &Env) -> Result<Stub> {
    object(env, "DETECTOR", NAME)
}

/// Hands over a batch of cells; returns when the Detector holds it.
pub(super) async fn send_cells(env: &Env, seq: u64, body: Vec<u8>) -> std::result::Result<(), String> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_body(Some(Uint8Array::from(body.as_slice()).into()));
    let request = Request::new_with_init("https://detector/cells", &init).map_err(|e| e.to_string())?;
    let stub = stub(env).map_err(|e| e.to_string())?;
    let mut response = stub
        .fetch_with_request(request)
        .await
        .map_err(|e| e.to_string())?;
    if response.status_code() != 200 {
        return Err(format!("status {}", response.status_code()));
    }
    let answer: Acknowledged = response.json().await.map_err(|e| e.to_string())?;
    if answer.ack == seq {
        Ok(())
    } else {
        Err(format!("batch {seq} was answered for {}", answer.ack))
    }
}

/// Answer to a batch of cells: it need not be sent again.
#[derive(Serialize, Deserialize)]
struct Acknowledged {
    ack: u64,
}

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
                Store::open(sql, now_ms()).map_err(|e| e.to_string())
            }),
            alarm: Bell::default(),
            next_catch_up_ms: Cell::new(0),
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
        for step in [
            self.catch_up().await,
            self.with("test the counts", |store| store.tick(now_ms())),
            self.deliver().await,
            self.ring_for_next().await,
        ] {
            if let Err(problem) = step {
                worker::console_error!("{}", problem.detail);
            }
        }
        Response::empty()
    }
}

impl Detector {
    async fn answer(&self, mut request: Request) -> Answer<Response> {
        let url = request.url().map_err(|e| internal("read the address", e))?;
        let response = match (request.method(), url.path()) {
            (Method::Post, "/cells") => {
                let body = request.bytes().await.map_err(|e| internal("read counts", e))?;
                let batch = CellBatch::decode(&body).map_err(unreadable)?;
                let ack = self.with("count", |store| store.accept(&body, batch, now_ms()))?;
                respond(Ok(Acknowledged { ack }))
            }
            (Method::Post, "/harm") => {
                let harm: HarmNotice = request.json().await.map_err(unreadable)?;
                respond(self.with("keep a harm", |store| store.harm(&harm, now_ms())))
            }
            (Method::Post, "/change") => {
                let notice: ChangeNotice = request.json().await.map_err(unreadable)?;
                respond(self.with("keep a change", |store| store.change(&notice)))
            }
            (Method::Get, path) if path.starts_with("/anomaly/") => {
                self.try_to_catch_up().await;
                let id = path.trim_start_matches("/anomaly/").to_owned();
                respond(self.with_api(|store| blobwatch_detector::known(store, &id, now_ms())))
            }
            (_, path) if path.starts_with(API) => return self.call(&mut request).await,
            _ => return Err(Problem::not_found("call of the Detector")),
        };
        self.ring_for_next().await?;
        response.map_err(|e| internal("answer", e))
    }

    async fn call(&self, request: &mut Request) -> Answer<Response> {
        let url = request.url().map_err(|e| internal("read the address", e))?;
        let actor = request.headers().get(ACTOR_HEADER).ok().flatten();
        let body = request.text().await.map_err(|e| internal("read the body", e))?;
        let path = url.path().strip_prefix(API).unwrap_or_default();
        if path == "timeline" {
            self.try_to_catch_up().await;
        }
        let method = request.method();
        let call = Call {
            method: method.as_ref(),
            path,
            query: url.query().unwrap_or_default(),
            body: &body,
            actor: actor.as_deref().unwrap_or_default(),
            now_ms: now_ms(),
            allowed: self.allowed(),
        };
        let reply = self.with_api(|store| blobwatch_detector::answer(store, &call))?;
        self.ring_for_next().await?;
        text(reply.status, reply.media_type, reply.body).map_err(|e| internal("answer", e))
    }

    fn allowed(&self) -> Allowed {
        Allowed::of(&text_binding(&self.env, "WEBHOOKS_MAY_REACH"))
    }

    fn with<T>(
        &self,
        what: &str,
        body: impl FnOnce(&mut Store<ObjectSql>) -> std::result::Result<T, DetectorError>,
    ) -> Answer<T> {
        self.store.with(&self.state, what, body)
    }

    fn with_api<T>(&self, body: impl FnOnce(&Store<ObjectSql>) -> Answer<T>) -> Answer<T> {
        self.store.read(&self.state, body)
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
            let notices = changes_since(&self.env, 0).await?;
            self.with("keep the changes", |store| store.catch_up(&notices))?;
        }
        self.next_catch_up_ms.set(u64::MAX);
        Ok(())
    }

    /// The same, where what was counted can be shown without the changes too.
    async fn try_to_catch_up(&self) {
        if let Err(problem) = self.catch_up().await {
            worker::console_error!("{}", problem.detail);
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

    async fn ring_for_next(&self) -> Answer<()> {
        match self.with("read what is due", |store| store.next_alarm_ms(now_ms()))? {
            Some(next) => self.alarm.by(&self.state, next).await,
            None => Ok(()),
        }
    }
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
