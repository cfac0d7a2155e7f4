//! What the isolate that was asked knows of itself: `State` of `src/data_plane/data_plane.js`.

use std::collections::BTreeMap;

use serde::Deserialize;
use worker::Env;

use super::control::text_binding;

/// Beside the bindings, as JSON.
const BINDING: &str = "ISOLATE_STATE";

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
    /// Nothing where it cannot be read: health is no reason to answer nothing.
    pub(super) fn of(env: &Env) -> Self {
        serde_json::from_str(&text_binding(env, BINDING)).unwrap_or_default()
    }
}
