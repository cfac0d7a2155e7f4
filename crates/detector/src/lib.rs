//! What is wrong and for whom: cells of all FireLogs in, anomalies with their cohort, rules and sentence out.
//!
//! In scope: the engine and its words, whatever stores it or carries it. Not in scope: the statistics themselves
//! (`blobwatch-detect`), storage (`store`), requests and alarms (`src/control_plane`). What is promised is in
//! docs/detection.md.

mod admission;
mod anomaly;
mod breadths;
mod broad;
mod burst;
mod calls;
mod changes;
mod cliff;
mod cohort;
mod coverage;
mod engine;
mod handling;
mod ingest;
mod intervention;
mod key_table;
mod kind;
mod literals;
mod locate;
mod naming;
mod normal;
mod object_calls;
mod packets;
mod places;
mod rules;
mod sentence;
mod spared;
mod store;
#[cfg(test)]
pub(crate) mod tests;
mod upstream;
mod webhook;
mod window;

pub(crate) use admission::{Admission, Fill, OlderAdmission};

pub(crate) use anomaly::HistoryEntry;
pub use anomaly::{Anomaly, Moment, number};
pub use broad::clients_in_networks;
pub use calls::{
    NewShare, NewShareItem, Report, ReportFacts, SharedDetector, act, answer, is_act, link_hash,
    report_facts, share, shared_report, wanted_evidence,
};
pub(crate) use calls::{ShareItem, SharedReport};
#[cfg(feature = "schema")]
pub use calls::{add_answers, add_bodies};
pub(crate) use cohort::ATTRIBUTES;
pub use cohort::{Cohort, value, values};
pub(crate) use coverage::{Coverage, CoverageState, RouteCoverage};
pub(crate) use engine::detail::speed;
pub(crate) use engine::{Change, DAYS_PER_FALSE_ALARM, MinuteSample, OlderEngine, Rollup};
pub use engine::{Engine, Note, Outcome};
pub(crate) use intervention::Intervention;
pub use intervention::Response;
pub use kind::AnomalyKind;
pub use object_calls::{
    Acknowledged, AnomalyCall, CellsCall, ChangeCall, HarmCall, IngestedCall, LostCall, NewShareCall,
    SharedReportCall,
};
pub(crate) use rules::{Contrast, Switch};
pub(crate) use sentence::{called, rate, times};
pub use store::{Attempt, Delivery, Detector, Webhook, keep_sums, save_when_due};
pub use webhook::{
    AllowedAddresses, Format, SIGNATURE_HEADER, SecretUse, audited, check, signature, standard_signature,
};
