//! What else it could be and is not.

use super::{Document, Report};
use crate::{AnomalyKind, DAYS_PER_FALSE_ALARM};
use blobwatch_guard::{ALPHA, MIN_HARMED, MIN_NETWORKS as MIN_HARMED_NETWORKS};
use blobwatch_rulebook::AnomalyBreadth;

impl Report<'_> {
    pub(super) fn ruled_out(&self, out: &mut Document) {
        out.heading("Ruled out");
        out.list(if self.is_harm() {
            vec![
                format!(
                    "Chance: at most one stage in {:.0} of a harmless rule's enforcement is taken back.",
                    1.0 / ALPHA
                ),
                format!(
                    "A handful of machines: at least {MIN_HARMED} clients in {MIN_HARMED_NETWORKS} networks were harmed."
                ),
            ]
        } else {
            self.reasons()
        });
    }

    fn reasons(&self) -> Vec<String> {
        let anomaly = self.anomaly;
        let mut reasons = vec![format!(
            "Chance: the tests of all cohorts together raise at most one false alarm in {DAYS_PER_FALSE_ALARM:.0} days."
        )];
        for reason in anomaly.kinds.iter().copied().filter_map(not_counted) {
            if !reasons.iter().any(|known| known == reason) {
                reasons.push(reason.to_owned());
            }
        }
        if anomaly.kind().event().is_some() {
            reasons.extend(self.not_one());
        }
        if !anomaly.who().is_wide() {
            reasons.push(
                "A deploy or a reset of the edge: it would affect all clients of a colo alike and end within seconds."
                    .to_owned(),
            );
        }
        let others: Vec<&str> = AnomalyKind::ALL
            .into_iter()
            .filter(|kind| !anomaly.kinds.contains(kind) && kind.event().is_some())
            .map(AnomalyKind::noun)
            .collect();
        if !others.is_empty() {
            reasons.push(format!(
                "Not found to be increased for these clients: {}.",
                others.join(", ")
            ));
        }
        reasons
    }

    /// `None` where the settings do not ask for several clients or networks.
    fn not_one(&self) -> Option<String> {
        let AnomalyBreadth { clients, networks } = self.breadth;
        (clients > 1 && networks > 1).then(|| {
            format!(
                "One client, one NAT or one network: at least {clients} more clients in {networks} more networks than before \
                 the onset are affected."
            )
        })
    }
}

/// What looks like this kind and is healthy, and how it is kept out of the counts.
fn not_counted(kind: AnomalyKind) -> Option<&'static str> {
    Some(match kind {
        AnomalyKind::ResumeSurge | AnomalyKind::StallSurge | AnomalyKind::RestartSurge => {
            "A roll-out of clients that download in pieces: chunks, tiles and whole-blob ranges are not counted, only \
             repeated requests and requests for the rest of a blob."
        }
        AnomalyKind::RangeRefused => {
            "Ranges that are the whole blob: a client that asks for it from the first byte on, and gets all of it, is not \
             counted."
        }
        AnomalyKind::AbortSurge => {
            "Downloads in parallel: a body that its client fetches beside others and may end by itself is not counted."
        }
        AnomalyKind::StartFailed => {
            "A rule of Blobwatch: requests that it blocked or throttled are not counted."
        }
        AnomalyKind::StartRefused => {
            "Scanners, pushes and sign-ins: 404 is not counted, and 401 only where no success of the same client and blob \
             followed within a minute. Requests that a rule of Blobwatch blocked or throttled are not counted."
        }
        AnomalyKind::TargetUnreached => {
            "A fetch that is late or is tried again: only the third request of one client for a redirect is counted, without \
             a fetch from the redirect's target between them."
        }
        AnomalyKind::RangeLoop => {
            "A file that was complete: a client's first request at or behind the end of a blob is not counted, only the next \
             one within five minutes."
        }
        AnomalyKind::SlowSurge => {
            "Clients that are always slow: each download is compared with earlier ones of the same program on the same \
             system in the same network (AS)."
        }
        AnomalyKind::ContentSuspect => {
            "Pulls that are made twice: only a blob that one client fetched whole three times in a row, and that arrived each \
             time, is counted."
        }
        AnomalyKind::TrafficCliff | AnomalyKind::RuleHarm => return None,
    })
}
