//! The kinds of anomaly, and what is counted for each.

use blobwatch_detect::counts::Counts;
use blobwatch_detect::monitor::{Estimate, IGNORANCE};
use serde::{Deserialize, Serialize};

use super::normal::UNKNOWN;
use blobwatch_records::{CellCounts, Event};

/// What is wrong. The order is that of the saved state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Blobs are asked for, and answered with 5xx or not at all.
    StartFailed,
    /// Blobs are asked for, and refused by what is behind us.
    StartRefused,
    /// Redirects are asked for again and again, and their target is not.
    TargetUnreached,
    /// Clients that have all of a blob ask for what is behind its end.
    RangeLoop,
    /// Bodies come far slower than the same clients' bodies did.
    SlowSurge,
    /// A blob arrives whole and is asked for again at once.
    ContentSuspect,
}

/// Kinds that are a share of trials; [`AnomalyKind::TrafficCliff`] is not.
pub(super) const RATE_KINDS: usize = 11;

/// Kinds that are found in counts, and share the promise of few false alarms; the guard has one of its own.
pub(super) const TESTED_KINDS: usize = 12;

impl AnomalyKind {
    pub const ALL: [Self; 13] = [
        Self::ResumeSurge,
        Self::StallSurge,
        Self::RestartSurge,
        Self::RangeRefused,
        Self::AbortSurge,
        Self::TrafficCliff,
        Self::RuleHarm,
        Self::StartFailed,
        Self::StartRefused,
        Self::TargetUnreached,
        Self::RangeLoop,
        Self::SlowSurge,
        Self::ContentSuspect,
    ];

    /// The kinds that are a share of trials, each at its `AnomalyKind::rate_place`; new ones at the end.
    pub const RATES: [Self; RATE_KINDS] = [
        Self::ResumeSurge,
        Self::StallSurge,
        Self::RestartSurge,
        Self::RangeRefused,
        Self::AbortSurge,
        Self::StartFailed,
        Self::StartRefused,
        Self::TargetUnreached,
        Self::RangeLoop,
        Self::SlowSurge,
        Self::ContentSuspect,
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
            Self::StartFailed => "start_failed",
            Self::StartRefused => "start_refused",
            Self::TargetUnreached => "target_unreached",
            Self::RangeLoop => "range_loop",
            Self::SlowSurge => "slow_surge",
            Self::ContentSuspect => "content_suspect",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Place among [`AnomalyKind::RATES`].
    #[must_use]
    pub(super) fn rate_place(self) -> Option<usize> {
        Self::RATES.into_iter().position(|kind| kind == self)
    }

    /// Whether this says what is wrong where the other says only how clients fare with it: it is then what the anomaly is
    /// named after.
    #[must_use]
    pub(super) fn explains(self, other: Self) -> bool {
        let causes = [
            Self::StartFailed,
            Self::StartRefused,
            Self::TargetUnreached,
            Self::ContentSuspect,
        ];
        let symptoms = [
            Self::RestartSurge,
            Self::RangeRefused,
            Self::AbortSurge,
            Self::SlowSurge,
        ];
        causes.contains(&self) && symptoms.contains(&other)
    }

    /// Whether what is stopped before it is a request shows so: requests vanish, stall, or do not arrive where they were sent.
    #[must_use]
    pub(super) const fn may_be_mitigated(self) -> bool {
        matches!(
            self,
            Self::ResumeSurge
                | Self::StallSurge
                | Self::RestartSurge
                | Self::AbortSurge
                | Self::TrafficCliff
                | Self::StartFailed
                | Self::StartRefused
                | Self::TargetUnreached
                | Self::SlowSurge
        )
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
            Self::StartFailed => "blob starts failed",
            Self::StartRefused => "blob starts refused",
            Self::TargetUnreached => "redirects not followed",
            Self::RangeLoop => "loops behind the end of a blob",
            Self::SlowSurge => "slow downloads",
            Self::ContentSuspect => "blobs fetched again though whole",
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
            Self::StartFailed | Self::StartRefused => "blob starts",
            Self::TargetUnreached => "blob starts that were redirected",
            Self::RangeLoop => "blob starts and ranges behind the end",
            Self::SlowSurge => "downloads of 1 MiB or more with a known duration",
            Self::ContentSuspect => "blobs that arrived whole",
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
            Self::StartFailed => Some(Event::Failed),
            Self::StartRefused => Some(Event::TurnedAway),
            Self::TargetUnreached => Some(Event::Unreached),
            Self::RangeLoop => Some(Event::Looped),
            Self::SlowSurge => Some(Event::Slow),
            Self::ContentSuspect => Some(Event::Suspect),
        }
    }

    /// Trials and events of a cell. Resumes are events *and* trials: a client that resumes eight times is eight of nine,
    /// and the share stays below one.
    #[must_use]
    pub fn counts(self, counts: &CellCounts) -> Counts {
        Self::share(self.trials_and_events(counts))
    }

    /// As they are counted: those of several cells add up.
    pub(super) fn trials_and_events(self, counts: &CellCounts) -> (u32, u32) {
        match self {
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
            Self::StartFailed => (counts.asked(), counts.failed),
            Self::StartRefused => (counts.asked(), counts.turned_away),
            Self::TargetUnreached => (counts.redirected, counts.unreached),
            // Most registries see hardly any range from the end on: their share of those says nothing of what is usual.
            Self::RangeLoop => (counts.asked().saturating_add(counts.behind), counts.looped),
            Self::SlowSurge => (counts.paced, counts.slow),
            Self::ContentSuspect => (counts.fetched, counts.suspect),
        }
    }

    /// A restart can be counted where its start was not: a share above one is no share.
    pub(super) fn share((trials, events): (u32, u32)) -> Counts {
        Counts {
            trials: u64::from(trials.max(events)),
            events: u64::from(events),
        }
    }

    /// What is expected of everybody before anything was seen. Blobs are served and ranges honoured by whoever is a registry; how often
    /// clients begin again, give up or share an address is each registry's own.
    #[must_use]
    pub const fn usual(self) -> Estimate {
        match self {
            Self::RangeRefused
            | Self::StartFailed
            | Self::StartRefused
            | Self::TargetUnreached
            | Self::RangeLoop
            | Self::SlowSurge
            | Self::ContentSuspect => UNKNOWN,
            _ => IGNORANCE,
        }
    }

    /// What a healthy rate may be beyond a margin on the expected one: of the test, and of slow downloads, of which one in
    /// twenty is healthy whatever was seen so far, some more.
    pub(super) const fn margin_rate(self) -> f64 {
        match self {
            Self::SlowSurge => 0.02,
            _ => 0.0005,
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
            assert_eq!(kind as usize, place, "saved states have the number");
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(AnomalyKind::named("surge"), None);
    }

    #[test]
    fn the_first_kinds_keep_their_places_in_saved_states() {
        let names: Vec<&str> = AnomalyKind::RATES.iter().map(|kind| kind.as_str()).collect();
        let first = [
            "resume_surge",
            "stall_surge",
            "restart_surge",
            "range_refused",
            "abort_surge",
        ];
        assert_eq!(names[..5], first);
        for (place, kind) in AnomalyKind::RATES.into_iter().enumerate() {
            assert_eq!(kind.rate_place(), Some(place));
        }
        assert_eq!(AnomalyKind::TrafficCliff.rate_place(), None);
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
