//! Breadth before depth: whether enough distinct clients and networks are behind an excess.
//!
//! One client, one NAT or one /24 never opens an anomaly, however much it asks. What counts is how many *more* clients
//! and networks have the event than the same cohort had in a stretch as long before the onset: a large cohort always
//! has a few.

use serde::{Deserialize, Serialize};

use super::cohort::Cohort;
use super::locate::Span;
use super::window::Window;
use blobwatch_records::{Breadth, Event};

/// Clients beyond those of the time before.
pub(crate) const MIN_CLIENTS: u64 = 10;

/// Networks (/24 or /48) beyond those of the time before.
pub(crate) const MIN_NETWORKS: u64 = 5;

/// How many clients there are; estimated above the size of a sketch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    pub clients: u64,
    pub networks: u64,
    pub exact: bool,
}

impl From<&Breadth> for Affected {
    fn from(breadth: &Breadth) -> Self {
        Self {
            clients: breadth.clients.count(),
            networks: breadth.networks.count(),
            exact: breadth.clients.is_exact() && breadth.networks.is_exact(),
        }
    }
}

/// Who of the cohort had the event in a span.
#[must_use]
pub(super) fn breadth(window: &Window, cohort: &Cohort, event: Event, span: Span) -> Breadth {
    let mut all = Breadth::default();
    for (key, row) in window.rows(span.first, span.until) {
        if let Some(affected) = &row.affected
            && cohort.holds(key)
        {
            all.merge(affected.of(event));
        }
    }
    all
}

/// Whether that many now, where there were that many before, are more than one odd client or network.
#[must_use]
pub(super) fn is_broad(now: Affected, before: Affected) -> bool {
    // A quarter more is within the error of two sketches (18 % each) and within what an ordinary hour does.
    let beyond = |now: u64, before: u64, least: u64| now >= before + before / 4 + least;
    beyond(now.clients, before.clients, MIN_CLIENTS) && beyond(now.networks, before.networks, MIN_NETWORKS)
}

#[cfg(test)]
mod tests {
    use super::{Affected, is_broad};

    #[track_caller]
    fn case(now: (u64, u64), before: (u64, u64), expected: bool) {
        let affected = |(clients, networks)| Affected {
            clients,
            networks,
            exact: true,
        };
        assert_eq!(is_broad(affected(now), affected(before)), expected);
    }

    #[test]
    fn one_client_one_nat_and_one_network_are_never_broad() {
        case((1, 1), (0, 0), false);
        case((500, 1), (0, 0), false);
        case((9, 9), (0, 0), false);
        case((10, 4), (0, 0), false);
        case((10, 5), (0, 0), true);
    }

    #[test]
    fn who_had_it_before_does_not_count() {
        case((101, 100), (100, 99), false);
        case((140, 140), (100, 99), true);
        case((140, 110), (100, 99), false);
    }
}
