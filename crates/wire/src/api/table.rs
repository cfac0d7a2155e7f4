//! The table of calls, in the order of docs/api.md's subjects.

use super::queries::{
    ANOMALIES, AUDIT, AXES, CLIENT, COUNTS, DRY_RUN, FILTERS, GROUPS, HOUR, NAME, ONE_BY, PAGE, PREVIEW_PAGE,
    READY, REASON, RECORD_PAGE, REVISION, SAMPLED, SERIES, WINDOW,
};
use super::{ApiCall, ApiParameter, Handler, Reach};
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
    get("rules", VIEWER, RULE_BOOK, "List<RuleItem>").takes(&[PAGE]),
    get("rules/{id}", VIEWER, RULE_BOOK, "RuleItem"),
    get("rules/{id}/versions", VIEWER, RULE_BOOK, "List<VersionItem>").takes(&[PAGE]),
    put("rules/{id}", OPERATOR, RULE_BOOK, "RuleBody", "Changed<RuleItem>").takes(&[REASON]),
    delete("rules/{id}", OPERATOR, RULE_BOOK, "Changed<Retirement>").takes(&[REASON]),
    post("rules/check", ANALYST, RULE_BOOK, "CheckBody", "Checked"),
    get("modes", VIEWER, RULE_BOOK, "List<ModeItem>").takes(&[PAGE]),
    get("rules/{id}/modes", VIEWER, RULE_BOOK, "List<ModeItem>").takes(&[PAGE]),
    get("rules/{id}/modes/{route}", VIEWER, RULE_BOOK, "ModeItem"),
    get("rules/{id}/modes/{route}/readings", VIEWER, RULE_BOOK, "GuardReadings"),
    put("rules/{id}/modes/{route}", OPERATOR, RULE_BOOK, "ModeBody", "Changed<ModeItem>").on(Reach::Route).takes(&[REASON]),
    delete("rules/{id}/modes/{route}", OPERATOR, RULE_BOOK, "Changed<Unset>").on(Reach::Route).takes(&[REASON]),
    post("rules/{id}/modes/{route}/approve", OPERATOR, RULE_BOOK, "Decision", "Changed<ModeItem>").on(Reach::Route).takes(&[REASON]),
    post("rules/{id}/modes/{route}/decline", OPERATOR, RULE_BOOK, "Decision", "PendingItem").on(Reach::Route).takes(&[REASON]),
    get("pending", VIEWER, RULE_BOOK, "List<PendingItem>").takes(&[PAGE]),
    get("second-person", VIEWER, RULE_BOOK, "SecondPerson"),
    put("second-person", ADMIN, RULE_BOOK, "SecondPerson", "SecondPerson").takes(&[REASON]),
    get("guards", VIEWER, RULE_BOOK, "List<GuardOf>").takes(&[PAGE]),
    post("panic-off", OPERATOR, RULE_BOOK, "PanicBody", "Changed<TakenBack>").on(Reach::RouteOfBody).takes(&[REASON]),
    get("routes", VIEWER, RULE_BOOK, "List<RouteItem>").takes(&[PAGE]),
    get("routes/{name}", VIEWER, RULE_BOOK, "RouteItem"),
    put("routes/{name}", OPERATOR, RULE_BOOK, "RouteBody", "Changed<RouteItem>").takes(&[REASON]),
    delete("routes/{name}", OPERATOR, RULE_BOOK, "Changed<Retirement>").takes(&[REASON]),
    get("lists", VIEWER, RULE_BOOK, "List<ListOutline>").takes(&[PAGE]),
    get("lists/{name}", VIEWER, RULE_BOOK, "ListDetail"),
    get("lists/{name}/versions", VIEWER, RULE_BOOK, "List<ListOutline>").takes(&[PAGE]),
    put("lists/{name}", OPERATOR, RULE_BOOK, "ListBody", "Changed<ListChange>").takes(&[REASON]),
    post("lists/{name}/items", OPERATOR, RULE_BOOK, "ItemsBody", "Changed<ListChange>").takes(&[REASON]),
    delete("lists/{name}", OPERATOR, RULE_BOOK, "Changed<ListRemoval>").takes(&[REASON]),
    get("settings", VIEWER, RULE_BOOK, "Settings"),
    put("settings", OPERATOR, RULE_BOOK, "Settings", "Changed<Settings>").takes(&[REASON]),
    get("rulebook", VIEWER, RULE_BOOK, "Rulebook").takes(&[REVISION]),
    put("rulebook", OPERATOR, RULE_BOOK, "RulebookBody", "Push").takes(&[REASON, DRY_RUN]),
    post("explain", VIEWER, RULE_BOOK, "ExplainBody", "Hypothesis"),
    get("archives", VIEWER, RULE_BOOK, "List<ArchiveItem>").takes(&[PAGE]),
    post("archives", ANALYST, RULE_BOOK, "ArchiveBody", "ArchiveItem"),
    get("fire-logs", VIEWER, RULE_BOOK, "List<FireLogItem>").takes(&[PAGE]),
    get("fire-logs/load", VIEWER, Handler::Loads, "LoadList"),
    get("audit", VIEWER, Handler::AuditLog, "List<AuditItem>").takes(&[PAGE, AUDIT]),
    get("audit/verify", VIEWER, Handler::AuditLog, "ChainReport"),
    // Previews
    post("previews", ANALYST, PREVIEWS, "PreviewRequest", "PreviewItem"),
    get("previews", VIEWER, PREVIEWS, "List<PreviewItem>").takes(&[PREVIEW_PAGE]),
    get("previews/{id}", VIEWER, PREVIEWS, "PreviewItem"),
    delete("previews/{id}", ANALYST, PREVIEWS, "PreviewItem"),
    // Records
    get("fires", VIEWER, Handler::Records, "RecordList").takes(&[FILTERS, RECORD_PAGE]),
    get("fires/summary", VIEWER, Handler::Records, "Summary").takes(&[FILTERS, GROUPS]),
    get("fires/{id}", VIEWER, Handler::Records, "Explanation"),
    get("requests", VIEWER, Handler::Records, "RecordList").takes(&[FILTERS, RECORD_PAGE]),
    get("requests/summary", VIEWER, Handler::Records, "Summary").takes(&[FILTERS, GROUPS]),
    get("requests/{id}", VIEWER, Handler::Records, "Explanation"),
    post("compare", VIEWER, Handler::Compare, "CompareBody", "Comparison"),
    get("addresses", OPERATOR, Handler::Addresses, "AddressList").takes(&[CLIENT, PAGE]),
    delete("addresses/{client}", OPERATOR, Handler::Addresses, "ErasedAddress").takes(&[REASON]),
    get("losses", VIEWER, Handler::Losses, "LossList"),
    // Anomalies
    get("anomalies", VIEWER, DETECTOR, "AnomalyList").takes(&[ANOMALIES, PAGE]),
    get("anomalies/{id}", VIEWER, DETECTOR, "Anomaly"),
    get("anomalies/{id}/report", VIEWER, Handler::Report, "text/markdown"),
    get("anomalies/{id}/shares", VIEWER, DETECTOR, "List<ShareItem>"),
    post("anomalies/{id}/shares", OPERATOR, Handler::NewShare, "ShareBody", "NewShareItem").takes(&[REASON]),
    delete("anomalies/{id}/shares/{share}", OPERATOR, DETECTOR, "ShareItem").takes(&[REASON]),
    get("/_blobwatch/shared/{token}", ANYONE, Handler::SharedReport, "text/html"),
    post("anomalies/{id}/acknowledge", OPERATOR, DETECTOR, "", "Anomaly").on(Reach::Nowhere).takes(&[REASON]),
    post("anomalies/{id}/assign", OPERATOR, DETECTOR, "AssignBody", "Anomaly").on(Reach::Nowhere).takes(&[REASON]),
    post("anomalies/{id}/comment", OPERATOR, DETECTOR, "CommentBody", "Anomaly").on(Reach::Nowhere).takes(&[REASON]),
    post("anomalies/{id}/mute", OPERATOR, DETECTOR, "MuteBody", "Anomaly").takes(&[REASON]),
    delete("anomalies/{id}/mute", OPERATOR, DETECTOR, "Anomaly").takes(&[REASON]),
    post("anomalies/{id}/expected", OPERATOR, DETECTOR, "", "Anomaly").takes(&[REASON]),
    post("anomalies/{id}/reopen", OPERATOR, DETECTOR, "", "Anomaly").on(Reach::Nowhere).takes(&[REASON]),
    get("timeline", VIEWER, DETECTOR, "Timeline").takes(&[WINDOW, COUNTS, SERIES]),
    get("usual", VIEWER, DETECTOR, "Usual").takes(&[HOUR, COUNTS, ONE_BY]),
    get("cohorts", VIEWER, DETECTOR, "Cohorts").takes(&[WINDOW, COUNTS, SAMPLED, AXES]),
    // Webhooks
    get("webhooks", OPERATOR, DETECTOR, "List<WebhookItem>"),
    get("webhooks/deliveries", OPERATOR, DETECTOR, "List<DeliveryItem>"),
    get("webhooks/{id}", OPERATOR, DETECTOR, "WebhookItem"),
    put("webhooks/{id}", OPERATOR, Handler::WebhookChange, "WebhookBody", "Changed<WebhookItem>").takes(&[REASON]),
    delete("webhooks/{id}", OPERATOR, Handler::WebhookChange, "Changed<WebhookItem>").takes(&[REASON]),
    post("webhooks/{id}/test", OPERATOR, DETECTOR, "", "QueuedDelivery"),
    // What other parties tell
    post("/_blobwatch/ingest/v1/{source}", INGEST, Handler::Ingest, "Events", "Ingested"),
    get("ingest", VIEWER, DETECTOR, "List<IngestSource>").takes(&[PAGE]),
    get("packets", VIEWER, DETECTOR, "Packets").takes(&[WINDOW]),
    // Who may call
    get("tokens", ADMIN, Handler::Tokens, "List<TokenItem>"),
    post("tokens", ADMIN, Handler::Tokens, "TokenBody", "NewToken"),
    put("tokens/{name}", ADMIN, Handler::Tokens, "ExpiryBody", "TokenItem"),
    delete("tokens/{name}", ADMIN, Handler::Tokens, "TokenItem").takes(&[REASON]),
    // The deployment
    get("openapi.json", VIEWER, Handler::OpenApi, "OpenApi"),
    get("/_blobwatch/metrics", VIEWER, Handler::Metrics, "text/plain"),
    get("/_blobwatch/healthz", ANYONE, Handler::Health, "Health").takes(&[READY]),
    get("/_blobwatch/session", ANYONE, Handler::Session, "SessionItem"),
    post("/_blobwatch/session", ANYONE, Handler::Session, "PostedToken", "SessionItem"),
    delete("/_blobwatch/session", ANYONE, Handler::Session, "").takes(&[NAME]),
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
        parameters: &[],
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
    const fn takes(self, parameters: &'static [&'static [ApiParameter]]) -> Self {
        Self { parameters, ..self }
    }

    const fn on(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }
}
