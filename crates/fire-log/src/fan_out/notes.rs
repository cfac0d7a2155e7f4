//! What is said beside records and counts.

use serde::Serialize;

use crate::query::Older;
use blobwatch_wire::Place;

/// Nothing, mostly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Notes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older: Option<Older>,
    /// Filters that hardly any record can match: a name that is nearly one, a rule that never was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Place>,
}
