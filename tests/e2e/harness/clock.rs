//! Waiting, for events and never for a machine. Nothing here, and no test, says how fast something is: `cargo xtask bench` does.

use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

/// What is only slow is over long before; what hangs is not. `dashboard/test/hang.ts` is its twin.
pub(crate) const HANG: Duration = Duration::from_mins(10);

/// Between two questions: short at first, then what a busy machine does not feel.
const FIRST_POLL: Duration = Duration::from_millis(10);
const POLL: Duration = Duration::from_millis(250);

/// Asks until there is an answer; fails with `what` when that hangs.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(HANG, what, ask)
}

/// As [`eventually`], where many waits follow one another, each with an end of its own.
#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where a test measures time: whether something hangs"
)]
pub(super) fn within<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    let mut poll = FIRST_POLL;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        sleep(poll);
        poll = (poll * 5 / 4).min(POLL);
    }
}

/// Lets at least this much time pass, where time itself is what a test is about: a pace, an idle isolate, a client's patience.
/// Nobody may suppose that something else is done by then.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where a test sleeps: nothing waits for another by it"
)]
pub(crate) fn pass(at_least: Duration) {
    sleep(at_least);
}

/// The clock that the worker has, too.
#[expect(
    clippy::disallowed_methods,
    reason = "tests run natively, where the clock exists"
)]
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
