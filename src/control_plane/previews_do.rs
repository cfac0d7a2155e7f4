//! The Previews: who rules would hit, counted slice by slice over all FireLogs.
//!
//! Guarantees: a preview that was accepted runs until it is done, failed or cancelled; its answer is kept whole or not at
//! all; it is announced as done only when the RuleBook knows of it. After the end of the process a preview begins anew. It
//! is one object so that previews run one after the other, and an own one so that their work and their memory are not the
//! RuleBook's, which decides about changes meanwhile.

use std::cell::RefCell;

use blobwatch_fire_log::WAVE;
use blobwatch_previews::{
    End, Event, Preview, PreviewCall, PreviewItem, PreviewStore, Progress, RETRY_MS, ReplayCall, Scheduler,
    Slice, SliceCall, Step, check_body, items_of, stamps_of, too_many_previews,
};
use blobwatch_rule_book::{FireLogNamesCall, PlanPreviewCall, PreviewDoneCall, StalePreviewsCall};
use blobwatch_sql::{NEWER_SCHEMA, Slices, StoreError};
use blobwatch_wire::{ApiReply, List, Nothing, Object, Problem, Text};
use futures_util::StreamExt;
use futures_util::stream::iter;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::http::{Answer, api_answer, now_ms, refuse};
use super::log::{self, logged_as, of_object};
use super::object_call::{ReceivedCall, call, call_named, call_through};
use super::opened::{Bell, Opened, unopened};
use super::pause::pause;
use super::sql::ObjectSql;

#[durable_object(alarm)]
pub struct Previews {
    state: State,
    env: Env,
    store: Opened<PreviewStore<ObjectSql>>,
    alarm: Bell,
    /// What runs. Never borrowed across an await.
    scheduler: RefCell<Scheduler>,
}

impl DurableObject for Previews {
    fn new(state: State, env: Env) -> Self {
        Self {
            state,
            env,
            store: Opened::new("previews", |sql| {
                PreviewStore::open(sql).map_err(|error| unopened("previews", error))
            }),
            alarm: Bell::default(),
            scheduler: RefCell::default(),
        }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        logged_as(of_object(Object::Previews, ""), async {
            if self.alarm.wakes()
                && let Err(problem) = self.go_on(0).await
            {
                log::tried_again("continue previews", &problem);
            }
            match self.answer(request).await {
                Ok(response) => Ok(response),
                Err(problem) => refuse(&problem),
            }
        })
        .await
    }

    async fn alarm(&self) -> Result<Response> {
        logged_as(of_object(Object::Previews, ""), async {
            self.alarm.rang();
            let wait_ms = match self.work().await {
                Ok(wait_ms) => wait_ms,
                Err(problem) => {
                    log::tried_again("run previews", &problem);
                    RETRY_MS
                }
            };
            if let Err(problem) = self.go_on(wait_ms).await {
                log::tried_again("continue previews", &problem);
            }
            Response::empty()
        })
        .await
    }
}

/// What people ask.
impl Previews {
    fn with<T>(
        &self,
        body: impl FnOnce(&PreviewStore<ObjectSql>) -> std::result::Result<T, StoreError>,
    ) -> Answer<T> {
        self.store.with(&self.state, "keep previews", |store| body(store))
    }

    async fn answer(&self, request: Request) -> Answer<Response> {
        let mut received = ReceivedCall::of(request)?;
        let url = received.url.clone();
        let (path, query) = (
            url.path().trim_start_matches('/'),
            url.query().unwrap_or_default(),
        );
        match PreviewCall::read(received.method, path, query)? {
            PreviewCall::List(page) => {
                let List { items, next_cursor } = self.with(|store| page.of(store))?;
                let items = self.items(items).await?;
                api_answer(ApiReply::json(200, &List { items, next_cursor })?)
            }
            PreviewCall::Begin => {
                let (body, actor) = (received.text().await?, received.actor());
                api_answer(ApiReply::json(202, &self.begin(body, &actor).await?)?)
            }
            PreviewCall::Get(id) => {
                let found = self.with(|store| store.get(id))?;
                self.one(id, found).await
            }
            PreviewCall::Cancel(id) => {
                let scanned = self.progress_of(id).map_or(0, |progress| progress.scanned);
                let ended = self.with(|store| store.end(id, End::Cancelled, scanned, now_ms()))?;
                self.one(id, ended).await
            }
        }
    }

    async fn begin(&self, body: String, actor: &str) -> Answer<PreviewItem> {
        check_body(&body)?;
        let plan = call_through(&self.env, &PlanPreviewCall, Text(body)).await?;
        let begun = self.with(|store| store.begin(&plan, actor, now_ms()))?;
        let preview = begun.ok_or_else(too_many_previews)?;
        self.go_on(0).await?;
        Ok(PreviewItem::new(preview, None, None))
    }

    async fn one(&self, id: &str, found: Option<Preview>) -> Answer<Response> {
        let items = self.items(found.into_iter().collect()).await?;
        let item = items.first().ok_or_else(|| missing(id))?;
        api_answer(ApiReply::json(200, item)?)
    }

    /// Previews with their progress, and whether the RuleBook still lets them allow something.
    async fn items(&self, previews: Vec<Preview>) -> Answer<Vec<PreviewItem>> {
        let stamps = stamps_of(&previews);
        let stale = if stamps.is_empty() {
            Vec::new()
        } else {
            call_through(&self.env, &StalePreviewsCall, stamps).await?
        };
        Ok(items_of(previews, stale, |id| self.progress_of(id)))
    }

    fn progress_of(&self, id: &str) -> Option<Progress> {
        self.scheduler.borrow().progress_of(id)
    }
}

/// What runs.
impl Previews {
    /// Sets the alarm while a preview waits or runs.
    async fn go_on(&self, wait_ms: u64) -> Answer<()> {
        if !self.with(PreviewStore::has_running)? {
            return Ok(());
        }
        self.alarm.by(&self.state, now_ms() + wait_ms).await
    }

    /// Runs previews for a while; answers how long to wait before going on.
    async fn work(&self) -> Answer<u64> {
        let mut event = Event::Rang;
        loop {
            let step = self.with(|store| self.scheduler.borrow_mut().next(store, event, now_ms()))?;
            event = match step {
                Step::NameFireLogs => {
                    event_of(call(&self.env, &FireLogNamesCall, Nothing).await, Event::FireLogs)
                }
                Step::Ask(slices) => Event::Slices(self.slices(slices).await),
                Step::Work(work) => Event::Worked(work.run(&Slices::new(pause)).await),
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
            answer.map_err(|problem| self.missing_slice(&name, &problem)).ok()
        };
        iter(slices.into_iter().map(ask)).buffered(WAVE).collect().await
    }

    /// What lasts until somebody deploys another build is said; anything else may be over at the next try.
    fn missing_slice(&self, name: &str, problem: &Problem) {
        if problem.is(NEWER_SCHEMA) {
            let why = format!("{NEWER_SCHEMA}: FireLog {name}: {}", problem.detail);
            self.scheduler.borrow_mut().refused(why);
        }
    }
}

/// A call that failed is in the log, and makes the preview begin anew.
fn event_of<T>(answer: Answer<T>, event: impl FnOnce(T) -> Event) -> Event {
    answer.map_or_else(
        |problem| {
            log::tried_again("run previews", &problem);
            Event::Failed
        },
        event,
    )
}

fn missing(id: &str) -> Problem {
    Problem::not_found(&format!("preview {id:?}"))
}
