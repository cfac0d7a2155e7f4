//! Waiting, always with an end.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// For what takes milliseconds on an idle machine: generous, because the machine is not.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

#[expect(
    clippy::disallowed_methods,
    reason = "tests run natively, where the clock exists"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Asks until there is an answer; fails with `what` when `limit` is over.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        sleep(POLL);
    }
}
