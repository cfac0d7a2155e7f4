//! The RuleBook: routes, rules, modes and their audit log, changed by calls.

mod alarm;
mod audit;
mod calls;
mod curl;
mod document;
mod filter_names;
mod handwritten_request;
mod hypothetical;
mod metrics;
mod object_calls;
mod preview_freshness;
mod preview_plan;
mod preview_request;
#[cfg(any(test, feature = "testing"))]
#[expect(clippy::unwrap_used, reason = "made up for tests only")]
pub mod preview_sample;
mod split;
mod store;
mod used_tokens;

pub use alarm::next_alarm_ms;
pub use audit::{AuditEntry, AuditItem, Broken, Chain, ChainReport};
pub use calls::{
    EntryOnce, NewAuditEntry, NewToken, NextReport, RevokeToken, TokenItem, TokenUsed, advance, answer,
    changes_since, checked_reason, create_token, expire_token, export_audit, export_begin, list_tokens,
    new_expiry, new_token, revoke_token, take_load, take_report, verify_audit, write_entry, write_entry_once,
};
#[cfg(feature = "schema")]
pub use calls::{add_answers, add_bodies};
pub use document::{Document, read_document};
pub use filter_names::unknown_names;
pub use metrics::rule_book_metrics;
pub use object_calls::{
    Admission, AdmissionCall, ChangesCall, CreateTokenCall, DocumentCall, EPOCH_HEADER, EndSessionCall,
    EndedSessionsCall, ExpireTokenCall, ExportAuditCall, FilterNames, FireLogNamesCall, GuardCountsCall,
    GuardsAt, GuardsThenCall, Health, HealthCall, ListTokensCall, LoadReportCall, PlanPreviewCall,
    PreviewDoneCall, RetentionCall, RevokeTokenCall, RuleBookLossesCall, RuleBookMetricsCall,
    StalePreviewsCall, TokenUsedCall, UnknownNamesCall, VerifyAuditCall, WriteEntryCall, WriteEntryOnceCall,
};
pub use preview_freshness::{Healthy, Stamp, stale_previews};
pub use preview_plan::PreviewPlan;
pub use preview_request::plan_of;
pub use split::Loads;
pub(crate) use store::USED_EVERY_MS;
pub use store::{EndSession, FireLogState, NoticeKind, PendingNotice, RuleBookError, RuleBookStore};
pub use used_tokens::UsedTokens;
