//! Long work on rows in slices: between two of them everybody else has the thread.
//!
//! On workerd all objects and all pulls share one thread. Clocks stand still while code computes, so a slice is measured in
//! records. Whoever pauses borrows nothing that others need, and may find other rows afterwards.

use std::cell::{Cell, RefCell};
use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Records of one slice: a millisecond or two in Wasm. A pull that comes meanwhile takes several turns of the event loop, each
/// of them behind a slice.
pub const SLICE_RECORDS: usize = 256;

/// Times that work in slices begins again because a pause made it worthless.
const MAX_RESTARTS: usize = 3;

/// Says how long to go on.
pub trait Pace {
    /// So many records were worked on since the last call. Pauses where a slice is full.
    fn spent(&self, records: usize) -> impl Future<Output = ()>;
}

/// Never pauses.
#[derive(Debug, Clone, Copy)]
pub struct Unpaced;

impl Pace for Unpaced {
    fn spent(&self, _records: usize) -> impl Future<Output = ()> {
        ready(())
    }
}

/// Pauses after each slice.
#[derive(Debug)]
pub struct Slices<P> {
    records: usize,
    spent: Cell<usize>,
    pause: P,
}

impl<P> Slices<P> {
    pub const fn new(pause: P) -> Self {
        Self::of(SLICE_RECORDS, pause)
    }

    /// Slices of so many records.
    pub const fn of(records: usize, pause: P) -> Self {
        Self {
            records,
            spent: Cell::new(0),
            pause,
        }
    }
}

impl<P: Fn() -> F, F: Future<Output = ()>> Pace for Slices<P> {
    async fn spent(&self, records: usize) {
        let spent = self.spent.get() + records;
        if spent < self.records {
            self.spent.set(spent);
            return;
        }
        self.spent.set(0);
        (self.pause)().await;
    }
}

/// `None` never pauses.
impl<P: Pace> Pace for Option<&P> {
    async fn spent(&self, records: usize) {
        if let Some(pace) = self {
            pace.spent(records).await;
        }
    }
}

/// What a call answers that never pauses; `None` where it does.
pub fn at_once<T>(call: impl Future<Output = T>) -> Option<T> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

/// Tries until no pause made the work worthless; `attempt` answers `None` where one did. The last attempt does not pause, so that
/// nothing can come between: `None` where it is worthless too.
///
/// # Errors
/// Those of `attempt`.
pub async fn undisturbed<P: Pace, T, E>(
    pace: &P,
    attempt: impl AsyncFn(Option<&P>) -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    for restarts in 0..=MAX_RESTARTS {
        let pace = (restarts < MAX_RESTARTS).then_some(pace);
        if let Some(done) = attempt(pace).await? {
            return Ok(Some(done));
        }
    }
    Ok(None)
}

/// Whoever holds a store that others use while long work pauses, and lends it for as long as something is done at once. `E` is
/// what the work itself fails with.
pub trait Shared<S, E> {
    type Error;

    /// # Errors
    /// Those of `body`, or why there is no store to lend. The store is in doubt then.
    fn with<T>(&self, body: impl FnOnce(&mut S) -> Result<T, E>) -> Result<T, Self::Error>;
}

/// Of one caller.
impl<S, E> Shared<S, E> for RefCell<&mut S> {
    type Error = E;

    fn with<T>(&self, body: impl FnOnce(&mut S) -> Result<T, E>) -> Result<T, E> {
        body(&mut self.borrow_mut())
    }
}
