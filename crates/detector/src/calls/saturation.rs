//! What is not told apart at present, beside what is shown: a cohort that is missing there may be in `other`.

use serde::Serialize;

use crate::store::Detector;
use blobwatch_records::SLOT_S;
use blobwatch_sql::Sql;
use blobwatch_wire::rfc3339;

/// One attribute.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Saturated {
    attribute: &'static str,
    /// Requests whose value was counted as `other`.
    other_requests: u64,
    since: String,
    /// When the last of them came.
    last: String,
}

/// Attributes of which requests were counted as `other` within the last hour.
pub(super) fn saturation<S: Sql>(store: &Detector<S>) -> Vec<Saturated> {
    let time = |slot: u64| rfc3339(slot * SLOT_S * 1000);
    let saturated = store.engine().saturation().map(|of| Saturated {
        attribute: of.attribute,
        other_requests: of.requests,
        since: time(of.first),
        last: time(of.last + 1),
    });
    saturated.collect()
}
