//! What the isolate that was asked knows of itself: `State` of `src/data_plane/data_plane.js`.

use std::collections::BTreeMap;

use blobwatch_wire::Object;
use serde::Deserialize;
use worker::Env;

use super::control::text_binding;

/// Beside the bindings, as JSON.
const BINDING: &str = "ISOLATE_STATE";

/// All that workerd says where it cannot write what an object stored.
pub(super) const NO_CAUSE: &str = "internal error";

#[derive(Default, Deserialize)]
pub(super) struct IsolateState {
    /// Its faults, a sentence each.
    pub(super) reasons: Vec<String>,
    /// The FireLogs that it calls.
    pub(super) fire_logs: Vec<String>,
    /// Losses that it counted and no FireLog was told.
    pub(super) untold: BTreeMap<String, u64>,
}

impl IsolateState {
    /// FireLogs that do not store, and the platform did not say why.
    pub(super) fn unexplained(&self) -> impl Iterator<Item = &str> {
        let is_unexplained = |name: &&String| {
            let who = format!("{} ", Object::FireLog.called(name));
            let mut reasons = self.reasons.iter();
            reasons.any(|reason| reason.starts_with(&who) && reason.contains(NO_CAUSE))
        };
        self.fire_logs.iter().filter(is_unexplained).map(String::as_str)
    }

    /// Nothing where it cannot be read: health is no reason to answer nothing.
    pub(super) fn of(env: &Env) -> Self {
        serde_json::from_str(&text_binding(env, BINDING)).unwrap_or_default()
    }
}
