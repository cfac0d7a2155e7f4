//! Work side by side: a download, a compiler that uses one core and another one do not wait for each other.

use anyhow::Result;
use std::cell::RefCell;
use std::fmt::{Display, Formatter};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;

thread_local! {
    /// Whether anything failed that this thread's work is part of: the whole run fails then.
    static FAILED: RefCell<Arc<AtomicBool>> = RefCell::default();
}

/// The error of a command that was ended because what ran beside it failed.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl Display for Interrupted {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("ended: what ran beside it failed")
    }
}

impl std::error::Error for Interrupted {}

/// Whether what this thread does is still of use.
pub(crate) fn is_wanted() -> bool {
    FAILED.with_borrow(|failed| !failed.load(Ordering::Relaxed))
}

/// Runs both at the same time. When one fails, [`is_wanted`] tells the other.
///
/// # Errors
/// What failed by itself.
pub(crate) fn both<A: Send, B>(
    left: impl FnOnce() -> Result<A> + Send,
    right: impl FnOnce() -> Result<B>,
) -> Result<(A, B)> {
    let failed = FAILED.with_borrow(Arc::clone);
    let left = || {
        FAILED.set(failed);
        noted(left())
    };
    let (left, right) = scope(|scope| {
        let left = scope.spawn(left);
        let right = noted(right());
        (left.join().unwrap_or_else(|panic| resume_unwind(panic)), right)
    });
    match (left, right) {
        (Ok(left), Ok(right)) => Ok((left, right)),
        (Err(ended), Err(error)) if ended.is::<Interrupted>() => Err(error),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

fn noted<T>(result: Result<T>) -> Result<T> {
    if result.is_err() {
        FAILED.with_borrow(|failed| failed.store(true, Ordering::Relaxed));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::both;
    use crate::command::quiet;
    use crate::progress::Step;
    use anyhow::{Result, bail};
    use std::process::Command;

    fn sleep(seconds: &str) -> Result<String> {
        quiet(&Step::start("sleep"), Command::new("sleep").arg(seconds))
    }

    #[test]
    fn both_results_are_there() {
        assert_eq!(both(|| Ok(1), || Ok("two")).unwrap(), (1, "two"));
    }

    #[test]
    fn a_failure_ends_the_commands_of_the_other_side() {
        let fails = || -> Result<()> { bail!("broken") };
        // Nobody waits for the hour.
        assert_eq!(both(|| sleep("3600"), fails).unwrap_err().to_string(), "broken");
        assert_eq!(both(fails, || sleep("3600")).unwrap_err().to_string(), "broken");
    }

    #[test]
    fn a_failure_ends_what_the_other_side_does_side_by_side() {
        let fails = || -> Result<()> { bail!("broken") };
        let nested = both(|| both(|| sleep("3600"), || sleep("3600")), fails);
        assert_eq!(nested.unwrap_err().to_string(), "broken");
    }
}
