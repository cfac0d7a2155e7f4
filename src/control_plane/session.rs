//! Signing in with a browser: `/_blobwatch/session`, and who calls by the cookie that it sets.

use blobwatch_auth::{
    COOKIE, CSRF_HEADER, Capabilities, Session, SessionItem, Sessions, check_destination, check_has_sessions,
    check_may_end, check_origin, clear_cookie, posted_token, set_cookie,
};
use blobwatch_rule_book::{NewAuditEntry, WriteEntryCall};
use blobwatch_tokens::{Actor, Tokens};
use blobwatch_wire::{MAX_SMALL_BODY, Parameters, Problem};
use worker::{Env, Method, Request, Response};

use super::body::text_of_request;
use super::control::{authenticate, text_binding, tokens};
use super::http::{Answer, FailedTo, now_ms, query_pairs, respond};
use super::object_call::call;
use super::{access, admission, demo_api, oidc, tries};

/// `POST` signs in, `GET` says who is signed in, `DELETE` signs out.
pub(super) async fn answer(request: &mut Request, env: &Env) -> Answer<Response> {
    match request.method() {
        Method::Get => who(request, env).await,
        Method::Post => sign_in(request, env).await,
        Method::Delete => sign_out(request, env).await,
        _ => Err(Problem::no_such_call()),
    }
}

async fn sign_in(request: &mut Request, env: &Env) -> Answer<Response> {
    check_site(request)?;
    let body = text_of_request(request, MAX_SMALL_BODY).await?;
    let (sessions, token) = (sessions(env)?, posted_token(&body)?);
    let open = async |at_ms| with_tokens(env, |tokens| sessions.open(tokens, &token, at_ms)).await;
    let mut session = tries::limited(request, env, open(now_ms())).await?;
    let earliest_ms = admission::earliest_ms(&session.actor.name, env).await;
    if earliest_ms > now_ms() {
        session = open(earliest_ms).await?;
    }
    let response = shown(&session, env)?;
    with_cookies(response, &set_cookie(&session, &host(request)?))
}

/// Ends the session everywhere, or with `?name=` all sessions of a name: one's own, or as an operator anybody's.
async fn sign_out(request: &Request, env: &Env) -> Answer<Response> {
    check_site(request)?;
    match name_to_end(request)? {
        Some(name) => end_all(&name, request, env).await?,
        None => {
            if let Ok(session) = cookie_session(request, env).await {
                admission::end_session(&session.actor.name, Some(&session), env).await?;
            }
        }
    }
    let response = Response::empty().failed_to("answer")?;
    with_cookies(response.with_status(204), &clear_cookie(&host(request)?))
}

fn name_to_end(request: &Request) -> Answer<Option<String>> {
    let url = request.url().failed_to("read the address")?;
    let parameters = Parameters::parse(url.query().unwrap_or_default(), &["name"])?;
    Ok(parameters.get("name").map(str::to_owned))
}

async fn end_all(name: &str, request: &Request, env: &Env) -> Answer<()> {
    let actor = authenticate(request, env).await?;
    check_may_end(&actor, name)?;
    let known = admission::admission(env).await?;
    let tokens = tokens(env)?.with_stored(&known.tokens, now_ms());
    check_has_sessions(&actor, name, &tokens, oidc::configured(env)?.is_some())?;
    admission::end_session(name, None, env).await?;
    let entry = NewAuditEntry {
        action: "session.end".to_owned(),
        actor: actor.name,
        after: None,
        before: None,
        reason: None,
        target: format!("sessions/{name}"),
    };
    call(env, &WriteEntryCall, entry).await.map(drop)
}

/// Who is signed in: by our cookie, or through Access.
async fn who(request: &Request, env: &Env) -> Answer<Response> {
    let why = match read(request, env).await {
        Ok(session) => return shown(&session, env),
        Err(why) => Problem {
            sign_in: oidc::begins_at(env).map(Box::from),
            ..why
        },
    };
    let actor = access::actor(request, env).await?.ok_or(why)?;
    respond(Ok(SessionItem::through_access(actor, capabilities(env)))).failed_to("answer")
}

/// Who calls by the cookie of a session that holds, or else through Access: a cookie outlives its session in the browser.
/// `None` where there is neither.
pub(super) async fn actor(request: &Request, env: &Env) -> Answer<Option<Actor>> {
    let why = if has_cookie(request) {
        match read(request, env).await {
            Ok(session) => return checked(request, session).map(Some),
            Err(why) => Some(why),
        }
    } else {
        None
    };
    match (access::actor(request, env).await?, why) {
        (None, Some(why)) => Err(why),
        (found, _) => Ok(found),
    }
}

/// A call must come from a script of our page, and prove it where it changes something.
fn checked(request: &Request, session: Session) -> Answer<Actor> {
    check_site(request)?;
    check_destination(
        header(request, "sec-fetch-dest").as_deref(),
        is_download(request)?,
    )?;
    if !is_read(request) {
        session.check_csrf(header(request, CSRF_HEADER).as_deref())?;
    }
    Ok(session.actor)
}

fn has_cookie(request: &Request) -> bool {
    header(request, "cookie").is_some_and(|cookies| cookies.contains(COOKIE))
}

/// A link of the page that saves an export.
fn is_download(request: &Request) -> Answer<bool> {
    let url = request.url().failed_to("read the address")?;
    let is_export = |(name, value): &(String, String)| name == "format" && value == "ndjson";
    Ok(request.method() == Method::Get && query_pairs(&url).iter().any(is_export))
}

fn is_read(request: &Request) -> bool {
    matches!(request.method(), Method::Get | Method::Head)
}

async fn read(request: &Request, env: &Env) -> Answer<Session> {
    let session = cookie_session(request, env).await?;
    admission::check(&session, is_read(request), env).await?;
    Ok(session)
}

async fn cookie_session(request: &Request, env: &Env) -> Answer<Session> {
    let (sessions, cookies) = (sessions(env)?, header(request, "cookie").unwrap_or_default());
    let oidc = oidc::configured(env)?;
    let read = |tokens: &Tokens| sessions.read_of(tokens, oidc.as_ref(), &cookies, now_ms());
    let session = with_tokens(env, read).await?;
    if let Ok(known) = admission::admission(env).await {
        admission::used(&session.actor.name, &known, env).await;
    }
    Ok(session)
}

/// What all tokens that hold say. While the RuleBook cannot be asked, what the secret's say: of the others nobody knows.
async fn with_tokens<T>(env: &Env, read: impl Fn(&Tokens) -> Answer<T>) -> Answer<T> {
    let secret = tokens(env)?;
    match admission::admission(env).await {
        Ok(known) => read(&secret.with_stored(&known.tokens, now_ms())),
        Err(problem) => read(&secret).map_err(|_| problem),
    }
}

pub(super) fn sessions(env: &Env) -> Answer<Sessions> {
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
pub(super) fn host(request: &Request) -> Answer<String> {
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

pub(super) fn with_cookies(response: Response, cookies: &[String]) -> Answer<Response> {
    for cookie in cookies {
        let set = response.headers().append("Set-Cookie", cookie);
        set.failed_to("set the cookie")?;
    }
    Ok(response)
}

pub(super) fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten()
}
