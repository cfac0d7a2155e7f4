//! Signing in with a browser: `/_blobwatch/session`, and who calls by the cookie that it sets.

use blobwatch_auth::{
    COOKIE, CSRF_HEADER, Capabilities, Session, SessionItem, Sessions, check_origin, clear_cookie,
    posted_token, set_cookie,
};
use blobwatch_tokens::{Actor, Role};
use blobwatch_wire::{MAX_SMALL_BODY, Problem};
use serde::Serialize;
use worker::{Env, Method, Request, Response};

use super::body::text_of_request;
use super::control::{text_binding, tokens};
use super::http::{Answer, FailedTo, now_ms, respond};
use super::{access, demo_api};

/// `POST` signs in, `GET` says who is signed in, `DELETE` signs out.
pub(super) async fn answer(request: &mut Request, env: &Env) -> Answer<Response> {
    match request.method() {
        Method::Get => who(request, env).await,
        Method::Post => {
            check_site(request)?;
            let body = text_of_request(request, MAX_SMALL_BODY).await?;
            let session = sessions(env)?.open(&tokens(env)?, &posted_token(&body)?, now_ms())?;
            let response = shown(&session, env)?;
            with_cookie(response, &set_cookie(&session, &host(request)?))
        }
        Method::Delete => {
            check_site(request)?;
            let response = Response::empty().failed_to("answer")?;
            with_cookie(response.with_status(204), &clear_cookie(&host(request)?))
        }
        _ => Err(Problem::new(
            405,
            "method-not-allowed",
            "Method not allowed",
            "this call accepts GET, POST and DELETE",
        )),
    }
}

/// Who is signed in: by our cookie, or through Access.
async fn who(request: &Request, env: &Env) -> Answer<Response> {
    let why = match read(request, env) {
        Ok(session) => return shown(&session, env),
        Err(why) => why,
    };
    let actor = access::actor(request, env).await?.ok_or(why)?;
    respond(Ok(Visitor {
        name: actor.name,
        role: actor.role,
        csrf: "",
        expires: None,
        capabilities: capabilities(env),
    }))
    .failed_to("answer")
}

/// As [`SessionItem`], of somebody whom Access lets in: it says itself when that ends, and its changes need no `csrf` but
/// the origin alone, which is checked.
#[derive(Serialize)]
struct Visitor {
    name: String,
    role: Role,
    csrf: &'static str,
    expires: Option<String>,
    capabilities: Capabilities,
}

/// Who calls by the cookie of a session that holds, or else through Access: a cookie outlives its session in the browser.
/// `None` where there is neither.
pub(super) async fn actor(request: &Request, env: &Env) -> Answer<Option<Actor>> {
    let why = match has_cookie(request).then(|| read(request, env)) {
        Some(Ok(session)) => return checked(request, session).map(Some),
        Some(Err(why)) => Some(why),
        None => None,
    };
    match (access::actor(request, env).await?, why) {
        (None, Some(why)) => Err(why),
        (found, _) => Ok(found),
    }
}

/// A call that changes something must come from our page, and prove it.
fn checked(request: &Request, session: Session) -> Answer<Actor> {
    if request.method() != Method::Get {
        check_site(request)?;
        session.check_csrf(header(request, CSRF_HEADER).as_deref())?;
    }
    Ok(session.actor)
}

fn has_cookie(request: &Request) -> bool {
    header(request, "cookie").is_some_and(|cookies| cookies.contains(COOKIE))
}

fn read(request: &Request, env: &Env) -> Answer<Session> {
    let (tokens, cookies) = (tokens(env)?, header(request, "cookie").unwrap_or_default());
    sessions(env)?.read(&tokens, &cookies, now_ms())
}

fn sessions(env: &Env) -> Answer<Sessions> {
    Sessions::new(&text_binding(env, "BLOBWATCH_CLIENT_SECRET"))
}

/// A browser sends its credentials by itself: a call that changes something must come from our page.
pub(super) fn check_site(request: &Request) -> Answer<()> {
    check_origin(
        header(request, "origin").as_deref(),
        header(request, "sec-fetch-site").as_deref(),
        &host(request)?,
    )
}

/// Host and port that the client asked for.
fn host(request: &Request) -> Answer<String> {
    let url = request.url().failed_to("read the address")?;
    let name = url.host_str().unwrap_or_default();
    Ok(match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    })
}

fn shown(session: &Session, env: &Env) -> Answer<Response> {
    respond(Ok(SessionItem::new(session, capabilities(env)))).failed_to("answer")
}

fn capabilities(env: &Env) -> Capabilities {
    Capabilities {
        demo: !text_binding(env, demo_api::BINDING).is_empty(),
    }
}

fn with_cookie(response: Response, cookie: &str) -> Answer<Response> {
    response
        .headers()
        .set("Set-Cookie", cookie)
        .failed_to("set the cookie")?;
    Ok(response)
}

fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten()
}
