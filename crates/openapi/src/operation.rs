//! One call as an operation.

use blobwatch_wire::{ApiCall, Handler, Role};
use serde_json::{Map, Value, json};

use crate::answers::responses;
use crate::components::Components;
use crate::operation_name::operation_name;
use crate::parameters::parameters;
use crate::summaries::{summary, tag};

/// With it a change only says what it would be.
const DRY_RUN: &str = "dry_run=true";

/// Says who may call, for programs.
const ROLE: &str = "x-blobwatch-role";

pub(crate) fn operation(call: &ApiCall, components: &Components) -> Value {
    let mut written = Map::new();
    let mut put = |name: &str, value: Value| written.insert(name.to_owned(), value);
    put("operationId", json!(operation_name(call)));
    put("tags", json!([tag(call)]));
    put("summary", json!(summary(call)));
    put("description", json!(description(call)));
    match call.role {
        Some(role) => put(ROLE, json!(role.to_string())),
        // Whoever has a token is known by it.
        None => put("security", json!([{}, {"token": []}, {"session": []}])),
    };
    if call.role == Some(Role::Ingest) {
        put("security", json!([{"token": []}]));
    }
    let parameters = parameters(call);
    if !parameters.is_empty() {
        put("parameters", json!(parameters));
    }
    if !call.request.is_empty() {
        put("requestBody", body(call, components));
    }
    put("responses", responses(call, components));
    Value::Object(written)
}

fn description(call: &ApiCall) -> String {
    let who = match call.role {
        None => "Anybody may call.".to_owned(),
        Some(role) if call.role_with(DRY_RUN) < role => {
            format!("Role: {role}; with `{DRY_RUN}` {}.", call.role_with(DRY_RUN))
        }
        Some(role) => format!("Role: {role}."),
    };
    let more = match call.handler {
        Handler::Oidc => " Its parameters are the identity provider's.",
        Handler::Health | Handler::Metrics | Handler::Ingest | Handler::SharedReport => {
            " Parameters that are not listed are ignored."
        }
        _ => "",
    };
    format!("{who}{more}")
}

fn body(call: &ApiCall, components: &Components) -> Value {
    let most = call.max_body();
    match components.body(call.request) {
        Some(schema) => json!({
            "required": true,
            "description": format!("At most {most} bytes"),
            "content": {"application/json": {"schema": schema}},
        }),
        // In the form of each source, plain or gzip: docs/upstream.md has them.
        None => json!({
            "required": true,
            "description": "Events in the form of the source, as text or gzip; docs/upstream.md describes the forms",
            "content": {
                "application/json": {"schema": {}},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            },
        }),
    }
}
