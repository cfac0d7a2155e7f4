//! What other objects and the API ask of the RuleBook; docs/api.md has what people ask.

use serde::{Deserialize, Serialize};

use crate::calls::{CreateToken, ExpireToken, ExportStep, Written};
use crate::store::EndedSessions;
use crate::{
    Chain, EndSession, EntryOnce, NewAuditEntry, NextReport, PreviewPlan, RevokeToken, Stamp, TokenItem,
    TokenUsed,
};
use blobwatch_guard::{GuardThen, Report};
use blobwatch_rulebook::{ChangeNotice, LoadReport, Retention};
use blobwatch_tokens::StoredToken;
use blobwatch_wire::{Loss, Method, Nothing, Object, ObjectCall, Place, Text, query_number};

/// Beside a document that goes to a FireLog: the epoch it is of.
pub const EPOCH_HEADER: &str = "Blobwatch-Epoch";

/// Liveness and revision, nothing else: anyone may ask.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub status: String,
    pub revision: u64,
}

/// Whether the rulebook can be read.
pub struct HealthCall;

impl ObjectCall for HealthCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "health";
    const PURPOSE: &'static str = "read the revision";
    type Request = Nothing;
    type Reply = Health;
}

/// Names of the FireLogs that are known.
pub struct FireLogNamesCall;

impl ObjectCall for FireLogNamesCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "fire-logs";
    const PURPOSE: &'static str = "read the FireLogs' names";
    type Request = Nothing;
    type Reply = Vec<String>;
}

/// How long records are kept, and where older ones are.
pub struct RetentionCall;

impl ObjectCall for RetentionCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "retention";
    const PURPOSE: &'static str = "read how long records are kept";
    type Request = Nothing;
    type Reply = Retention;
}

/// What the RuleBook adds to the metrics, as Prometheus' text.
pub struct RuleBookMetricsCall;

impl ObjectCall for RuleBookMetricsCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "metrics";
    const PURPOSE: &'static str = "read the metrics of the rulebook";
    type Request = Nothing;
    type Reply = Text;
}

/// Names of a call's filters, and which of them no rule and no route ever had.
pub struct UnknownNamesCall;

impl ObjectCall for UnknownNamesCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "names/unknown";
    const PURPOSE: &'static str = "read the names of rules and routes";
    type Request = FilterNames;
    type Reply = Vec<Place>;
}

/// Rules and routes that records are asked for by, each with its parameter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FilterNames {
    pub rules: Vec<(String, String)>,
    pub routes: Vec<(String, String)>,
}

/// The rulebook as JSON, beside the [`EPOCH_HEADER`].
pub enum DocumentCall<'a> {
    /// For the FireLog of that name, which is told of every change from then on.
    ForFireLog(&'a str),
    /// As it was.
    AtRevision(u64),
}

impl ObjectCall for DocumentCall<'_> {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "document";
    const PURPOSE: &'static str = "read the rulebook";
    type Request = Nothing;
    type Reply = Text;

    fn path(&self) -> String {
        match self {
            Self::ForFireLog(name) => format!("{}?fire_log={name}", Self::PATH),
            Self::AtRevision(revision) => format!("{}?revision={revision}", Self::PATH),
        }
    }
}

/// One step of an export of the audit log, behind the entry of that number.
pub struct ExportAuditCall {
    pub after: u64,
}

impl ObjectCall for ExportAuditCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "audit/export";
    const PURPOSE: &'static str = "read the audit log";
    type Request = Nothing;
    type Reply = ExportStep;

    fn path(&self) -> String {
        format!("{}?after={}", Self::PATH, self.after)
    }
}

impl ExportAuditCall {
    #[must_use]
    pub fn from_query(query: &str) -> Self {
        let after = query_number(query, "after");
        Self { after }
    }
}

/// One step of a walk along the audit log's chain: how far it came, and whether it is over.
pub struct VerifyAuditCall;

impl ObjectCall for VerifyAuditCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "audit/verify";
    const PURPOSE: &'static str = "walk the audit log";
    type Request = Chain;
    type Reply = (Chain, bool);
}

/// Writes a change that is kept elsewhere into the audit log.
pub struct WriteEntryCall;

impl ObjectCall for WriteEntryCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "audit/entry";
    const PURPOSE: &'static str = "write the audit log";
    type Request = NewAuditEntry;
    type Reply = Written;
}

/// Writes what somebody did about an anomaly into the audit log, once however often it is told.
pub struct WriteEntryOnceCall;

impl ObjectCall for WriteEntryOnceCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "audit/entry-once";
    const PURPOSE: &'static str = "write the audit log";
    type Request = EntryOnce;
    type Reply = Written;
}

/// Ends sessions of the dashboard before their time.
pub struct EndSessionCall;

impl ObjectCall for EndSessionCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "sessions/end";
    const PURPOSE: &'static str = "end the session";
    type Request = EndSession;
    type Reply = ();
}

/// Who is let in beside the secret's tokens, and who no longer is.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    pub ended: EndedSessions,
    pub tokens: Vec<StoredToken>,
}

/// What every isolate that is called asks every few seconds.
pub struct AdmissionCall;

impl ObjectCall for AdmissionCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "admission";
    const PURPOSE: &'static str = "read who may call";
    type Request = Nothing;
    type Reply = Admission;
}

/// Tokens that were made by calls.
pub struct ListTokensCall;

impl ObjectCall for ListTokensCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "tokens";
    const PURPOSE: &'static str = "read the tokens";
    type Request = Nothing;
    type Reply = Vec<TokenItem>;
}

/// Keeps a token.
pub struct CreateTokenCall;

impl ObjectCall for CreateTokenCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "tokens";
    const PURPOSE: &'static str = "keep the token";
    type Request = CreateToken;
    type Reply = TokenItem;
}

/// Sets when a token expires.
pub struct ExpireTokenCall;

impl ObjectCall for ExpireTokenCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "tokens/expire";
    const PURPOSE: &'static str = "set when the token expires";
    type Request = ExpireToken;
    type Reply = TokenItem;
}

/// Ends a token.
pub struct RevokeTokenCall;

impl ObjectCall for RevokeTokenCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "tokens/revoke";
    const PURPOSE: &'static str = "revoke the token";
    type Request = RevokeToken;
    type Reply = TokenItem;
}

/// A token was used.
pub struct TokenUsedCall;

impl ObjectCall for TokenUsedCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "tokens/used";
    const PURPOSE: &'static str = "write down that a token was used";
    type Request = TokenUsed;
    type Reply = ();
}

/// The sessions that were ended before their time: isolates of builds before [`AdmissionCall`] ask for them.
pub struct EndedSessionsCall;

impl ObjectCall for EndedSessionsCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "sessions/ended";
    const PURPOSE: &'static str = "read which sessions were ended";
    type Request = Nothing;
    type Reply = EndedSessions;
}

/// What was changed after a revision, oldest first.
pub struct ChangesCall {
    pub since: u64,
}

impl ObjectCall for ChangesCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "changes";
    const PURPOSE: &'static str = "read the changes";
    type Request = Nothing;
    type Reply = Vec<ChangeNotice>;

    fn path(&self) -> String {
        format!("{}?since={}", Self::PATH, self.since)
    }
}

impl ChangesCall {
    #[must_use]
    pub fn from_query(query: &str) -> Self {
        let since = query_number(query, "since");
        Self { since }
    }
}

/// What the RuleBook could not tell, by name.
pub struct RuleBookLossesCall;

impl ObjectCall for RuleBookLossesCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "losses";
    const PURPOSE: &'static str = "read the losses";
    type Request = Nothing;
    type Reply = Vec<Loss>;
}

/// What a preview is to replay; the body is what somebody sent.
pub struct PlanPreviewCall;

impl ObjectCall for PlanPreviewCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "previews/plan";
    const PURPOSE: &'static str = "ask the RuleBook about a preview";
    type Request = Text;
    type Reply = PreviewPlan;
}

/// A preview is done, and may allow an enforcement.
pub struct PreviewDoneCall;

impl ObjectCall for PreviewDoneCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "previews/done";
    const PURPOSE: &'static str = "ask the RuleBook about a preview";
    type Request = Stamp;
    type Reply = ();
}

/// Why each preview no longer allows an enforcement; none for one that does.
pub struct StalePreviewsCall;

impl ObjectCall for StalePreviewsCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "previews/stale";
    const PURPOSE: &'static str = "ask the RuleBook about a preview";
    type Request = Vec<Stamp>;
    type Reply = Vec<Option<String>>;
}

/// What a FireLog counted for guards.
pub struct GuardCountsCall;

impl ObjectCall for GuardCountsCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "guard/counts";
    const PURPOSE: &'static str = "report to the RuleBook";
    type Request = Report;
    type Reply = NextReport;
}

/// How much a FireLog is asked to do, where its colo may need more of them, or fewer.
pub struct LoadReportCall;

impl ObjectCall for LoadReportCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "fire-logs/load";
    const PURPOSE: &'static str = "report the load to the RuleBook";
    type Request = LoadReport;
    type Reply = ();
}

/// The settings of a route under a revision, and a time.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardsAt {
    pub revision: u64,
    pub route: String,
    pub time_ms: u64,
}

/// The guards of a route's enforcements, as they stood then.
pub struct GuardsThenCall;

impl ObjectCall for GuardsThenCall {
    const OBJECT: Object = Object::RuleBook;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "guards/then";
    const PURPOSE: &'static str = "read the guards' states";
    type Request = GuardsAt;
    type Reply = Vec<GuardThen>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_wire::{Body, Payload};

    #[track_caller]
    fn case<C: ObjectCall>(call: C, method: &str, path: &str) {
        assert_eq!(C::OBJECT, Object::RuleBook);
        assert_eq!(C::METHOD.name(), method);
        assert_eq!(call.path(), path);
        assert!(path.starts_with(C::PATH), "{path}");
    }

    #[test]
    fn paths_are_pinned() {
        case(HealthCall, "GET", "health");
        case(FireLogNamesCall, "GET", "fire-logs");
        case(RetentionCall, "GET", "retention");
        case(RuleBookMetricsCall, "GET", "metrics");
        case(UnknownNamesCall, "POST", "names/unknown");
        case(
            DocumentCall::ForFireLog("fl1-fra-0"),
            "GET",
            "document?fire_log=fl1-fra-0",
        );
        case(DocumentCall::AtRevision(7), "GET", "document?revision=7");
        case(ExportAuditCall { after: 9 }, "GET", "audit/export?after=9");
        case(VerifyAuditCall, "POST", "audit/verify");
        case(WriteEntryCall, "POST", "audit/entry");
        case(WriteEntryOnceCall, "POST", "audit/entry-once");
        case(EndSessionCall, "POST", "sessions/end");
        case(EndedSessionsCall, "GET", "sessions/ended");
        case(AdmissionCall, "GET", "admission");
        case(ListTokensCall, "GET", "tokens");
        case(CreateTokenCall, "POST", "tokens");
        case(ExpireTokenCall, "POST", "tokens/expire");
        case(RevokeTokenCall, "POST", "tokens/revoke");
        case(TokenUsedCall, "POST", "tokens/used");
        case(ChangesCall { since: 3 }, "GET", "changes?since=3");
        case(RuleBookLossesCall, "GET", "losses");
        case(PlanPreviewCall, "POST", "previews/plan");
        case(PreviewDoneCall, "POST", "previews/done");
        case(StalePreviewsCall, "POST", "previews/stale");
        case(GuardCountsCall, "POST", "guard/counts");
        case(GuardsThenCall, "POST", "guards/then");
        case(LoadReportCall, "POST", "fire-logs/load");
    }

    #[test]
    fn parameters_are_read_as_they_are_written() {
        let query = |path: &str| path.split_once('?').unwrap().1.to_owned();
        let export = ExportAuditCall { after: 9 };
        assert_eq!(ExportAuditCall::from_query(&query(&export.path())).after, 9);
        let changes = ChangesCall { since: 3 };
        assert_eq!(ChangesCall::from_query(&query(&changes.path())).since, 3);
    }

    #[test]
    fn bodies_are_pinned() {
        #[track_caller]
        fn case<T: Body + PartialEq + std::fmt::Debug>(body: T, text: &str) {
            assert_eq!(T::from_bytes(text.as_bytes()).as_ref(), Ok(&body));
            assert_eq!(body.into_payload(), Ok(Payload::Text(text.to_owned())));
        }
        case(
            Health {
                status: "ok".to_owned(),
                revision: 3,
            },
            r#"{"status":"ok","revision":3}"#,
        );
        case(
            GuardsAt {
                revision: 3,
                route: "hub".to_owned(),
                time_ms: 9,
            },
            r#"{"revision":3,"route":"hub","time_ms":9}"#,
        );
        case(
            NewAuditEntry {
                action: "webhook.put".to_owned(),
                actor: "olga".to_owned(),
                after: Some(serde_json::json!({"url": "u"})),
                before: None,
                reason: None,
                target: "webhooks/chat".to_owned(),
            },
            r#"{"action":"webhook.put","actor":"olga","after":{"url":"u"},"before":null,"reason":null,"target":"webhooks/chat"}"#,
        );
        case(
            Retention {
                hours: 168,
                archive: Some("s3://bucket".to_owned()),
            },
            r#"{"hours":168,"archive":"s3://bucket"}"#,
        );
        case(Written { revision: 4 }, r#"{"revision":4}"#);
        let name = |name: &str| vec![("query.rule".to_owned(), name.to_owned())];
        case(
            FilterNames {
                rules: name("sweep"),
                routes: Vec::new(),
            },
            r#"{"rules":[["query.rule","sweep"]],"routes":[]}"#,
        );
        let end = |session| EndSession {
            name: "olga".to_owned(),
            session,
            until_s: 9,
        };
        case(end(None), r#"{"name":"olga","session":null,"until_s":9}"#);
        case(
            end(Some("0f".to_owned())),
            r#"{"name":"olga","session":"0f","until_s":9}"#,
        );
        case(EndedSessions::default(), r#"{"sessions":[],"names":{}}"#);
        case(
            Admission::default(),
            r#"{"ended":{"sessions":[],"names":{}},"tokens":[]}"#,
        );
    }
}
