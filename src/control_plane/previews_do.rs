//! The Previews: who rules would hit, counted slice by slice over all FireLogs.
//!
//! Guarantees: a preview that was accepted runs until it is done, failed or cancelled; its answer is kept whole or not at
//! all; it is announced as done only when the RuleBook knows of it. After the end of the process a preview begins anew. It
//! is one object so that previews run one after the other, and an own one so that their work and their memory are not the
//! RuleBook's, which decides about changes meanwhile.

use std::cell::{Cell, OnceCell, RefCell};

use blobwatch_previews::{
    End, MAX_ATTEMPTS, MAX_WAITING, Partial, Preview, PreviewError, PreviewItem, PreviewStore, Progress,
    ReplayCall, Report, Slice, SliceCall, Status, Windows,
};
use blobwatch_rule_book::{
    FireLogNamesCall, MAX_BODY, PlanPreviewCall, PreviewDoneCall, PreviewPlan, StalePreviewsCall,
};
use blobwatch_wire::{List, Method, Nothing, Page, Parameters, Problem, Text};
use futures_util::future::join_all;
use serde::Serialize;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::http::{Answer, internal, now_ms, refuse, set_alarm, text};
use super::object_call::{Received, call, call_named, call_through};
use super::sql::ObjectSql;

/// Slices that are asked for at the same time, of different FireLogs: their answers are in memory together, 2 MB each.
const MAX_SLICES: usize = 8;

/// How long one alarm goes on; the next one rings at once. Far below the 15 minutes that an alarm may take.
const MAX_ALARM_MS: u64 = 20_000;

/// Tries of a slice before its FireLog is named as incomplete, and how long to wait in between.
const MAX_TRIES: u32 = 3;
const RETRY_MS: u64 = 1_000;

/// Previews of a page when the call does not say: with their cohorts, some 10 KB each.
const DEFAULT_LIMIT: usize = 20;

#[durable_object(alarm)]
pub struct Previews {
    state: State,
    env: Env,
    store: OnceCell<PreviewStore<ObjectSql>>,
    /// What runs. Taken out while slices are awaited.
    run: RefCell<Option<Run>>,
    /// Of what runs.
    progress: RefCell<Option<(String, Progress)>>,
    /// Whether previews that run were seen to since the object woke: an alarm may be lost with the process.
    is_awake: Cell<bool>,
}

/// A preview in the middle.
struct Run {
    preview: Preview,
    plan: PreviewPlan,
    logs: Vec<Log>,
    whole: Partial,
}

/// How far one FireLog has come.
struct Log {
    name: String,
    /// None at its end.
    from_ms: Option<u64>,
    windows: Windows,
    scanned: u64,
    left: u64,
    failures: u32,
}

impl DurableObject for Previews {
    fn new(state: State, env: Env) -> Self {
        Self {
            state,
            env,
            store: OnceCell::new(),
            run: RefCell::new(None),
            progress: RefCell::new(None),
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
        let progress = self.progress.borrow();
        progress
            .as_ref()
            .filter(|(running, _)| running == id)
            .map(|(_, progress)| *progress)
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
        let until_ms = now_ms() + MAX_ALARM_MS;
        while now_ms() < until_ms {
            let run = self.run.borrow_mut().take();
            let run = match run {
                Some(run) => Some(run),
                None => self.take_next().await?,
            };
            let Some(mut run) = run else { return Ok(0) };
            if self.found(&run.preview.id)?.status != Status::Running {
                *self.progress.borrow_mut() = None;
                continue;
            }
            let has_failed = self.step(&mut run).await;
            *self.progress.borrow_mut() = Some((run.preview.id.clone(), run.progress()));
            let is_wanted = self.found(&run.preview.id)?.status == Status::Running;
            if run.is_over() && is_wanted {
                self.finish(&run).await?;
                *self.progress.borrow_mut() = None;
            } else {
                *self.run.borrow_mut() = Some(run);
            }
            if has_failed {
                return Ok(RETRY_MS);
            }
        }
        Ok(0)
    }

    /// The next preview from its beginning.
    async fn take_next(&self) -> Answer<Option<Run>> {
        if !self.store()?.has_running().map_err(unreadable)? {
            return Ok(None);
        }
        // Before the preview counts as begun: that a RuleBook does not answer is none of its interruptions.
        let names = call(&self.env, &FireLogNamesCall, Nothing).await?;
        let Some((preview, plan, attempts)) = self.store()?.next().map_err(unreadable)? else {
            return Ok(None);
        };
        if attempts > MAX_ATTEMPTS {
            let error = format!("it was interrupted {MAX_ATTEMPTS} times");
            self.end(&preview.id, End::Failed { error }, 0)?;
            return Ok(None);
        }
        let log = |name: String| Log {
            name,
            from_ms: Some(plan.since_ms),
            windows: Windows::default(),
            scanned: 0,
            left: 0,
            failures: 0,
        };
        Ok(Some(Run {
            preview,
            logs: names.into_iter().map(log).collect(),
            plan,
            whole: Partial::default(),
        }))
    }

    /// One slice of some FireLogs; answers whether one of them failed.
    async fn step(&self, run: &mut Run) -> bool {
        let (plan, whole) = (&run.plan, &mut run.whole);
        let open = run.logs.iter_mut().filter(|log| log.is_open());
        let mut asked: Vec<&mut Log> = open.take(MAX_SLICES).collect();
        let slices = join_all(asked.iter().map(|log| self.slice(plan, log))).await;
        let mut has_failed = false;
        for (log, slice) in asked.iter_mut().zip(slices) {
            match slice {
                Ok(slice) => {
                    log.from_ms = slice.next_ms;
                    log.windows = slice.windows;
                    log.scanned += slice.scanned;
                    log.left = slice.left;
                    log.failures = 0;
                    whole.join(slice.part);
                }
                Err(_) => {
                    log.failures += 1;
                    has_failed = true;
                }
            }
        }
        has_failed
    }

    async fn slice(&self, plan: &PreviewPlan, log: &Log) -> Answer<Slice> {
        let slice = SliceCall {
            plan: plan.clone(),
            from_ms: log.from_ms.unwrap_or(plan.since_ms),
            windows: log.windows.clone(),
        };
        call_named(&self.env, &log.name, &ReplayCall, slice).await
    }

    /// The answer, first to the RuleBook: a preview that is done allows what it says.
    async fn finish(&self, run: &Run) -> Answer<()> {
        let incomplete: Vec<String> = run
            .logs
            .iter()
            .filter(|log| log.has_failed())
            .map(|log| log.name.clone())
            .collect();
        if !incomplete.is_empty() && incomplete.len() == run.logs.len() {
            let error = "no FireLog answered".to_owned();
            return self.end(&run.preview.id, End::Failed { error }, 0);
        }
        let report = Box::new(Report::of(&run.plan, run.whole.clone()));
        let done = Preview {
            status: Status::Done,
            ended_ms: Some(now_ms()),
            incomplete: incomplete.clone(),
            ..run.preview.clone()
        };
        if let Some(stamp) = done.stamp() {
            call_through(&self.env, &PreviewDoneCall, stamp).await?;
        }
        self.end(
            &run.preview.id,
            End::Done { report, incomplete },
            run.progress().scanned,
        )
    }

    fn end(&self, id: &str, end: End, scanned: u64) -> Answer<()> {
        self.store()?
            .end(id, end, scanned, now_ms())
            .map(drop)
            .map_err(unreadable)
    }
}

impl Run {
    fn progress(&self) -> Progress {
        let scanned = self.logs.iter().map(|log| log.scanned).sum();
        let left: u64 = self.logs.iter().map(|log| log.left).sum();
        Progress {
            scanned,
            total: scanned + left,
        }
    }

    fn is_over(&self) -> bool {
        !self.logs.iter().any(Log::is_open)
    }
}

impl Log {
    fn is_open(&self) -> bool {
        self.from_ms.is_some() && !self.has_failed()
    }

    fn has_failed(&self) -> bool {
        self.failures >= MAX_TRIES
    }
}

fn missing(id: &str) -> Problem {
    Problem::not_found(&format!("preview {id:?}"))
}

fn unreadable(error: PreviewError) -> Problem {
    internal("keep previews", error)
}

fn json<T: Serialize>(status: u16, value: &T) -> Answer<Response> {
    let body = serde_json::to_string(value).map_err(|e| internal("answer", e))?;
    text(status, "application/json", body).map_err(|e| internal("answer", e))
}
