//! What is wrong and for whom: cells of all FireLogs in, anomalies with their cohort, rules and sentence out.
//!
//! In scope: the engine and its words, whatever stores it or carries it. Not in scope: the statistics themselves
//! (`blobwatch-detect`), storage (`store`), requests and alarms (`src/control_plane`). What is promised is in
//! docs/detection.md.

mod anomaly;
mod broad;
mod burst;
mod calls;
mod cliff;
mod cohort;
mod engine;
mod kind;
mod locate;
mod normal;
mod rules;
mod sentence;
mod store;
#[cfg(test)]
pub(crate) mod tests;
mod webhook;
mod window;

pub use anomaly::{Anomaly, AnomalyJson, Entry, MAX_EXAMPLES, Moment, number};
pub use broad::{Affected, MIN_CLIENTS, MIN_NETWORKS};
pub use calls::{Call, Known, Report, answer, known, marks_of, switches_of, wanted_evidence};
pub use cohort::{ABSENT, ATTRIBUTES, Cohort, Literal, value, values};
pub use engine::{
    Added, Change, DAYS_PER_FALSE_ALARM, Engine, Harm, MAX_EARLY_SLOTS, MAX_LATE_SLOTS, Note, Outcome,
    Rollup, Uncounted,
};
pub use kind::AnomalyKind;
pub use normal::Rates;
pub use rules::{Contrast, RouteChange, Suspect, Switch};
pub(crate) use sentence::{percent, times};
pub use store::{Attempt, Delivery, Detector, DetectorError, Webhook};
pub use webhook::{Allowed, SIGNATURE_HEADER, check, signature};
pub use window::{Bucket, MINUTE_SLOTS, Row, Window};
