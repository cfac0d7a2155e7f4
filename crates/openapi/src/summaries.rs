//! What each call does, in one line, and the subject that it belongs to. A test compares the list with the table of calls.

use blobwatch_wire::{ApiCall, Handler, Object};

/// Subjects, as docs/api.md has them.
pub(crate) const TAGS: [(&str, &str); 7] = [
    ("rulebook", "Rules, modes, routes, lists, settings, guards, audit"),
    ("previews", "Whom a rule would hit"),
    ("records", "What fired, who asked"),
    (
        "anomalies",
        "What is wrong, for whom, and what people did about it",
    ),
    ("webhooks", "Who is told"),
    ("ingest", "What other parties tell"),
    ("deployment", "Health, metrics, tokens, sessions"),
];

/// By method and path.
#[rustfmt::skip]
pub(crate) const SUMMARIES: &[(&str, &str)] = &[
    ("GET rules", "Every rule, in the order of evaluation"),
    ("GET rules/{id}", "One rule"),
    ("GET rules/{id}/versions", "Every version of a rule, newest first, also of a retired one"),
    ("PUT rules/{id}", "Write a new version of a rule, or a new rule"),
    ("DELETE rules/{id}", "Retire a rule and its modes"),
    ("POST rules/check", "Say whether an expression can be stored"),
    ("GET modes", "Every mode that is set"),
    ("GET rules/{id}/modes", "The modes that are set for a rule"),
    ("GET rules/{id}/modes/{route}", "The mode of a rule on a route"),
    ("GET rules/{id}/modes/{route}/readings", "What the guards of a mode counted over the last day"),
    ("PUT rules/{id}/modes/{route}", "Set the mode of a rule on a route"),
    ("DELETE rules/{id}/modes/{route}", "Remove the mode of a rule on a route: its default holds again"),
    ("POST rules/{id}/modes/{route}/approve", "Let an enforcement begin that waits for a second person"),
    ("POST rules/{id}/modes/{route}/decline", "End an enforcement that waits for a second person"),
    ("GET pending", "The enforcements that wait for a second person"),
    ("GET second-person", "From which share of healthy clients on a second person is needed"),
    ("PUT second-person", "Say from which share of healthy clients on a second person is needed"),
    ("GET guards", "The guards of enforcements"),
    ("POST panic-off", "Set everything that is enforced to monitor, on a route or everywhere"),
    ("GET routes", "Every route"),
    ("GET routes/{name}", "One route"),
    ("PUT routes/{name}", "Write a route"),
    ("DELETE routes/{name}", "Remove a route and the modes that are set on it"),
    ("GET lists", "Every list, without its items"),
    ("GET lists/{name}", "One list with its items"),
    ("GET lists/{name}/versions", "Every version of a list, newest first"),
    ("PUT lists/{name}", "Write a list"),
    ("POST lists/{name}/items", "Add items to a list, and remove some"),
    ("DELETE lists/{name}", "Remove a list that no rule names"),
    ("GET settings", "The settings of the deployment"),
    ("PUT settings", "Write all settings"),
    ("GET rulebook", "The whole rulebook, now or at a revision"),
    ("PUT rulebook", "Replace the whole rulebook in one revision"),
    ("POST explain", "Say what a rulebook would do with a request"),
    ("GET archives", "The last run of each program that archives records"),
    ("POST archives", "Tell of a run that archived records"),
    ("GET fire-logs", "The FireLogs, and the revision that each has"),
    ("GET fire-logs/load", "What is asked of each FireLog"),
    ("GET audit", "Every change, newest first; or an export of the whole log"),
    ("GET audit/verify", "Walk the chain of the audit log"),
    ("POST previews", "Begin a preview of whom a rule would hit"),
    ("GET previews", "Previews, newest first"),
    ("GET previews/{id}", "One preview"),
    ("DELETE previews/{id}", "Cancel a preview that runs"),
    ("GET fires", "Records on which a rule fired, newest first"),
    ("GET fires/summary", "Counts of records on which a rule fired"),
    ("GET fires/{id}", "One record, explained"),
    ("GET requests", "All records, newest first"),
    ("GET requests/summary", "Counts of all records"),
    ("GET requests/{id}", "One record, explained"),
    ("POST compare", "What is different about a selection of records"),
    ("GET addresses", "What is kept of the addresses of clients"),
    ("DELETE addresses/{client}", "Erase what is kept of the address of a client"),
    ("GET losses", "What was lost on the way"),
    ("GET anomalies", "Anomalies, newest first, and what the Detector can see"),
    ("GET anomalies/{id}", "One anomaly"),
    ("GET anomalies/{id}/report", "A report in Markdown, to hand to a provider"),
    ("GET anomalies/{id}/shares", "The links that open its report"),
    ("POST anomalies/{id}/shares", "Make a link that opens its report for people without an account"),
    ("DELETE anomalies/{id}/shares/{share}", "Revoke a link"),
    ("GET /_blobwatch/shared/{token}", "The report that a link opens, as a page"),
    ("POST anomalies/{id}/acknowledge", "Say that somebody looks into it"),
    ("POST anomalies/{id}/assign", "Assign it to somebody, or to nobody"),
    ("POST anomalies/{id}/comment", "Add a comment"),
    ("POST anomalies/{id}/mute", "Tell no receiver of it"),
    ("DELETE anomalies/{id}/mute", "Tell receivers of it again"),
    ("POST anomalies/{id}/expected", "Close it, and take its level for normal"),
    ("POST anomalies/{id}/reopen", "Open it again"),
    ("GET timeline", "Series for plots, with marks"),
    ("GET usual", "What is usual at this hour"),
    ("GET cohorts", "Events against what was expected of them, by two attributes and by each alone"),
    ("GET webhooks", "The receivers, without their secrets"),
    ("GET webhooks/deliveries", "The newest 200 deliveries"),
    ("GET webhooks/{id}", "One receiver"),
    ("PUT webhooks/{id}", "Set a receiver"),
    ("DELETE webhooks/{id}", "Remove a receiver, and what waits for it"),
    ("POST webhooks/{id}/test", "Queue a message of the event `test`"),
    ("POST /_blobwatch/ingest/v1/{source}", "Take events of another party"),
    ("GET ingest", "The sources that sent something"),
    ("GET packets", "What dropped packets have in common, against those that pass"),
    ("GET /_blobwatch/metrics", "Metrics as Prometheus text"),
    ("GET /_blobwatch/healthz", "Liveness, readiness, and what needs an operator"),
    ("GET /_blobwatch/session", "Who is signed in"),
    ("POST /_blobwatch/session", "Sign in a browser with a token"),
    ("DELETE /_blobwatch/session", "Sign out, or end all sessions of a name"),
    ("GET demo/play", "How far July 2020 is played; only in `cargo xtask dev`"),
    ("POST demo/play", "Play July 2020; only in `cargo xtask dev`"),
    ("GET tokens", "The tokens, without what they are"),
    ("POST tokens", "Make a token, which is said once"),
    ("PUT tokens/{name}", "Say when a token ends"),
    ("DELETE tokens/{name}", "Revoke a token"),
    ("GET /_blobwatch/session/oidc", "Send a browser to the identity provider"),
    ("GET /_blobwatch/session/oidc/callback", "Take a browser back from the identity provider"),
    ("GET openapi.json", "This document"),
];

/// What a call does; empty where the list does not say.
pub(crate) fn summary(call: &ApiCall) -> &'static str {
    let key = format!("{} {}", call.method, call.path);
    let mut all = SUMMARIES.iter();
    all.find_map(|(name, summary)| (*name == key).then_some(*summary))
        .unwrap_or_default()
}

pub(crate) fn tag(call: &ApiCall) -> &'static str {
    let subject = call.path.split('/').next().unwrap_or_default();
    match (call.handler, subject) {
        (_, "webhooks") => "webhooks",
        (_, "ingest" | "packets") | (Handler::Ingest, _) => "ingest",
        (Handler::Object(Object::RuleBook) | Handler::AuditLog, _) => "rulebook",
        (Handler::Object(Object::Previews), _) => "previews",
        (Handler::Records | Handler::Compare | Handler::Addresses | Handler::Losses | Handler::Loads, _) => {
            "records"
        }
        (
            Handler::Object(Object::Detector)
            | Handler::Report
            | Handler::NewShare
            | Handler::SharedReport
            | Handler::WebhookChange,
            _,
        ) => "anomalies",
        _ => "deployment",
    }
}
