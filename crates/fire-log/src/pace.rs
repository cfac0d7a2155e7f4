//! Long work in slices: between two of them everybody else has the thread.
//!
//! On workerd all objects and all pulls share one thread. Clocks stand still while code computes, so a slice is measured in
//! records. Whoever pauses borrows nothing that others need, and may find other rows afterwards.

use std::cell::Cell;
use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::store::FireLogError;
use blobwatch_sql::StoreError;

/// Records of one slice: a millisecond or two in Wasm. A pull that comes meanwhile takes several turns of the event loop, each
/// of them behind a slice.
const SLICE_RECORDS: usize = 256;

/// What opening a block costs beside working on each of its records, as a share.
pub const OPENING: usize = 4;

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

/// Times that what is read in slices begins again because rows were merged or forgotten in a pause.
const MAX_RESTARTS: usize = 3;

/// Reads until no pause changed what is read; `attempt` answers `None` where one did. The last attempt does not pause, so that
/// nothing can come between.
///
/// # Errors
/// Those of `attempt`; also when rows are not what the rows beside them say.
pub async fn undisturbed<P: Pace, T>(
    pace: &P,
    attempt: impl AsyncFn(Option<&P>) -> Result<Option<T>, FireLogError>,
) -> Result<T, FireLogError> {
    for restarts in 0..=MAX_RESTARTS {
        let pace = (restarts < MAX_RESTARTS).then_some(pace);
        if let Some(read) = attempt(pace).await? {
            return Ok(read);
        }
    }
    let what = "a block with another number of records than its row says";
    Err(StoreError::Corrupt(what.to_owned()).into())
}

/// What a call answers that never pauses; `None` where it does.
pub fn at_once<T>(call: impl Future<Output = T>) -> Option<T> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}
