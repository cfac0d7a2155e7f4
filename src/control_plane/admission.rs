//! Who is let in beside the secret's tokens, and which sessions were ended before their time: the RuleBook knows both, and
//! each isolate asks it every few seconds.

use std::cell::RefCell;
use std::rc::Rc;

use blobwatch_auth::{MAX_AGE_S, Session, session_over};
use blobwatch_rule_book::{
    Admission, AdmissionCall, EndSession, EndSessionCall, TokenUsed, TokenUsedCall, UsedTokens,
};
use blobwatch_wire::Nothing;
use worker::Env;

use super::http::{Answer, now_ms};
use super::log;
use super::object_call::call;

/// A token that was revoked somewhere, or a session that was ended, is over everywhere this much later.
const KNOWN_FOR_MS: u64 = 3_000;

/// What the RuleBook said last, and when.
type CachedAdmission = (u64, Rc<Admission>);

thread_local! {
    /// Read and written between awaits, never across one.
    static KNOWN: RefCell<Option<CachedAdmission>> = const { RefCell::new(None) };
    static USED: RefCell<UsedTokens> = const { RefCell::new(UsedTokens::new()) };
}

/// As of the last seconds.
///
/// # Errors
/// While the RuleBook cannot be asked: nobody knows then which of its tokens were revoked.
pub(super) async fn admission(env: &Env) -> Answer<Rc<Admission>> {
    let now = now_ms();
    let fresh = |known: &&CachedAdmission| now.abs_diff(known.0) < KNOWN_FOR_MS;
    if let Some(known) = KNOWN.with_borrow(|known| known.as_ref().filter(fresh).map(of)) {
        return Ok(known);
    }
    let found = Rc::new(call(env, &AdmissionCall, Nothing).await?);
    // As of the asking: what was ended while the answer was on its way is not in it.
    KNOWN.set(Some((now, Rc::clone(&found))));
    Ok(found)
}

/// This isolate at least knows at once of what it changed.
pub(super) fn forget() {
    KNOWN.set(None);
}

/// Refuses a session that was ended. While the RuleBook cannot be asked, reading goes on with what was known last and changing
/// does not: the API must be readable when something is wrong, and the secret's tokens work.
pub(super) async fn check(session: &Session, is_read: bool, env: &Env) -> Answer<()> {
    let known = match admission(env).await {
        Ok(known) => known,
        Err(_) if is_read => KNOWN.with_borrow(|known| known.as_ref().map_or_else(Rc::default, of)),
        Err(problem) => return Err(problem),
    };
    if known
        .ended
        .has(&session.id, &session.actor.name, session.opened_s())
    {
        return Err(session_over());
    }
    Ok(())
}

/// When a session of that name can begin at the earliest, in milliseconds since 1970: sessions that were opened in the second of
/// an end are ended.
pub(super) async fn earliest_ms(name: &str, env: &Env) -> u64 {
    let known = admission(env).await.ok();
    let ended_s = known.and_then(|known| known.ended.ended_s(name));
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
    forget();
    Ok(())
}

/// Tells the RuleBook that somebody called with a token of its own, once in an hour at most. Where that fails the call goes on.
pub(super) async fn used(name: &str, admission: &Admission, env: &Env) {
    if !USED.with_borrow_mut(|used| used.is_due(name, admission, now_ms())) {
        return;
    }
    let used = TokenUsed {
        name: name.to_owned(),
    };
    if let Err(problem) = call(env, &TokenUsedCall, used).await {
        log::tried_again("tell that a token was used", &problem);
    }
}

fn of((_, known): &CachedAdmission) -> Rc<Admission> {
    Rc::clone(known)
}
