//! Sessions that were ended before their time: the RuleBook knows them, and each isolate asks it every few seconds.

use std::cell::RefCell;
use std::rc::Rc;

use blobwatch_auth::{MAX_AGE_S, Session, session_over};
use blobwatch_rule_book::{EndSession, EndSessionCall, EndedSessions, EndedSessionsCall};
use blobwatch_wire::Nothing;
use worker::Env;

use super::http::{Answer, now_ms};
use super::object_call::call;

/// A session that was ended somewhere is over everywhere this much later.
const KNOWN_FOR_MS: u64 = 3_000;

/// What the RuleBook said last, and when.
type CachedSessions = (u64, Rc<EndedSessions>);

thread_local! {
    /// Read and written between awaits, never across one.
    static KNOWN: RefCell<Option<CachedSessions>> = const { RefCell::new(None) };
}

/// Refuses a session that was ended. While the RuleBook cannot be asked, reading goes on with what was known last and changing
/// does not: the API must be readable when something is wrong, and bearer tokens work.
pub(super) async fn check(session: &Session, is_read: bool, env: &Env) -> Answer<()> {
    let ended = match ended_sessions(env).await {
        Ok(ended) => ended,
        Err(_) if is_read => KNOWN.with_borrow(|known| known.as_ref().map_or_else(Rc::default, of)),
        Err(problem) => return Err(problem),
    };
    if ended.has(&session.id, &session.actor.name, session.opened_s()) {
        return Err(session_over());
    }
    Ok(())
}

/// When a session of that name can begin at the earliest, in milliseconds since 1970: sessions that were opened in the second of
/// an end are ended.
pub(super) async fn earliest_ms(name: &str, env: &Env) -> u64 {
    let ended_s = ended_sessions(env)
        .await
        .ok()
        .and_then(|ended| ended.ended_s(name));
    ended_s.map_or(0, |ended_s| (ended_s + 1) * 1_000)
}

/// Ends one session of a name, or all of them.
pub(super) async fn end_session(name: &str, session: Option<&Session>, env: &Env) -> Answer<()> {
    let end = EndSession {
        name: name.to_owned(),
        session: session.map(|session| session.id.clone()),
        // Of all sessions that are open now: the RuleBook may end all of the name with one.
        until_s: now_ms() / 1_000 + MAX_AGE_S,
    };
    call(env, &EndSessionCall, end).await?;
    // This isolate at least knows at once.
    KNOWN.set(None);
    Ok(())
}

async fn ended_sessions(env: &Env) -> Answer<Rc<EndedSessions>> {
    let now = now_ms();
    let fresh = |known: &&CachedSessions| now.abs_diff(known.0) < KNOWN_FOR_MS;
    if let Some(ended) = KNOWN.with_borrow(|known| known.as_ref().filter(fresh).map(of)) {
        return Ok(ended);
    }
    let ended = Rc::new(call(env, &EndedSessionsCall, Nothing).await?);
    // As of the asking: what was ended while the answer was on its way is not in it.
    KNOWN.set(Some((now, Rc::clone(&ended))));
    Ok(ended)
}

fn of((_, ended): &CachedSessions) -> Rc<EndedSessions> {
    Rc::clone(ended)
}
