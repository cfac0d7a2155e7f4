//! The RuleBook: routes, rules, modes and their audit log, changed by calls.

mod alarm;
mod asked;
mod audit;
mod calls;
mod curl;
mod document;
mod hypothetical;
mod object_calls;
mod preview_freshness;
mod preview_plan;
mod preview_request;
#[cfg(any(test, feature = "testing"))]
#[expect(clippy::unwrap_used, reason = "made up for tests only")]
pub mod preview_sample;
mod store;

pub use alarm::next_alarm_ms;
pub use audit::{AuditEntry, AuditItem, Broken, Chain, ChainReport};
pub use calls::{
    EntryOnce, NewAuditEntry, NextReport, advance, answer, changes_since, checked_reason, export_audit,
    export_begin, take_report, verify_audit, write_entry, write_entry_once,
};
#[cfg(feature = "schema")]
pub use calls::{add_answers, add_bodies};
pub use document::{Document, read_document};
pub use object_calls::{
    ChangesCall, DocumentCall, EPOCH_HEADER, EndSessionCall, EndedSessionsCall, ExportAuditCall,
    FireLogNamesCall, GuardCountsCall, GuardsAt, GuardsThenCall, Health, HealthCall, PlanPreviewCall,
    PreviewDoneCall, RuleBookLossesCall, StalePreviewsCall, VerifyAuditCall, WriteEntryCall,
    WriteEntryOnceCall,
};
pub use preview_freshness::{Stamp, stale_previews};
pub use preview_plan::PreviewPlan;
pub use preview_request::plan_of;
pub use store::{
    EndSession, EndedSessions, FireLogState, NoticeKind, PendingNotice, RuleBookError, RuleBookStore,
};
