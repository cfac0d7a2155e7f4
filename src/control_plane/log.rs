//! Lines of the log, in the form of [`blobwatch_wire::log_line`]; clippy lets nobody else write to the console.
//!
//! Whose call or alarm it is that runs is told once, by [`logged_as`], and stands in each line that is written meanwhile.

use std::cell::RefCell;
use std::fmt::Display;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;

use blobwatch_wire::{LogField, LogLevel, Object, Problem, log_line};

/// Fields of whoever runs.
type Who = Rc<[(&'static str, String)]>;

thread_local! {
    /// Of the future that is polled now: set before each poll, because others of the same isolate run in between.
    static WHO: RefCell<Who> = RefCell::new(Rc::new([]));
}

/// Runs `work` in the name of those fields.
pub(super) async fn logged_as<F: Future>(who: impl Into<Who>, work: F) -> F::Output {
    let (who, mut work) = (who.into(), pin!(work));
    poll_fn(|context| {
        let before = WHO.replace(Rc::clone(&who));
        let polled = work.as_mut().poll(context);
        WHO.set(before);
        polled
    })
    .await
}

/// An object, for [`logged_as`]; `name` where there are several of its class.
pub(super) fn of_object(object: Object, name: &str) -> Who {
    let class = ("object", format!("{object:?}"));
    match name {
        "" => Rc::new([class]),
        name => Rc::new([class, ("fire_log", name.to_owned())]),
    }
}

/// Something was not done, or was lost.
#[expect(clippy::disallowed_macros, reason = "the one module that writes")]
pub(super) fn error(message: &str, fields: &[LogField<'_>]) {
    worker::console_error!("{}", line(LogLevel::Error, message, fields));
}

/// Something is tried again.
#[expect(clippy::disallowed_macros, reason = "the one module that writes")]
pub(super) fn warn(message: &str, fields: &[LogField<'_>]) {
    worker::console_warn!("{}", line(LogLevel::Warn, message, fields));
}

/// A step failed that the next alarm or call tries again. `what` fits "failed to …".
pub(super) fn tried_again(what: &str, problem: &Problem) {
    warn(&format!("failed to {what}"), &[("cause", &problem.detail)]);
}

fn line(level: LogLevel, message: &str, fields: &[LogField<'_>]) -> String {
    WHO.with_borrow(|who| {
        let own = who.iter().map(|(name, value)| (*name, value as &dyn Display));
        log_line(level, message, own.chain(fields.iter().copied()))
    })
}
