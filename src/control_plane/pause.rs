//! The pause between two slices of long work.

use std::time::Duration;

use worker::Delay;

use super::http::stands_still;

/// Ends when everybody else had the thread: a timer rings after what came from outside meanwhile, where an await of
/// what is ready would go on at once. Where the clock was set back no timer of an object rings, and work does not pause.
pub(super) async fn pause() {
    if !stands_still() {
        rest().await;
    }
}

/// Lets others have the thread, whatever the clock says.
pub(super) async fn rest() {
    Delay::from(Duration::ZERO).await;
}
