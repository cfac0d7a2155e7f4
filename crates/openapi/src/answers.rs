//! What a call may answer: its own answer, and problems.

use std::collections::BTreeSet;

use blobwatch_wire::{ApiCall, Handler, MEDIA_TYPE, Method, Object, Role};
use serde_json::{Map, Value, json};

use crate::components::Components;

/// Statuses of problems with what they say, in the order of docs/api.md.
const PROBLEMS: [(u16, &str); 13] = [
    (400, "A parameter or the body cannot be read"),
    (401, "No token, or one that is not known"),
    (
        403,
        "The role is not sufficient, or a call with a cookie does not come from the dashboard",
    ),
    (404, "There is no such thing"),
    (408, "Nothing of the body came for a minute"),
    (409, "The state does not allow it"),
    (412, "The rulebook is at another revision than `If-Match` says"),
    (413, "The body is too large"),
    (422, "The body can be read, and a value is not allowed"),
    (
        429,
        "Too many tries with unknown tokens, or too much at a time; try again after `Retry-After`",
    ),
    (500, "A database cannot be read or written"),
    (502, "The player of the demo cannot be reached"),
    (503, "Not configured, or an object does not answer: try again"),
];

const SET_MODE: &str = "rules/{id}/modes/{route}";

/// Responses that calls refer to.
pub(crate) fn problems() -> Value {
    let problem = json!({MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}});
    let response = |(status, about): &(u16, &str)| {
        let mut response = json!({"description": about, "content": problem});
        if let (401 | 429, Some(fields)) = (status, response.as_object_mut()) {
            let header = if *status == 401 {
                "WWW-Authenticate"
            } else {
                "Retry-After"
            };
            let reference = json!({"$ref": format!("#/components/headers/{header}")});
            fields.insert("headers".to_owned(), json!({header: reference}));
        }
        (name(*status), response)
    };
    Value::Object(PROBLEMS.iter().map(response).collect())
}

/// Headers that responses refer to.
pub(crate) fn headers() -> Value {
    json!({
        "WWW-Authenticate": {"description": "`Bearer`", "schema": {"type": "string"}},
        "Retry-After": {"description": "Seconds to wait", "schema": {"type": "string"}},
        "ETag": {"description": "Revision of the rulebook, in quotes", "schema": {"type": "string"}},
    })
}

fn name(status: u16) -> String {
    format!("Problem{status}")
}

pub(crate) fn responses(call: &ApiCall, components: &Components) -> Value {
    let mut all = Map::new();
    for (status, about) in successes(call) {
        all.insert(status.to_string(), success(call, about, components));
    }
    if call.handler == Handler::SharedReport {
        return Value::Object(all.into_iter().chain(pages_of_refusals()).collect());
    }
    for status in refusals(call) {
        let reference = json!({"$ref": format!("#/components/responses/{}", name(status))});
        all.insert(status.to_string(), reference);
    }
    if call.handler == Handler::Health {
        all.insert("503".to_owned(), unready(components));
    }
    if call.path == SET_MODE && call.method == Method::Put {
        let content = json!({"application/json": {"schema": components.answer("WaitingMode")}});
        all.insert(
            "202".to_owned(),
            json!({"description": "It waits for a second person", "content": content}),
        );
    }
    if call.handler == Handler::Demo && call.method == Method::Post {
        // As the player says it.
        let content = json!({"application/json": {"schema": {"type": "object"}}});
        all.insert(
            "409".to_owned(),
            json!({"description": "It is played already", "content": content}),
        );
    }
    Value::Object(all)
}

/// Whoever opens a link is told in words why it opens nothing.
fn pages_of_refusals() -> impl Iterator<Item = (String, Value)> {
    let pages = [
        (404, "The link opens nothing"),
        (429, "Too many links from this address opened nothing"),
        (500, "The report cannot be read"),
        (503, "The report cannot be read now: try again"),
    ];
    pages.into_iter().map(|(status, about): (u16, _)| {
        let content = json!({"text/html": {"schema": {"type": "string"}}});
        (
            status.to_string(),
            json!({"description": about, "content": content}),
        )
    })
}

fn successes(call: &ApiCall) -> Vec<(u16, &'static str)> {
    match (call.method, call.path) {
        (Method::Delete, "/_blobwatch/session") => vec![(204, "Signed out")],
        (Method::Get, "/_blobwatch/session/oidc") => vec![(302, "To the identity provider")],
        (Method::Get, "/_blobwatch/session/oidc/callback") => vec![(302, "Signed in: to the dashboard")],
        (Method::Post, "tokens" | "anomalies/{id}/shares") => vec![(201, "Created")],
        (Method::Put, "tokens/{name}" | "second-person") => vec![(200, "Done")],
        (Method::Post, "previews") => vec![(202, "Begun: poll the preview")],
        (Method::Post, "webhooks/{id}/test") => vec![(202, "Queued")],
        (Method::Post, "demo/play") => vec![(202, "Begun")],
        (Method::Post, "/_blobwatch/ingest/v1/{source}") => {
            vec![(200, "There was nothing to store"), (202, "Stored")]
        }
        (Method::Put, "settings" | "rulebook") | (Method::Get | Method::Post | Method::Delete, _) => {
            vec![(200, "Done")]
        }
        (Method::Put, _) => vec![(200, "Done"), (201, "Created")],
    }
}

fn success(call: &ApiCall, about: &str, components: &Components) -> Value {
    let mut response = json!({"description": about});
    let content = content(call, components);
    if let Some(fields) = response.as_object_mut() {
        if content.as_object().is_some_and(|types| !types.is_empty()) {
            fields.insert("content".to_owned(), content);
        }
        if call.handler == Handler::Object(Object::RuleBook) {
            fields.insert(
                "headers".to_owned(),
                json!({"ETag": {"$ref": "#/components/headers/ETag"}}),
            );
        }
    }
    response
}

fn content(call: &ApiCall, components: &Components) -> Value {
    let mut types = Map::new();
    match (components.answer(call.answer), call.answer) {
        (Some(schema), _) => {
            types.insert("application/json".to_owned(), json!({"schema": schema}));
        }
        (None, "") => {}
        (None, "text/html" | "text/markdown" | "text/plain") => {
            types.insert(call.answer.to_owned(), json!({"schema": {"type": "string"}}));
        }
        // What the demo's player says.
        (None, _) => {
            types.insert(
                "application/json".to_owned(),
                json!({"schema": {"type": "object"}}),
            );
        }
    }
    if call.parameters().any(|parameter| parameter.name == "format") {
        let lines = json!({"schema": {"type": "string", "description": "One item of the list a line"}});
        types.insert("application/x-ndjson".to_owned(), lines);
    }
    Value::Object(types)
}

/// What calls of this kind are refused with.
fn refusals(call: &ApiCall) -> BTreeSet<u16> {
    let mut all = BTreeSet::from([400, 401, 403, 408, 413, 429, 500, 503]);
    let changes = call.method != Method::Get;
    if call.path.contains('{')
        || call
            .parameters()
            .any(|parameter| parameter.name == "revision" || parameter.name == "name")
    {
        all.insert(404);
    }
    if !call.request.is_empty() || changes {
        all.insert(422);
    }
    if changes && call.role >= Some(Role::Analyst) {
        all.extend([404, 409]);
    }
    // The file of the document may be missing.
    if call.request == "ExplainBody" || matches!(call.handler, Handler::OpenApi | Handler::Oidc) {
        all.insert(404);
    }
    if call.changes_rulebook() {
        all.insert(412);
    }
    if call.handler == Handler::Demo {
        all.extend([404, 502]);
    }
    all
}

/// With `?ready`.
fn unready(components: &Components) -> Value {
    let health = components.answer("Health").cloned().unwrap_or_default();
    json!({
        "description": "The rulebook cannot be read; with `ready` also where something needs an operator",
        "content": {
            "application/json": {"schema": health},
            MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}},
        },
    })
}
