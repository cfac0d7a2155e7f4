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
use blobwatch_rulebook::AnomalyBreadth;
use blobwatch_wire::grouped;

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
            clients: breadth.count_clients(),
            networks: breadth.count_networks(),
            exact: breadth.is_exact(),
        }
    }
}

/// "3 clients in 1 network".
#[must_use]
pub fn clients_in_networks(clients: u64, networks: u64) -> String {
    let plural = |count: u64, noun: &str| match count {
        1 => format!("1 {noun}"),
        count => format!("{} {noun}s", grouped(count)),
    };
    format!("{} in {}", plural(clients, "client"), plural(networks, "network"))
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
pub(super) fn is_broad(now: Affected, before: Affected, least: AnomalyBreadth) -> bool {
    let beyond = |now: u64, before: u64, least: u32| match least {
        // Behind one proxy everybody is one, before and after.
        0 | 1 => now >= 1,
        // A quarter more is within the error of two sketches (18 % each) and within what an ordinary hour does.
        least => now >= before + before / 4 + u64::from(least),
    };
    beyond(now.clients, before.clients, least.clients)
        && beyond(now.networks, before.networks, least.networks)
}

/// Twice as many, but for where everybody is one.
#[must_use]
pub(super) fn twice(least: AnomalyBreadth) -> AnomalyBreadth {
    let twice = |count: u32| if count > 1 { 2 * count } else { count };
    AnomalyBreadth {
        clients: twice(least.clients),
        networks: twice(least.networks),
    }
}

#[cfg(test)]
mod tests {
    use super::{Affected, AnomalyBreadth, is_broad};

    #[track_caller]
    fn case(now: (u64, u64), before: (u64, u64), expected: bool) {
        of_least((10, 5), now, before, expected);
    }

    #[track_caller]
    fn of_least(least: (u32, u32), now: (u64, u64), before: (u64, u64), expected: bool) {
        let affected = |(clients, networks)| Affected {
            clients,
            networks,
            exact: true,
        };
        let (clients, networks) = least;
        let least = AnomalyBreadth { clients, networks };
        assert_eq!(is_broad(affected(now), affected(before), least), expected);
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

    #[test]
    fn a_fleet_behind_one_proxy_is_broad_where_the_settings_say_so() {
        of_least((1, 1), (1, 1), (1, 1), true);
        of_least((1, 1), (0, 0), (0, 0), false);
        of_least((10, 1), (40, 1), (5, 1), true);
        of_least((10, 1), (9, 1), (5, 1), false);
        of_least((3, 2), (3, 2), (0, 0), true);
        of_least((3, 2), (3, 2), (1, 1), false);
    }
}
