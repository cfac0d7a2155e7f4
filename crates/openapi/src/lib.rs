//! The OpenAPI document of the API: made from the table of calls, which also routes and checks them, and from the types
//! that bodies are read into and answers are written from.
//!
//! In scope: the document. Not in scope: what calls mean (docs/api.md) and serving the document, which is a file of its own
//! (`docs/openapi.json`): nothing of this crate is in the worker.

mod answers;
mod components;
mod operation;
mod operation_name;
mod parameters;
mod summaries;

use serde_json::{Map, Value, json};

use blobwatch_wire::{API, ApiCall, CALLS};
use components::Components;

/// The document, for people and programs: indented, with a line feed at its end.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", document())
}

/// The document.
#[must_use]
pub fn document() -> Value {
    let components = Components::new();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Blobwatch",
            "version": "1",
            "summary": "Fingerprints, fired rules and anomalies of the requests for container image layers.",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0 OR MIT"},
        },
        "servers": [{"url": "/", "description": "The host in front of which Blobwatch stands"}],
        "security": [{"token": []}, {"session": []}],
        "tags": summaries::TAGS.map(|(name, about)| json!({"name": name, "description": about})),
        "paths": paths(&components),
        "components": {
            "schemas": components.schemas,
            "parameters": parameters::shared(),
            "responses": answers::problems(),
            "headers": answers::headers(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of `BLOBWATCH_TOKENS`, or one of `POST tokens`"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Secure-blobwatch_session",
                    "description": "A session of the dashboard, which `POST /_blobwatch/session` begins. A change also carries \
                        the header `Blobwatch-Csrf` with `csrf` of `GET /_blobwatch/session`",
                },
            },
        },
    })
}

const DESCRIPTION: &str = "Times are RFC 3339 in UTC. Errors are problem documents (RFC 9457) that name each place which \
    is wrong; a refused call has changed nothing. A parameter that a call does not list is refused. docs/api.md explains \
    the calls.";

fn paths(components: &Components) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for call in CALLS {
        let item = paths.entry(path(call)).or_insert_with(|| json!({}));
        if let Some(operations) = item.as_object_mut() {
            let method = call.method.name().to_ascii_lowercase();
            operations.insert(method, operation::operation(call, components));
        }
    }
    Value::Object(paths)
}

fn path(call: &ApiCall) -> String {
    if call.path.starts_with('/') {
        call.path.to_owned()
    } else {
        format!("{API}{}", call.path)
    }
}

#[cfg(test)]
mod tests;
