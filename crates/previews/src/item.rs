//! A preview as the API answers it.

use serde::Serialize;

use super::report::Report;
use crate::store::{Preview, Status};
use blobwatch_pull::Action;
use blobwatch_rulebook::Volume;
use blobwatch_wire::rfc3339;

/// One preview. What was counted is beside these once it is done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PreviewItem {
    pub id: String,
    pub status: Status,
    pub progress: Progress,
    /// Of the rulebook that it was made against.
    pub revision: u64,
    /// Whether it no longer allows an enforcement, or never did.
    pub stale: bool,
    /// Why.
    pub stale_because: Option<String>,
    pub rule: PreviewedRule,
    pub route: String,
    /// RFC 3339.
    pub since: String,
    pub until: String,
    pub created: String,
    pub ended: Option<String>,
    pub actor: String,
    #[serde(flatten)]
    pub report: Option<Report>,
    /// FireLogs that did not answer: their records are not in the counts.
    pub incomplete: Vec<String>,
    /// Why it failed; or why FireLogs did not answer, where trying again would not have helped.
    pub error: Option<String>,
}

/// Records read, of all in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    pub scanned: u64,
    pub total: u64,
}

/// The candidate as it was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum PreviewedRule {
    Stored {
        id: String,
        version: u32,
        expression: String,
        action: Action,
    },
    Draft {
        expression: String,
        action: Action,
        #[serde(skip_serializing_if = "Option::is_none")]
        volume: Option<Volume>,
    },
}

impl PreviewItem {
    /// `progress` of a preview that runs now; `stale` says why one that is done no longer holds.
    #[must_use]
    pub fn new(preview: Preview, progress: Option<Progress>, stale: Option<String>) -> Self {
        let rule = preview.rule;
        let whole = Progress {
            scanned: preview.scanned,
            total: preview.scanned,
        };
        let progress = match preview.status {
            Status::Running => progress.unwrap_or_default(),
            _ => whole,
        };
        Self {
            id: preview.id,
            status: preview.status,
            progress,
            revision: preview.revision,
            stale: stale.is_some(),
            stale_because: stale,
            rule: if preview.is_stored {
                PreviewedRule::Stored {
                    id: rule.id,
                    version: rule.version,
                    expression: rule.expression,
                    action: rule.action,
                }
            } else {
                PreviewedRule::Draft {
                    expression: rule.expression,
                    action: rule.action,
                    volume: rule.volume,
                }
            },
            route: preview.route,
            since: rfc3339(preview.since_ms),
            until: rfc3339(preview.until_ms),
            created: rfc3339(preview.created_ms),
            ended: preview.ended_ms.map(rfc3339),
            actor: preview.actor,
            report: preview.report,
            incomplete: preview.incomplete,
            error: preview.error,
        }
    }
}
