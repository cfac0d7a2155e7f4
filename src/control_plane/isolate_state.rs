//! What the isolate that was asked knows of itself.

use blobwatch_wire::IsolateState;
use worker::Env;

use super::control::text_binding;

/// Beside the bindings, as JSON.
const BINDING: &str = "ISOLATE_STATE";

pub(super) fn isolate_state(env: &Env) -> IsolateState {
    IsolateState::from_json(&text_binding(env, BINDING))
}
