//! Requests and answers of the control plane, between the platform and the core's types.

use std::cell::Cell;

use blobwatch_wire::{ApiReply, MEDIA_TYPE, Parameters, Problem};

use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Date, Headers, Method, Request, RequestInit, Response, Result, ScheduledTime, State, Url};

use super::log;

/// Beside a 429 and a 503: the longest that anybody waits for another try of a token, and about what a preview takes.
pub(super) const RETRY_AFTER_S: &str = "60";

/// An answer of the API, or the problem that takes its place.
pub(super) type Answer<T> = std::result::Result<T, Problem>;

/// 200 with JSON, or the problem document.
pub(super) fn respond<T: Serialize>(answer: Answer<T>) -> Result<Response> {
    match answer {
        Ok(value) => json(200, "application/json", &value),
        Err(problem) => refuse(&problem),
    }
}

/// The problem document with its status.
pub(super) fn refuse(problem: &Problem) -> Result<Response> {
    let response = json(problem.status, MEDIA_TYPE, problem)?;
    if matches!(problem.status, 429 | 503) {
        response.headers().set("Retry-After", RETRY_AFTER_S)?;
    }
    if problem.status == 401 {
        response
            .headers()
            .set("WWW-Authenticate", "Bearer realm=\"blobwatch\"")?;
    }
    Ok(response)
}

fn json<T: Serialize>(status: u16, media_type: &str, value: &T) -> Result<Response> {
    text(
        status,
        media_type,
        serde_json::to_string(value).map_err(|e| worker::Error::RustError(e.to_string()))?,
    )
}

/// What an object answered to a call of the API.
pub(super) fn api_answer(reply: ApiReply) -> Answer<Response> {
    let response = text(reply.status, reply.media_type, reply.body).failed_to("answer")?;
    if let Some(revision) = reply.revision {
        let etag = format!("\"{revision}\"");
        response.headers().set("ETag", &etag).failed_to("answer")?;
    }
    Ok(response)
}

/// Any text, never cached: what the API says is true for this moment only.
pub(super) fn text(status: u16, media_type: &str, body: String) -> Result<Response> {
    let headers = Headers::new();
    headers.set("Content-Type", media_type)?;
    headers.set("Cache-Control", "no-store")?;
    headers.set("X-Content-Type-Options", "nosniff")?;
    Ok(Response::from_bytes(body.into_bytes())?
        .with_status(status)
        .with_headers(headers))
}

/// What the caller has already of a call that it makes again and again.
pub(super) struct ConditionalRequest {
    /// A page: other callers keep nothing, and their answers are not read through for them.
    is_page: bool,
    if_none_match: String,
}

impl ConditionalRequest {
    pub(super) fn of(request: &Request) -> Self {
        let header = |name| request.headers().get(name).ok().flatten();
        Self {
            is_page: request.method() == Method::Get && header("sec-fetch-mode").is_some(),
            if_none_match: header("if-none-match").unwrap_or_default(),
        }
    }

    /// 304 where the caller has this answer; otherwise the answer, with what it can name the next time. Streams and answers
    /// with a validator of their own go through.
    pub(super) async fn unless_known(&self, mut response: Response) -> Result<Response> {
        let header = |name| response.headers().get(name).ok().flatten();
        let is_json = header("content-type").is_some_and(|kind| kind == "application/json");
        if !self.is_page || !is_json || response.status_code() != 200 || header("etag").is_some() {
            return Ok(response);
        }
        let headers = response.headers().clone();
        let body = response.text().await?;
        let etag = blobwatch_wire::etag(&body);
        headers.set("ETag", &etag)?;
        if blobwatch_wire::is_known(&self.if_none_match, &etag) {
            headers.delete("Content-Length")?;
            return Ok(Response::empty()?.with_status(304).with_headers(headers));
        }
        Ok(Response::from_bytes(body.into_bytes())?.with_headers(headers))
    }
}

/// What broke is for the log; the client is told that it can try again.
pub(super) fn internal(what: &str, error: impl std::fmt::Display) -> Problem {
    log::error(&format!("failed to {what}"), &[("cause", &error)]);
    nothing_changed(what)
}

/// 503 after a step that failed.
pub(super) fn nothing_changed(what: &str) -> Problem {
    Problem::new(
        503,
        "unavailable",
        "Unavailable",
        format!("failed to {what}; nothing was changed; try again"),
    )
}

/// Where a step of ours fails: what it was for is the client's to know, why it failed is the log's.
pub(super) trait FailedTo<T> {
    /// [`internal`] in place of the error.
    fn failed_to(self, what: &str) -> Answer<T>;
}

impl<T, E: std::fmt::Display> FailedTo<T> for std::result::Result<T, E> {
    fn failed_to(self, what: &str) -> Answer<T> {
        self.map_err(|error| internal(what, error))
    }
}

thread_local! {
    /// Milliseconds since 1970, where the platform's clock does not tell; see `src/data_plane/clock.js`.
    static NOW: Cell<Option<u64>> = const { Cell::new(None) };
    static STANDS_STILL: Cell<bool> = const { Cell::new(false) };
}

/// What the time is, before each call; 0 where the platform's clock says it. It may stand still: an object's timers then ring when it
/// has caught up.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "only what is public can be exported")]
pub fn time_is(now_ms: f64, stands_still: bool) {
    NOW.set((now_ms > 0.0).then_some(now_ms as u64));
    STANDS_STILL.set(stands_still);
}

/// Milliseconds since 1970, never less than before. On Cloudflare it stands still between awaits.
pub(super) fn now_ms() -> u64 {
    NOW.get().unwrap_or_else(machine_ms)
}

/// Whether no timer of an object rings.
pub(super) fn stands_still() -> bool {
    STANDS_STILL.get()
}

/// What the machine's clock says: the time of whoever is outside.
pub(super) fn machine_ms() -> u64 {
    Date::now().as_millis()
}

/// The platform refuses an alarm after the year 2189, and a mode may expire later. Whoever is rung earlier finds nothing due, and sets
/// the alarm again.
const MAX_AHEAD_MS: u64 = 366 * 24 * 3_600_000;

/// Sets an object's alarm, in place of the one that was set. `worker` takes a bare number for a distance from now.
/// While the clock is set back, `src/control_plane/standstill.js` rings it.
pub(super) async fn set_alarm(state: &State, at_ms: u64) -> Answer<()> {
    let at_ms = at_ms.min(now_ms() + MAX_AHEAD_MS);
    let at = ScheduledTime::new(js_sys::Date::new(&JsValue::from_f64(at_ms as f64)));
    state.storage().set_alarm(at).await.failed_to("set the alarm")
}

/// The method as it was sent: `worker` takes one that it does not know for GET.
pub(super) fn method_of(request: &Request) -> String {
    request.inner().method()
}

/// The parameters of a query, in order, decoded.
pub(super) fn query_pairs(url: &Url) -> Vec<(String, String)> {
    url.query_pairs()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// Refuses what a call without parameters is asked with.
pub(super) fn without_parameters(url: &Url) -> Answer<()> {
    Parameters::parse(url.query().unwrap_or_default(), &[]).map(drop)
}

/// A request from one of our objects to another.
pub(super) fn internal_request(method: Method, url: &str, body: Option<&str>) -> Result<Request> {
    let mut init = RequestInit::new();
    init.with_method(method);
    if let Some(body) = body {
        init.with_body(Some(body.into()));
    }
    Request::new_with_init(url, &init)
}
