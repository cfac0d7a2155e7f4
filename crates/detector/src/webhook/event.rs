//! What a webhook can be told of, and how urgent it is.

use std::fmt::{self, Formatter};

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{AnomalyKind, Moment};
use blobwatch_rulebook::Cause;

/// What a webhook is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum EventName {
    /// Opened, or opened again.
    #[serde(rename = "anomaly.opened")]
    Opened,
    /// It grew, or another cohort explains it better.
    #[serde(rename = "anomaly.changed")]
    Changed,
    #[serde(rename = "anomaly.closed")]
    Closed,
    /// Somebody looks into it.
    #[serde(rename = "anomaly.acknowledged")]
    Acknowledged,
    /// Somebody tries whether the address works.
    #[serde(rename = "test")]
    Test,
    /// A guard took an enforced rule back.
    #[serde(rename = "guard.demoted")]
    GuardDemoted,
    /// An enforcement in steps went on, or a setting expired.
    #[serde(rename = "mode.stage")]
    Stage,
    /// Somebody changed what rules or routes do to clients.
    #[serde(rename = "mode.changed")]
    ModeChanged,
    /// Somebody put every rule to monitor.
    #[serde(rename = "rulebook.panic_off")]
    PanicOff,
    /// A source of upstream events that pushed regularly does so no more.
    #[serde(rename = "source.silent")]
    SourceSilent,
    /// Values of an attribute are counted as `other`: a cohort may be missing.
    #[serde(rename = "attribute.saturated")]
    AttributeSaturated,
    /// Somebody wants to enforce, and a second person has to decide.
    #[serde(rename = "enforcement.proposed")]
    Proposed,
    /// Something that was recorded or counted is gone.
    #[serde(rename = "data.lost")]
    DataLost,
}

impl EventName {
    /// Every one that can be asked for.
    pub(crate) const SUBSCRIBABLE: [Self; 12] = [
        Self::Opened,
        Self::Changed,
        Self::Closed,
        Self::Acknowledged,
        Self::GuardDemoted,
        Self::PanicOff,
        Self::ModeChanged,
        Self::Stage,
        Self::SourceSilent,
        Self::AttributeSaturated,
        Self::Proposed,
        Self::DataLost,
    ];

    /// What a webhook is told of that asks for nothing: what somebody should look at.
    pub(crate) const DEFAULT: [Self; 10] = [
        Self::Opened,
        Self::Changed,
        Self::Closed,
        Self::Acknowledged,
        Self::GuardDemoted,
        Self::PanicOff,
        Self::SourceSilent,
        Self::AttributeSaturated,
        Self::Proposed,
        Self::DataLost,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "anomaly.opened",
            Self::Changed => "anomaly.changed",
            Self::Closed => "anomaly.closed",
            Self::Acknowledged => "anomaly.acknowledged",
            Self::Test => "test",
            Self::GuardDemoted => "guard.demoted",
            Self::Stage => "mode.stage",
            Self::ModeChanged => "mode.changed",
            Self::PanicOff => "rulebook.panic_off",
            Self::SourceSilent => "source.silent",
            Self::AttributeSaturated => "attribute.saturated",
            Self::Proposed => "enforcement.proposed",
            Self::DataLost => "data.lost",
        }
    }

    #[must_use]
    pub const fn of(moment: Moment) -> Self {
        match moment {
            Moment::Opened | Moment::Reopened => Self::Opened,
            Moment::Closed => Self::Closed,
            Moment::Acknowledged => Self::Acknowledged,
            _ => Self::Changed,
        }
    }

    pub(crate) const fn of_cause(cause: Cause) -> Self {
        match cause {
            Cause::Guard => Self::GuardDemoted,
            Cause::Stage | Cause::Expiry => Self::Stage,
            Cause::PanicOff => Self::PanicOff,
            Cause::Proposal => Self::Proposed,
            Cause::Operator | Cause::Push | Cause::Unknown => Self::ModeChanged,
        }
    }
}

/// An event that a webhook can ask for: all but the one that it is tested with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SubscribedEvent(pub(crate) EventName);

impl<'de> Deserialize<'de> for SubscribedEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SubscribedName)
    }
}

/// Refuses a name while the reader stands at it, so that the fault has its place.
struct SubscribedName;

impl Visitor<'_> for SubscribedName {
    type Value = SubscribedEvent;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an event")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<SubscribedEvent, E> {
        let found = EventName::SUBSCRIBABLE
            .into_iter()
            .find(|event| event.as_str() == name);
        found.map(SubscribedEvent).ok_or_else(|| {
            let names = EventName::SUBSCRIBABLE.map(|event| format!("`{}`", event.as_str()));
            E::custom(format!(
                "unknown variant `{name}`, expected one of {}",
                names.join(", ")
            ))
        })
    }
}

/// How soon somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Severity {
    /// Nothing is wrong.
    #[default]
    Info,
    /// Pulls are slow or wasteful, or Blobwatch sees less than it should.
    Warning,
    /// Pulls fail or hang.
    Critical,
}

impl Severity {
    pub(super) const fn of_kind(kind: AnomalyKind) -> Self {
        match kind {
            AnomalyKind::ResumeSurge
            | AnomalyKind::StallSurge
            | AnomalyKind::RangeRefused
            | AnomalyKind::TrafficCliff
            | AnomalyKind::RuleHarm
            | AnomalyKind::StartFailed
            | AnomalyKind::StartRefused
            | AnomalyKind::TargetUnreached => Self::Critical,
            AnomalyKind::RestartSurge
            | AnomalyKind::AbortSurge
            | AnomalyKind::RangeLoop
            | AnomalyKind::SlowSurge
            | AnomalyKind::ContentSuspect => Self::Warning,
        }
    }

    pub(super) const fn of_event(event: EventName) -> Self {
        match event {
            EventName::GuardDemoted | EventName::PanicOff => Self::Critical,
            EventName::SourceSilent
            | EventName::AttributeSaturated
            | EventName::Proposed
            | EventName::DataLost => Self::Warning,
            EventName::Opened
            | EventName::Changed
            | EventName::Closed
            | EventName::Acknowledged
            | EventName::Test
            | EventName::Stage
            | EventName::ModeChanged => Self::Info,
        }
    }
}
