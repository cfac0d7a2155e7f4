//! The dashboard's files, from the platform's assets: each with its type, its caching and the headers that keep it safe.

use blobwatch_wire::{DashboardFile, PREFIX, Problem, SECURITY_HEADERS, plain_page, plain_page_headers};
use worker::{Env, Headers, Request, Response};

use super::control::method_not_allowed;
use super::http::{Answer, FailedTo, RETRY_AFTER_S, internal, method_of, text};

/// The binding of the folder: assets on Cloudflare, a disk on workerd.
const BINDING: &str = "ASSETS";

/// As `dashboard/vite.config.ts` names it.
const OPENAPI: &str = "openapi.json";

/// Methods.
const ACCEPTED: [&str; 2] = ["GET", "HEAD"];

/// To the front page, for whoever leaves out the last slash: the page's own addresses begin behind it.
pub(super) fn front() -> Answer<Response> {
    let failed = |e| internal("answer with a redirect", e);
    let response = Response::empty().map_err(failed)?.with_status(308);
    response.headers().set("Location", PREFIX).map_err(failed)?;
    Ok(response)
}

pub(super) async fn answer(page: &DashboardFile<'_>, request: &Request, env: &Env) -> Answer<Response> {
    if !ACCEPTED.contains(&method_of(request).as_str()) {
        return method_not_allowed(request, &ACCEPTED);
    }
    let found = file(page.file, env).await?;
    let failed = |e| internal("answer with the page", e);
    // Only ours: the platform guesses types and adds validators that speak of its storage.
    let headers = Headers::new();
    headers.set("Content-Type", page.media_type).map_err(failed)?;
    headers.set("Cache-Control", page.cache_control).map_err(failed)?;
    for (name, value) in SECURITY_HEADERS {
        headers.set(name, value).map_err(failed)?;
    }
    Ok(found.with_headers(headers))
}

/// The description of the API, which is a file beside the page: in the module it would be a tenth of it.
pub(super) async fn openapi(env: &Env) -> Answer<Response> {
    let mut found = file(OPENAPI, env).await?;
    let document = found.text().await.failed_to("read the description of the API")?;
    text(200, "application/json", document).failed_to("answer")
}

async fn file(name: &str, env: &Env) -> Answer<Response> {
    let assets = env.assets(BINDING).map_err(|_| missing(name))?;
    let found = assets.fetch(format!("https://assets/{name}"), None).await;
    let found = found.failed_to("read the page")?;
    if found.status_code() == 200 {
        Ok(found)
    } else {
        Err(missing(name))
    }
}

/// A page without a script.
pub(super) fn plain(status: u16, html: String) -> Answer<Response> {
    let failed = |e| internal("answer with a page", e);
    let headers = Headers::new();
    for (name, value) in plain_page_headers() {
        headers.set(name, &value).map_err(failed)?;
    }
    if status == 429 {
        headers.set("Retry-After", RETRY_AFTER_S).map_err(failed)?;
    }
    let response = Response::from_bytes(html.into_bytes()).map_err(failed)?;
    Ok(response.with_status(status).with_headers(headers))
}

/// 404 for somebody with a browser: a page, with the way to the dashboard.
pub(super) fn nothing_here() -> Answer<Response> {
    let title = "There is no page at this address";
    let main = format!("<h1>{title}</h1>\n<p>The dashboard is at <a href=\"{PREFIX}\">{PREFIX}</a>.</p>");
    plain(404, plain_page(title, &main))
}

/// Whether a browser shows the answer to a person: programs do not ask for HTML.
pub(super) fn is_shown(request: &Request) -> bool {
    let accept = request.headers().get("accept").ok().flatten();
    let is_read = ACCEPTED.contains(&method_of(request).as_str());
    is_read && accept.is_some_and(|accept| accept.contains("text/html"))
}

fn missing(file: &str) -> Problem {
    Problem::new(
        404,
        "no-page",
        "Page not found",
        format!(
            "the dashboard's file {file} is missing: `cargo xtask build` makes build/dashboard, and the binding \
             {BINDING} must point to it (docs/self-hosting.md); the API works without it"
        ),
    )
}
