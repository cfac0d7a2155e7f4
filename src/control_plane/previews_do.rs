//! The Previews: who rules would hit, counted slice by slice over all FireLogs.
//!
//! Guarantees: a preview that was accepted runs until it is done, failed or cancelled; its answer is kept whole or not at
//! all; it is announced as done only when the RuleBook knows of it. After the end of the process a preview begins anew. It
//! is one object so that previews run one after the other, and an own one so that their work and their memory are not the
//! RuleBook's, which decides about changes meanwhile.

use std::cell::{Cell, OnceCell, RefCell};

use blobwatch_previews::{
    End, Event, MAX_WAITING, Preview, PreviewError, PreviewItem, PreviewStore, Progress, RETRY_MS,
    ReplayCall, Scheduler, Slice, SliceCall, Status, Step,
};
use blobwatch_rule_book::{FireLogNamesCall, MAX_BODY, PlanPreviewCall, PreviewDoneCall, StalePreviewsCall};
use blobwatch_wire::{List, Method, Nothing, Page, Parameters, Problem, Text};
use futures_util::future::join_all;
use serde::Serialize;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::http::{Answer, FailedTo, internal, now_ms, refuse, set_alarm, text};
use super::object_call::{Received, call, call_named, call_through};
use super::sql::ObjectSql;

/// Previews of a page when the call does not say: with their cohorts, some 10 KB each.
const DEFAULT_LIMIT: usize = 20;

#[durable_object(alarm)]
pub struct Previews {
    state: State,
    env: Env,
    store: OnceCell<PreviewStore<ObjectSql>>,
    /// What runs. Never borrowed across an await.
    scheduler: RefCell<Scheduler>,
    /// Whether previews that run were seen to since the object woke: an alarm may be lost with the process.
    is_awake: Cell<bool>,
}

impl DurableObject for Previews {
    fn new(state: State, env: Env) -> Self {
        Self {
            state,
            env,
            store: OnceCell::new(),
            scheduler: RefCell::default(),
            is_awake: Cell::new(false),
        }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        if !self.is_awake.replace(true)
            && let Err(problem) = self.go_on(0).await
        {
            worker::console_error!("failed to go on with previews: {}", problem.detail);
        }
        match self.answer(request).await {
            Ok(response) => Ok(response),
            Err(problem) => refuse(&problem),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.is_awake.set(true);
        let wait_ms = match self.work().await {
            Ok(wait_ms) => wait_ms,
            Err(problem) => {
                worker::console_error!("failed to run previews: {}", problem.detail);
                RETRY_MS
            }
        };
        if let Err(problem) = self.go_on(wait_ms).await {
            worker::console_error!("failed to go on with previews: {}", problem.detail);
        }
        Response::empty()
    }
}

/// What people ask.
impl Previews {
    fn store(&self) -> Answer<&PreviewStore<ObjectSql>> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let store = PreviewStore::open(ObjectSql::new(self.state.storage())).map_err(unreadable)?;
        Ok(self.store.get_or_init(|| store))
    }

    async fn answer(&self, request: Request) -> Answer<Response> {
        let mut received = Received::of(request)?;
        let url = received.url.clone();
        let query = url.query().unwrap_or_default();
        let path: Vec<&str> = url.path().trim_start_matches('/').split('/').collect();
        match (received.method, path.as_slice()) {
            (Some(Method::Get), ["previews"]) => json(200, &self.list(query).await?),
            (Some(Method::Post), ["previews"]) => {
                Parameters::parse(query, &[])?;
                let (body, actor) = (received.text().await?, received.actor());
                json(202, &self.begin(&body, &actor).await?)
            }
            (Some(Method::Get), ["previews", id]) => {
                Parameters::parse(query, &[])?;
                json(200, &self.one(self.found(id)?).await?)
            }
            (Some(Method::Delete), ["previews", id]) => {
                Parameters::parse(query, &[])?;
                let scanned = self.progress_of(id).map_or(0, |progress| progress.scanned);
                let ended = self
                    .store()?
                    .end(id, End::Cancelled, scanned, now_ms())
                    .map_err(unreadable)?;
                json(200, &self.one(ended.ok_or_else(|| missing(id))?).await?)
            }
            (_, ["previews", ..]) => Err(Problem::new(
                405,
                "method-not-allowed",
                "Method not allowed",
                "previews take GET and POST, one preview GET and DELETE",
            )),
            _ => Err(Problem::not_found("call of the previews")),
        }
    }

    async fn begin(&self, body: &str, actor: &str) -> Answer<PreviewItem> {
        if body.len() > MAX_BODY {
            let detail = format!(
                "expected a body of at most {MAX_BODY} bytes, found {}",
                body.len()
            );
            return Err(Problem::new(413, "too-large", "The body is too large", detail));
        }
        let plan = call_through(&self.env, &PlanPreviewCall, Text(body.to_owned())).await?;
        let begun = self.store()?.begin(&plan, actor, now_ms()).map_err(unreadable)?;
        let Some(preview) = begun else {
            let detail = format!("{MAX_WAITING} previews wait to be run: wait for one, or cancel one");
            return Err(Problem::new(
                429,
                "too-many-previews",
                "Too many previews wait",
                detail,
            ));
        };
        self.go_on(0).await?;
        Ok(PreviewItem::new(preview, None, None))
    }

    fn found(&self, id: &str) -> Answer<Preview> {
        let found = self.store()?.get(id).map_err(unreadable)?;
        found.ok_or_else(|| missing(id))
    }

    async fn list(&self, query: &str) -> Answer<List<PreviewItem>> {
        let parameters = Parameters::parse(query, &["cursor", "limit"])?;
        let limit = match parameters.get("limit") {
            None => DEFAULT_LIMIT,
            Some(_) => Page::parse(query)?.limit,
        };
        let previews = self
            .store()?
            .list(parameters.get("cursor"), limit + 1)
            .map_err(unreadable)?;
        let has_more = previews.len() > limit;
        let mut items = self.items(previews.into_iter().take(limit).collect()).await?;
        let next_cursor = items.last_mut().filter(|_| has_more).map(|last| last.id.clone());
        Ok(List { items, next_cursor })
    }

    async fn one(&self, preview: Preview) -> Answer<PreviewItem> {
        let id = preview.id.clone();
        self.items(vec![preview]).await?.pop().ok_or_else(|| missing(&id))
    }

    /// Previews with their progress, and whether the RuleBook still lets them allow something.
    async fn items(&self, previews: Vec<Preview>) -> Answer<Vec<PreviewItem>> {
        let stamps: Vec<_> = previews.iter().filter_map(Preview::stamp).collect();
        let mut stale: Vec<Option<String>> = if stamps.is_empty() {
            Vec::new()
        } else {
            call_through(&self.env, &StalePreviewsCall, stamps).await?
        };
        stale.reverse();
        let item = |preview: Preview| {
            let why = if preview.status == Status::Done {
                stale.pop().flatten()
            } else {
                None
            };
            let progress = self.progress_of(&preview.id);
            PreviewItem::new(preview, progress, why)
        };
        Ok(previews.into_iter().map(item).collect())
    }

    fn progress_of(&self, id: &str) -> Option<Progress> {
        self.scheduler.borrow().progress_of(id)
    }
}

/// What runs.
impl Previews {
    /// Sets the alarm while a preview waits or runs.
    async fn go_on(&self, wait_ms: u64) -> Answer<()> {
        if !self.store()?.has_running().map_err(unreadable)? {
            return Ok(());
        }
        set_alarm(&self.state, now_ms() + wait_ms).await
    }

    /// Runs previews for a while; answers how long to wait before going on.
    async fn work(&self) -> Answer<u64> {
        let mut event = Event::Rang;
        loop {
            let step = self
                .scheduler
                .borrow_mut()
                .next(self.store()?, event, now_ms())
                .map_err(unreadable)?;
            event = match step {
                Step::NameFireLogs => {
                    event_of(call(&self.env, &FireLogNamesCall, Nothing).await, Event::FireLogs)
                }
                Step::Ask(slices) => Event::Slices(self.slices(slices).await),
                Step::Tell(stamp) => event_of(call_through(&self.env, &PreviewDoneCall, stamp).await, |()| {
                    Event::Told
                }),
                Step::Rest { wait_ms } => return Ok(wait_ms),
            };
        }
    }

    async fn slices(&self, slices: Vec<(String, SliceCall)>) -> Vec<Option<Slice>> {
        let ask = async |(name, slice): (String, SliceCall)| {
            let answer = call_named(&self.env, &name, &ReplayCall, slice).await;
            answer.ok()
        };
        join_all(slices.into_iter().map(ask)).await
    }
}

/// A call that failed is in the log, and makes the preview begin anew.
fn event_of<T>(answer: Answer<T>, event: impl FnOnce(T) -> Event) -> Event {
    answer.map_or_else(
        |problem| {
            worker::console_error!("failed to run previews: {}", problem.detail);
            Event::Failed
        },
        event,
    )
}

fn missing(id: &str) -> Problem {
    Problem::not_found(&format!("preview {id:?}"))
}

fn unreadable(error: PreviewError) -> Problem {
    internal("keep previews", error)
}

fn json<T: Serialize>(status: u16, value: &T) -> Answer<Response> {
    let body = serde_json::to_string(value).failed_to("answer")?;
    text(status, "application/json", body).failed_to("answer")
}
