//! The incidents: what happened when, and what is broken how.
//!
//! July 2020 after Docker's own account (docker.com, 12 August 2020); August 2026 after kubernetes/registry.k8s.io#333.

use super::path::Fault;
use clap::ValueEnum;
use std::time::Duration;

/// How much faster than then everything is that waits: clients between two tries, a path that hangs. Detection is not
/// faster: its slots are 10 s here and there.
pub(super) const FACTOR: u32 = 60;

/// How a path breaks for ordinary reasons: connections are lost everywhere.
pub(super) const ORDINARY: Fault = Fault {
    cut: 0.004,
    ..Fault::NONE
};

/// How long everything is healthy first. A cohort is tested once it has 30 slots of a past of its own.
pub(super) const WARM_UP: Duration = Duration::from_secs(6 * 60);

/// How long the incident may last before the demo gives up on its detection.
pub(super) const PATIENCE: Duration = Duration::from_secs(4 * 60);

/// How late the CDN tells of what it did: as Logpush does.
pub(super) const LAG: Duration = Duration::from_secs(60);

/// How long after the switch the anomaly may take to close: a minute or two are the rule with some 60 pulls of the cohort in
/// ten seconds, and a baseline of six minutes makes it slower (docs/detection.md).
pub(super) const RECOVERY: Duration = Duration::from_secs(10 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Story {
    /// A CDN's signature against a botnet goes from monitor to active, and pulls of Amazon Linux machines hang
    #[value(name = "july-2020")]
    July2020,
    /// The same, and a minute later the CDN tells of what it dropped: the anomaly names its rule
    #[value(name = "july-2020-told")]
    July2020Told,
    /// The same with the signature as a rule of Blobwatch; the dashboard plays it, too
    #[value(name = "july-2020-rule")]
    July2020Rule,
    /// After a move to another CDN, ranged reconnects are answered 400
    #[value(name = "august-2026")]
    August2026,
}

/// One line of the account of that time.
pub(super) struct Then {
    /// Minutes since it began.
    pub(super) minute: u32,
    pub(super) clock: &'static str,
    pub(super) what: &'static str,
}

impl Story {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::July2020 | Self::July2020Told => {
                "5 July 2020, 19:00 UTC: a signature of the CDN goes from monitor to active"
            }
            Self::July2020Rule => "5 July 2020, 19:00 UTC: a signature goes from monitor to active",
            Self::August2026 => "August 2026: the blobs move to another CDN",
        }
    }

    /// The kinds of anomaly that are to be named.
    pub(super) fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::July2020 | Self::July2020Told => &["target_unreached", "resume_surge"],
            Self::July2020Rule => &["resume_surge"],
            Self::August2026 => &["range_refused"],
        }
    }

    pub(super) fn what_begins(self, is_guarded: bool) -> &'static str {
        match self {
            Self::July2020 | Self::July2020Told => "the CDN's signature is active",
            Self::July2020Rule if is_guarded => "the signature is enforced for a quarter of the clients",
            Self::July2020Rule => "the signature is enforced",
            Self::August2026 => "the default route has another origin",
        }
    }

    pub(super) fn what_ends(self) -> &'static str {
        match self {
            Self::July2020 | Self::July2020Told => "a rule sends Amazon Linux machines to the bucket",
            Self::July2020Rule => "the signature is in monitor again",
            Self::August2026 => "the default route has its previous origin again",
        }
    }

    pub(super) fn then(self) -> &'static [Then] {
        match self {
            Self::July2020 | Self::July2020Told | Self::July2020Rule => &JULY_2020,
            Self::August2026 => &[],
        }
    }
}

const JULY_2020: [Then; 5] = [
    Then {
        minute: 0,
        clock: "19:00",
        what: "the signature is activated; pulls of Amazon Linux machines begin to hang",
    },
    Then {
        minute: 405,
        clock: "01:45",
        what: "AWS reports it to Docker",
    },
    Then {
        minute: 455,
        clock: "02:35",
        what: "the CDN is contacted",
    },
    Then {
        minute: 600,
        clock: "05:00",
        what: "the attribute that the pulls share is found",
    },
    Then {
        minute: 690,
        clock: "06:30",
        what: "the signature is switched off; pulls recover",
    },
];

#[cfg(test)]
mod tests {
    use super::JULY_2020;

    #[test]
    fn minutes_and_clock_agree() {
        for then in JULY_2020 {
            let (hours, minutes) = then.clock.split_once(':').unwrap();
            let clock = hours.parse::<u32>().unwrap() * 60 + minutes.parse::<u32>().unwrap();
            assert_eq!((19 * 60 + then.minute) % (24 * 60), clock, "{}", then.clock);
        }
    }
}
