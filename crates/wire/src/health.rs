//! What `healthz` answers.

use serde::Serialize;

/// Whether something needs an operator.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    status: HealthStatus,
    /// For whoever may read the rulebook: it grows with each change, and a guard's verdict is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum HealthStatus {
    Ok,
    Degraded,
}

impl Health {
    #[must_use]
    pub const fn new(revision: Option<u64>, reasons: Vec<String>) -> Self {
        Self {
            status: if reasons.is_empty() {
                HealthStatus::Ok
            } else {
                HealthStatus::Degraded
            },
            revision,
            reasons,
        }
    }
}
