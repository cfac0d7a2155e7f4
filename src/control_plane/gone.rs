//! A caller that goes away before it has its answer.
//!
//! The runtime then brings nothing more of what the call awaits, errors included. Its future would stay in memory for ever, with what it
//! read and the place that it holds among others, so it is dropped when the request's signal says that the caller has gone.
//! Objects need none of this: their calls go on to their end.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use worker::web_sys::AbortSignal;

use super::log;

/// The signal's event.
const ABORT: &str = "abort";

/// A future until it is dropped. Borrowed while it is polled, never across an await.
type SharedFuture<F> = Rc<RefCell<Option<Pin<Box<F>>>>>;

/// Awaits `work` for as long as its caller is there; nobody reads the answer afterwards.
pub(super) async fn while_called<F: Future + 'static>(signal: &AbortSignal, work: F) -> F::Output {
    let held: SharedFuture<F> = Rc::new(RefCell::new(Some(Box::pin(work))));
    let dropped = Rc::clone(&held);
    let on_abort = Closure::<dyn FnMut()>::new(move || {
        let work = dropped.try_borrow_mut().ok().and_then(|mut held| held.take());
        drop(work);
    });
    let listener = on_abort.as_ref().unchecked_ref();
    if signal.add_event_listener_with_callback(ABORT, listener).is_err() {
        log::error("failed to listen for the end of a call", &[]);
    }
    let answer = poll_fn(|context| match held.borrow_mut().as_mut() {
        Some(work) => work.as_mut().poll(context),
        None => Poll::Pending,
    })
    .await;
    // It may be called as long as the signal lives, which the closure does not.
    if signal
        .remove_event_listener_with_callback(ABORT, listener)
        .is_err()
    {
        log::error("failed to stop listening for the end of a call", &[]);
    }
    answer
}
