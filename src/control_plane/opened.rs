//! What an object holds in memory: its store, and when its alarm rings.
//!
//! Both are caches of what is stored: they are empty when the object wakes.

use std::cell::{Cell, RefCell, RefMut};
use std::fmt::Display;

use blobwatch_wire::Problem;
use worker::State;

use super::http::{Answer, internal, set_alarm};
use super::log;
use super::sql::ObjectSql;

/// A step failed: the caller is told why, as it may be theirs to mend.
pub(super) fn failed(what: &str, error: impl Into<Problem>) -> Problem {
    let problem = error.into();
    log::error(&format!("failed to {what}"), &[("cause", &problem.detail)]);
    problem.in_step(what)
}

/// A database cannot be opened.
pub(super) fn unopened(what: &str, error: impl Into<Problem>) -> Problem {
    failed(&format!("open the {what}"), error)
}

/// A store, opened with the first call.
pub(super) struct Opened<S> {
    store: RefCell<Option<S>>,
    /// For "failed to open the …".
    what: &'static str,
    open: fn(ObjectSql) -> Answer<S>,
}

impl<S> Opened<S> {
    pub(super) const fn new(what: &'static str, open: fn(ObjectSql) -> Answer<S>) -> Self {
        Self {
            store: RefCell::new(None),
            what,
            open,
        }
    }

    /// Runs synchronous work on the store. A failure in the middle of a write leaves what is in memory in doubt, so it is
    /// read again from the database.
    pub(super) fn with<T, E: Into<Problem>>(
        &self,
        state: &State,
        what: &str,
        body: impl FnOnce(&mut S) -> Result<T, E>,
    ) -> Answer<T> {
        let mut store = self.opened(state)?;
        match store.as_mut().map(body) {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => {
                *store = None;
                Err(failed(what, error))
            }
            None => Err(internal(what, "not open")),
        }
    }

    /// Reads the store.
    pub(super) fn read<T>(&self, state: &State, body: impl FnOnce(&S) -> Answer<T>) -> Answer<T> {
        let store = self.opened(state)?;
        body(store.as_ref().ok_or_else(|| self.failed("not open"))?)
    }

    fn opened(&self, state: &State) -> Answer<RefMut<'_, Option<S>>> {
        let mut store = self.store.try_borrow_mut().map_err(|e| self.failed(e))?;
        if store.is_none() {
            *store = Some((self.open)(ObjectSql::new(state.storage()))?);
        }
        Ok(store)
    }

    fn failed(&self, error: impl Display) -> Problem {
        internal(&format!("open the {}", self.what), error)
    }
}

/// When an object's alarm rings. Every alarm that is set is a row written, so it is set only when it must ring earlier than
/// it would.
#[derive(Default)]
pub(super) struct Bell {
    /// What was set last; 0 before the first since the object woke.
    set_ms: Cell<u64>,
    is_awake: Cell<bool>,
}

impl Bell {
    /// Whether this is the first call since the object woke: an alarm that was lost with the process is to be set again.
    pub(super) fn wakes(&self) -> bool {
        !self.is_awake.replace(true)
    }

    /// It rang.
    pub(super) fn rang(&self) {
        self.is_awake.set(true);
        self.set_ms.set(0);
    }

    /// Rings at that time or before.
    pub(super) async fn by(&self, state: &State, at_ms: u64) -> Answer<()> {
        let set = self.set_ms.get();
        if set != 0 && set <= at_ms {
            return Ok(());
        }
        self.at(state, at_ms).await
    }

    /// Rings at that time, whatever was set.
    pub(super) async fn at(&self, state: &State, at_ms: u64) -> Answer<()> {
        set_alarm(state, at_ms).await?;
        self.set_ms.set(at_ms);
        Ok(())
    }
}
