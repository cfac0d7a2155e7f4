//! The table of calls, in the order of docs/api.md's subjects.

use super::{ApiCall, Handler, Reach};
use crate::{Method, Object, Role};

const VIEWER: Option<Role> = Some(Role::Viewer);
const INGEST: Option<Role> = Some(Role::Ingest);
const ANALYST: Option<Role> = Some(Role::Analyst);
const OPERATOR: Option<Role> = Some(Role::Operator);
const ADMIN: Option<Role> = Some(Role::Admin);
const ANYONE: Option<Role> = None;

const RULE_BOOK: Handler = Handler::Object(Object::RuleBook);
const PREVIEWS: Handler = Handler::Object(Object::Previews);
const DETECTOR: Handler = Handler::Object(Object::Detector);

/// All calls.
#[rustfmt::skip]
pub const CALLS: &[ApiCall] = &[
    // Rulebook
    get("rules", VIEWER, RULE_BOOK, "List<RuleItem>"),
    get("rules/{id}", VIEWER, RULE_BOOK, "RuleItem"),
    get("rules/{id}/versions", VIEWER, RULE_BOOK, "List<VersionItem>"),
    put("rules/{id}", OPERATOR, RULE_BOOK, "RuleBody", "Changed<RuleItem>"),
    delete("rules/{id}", OPERATOR, RULE_BOOK, "Changed<Retired>"),
    post("rules/check", ANALYST, RULE_BOOK, "CheckBody", "Checked"),
    get("modes", VIEWER, RULE_BOOK, "List<ModeItem>"),
    get("rules/{id}/modes", VIEWER, RULE_BOOK, "List<ModeItem>"),
    get("rules/{id}/modes/{route}", VIEWER, RULE_BOOK, "ModeItem"),
    put("rules/{id}/modes/{route}", OPERATOR, RULE_BOOK, "ModeBody", "Changed<ModeItem>").on(Reach::Route),
    delete("rules/{id}/modes/{route}", OPERATOR, RULE_BOOK, "Changed<Unset>").on(Reach::Route),
    post("rules/{id}/modes/{route}/approve", OPERATOR, RULE_BOOK, "Decision", "Changed<ModeItem>").on(Reach::Route),
    post("rules/{id}/modes/{route}/decline", OPERATOR, RULE_BOOK, "Decision", "PendingItem").on(Reach::Route),
    get("pending", VIEWER, RULE_BOOK, "List<PendingItem>"),
    get("second-person", VIEWER, RULE_BOOK, "SecondPerson"),
    put("second-person", ADMIN, RULE_BOOK, "SecondPerson", "SecondPerson"),
    get("guards", VIEWER, RULE_BOOK, "List<GuardOf>"),
    post("panic-off", OPERATOR, RULE_BOOK, "PanicBody", "Changed<TakenBack>").on(Reach::RouteOfBody),
    get("routes", VIEWER, RULE_BOOK, "List<RouteItem>"),
    get("routes/{name}", VIEWER, RULE_BOOK, "RouteItem"),
    put("routes/{name}", OPERATOR, RULE_BOOK, "RouteBody", "Changed<RouteItem>"),
    delete("routes/{name}", OPERATOR, RULE_BOOK, "Changed<Retired>"),
    get("lists", VIEWER, RULE_BOOK, "List<ListOutline>"),
    get("lists/{name}", VIEWER, RULE_BOOK, "ListDetail"),
    get("lists/{name}/versions", VIEWER, RULE_BOOK, "List<ListOutline>"),
    put("lists/{name}", OPERATOR, RULE_BOOK, "ListBody", "Changed<ListChange>"),
    post("lists/{name}/items", OPERATOR, RULE_BOOK, "ItemsBody", "Changed<ListChange>"),
    delete("lists/{name}", OPERATOR, RULE_BOOK, "Changed<ListRemoval>"),
    get("settings", VIEWER, RULE_BOOK, "Settings"),
    put("settings", OPERATOR, RULE_BOOK, "Settings", "Changed<Settings>"),
    get("rulebook", VIEWER, RULE_BOOK, "Rulebook"),
    put("rulebook", OPERATOR, RULE_BOOK, "Rulebook", "Push"),
    post("explain", VIEWER, RULE_BOOK, "ExplainBody", "Hypothesis"),
    get("fire-logs", VIEWER, RULE_BOOK, "List<FireLogItem>"),
    get("audit", VIEWER, Handler::AuditLog, "List<AuditItem>"),
    get("audit/verify", VIEWER, Handler::AuditLog, "Report"),
    // Previews
    post("previews", ANALYST, PREVIEWS, "Wanted", "PreviewItem"),
    get("previews", VIEWER, PREVIEWS, "List<PreviewItem>"),
    get("previews/{id}", VIEWER, PREVIEWS, "PreviewItem"),
    delete("previews/{id}", ANALYST, PREVIEWS, "PreviewItem"),
    // Records
    get("fires", VIEWER, Handler::Records, "List<Record>"),
    get("fires/summary", VIEWER, Handler::Records, "Summary"),
    get("fires/{id}", VIEWER, Handler::Records, "Explanation"),
    get("requests", VIEWER, Handler::Records, "List<Record>"),
    get("requests/summary", VIEWER, Handler::Records, "Summary"),
    get("requests/{id}", VIEWER, Handler::Records, "Explanation"),
    post("compare", VIEWER, Handler::Compare, "CompareBody", "Comparison"),
    get("addresses", OPERATOR, Handler::Addresses, "List<KeptAddress>"),
    delete("addresses/{client}", OPERATOR, Handler::Addresses, "ErasedAddress"),
    get("losses", VIEWER, Handler::Losses, "List<Loss>"),
    // Anomalies
    get("anomalies", VIEWER, DETECTOR, "List<AnomalyJson>"),
    get("anomalies/{id}", VIEWER, DETECTOR, "AnomalyJson"),
    get("anomalies/{id}/report", VIEWER, Handler::Report, "text/markdown"),
    get("anomalies/{id}/shares", VIEWER, DETECTOR, "List<ShareItem>"),
    post("anomalies/{id}/shares", OPERATOR, Handler::NewShare, "ShareBody", "NewShareItem"),
    delete("anomalies/{id}/shares/{share}", OPERATOR, DETECTOR, "ShareItem"),
    get("/_blobwatch/shared/{token}", ANYONE, Handler::SharedReport, "text/html"),
    post("anomalies/{id}/acknowledge", OPERATOR, DETECTOR, "", "AnomalyJson").on(Reach::Nowhere),
    post("anomalies/{id}/assign", OPERATOR, DETECTOR, "AssignBody", "AnomalyJson").on(Reach::Nowhere),
    post("anomalies/{id}/comment", OPERATOR, DETECTOR, "CommentBody", "AnomalyJson").on(Reach::Nowhere),
    post("anomalies/{id}/mute", OPERATOR, DETECTOR, "MuteBody", "AnomalyJson"),
    delete("anomalies/{id}/mute", OPERATOR, DETECTOR, "AnomalyJson"),
    post("anomalies/{id}/expected", OPERATOR, DETECTOR, "", "AnomalyJson"),
    post("anomalies/{id}/reopen", OPERATOR, DETECTOR, "", "AnomalyJson").on(Reach::Nowhere),
    get("timeline", VIEWER, DETECTOR, "Timeline"),
    get("cohorts", VIEWER, DETECTOR, "Cohorts"),
    // Webhooks
    get("webhooks", OPERATOR, DETECTOR, "List<WebhookItem>"),
    get("webhooks/deliveries", OPERATOR, DETECTOR, "List<DeliveryItem>"),
    get("webhooks/{id}", OPERATOR, DETECTOR, "WebhookItem"),
    put("webhooks/{id}", OPERATOR, Handler::WebhookChange, "WebhookBody", "WebhookItem"),
    delete("webhooks/{id}", OPERATOR, Handler::WebhookChange, "WebhookItem"),
    post("webhooks/{id}/test", OPERATOR, DETECTOR, "", "Queued"),
    // What other parties tell
    post("/_blobwatch/ingest/v1/{source}", INGEST, Handler::Ingest, "Events", "Ingested"),
    get("ingest", VIEWER, DETECTOR, "List<IngestSource>"),
    get("packets", VIEWER, DETECTOR, "PacketsAnswer"),
    // Who may call
    get("tokens", ADMIN, Handler::Tokens, "List<TokenItem>"),
    post("tokens", ADMIN, Handler::Tokens, "TokenBody", "NewToken"),
    put("tokens/{name}", ADMIN, Handler::Tokens, "ExpiryBody", "TokenItem"),
    delete("tokens/{name}", ADMIN, Handler::Tokens, "TokenItem"),
    // The deployment
    get("/_blobwatch/metrics", VIEWER, Handler::Metrics, "text/plain"),
    get("/_blobwatch/healthz", ANYONE, Handler::Health, "Health"),
    get("/_blobwatch/session", ANYONE, Handler::Session, "SessionItem"),
    post("/_blobwatch/session", ANYONE, Handler::Session, "PostedToken", "SessionItem"),
    delete("/_blobwatch/session", ANYONE, Handler::Session, ""),
    get("/_blobwatch/session/oidc", ANYONE, Handler::Oidc, ""),
    get("/_blobwatch/session/oidc/callback", ANYONE, Handler::Oidc, ""),
    get("demo/play", OPERATOR, Handler::Demo, "Played"),
    post("demo/play", OPERATOR, Handler::Demo, "", "Played"),
];

const fn get(path: &'static str, role: Option<Role>, handler: Handler, answer: &'static str) -> ApiCall {
    call(Method::Get, path, role, handler, "", answer)
}

const fn delete(path: &'static str, role: Option<Role>, handler: Handler, answer: &'static str) -> ApiCall {
    call(Method::Delete, path, role, handler, "", answer)
}

const fn put(
    path: &'static str,
    role: Option<Role>,
    handler: Handler,
    request: &'static str,
    answer: &'static str,
) -> ApiCall {
    call(Method::Put, path, role, handler, request, answer)
}

const fn post(
    path: &'static str,
    role: Option<Role>,
    handler: Handler,
    request: &'static str,
    answer: &'static str,
) -> ApiCall {
    call(Method::Post, path, role, handler, request, answer)
}

const fn call(
    method: Method,
    path: &'static str,
    role: Option<Role>,
    handler: Handler,
    request: &'static str,
    answer: &'static str,
) -> ApiCall {
    ApiCall {
        method,
        path,
        role,
        reach: reach_of(role),
        handler,
        request,
        answer,
    }
}

/// Where nothing else is said: whoever may change something must be allowed to everywhere.
const fn reach_of(role: Option<Role>) -> Reach {
    match role {
        None | Some(Role::Viewer | Role::Analyst) => Reach::Nowhere,
        Some(Role::Ingest | Role::Operator | Role::Admin) => Reach::Everywhere,
    }
}

impl ApiCall {
    const fn on(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }
}
