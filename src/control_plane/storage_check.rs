//! Whether an object can store, where it broke off and the platform does not say why or of which file; `storage_check.js` answers.
//!
//! An object that cannot is known until it can: `healthz` asks it again.

use std::cell::RefCell;
use std::time::Duration;

use blobwatch_wire::{NO_CAUSE, Object, StorageFault};
use futures_util::future::{Either, join_all, select};
use worker::{Delay, Env};

use super::control::text_binding;
use super::object_call::stub;

const DATABASE: &str = "https://storage-check/database";

const ALARM: &str = "https://storage-check/alarm";

/// An object that does not answer within this is asked no further: a caller waits for it.
const LIMIT: Duration = Duration::from_secs(5);

/// Objects that are known not to store: those that are one of a kind, and FireLogs, of which `healthz` asks eight.
const MAX_KNOWN: usize = 12;

thread_local! {
    /// The newest last. Read and written between awaits, never across one.
    static KNOWN: RefCell<Vec<(Object, String)>> = const { RefCell::new(Vec::new()) };
}

/// What keeps an object from storing that broke off with `error`; `None` where it is something else.
pub(super) async fn fault_of(env: &Env, object: Object, name: &str, error: &str) -> Option<StorageFault> {
    // Also where the platform names a cause: of the alarms' file it says the same as of the object's database.
    let fault = check(env, object, name).await.or_else(|| said(error));
    if fault.is_some() {
        watch(object, name);
    }
    fault
}

/// [`still_unstored`] asks the object from now on.
pub(super) fn watch(object: Object, name: &str) {
    KNOWN.with_borrow_mut(|known| {
        known.retain(|(of, known)| (*of, known.as_str()) != (object, name));
        known.push((object, name.to_owned()));
        let excess = known.len().saturating_sub(MAX_KNOWN);
        known.drain(..excess);
    });
}

/// Objects that were known not to store, and still cannot; the others are forgotten.
pub(super) async fn still_unstored(env: &Env) -> Vec<(Object, String, StorageFault)> {
    let known = KNOWN.take();
    let faults = join_all(known.iter().map(|(object, name)| check(env, *object, name))).await;
    let failing = known.into_iter().zip(faults);
    let failing: Vec<_> = failing
        .filter_map(|((object, name), fault)| Some((object, name, fault?)))
        .collect();
    for (object, name, _) in &failing {
        watch(*object, name);
    }
    failing
}

/// Has the object write. On Cloudflare a database that is full says so, and nobody but the platform can make room for alarms.
async fn check(env: &Env, object: Object, name: &str) -> Option<StorageFault> {
    if text_binding(env, "PLATFORM") == "cloudflare" {
        return None;
    }
    match ask(env, object, name, DATABASE).await {
        CheckAnswer::Answered => match ask(env, object, name, ALARM).await {
            CheckAnswer::BrokeOff(_) => Some(StorageFault::Alarms),
            CheckAnswer::Answered | CheckAnswer::Nothing => None,
        },
        CheckAnswer::BrokeOff(error) => said(&error).or_else(|| unsaid(&error)),
        CheckAnswer::Nothing => None,
    }
}

/// What SQLite says, without the name of the class.
fn said(error: &str) -> Option<StorageFault> {
    StorageFault::of(error.trim_start_matches("Error: "))
}

/// An object that breaks off although it only writes: its database cannot even be opened.
fn unsaid(error: &str) -> Option<StorageFault> {
    let why = "the runtime does not say why; see its log, and whether the disk is full";
    error
        .contains(NO_CAUSE)
        .then(|| StorageFault::Database(why.to_owned()))
}

enum CheckAnswer {
    Answered,
    BrokeOff(String),
    /// Nobody could be asked, or did not answer in time.
    Nothing,
}

async fn ask(env: &Env, object: Object, name: &str, address: &str) -> CheckAnswer {
    let Ok(stub) = stub(env, object, name) else {
        return CheckAnswer::Nothing;
    };
    let asked = Box::pin(stub.fetch_with_str(address));
    match select(asked, Delay::from(LIMIT)).await {
        Either::Left((Ok(_), _)) => CheckAnswer::Answered,
        Either::Left((Err(error), _)) => CheckAnswer::BrokeOff(error.to_string()),
        Either::Right(_) => CheckAnswer::Nothing,
    }
}
