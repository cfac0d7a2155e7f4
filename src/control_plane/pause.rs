//! The pause between two slices of long work.

use std::time::Duration;

use worker::Delay;

/// Ends when everybody else had the thread: a timer rings after what came from outside meanwhile, where an await of
/// what is ready would go on at once.
pub(super) async fn pause() {
    Delay::from(Duration::ZERO).await;
}
