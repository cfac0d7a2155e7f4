//! What people do about an anomaly: who looks into it, what they found, whether others are told of it.
//!
//! In scope: what an act says and what it changes of the anomaly itself. Not in scope: what it changes of the tests
//! (`engine::act`), the audit log and the bodies of calls (`store::acts`, `calls::acts`).

use serde::{Deserialize, Serialize};

use super::anomaly::{Anomaly, Moment};
use super::cohort::Cohort;
use super::kind::AnomalyKind;
use blobwatch_wire::rfc3339;

/// Comments of one anomaly: at [`MAX_COMMENT`] bytes each 50 KB.
pub(crate) const MAX_COMMENTS: usize = 50;

/// Bytes of a comment, as of a reason for the audit log.
pub(crate) const MAX_COMMENT: usize = 1_000;

/// Bytes of the name that an anomaly is assigned to.
pub(crate) const MAX_ASSIGNEE: usize = 100;

/// What somebody does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    Acknowledge,
    /// `None`: to nobody.
    Assign(Option<String>),
    Comment(String),
    Mute(MuteRequest),
    Unmute,
    /// There is a reason for it that is no fault: its level is normal from now on.
    Expected,
    Reopen,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MuteRequest {
    /// `None`: until it closes.
    pub(crate) until_ms: Option<u64>,
    /// Further anomalies of its kinds and cohort too.
    pub(crate) is_of_cohort: bool,
}

impl Act {
    /// In the audit log.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Acknowledge => "anomaly.acknowledge",
            Self::Assign(_) => "anomaly.assign",
            Self::Comment(_) => "anomaly.comment",
            Self::Mute(_) => "anomaly.mute",
            Self::Unmute => "anomaly.unmute",
            Self::Expected => "anomaly.expected",
            Self::Reopen => "anomaly.reopen",
        }
    }
}

/// An act, by whom and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnomalyAct {
    pub(crate) anomaly: u64,
    pub(crate) act: Act,
    pub(crate) by: String,
    /// No two acts have the same.
    pub(crate) time_ms: u64,
    pub(crate) reason: Option<String>,
}

/// Who looks into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub time_ms: u64,
    pub by: String,
}

/// That nobody is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Muting {
    pub time_ms: u64,
    pub by: String,
    /// `None`: until it closes.
    pub until_ms: Option<u64>,
    /// The anomaly whose kinds and cohort are muted; `None`: it alone is.
    pub of: Option<u64>,
    /// Whether nobody was told that it opened.
    pub is_silent: bool,
}

/// What people said about an anomaly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Handling {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted: Option<Muting>,
    /// Its level was taken for normal.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub expected: bool,
}

impl Handling {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// What another one knows that is the same anomaly.
    pub(super) fn take_in(&mut self, other: &Self) {
        if self.acknowledged.is_none() {
            self.acknowledged.clone_from(&other.acknowledged);
        }
        if self.assignee.is_none() {
            self.assignee.clone_from(&other.assignee);
        }
    }
}

/// Kinds and a cohort whose anomalies open silently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mute {
    /// The anomaly that it was made from.
    pub(crate) anomaly: u64,
    pub(crate) kinds: Vec<AnomalyKind>,
    pub(crate) cohort: Cohort,
    pub(crate) named: Option<Cohort>,
    pub(crate) time_ms: u64,
    pub(crate) until_ms: u64,
    pub(crate) by: String,
}

/// What an act changes of what is muted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct MuteChange {
    pub(crate) begins: Option<Mute>,
    /// The anomaly that what ends was made from.
    pub(crate) ends: Option<u64>,
}

impl Mute {
    /// Of an anomaly's kinds and cohort, as they are.
    pub(crate) fn of(anomaly: &Anomaly, act: &AnomalyAct, until_ms: u64) -> Self {
        Self {
            anomaly: anomaly.id,
            kinds: anomaly.kinds.clone(),
            cohort: anomaly.cohort.clone(),
            named: anomaly.named.clone(),
            time_ms: act.time_ms,
            until_ms,
            by: act.by.clone(),
        }
    }

    /// Whether its kinds are an anomaly's, and its name holds it; what the cohorts have in common is not asked.
    pub(crate) fn may_hold(&self, anomaly: &Anomaly, at_ms: u64) -> bool {
        (self.time_ms..self.until_ms).contains(&at_ms)
            && anomaly.kinds.iter().all(|kind| self.kinds.contains(kind))
            && (self.named.is_none() || self.named == anomaly.named)
    }

    /// What it makes of an anomaly.
    pub(crate) fn muting(&self, is_silent: bool) -> Muting {
        Muting {
            time_ms: self.time_ms,
            by: self.by.clone(),
            until_ms: Some(self.until_ms),
            of: Some(self.anomaly),
            is_silent,
        }
    }
}

impl Anomaly {
    /// Whether receivers are told of what happened to it: what was told when it opened ends there too.
    pub(crate) fn is_told(&self, moment: Moment) -> bool {
        match moment {
            Moment::Assigned | Moment::Commented | Moment::Muted | Moment::Expected | Moment::Response => {
                false
            }
            Moment::Closed => self.handling.muted.as_ref().is_none_or(|muted| !muted.is_silent),
            _ => self.handling.muted.is_none(),
        }
    }

    /// How many comments it has.
    pub(crate) fn comments(&self) -> usize {
        let is_comment = |entry: &&super::anomaly::HistoryEntry| entry.moment == Moment::Commented;
        self.history.iter().filter(is_comment).count()
    }

    /// Takes in what changes nothing but itself; `None` where it is so already.
    pub(crate) fn amend(&mut self, act: &AnomalyAct) -> Option<Moment> {
        let handling = &mut self.handling;
        let reason = act.reason.clone().unwrap_or_default();
        let (moment, text) = match &act.act {
            Act::Acknowledge if handling.acknowledged.is_none() => {
                handling.acknowledged = Some(Acknowledgement {
                    time_ms: act.time_ms,
                    by: act.by.clone(),
                });
                (Moment::Acknowledged, reason)
            }
            Act::Assign(to) if handling.assignee != *to => {
                handling.assignee.clone_from(to);
                let to = to.as_deref().unwrap_or("nobody");
                (Moment::Assigned, with_reason(format!("to {to}"), &reason))
            }
            Act::Comment(text) => (Moment::Commented, text.clone()),
            Act::Mute(request) => {
                let is_silent = handling.muted.as_ref().is_some_and(|muted| muted.is_silent);
                handling.muted = Some(Muting {
                    time_ms: act.time_ms,
                    by: act.by.clone(),
                    until_ms: request.until_ms,
                    of: request.is_of_cohort.then_some(self.id),
                    is_silent,
                });
                (Moment::Muted, with_reason(muted_words(request), &reason))
            }
            Act::Unmute if handling.muted.take().is_some() => (Moment::Unmuted, reason),
            _ => return None,
        };
        self.note_of(act.time_ms, moment, text, &act.by);
        Some(moment)
    }
}

fn with_reason(text: String, reason: &str) -> String {
    match reason {
        "" => text,
        reason => format!("{text}: {reason}"),
    }
}

fn muted_words(request: &MuteRequest) -> String {
    let until = match request.until_ms {
        Some(until_ms) => format!("until {}", rfc3339(until_ms)),
        None => "until it closes".to_owned(),
    };
    match request.is_of_cohort {
        true => format!("with further anomalies of its kinds and cohort, {until}"),
        false => until,
    }
}

/// docs/api.md.
#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "AnomalyHandling")
)]
pub(super) struct HandlingJson<'a> {
    acknowledged: Option<AcknowledgedJson<'a>>,
    assignee: Option<&'a str>,
    muted: Option<MutedJson<'a>>,
    expected: bool,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Acknowledgement")
)]
struct AcknowledgedJson<'a> {
    time: String,
    by: &'a str,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Muting"))]
struct MutedJson<'a> {
    since: String,
    by: &'a str,
    until: Option<String>,
    /// The anomaly whose kinds and cohort are muted.
    cohort_of: Option<String>,
}

impl<'a> HandlingJson<'a> {
    pub(super) fn of(handling: &'a Handling) -> Self {
        Self {
            acknowledged: handling.acknowledged.as_ref().map(|one| AcknowledgedJson {
                time: rfc3339(one.time_ms),
                by: &one.by,
            }),
            assignee: handling.assignee.as_deref(),
            muted: handling.muted.as_ref().map(|one| MutedJson {
                since: rfc3339(one.time_ms),
                by: &one.by,
                until: one.until_ms.map(rfc3339),
                cohort_of: one.of.map(super::anomaly::name),
            }),
            expected: handling.expected,
        }
    }
}
