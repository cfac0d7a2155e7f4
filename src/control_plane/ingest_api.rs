//! `POST /_blobwatch/ingest/v1/<source>`: what other parties tell of requests, read as it comes, and stored by the FireLogs
//! that an isolate would have sent the requests to.
//!
//! Guarantees: an answer of 2xx says that every event is stored; events that come again are known by their ids, so whatever
//! failed may be sent again whole. Nothing on the path of a pull waits for this.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use blobwatch_detector::IngestedCall;
use blobwatch_fire_log::UpstreamCall;
use blobwatch_rule_book::{DocumentCall, HealthCall};
use blobwatch_rulebook::{KNOWN_SOURCES, Rulebook};
use blobwatch_tokens::{Actor, Role};
use blobwatch_upstream::{
    Deployment, FormReader, Harvest, IngestReport, Ingested, Intake, Refusal, Unpack, UnpackError, too_large,
};
use blobwatch_wire::{Bytes, Changed, Nothing, Place, Problem};
use serde_json::json;
use worker::{Env, Request, Response};

use super::body::Pieces;
use super::control::{by_token, text_binding};
use super::http::{Answer, FailedTo, now_ms, text};
use super::object_call::{call, call_named};

/// Bodies that one isolate reads at a time: each holds up to 20 MB of its 128 MB.
const MAX_AT_ONCE: u32 = 3;

/// How long the rulebook is taken for the current one: a change is in force within five seconds, as it is for pulls.
const KNOWN_FOR_MS: u64 = 5_000;

/// Headers in which sources that cannot set `Authorization` send a token.
const TOKEN_HEADERS: [&str; 2] = ["cf-webhook-auth", "x-amz-firehose-access-key"];

const FIREHOSE_ID: &str = "x-amz-firehose-request-id";

thread_local! {
    static AT_ONCE: Cell<u32> = const { Cell::new(0) };
    /// Read and written between awaits, never across one.
    static KNOWN: RefCell<Option<ReadRulebook>> = const { RefCell::new(None) };
}

/// The rulebook as events are read by it.
struct ReadRulebook {
    asked_ms: u64,
    revision: u64,
    book: Rc<(Rulebook, Deployment)>,
}

pub(super) async fn answer(address: &str, request: &mut Request, env: &Env) -> Answer<Response> {
    let source = address.rsplit('/').next().unwrap_or_default().to_owned();
    let firehose_id = request.headers().get(FIREHOSE_ID).ok().flatten();
    let taken = take(&source, firehose_id.is_some(), request, env).await;
    match (firehose_id, taken) {
        (None, Ok(ingested)) => accepted(&ingested),
        (None, Err(problem)) => Err(problem),
        (Some(id), Ok(_)) => firehose(200, &id, None),
        (Some(id), Err(problem)) => firehose(problem.status, &id, Some(&problem.detail)),
    }
}

fn accepted(ingested: &Ingested) -> Answer<Response> {
    let body = serde_json::to_string(ingested).failed_to("answer")?;
    text(ingested.status(), "application/json", body).failed_to("answer")
}

/// What Firehose takes for an answer: its own id again, and the time.
/// <https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html>
fn firehose(status: u16, id: &str, error: Option<&str>) -> Answer<Response> {
    let mut body = json!({"requestId": id, "timestamp": now_ms()});
    if let (Some(error), Some(body)) = (error, body.as_object_mut()) {
        body.insert("errorMessage".to_owned(), error.into());
    }
    text(status, "application/json", body.to_string()).failed_to("answer")
}

async fn take(source: &str, is_firehose: bool, request: &mut Request, env: &Env) -> Answer<Ingested> {
    authenticate(request, env)
        .await?
        .require_for(Role::Ingest, &Changed::Everything)?;
    let known = known(env).await?;
    let (book, deployment) = &*known;
    let form =
        FormReader::of(source, book.settings.ingest.get(source)).ok_or_else(|| unknown_source(source))?;
    let Some(_slot) = Slot::take() else {
        return Err(refuse(env, source, Refusal::Busy).await);
    };
    let is_envelope = is_firehose && form.is_of_firehose();
    let intake = Intake::new(deployment, source, form, is_envelope, now_ms());
    let Some(mut harvest) = read(intake, request)
        .await?
        .filter(|harvest| !harvest.is_too_much)
    else {
        return Err(refuse(env, source, Refusal::TooLarge).await);
    };
    let sent = send(&mut harvest, env).await;
    harvest.report.refused = (harvest.report.answer.dropped > 0).then_some(Refusal::Busy);
    // Figures, and windows: without them the source sends again.
    call(env, &IngestedCall, harvest.report.clone()).await?;
    sent?;
    if let Some(problem) = harvest.unread() {
        return Err(problem);
    }
    let (counts, answer) = (harvest.report.counts, harvest.report.answer);
    if answer.dropped > 0 {
        let detail = format!("{} events did not fit; send the body again later", answer.dropped);
        return Err(busy(&detail));
    }
    Ok(Ingested { counts, answer })
}

/// A token in any of the headers by which sources send one.
async fn authenticate(request: &Request, env: &Env) -> Answer<Actor> {
    let header = |name: &str| request.headers().get(name).ok().flatten();
    let bearer = header("authorization").or_else(|| {
        let token = TOKEN_HEADERS.iter().find_map(|name| header(name))?;
        Some(format!("Bearer {token}"))
    });
    by_token(request, bearer.as_deref(), env).await
}

/// A place among the bodies that are read at a time, until it is dropped: also where its caller has gone (`gone`).
struct Slot;

impl Slot {
    fn take() -> Option<Self> {
        if AT_ONCE.get() >= MAX_AT_ONCE {
            return None;
        }
        AT_ONCE.set(AT_ONCE.get() + 1);
        Some(Self)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        AT_ONCE.set(AT_ONCE.get().saturating_sub(1));
    }
}

/// The rulebook, asked for again when it may be another one.
async fn known(env: &Env) -> Answer<Rc<(Rulebook, Deployment)>> {
    let now_ms = now_ms();
    let fresh = |known: &ReadRulebook| now_ms.abs_diff(known.asked_ms) < KNOWN_FOR_MS;
    if let Some(book) = KNOWN.with_borrow(|known| {
        known
            .as_ref()
            .filter(|known| fresh(known))
            .map(|known| Rc::clone(&known.book))
    }) {
        return Ok(book);
    }
    let revision = call(env, &HealthCall, Nothing).await?.revision;
    let same = |known: &mut ReadRulebook| {
        known.asked_ms = now_ms;
        (known.revision == revision).then(|| Rc::clone(&known.book))
    };
    if let Some(book) = KNOWN.with_borrow_mut(|known| known.as_mut().and_then(same)) {
        return Ok(book);
    }
    let document = call(env, &DocumentCall::AtRevision(revision), Nothing).await?;
    let book = Rulebook::from_json(&document.0).failed_to("read the rulebook")?;
    let deployment = Deployment::new(&book, secret(env)?.as_bytes()).failed_to("read the rulebook")?;
    let book = Rc::new((book, deployment));
    KNOWN.set(Some(ReadRulebook {
        asked_ms: now_ms,
        revision,
        book: Rc::clone(&book),
    }));
    Ok(book)
}

/// Without it, clients of events would be others than those of requests, and their addresses could be found out.
fn secret(env: &Env) -> Answer<String> {
    let secret = text_binding(env, "BLOBWATCH_CLIENT_SECRET");
    if secret.is_empty() {
        let detail = "events are not taken: the secret BLOBWATCH_CLIENT_SECRET, from which keys of clients are derived, is \
                      not set. Set it with `wrangler secret put BLOBWATCH_CLIENT_SECRET`";
        return Err(Problem::new(
            503,
            "not-configured",
            "Events are not taken",
            detail,
        ));
    }
    Ok(secret)
}

/// Reads the body as it comes; `None` where it is too large.
async fn read(mut intake: Intake<'_>, request: &mut Request) -> Answer<Option<Harvest>> {
    if let Some(mut pieces) = Pieces::of(request)? {
        let mut unpack = Unpack::new(|piece: &[u8]| intake.push(piece));
        while let Some(piece) = pieces.next().await? {
            if !fits(unpack.push(piece))? {
                return Ok(None);
            }
        }
        if !fits(unpack.finish())? {
            return Ok(None);
        }
    }
    Ok(Some(intake.finish()))
}

/// One FireLog after the other: a body is rarely of more than a few.
async fn send(harvest: &mut Harvest, env: &Env) -> Answer<()> {
    for (name, batch) in std::mem::take(&mut harvest.batches) {
        let bytes = batch.encode().failed_to("write a batch of events")?;
        let answer = call_named(env, &name, &UpstreamCall, Bytes(bytes)).await?;
        harvest.report.answer.add(&answer);
    }
    Ok(())
}

/// Whether it is not too large.
fn fits<T>(unpacked: Result<T, UnpackError>) -> Answer<bool> {
    match unpacked {
        Ok(_) => Ok(true),
        Err(UnpackError::TooLarge) => Ok(false),
        Err(UnpackError::NotGzip) => {
            let message = "expected plain text, or gzip that is whole";
            Err(Problem::bad_parameter(Place::new("body", message)))
        }
    }
}

/// Refuses a body of which nothing is kept. The source's figures say so if the Detector answers; the source is refused in any
/// case.
async fn refuse(env: &Env, source: &str, refusal: Refusal) -> Problem {
    let report = IngestReport::refused(source, now_ms(), refusal);
    drop(call(env, &IngestedCall, report).await);
    match refusal {
        Refusal::TooLarge => too_large(),
        Refusal::Busy => busy("several bodies are being read; send this one again later"),
    }
}

fn unknown_source(source: &str) -> Problem {
    let known = KNOWN_SOURCES.join(", ");
    Problem::not_found(&format!(
        "source {source:?}; expected one of {known}, or a mapping of the settings (`ingest`)"
    ))
}

/// `refuse` says after how long the source may try again.
fn busy(why: &str) -> Problem {
    Problem::new(429, "busy", "Too much at a time", why)
}
