//! The kinds of anomaly, and what is counted for each.

use blobwatch_detect::counts::Counts;
use blobwatch_detect::monitor::{Estimate, IGNORANCE};
use serde::{Deserialize, Serialize};

use super::normal::UNKNOWN;
use blobwatch_records::{CellCounts, Event};

/// What is wrong. The order is that of the saved state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyKind {
    /// Downloads hang and are resumed.
    ResumeSurge,
    /// Resumes come back at the same offset: no progress.
    StallSurge,
    /// Downloads begin again from the first byte: clients that never send Range.
    RestartSurge,
    /// A range was answered with something else.
    RangeRefused,
    /// Observed bodies are cut short by their clients.
    AbortSurge,
    /// A cohort's requests vanish.
    TrafficCliff,
    /// A rule that acted denied healthy clients, and the guard took it back.
    RuleHarm,
}

/// Kinds that are a share of trials; [`AnomalyKind::TrafficCliff`] is not.
pub(super) const RATE_KINDS: usize = 5;

/// Kinds that are found in counts, and share the promise of few false alarms; the guard has one of its own.
pub(super) const TESTED_KINDS: usize = 6;

impl AnomalyKind {
    pub const ALL: [Self; 7] = [
        Self::ResumeSurge,
        Self::StallSurge,
        Self::RestartSurge,
        Self::RangeRefused,
        Self::AbortSurge,
        Self::TrafficCliff,
        Self::RuleHarm,
    ];

    /// The kinds that are a share of trials, each at its [`AnomalyKind::place`].
    pub const RATES: [Self; RATE_KINDS] = [
        Self::ResumeSurge,
        Self::StallSurge,
        Self::RestartSurge,
        Self::RangeRefused,
        Self::AbortSurge,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResumeSurge => "resume_surge",
            Self::StallSurge => "stall_surge",
            Self::RestartSurge => "restart_surge",
            Self::RangeRefused => "range_refused",
            Self::AbortSurge => "abort_surge",
            Self::TrafficCliff => "traffic_cliff",
            Self::RuleHarm => "rule_harm",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Place among [`AnomalyKind::ALL`].
    #[must_use]
    pub const fn place(self) -> usize {
        self as usize
    }

    /// What happened too often, in the plural.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::ResumeSurge => "resumes",
            Self::StallSurge => "stalled resumes",
            Self::RestartSurge => "restarts",
            Self::RangeRefused => "refused ranges",
            Self::AbortSurge => "aborted downloads",
            Self::TrafficCliff => "requests",
            Self::RuleHarm => "healthy clients",
        }
    }

    /// What one trial is, in the plural: rates are events in these.
    #[must_use]
    pub const fn trials_noun(self) -> &'static str {
        match self {
            Self::ResumeSurge => "starts and resumes of blobs of 1 MiB or more",
            Self::StallSurge => "resumes",
            Self::RestartSurge => "blob starts of known clients",
            Self::RangeRefused => "ranged requests",
            Self::AbortSurge => "observed downloads",
            Self::TrafficCliff => "expected requests",
            Self::RuleHarm => "clients that the rule fires on",
        }
    }

    /// Whose clients and examples are behind it; `None` where nobody is there any more.
    #[must_use]
    pub const fn event(self) -> Option<Event> {
        match self {
            Self::ResumeSurge => Some(Event::Resume),
            Self::StallSurge => Some(Event::Repeat),
            Self::RestartSurge => Some(Event::Restart),
            Self::RangeRefused => Some(Event::Refused),
            Self::AbortSurge => Some(Event::Aborted),
            Self::TrafficCliff | Self::RuleHarm => None,
        }
    }

    /// Trials and events of a cell. Resumes are events *and* trials: a client that resumes eight times is eight of nine,
    /// and the share stays below one.
    #[must_use]
    pub fn counts(self, counts: &CellCounts) -> Counts {
        let (trials, events) = match self {
            Self::ResumeSurge => (
                counts.large_starts.saturating_add(counts.large_resumes),
                counts.large_resumes,
            ),
            Self::StallSurge => (counts.resumes, counts.repeats),
            Self::RestartSurge => (counts.known_starts, counts.restarts),
            Self::RangeRefused => (counts.ranged, counts.refused),
            Self::AbortSurge => (counts.observed, counts.aborted),
            Self::TrafficCliff => (counts.requests, 0),
            Self::RuleHarm => (0, 0),
        };
        // A restart can be counted where its start was not: a share above one is no share.
        Counts {
            trials: u64::from(trials.max(events)),
            events: u64::from(events),
        }
    }

    /// What is expected of everybody before anything was seen. Ranges are honoured by whoever serves blobs; how often clients
    /// begin again, give up or share an address is each registry's own.
    pub(super) const fn usual(self) -> Estimate {
        match self {
            Self::RangeRefused => UNKNOWN,
            _ => IGNORANCE,
        }
    }

    /// The same events, held against what the cohort does anyway: of stalls, refusals and restarts there are hardly any
    /// trials left once nobody is hit, and nothing would say that it is over.
    #[must_use]
    pub fn exposed(self, counts: &CellCounts) -> Counts {
        let own = self.counts(counts);
        let asked = match self {
            Self::StallSurge => counts.starts.saturating_add(counts.resumes),
            Self::RestartSurge => counts.starts,
            Self::RangeRefused => counts.requests,
            _ => 0,
        };
        Counts {
            trials: own.trials.max(u64::from(asked)),
            ..own
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AnomalyKind;
    use blobwatch_records::CellCounts;

    #[test]
    fn names_and_places_come_back() {
        for (place, kind) in AnomalyKind::ALL.into_iter().enumerate() {
            assert_eq!(AnomalyKind::named(kind.as_str()), Some(kind));
            assert_eq!(kind.place(), place);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(AnomalyKind::named("surge"), None);
    }

    #[test]
    fn events_are_never_more_than_trials() {
        let counts = CellCounts {
            starts: 1,
            large_starts: 1,
            resumes: 8,
            large_resumes: 8,
            repeats: 8,
            restarts: 3,
            ..CellCounts::default()
        };
        for kind in AnomalyKind::RATES {
            let counts = kind.counts(&counts);
            assert!(counts.events <= counts.trials, "{kind:?}");
        }
        let counts = AnomalyKind::ResumeSurge.counts(&counts);
        assert_eq!((counts.trials, counts.events), (9, 8));
    }
}
