//! Signals that end the service, heard from the first moment on.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) struct Signals([Signal; 3]);

impl Signals {
    pub(super) fn hear() -> Result<Self> {
        let hear = |kind| signal(kind).context("failed to hear signals");
        Ok(Self([
            hear(SignalKind::interrupt())?,
            hear(SignalKind::terminate())?,
            hear(SignalKind::hangup())?,
        ]))
    }

    /// Waits for the next one; answers with its name.
    pub(super) async fn next(&mut self) -> &'static str {
        let Self([interrupt, terminate, hangup]) = self;
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            _ = hangup.recv() => "SIGHUP",
        }
    }
}
