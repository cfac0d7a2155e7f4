//! Whether a finished preview still says what enforcing a rule does.

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::preview_plan::{PreviewPlan, relevant, trim};
use blobwatch_rulebook::Rulebook;
use blobwatch_wire::rfc3339;

/// A preview of traffic that is older than this says too little about the next hour's.
pub(crate) const FRESH_MS: u64 = 3_600_000;

/// What the RuleBook keeps of a finished preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    pub id: String,
    /// Of the candidate; a draft is none that can be enforced.
    pub rule: String,
    pub version: u32,
    pub is_stored: bool,
    pub route: String,
    pub revision: u64,
    pub relevant: String,
    pub done_ms: u64,
    /// FireLogs that did not answer.
    pub incomplete: Vec<String>,
    /// Whom it hits of the clients that pull cleanly; `None` where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<Healthy>,
}

/// Clients that pull cleanly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Healthy {
    pub clients: u64,
    /// Those of them that a rule matches.
    pub hit: u64,
}

impl Healthy {
    /// Percent of them.
    #[must_use]
    pub fn percent(self) -> f64 {
        match self.clients {
            0 => 0.0,
            clients => 100.0 * self.hit as f64 / clients as f64,
        }
    }
}

/// Why a preview does not allow a change; fits "the preview pv-1 …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotFresh {
    Draft,
    OtherRule { previewed: String },
    OtherRoute { previewed: String },
    OtherVersion { previewed: u32, current: u32 },
    NoRule,
    Moved { since: u64, revision: u64 },
    TooOld { done_ms: u64 },
    Incomplete { missing: Vec<String> },
}

impl fmt::Display for NotFresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draft => write!(f, "was made for a draft, not for a stored version of this rule"),
            Self::OtherRule { previewed } => write!(f, "was made for the rule {previewed:?}"),
            Self::OtherRoute { previewed } => write!(f, "was made for the route {previewed:?}"),
            Self::OtherVersion { previewed, current } => {
                write!(
                    f,
                    "was made for version {previewed} of the rule, whose current version is {current}"
                )
            }
            Self::NoRule => write!(f, "was made for a rule that no longer exists"),
            Self::Moved { since, revision } => write!(
                f,
                "was made at revision {since}; since then, up to revision {revision}, routes or enforced rules that \
                 affect it were changed"
            ),
            Self::TooOld { done_ms } => write!(
                f,
                "is older than {} minutes: it finished at {}",
                FRESH_MS / 60_000,
                rfc3339(*done_ms)
            ),
            Self::Incomplete { missing } => {
                write!(f, "is missing the answers of {}", missing.join(", "))
            }
        }
    }
}

impl Stamp {
    /// Of a preview that is done.
    #[must_use]
    pub fn of(id: &str, plan: &PreviewPlan, done_ms: u64, incomplete: Vec<String>) -> Self {
        Self {
            id: id.to_owned(),
            rule: plan.candidate.clone(),
            version: plan.rule().map_or(0, |rule| rule.version),
            is_stored: plan.is_stored,
            route: plan.route.clone(),
            revision: plan.revision,
            relevant: plan.relevant.clone(),
            done_ms,
            incomplete,
            healthy: None,
        }
    }
}

/// Why each preview no longer allows what it was made for; none for one that does.
#[must_use]
pub fn stale_previews(stamps: &[Stamp], book: &Rulebook, now_ms: u64) -> Vec<Option<String>> {
    let why = |stamp: &Stamp| {
        let fresh = preview_is_fresh(stamp, book, &stamp.rule, &stamp.route, now_ms);
        fresh.err().map(|why| why.to_string())
    };
    stamps.iter().map(why).collect()
}

/// Whether a preview allows that `rule` is enforced on `route`, now: the same version on the same route, with nothing
/// changed that bears on it, within the hour.
///
/// # Errors
/// Why not.
pub(crate) fn preview_is_fresh(
    stamp: &Stamp,
    book: &Rulebook,
    rule: &str,
    route: &str,
    now_ms: u64,
) -> Result<(), NotFresh> {
    if stamp.rule != rule {
        return Err(if stamp.is_stored {
            NotFresh::OtherRule {
                previewed: stamp.rule.clone(),
            }
        } else {
            NotFresh::Draft
        });
    }
    if stamp.route != route {
        return Err(NotFresh::OtherRoute {
            previewed: stamp.route.clone(),
        });
    }
    let current = book.rules.iter().find(|known| known.id == rule);
    let current = current.ok_or(NotFresh::NoRule)?;
    if !stamp.is_stored {
        return Err(NotFresh::Draft);
    }
    if stamp.version != current.version {
        return Err(NotFresh::OtherVersion {
            previewed: stamp.version,
            current: current.version,
        });
    }
    if stamp.done_ms.saturating_add(FRESH_MS) <= now_ms {
        return Err(NotFresh::TooOld {
            done_ms: stamp.done_ms,
        });
    }
    if !stamp.incomplete.is_empty() {
        return Err(NotFresh::Incomplete {
            missing: stamp.incomplete.clone(),
        });
    }
    if relevant(&trim(book, current.clone(), route, now_ms), route) != stamp.relevant {
        return Err(NotFresh::Moved {
            since: stamp.revision,
            revision: book.revision,
        });
    }
    Ok(())
}
