//! How broad a fault must be, by whose requests it hits: a small internal registry may stand beside a public one.

use std::collections::BTreeMap;

use crate::cohort::Cohort;
use crate::kind::AnomalyKind;
use crate::locate::Span;
use crate::window::Window;
use blobwatch_rulebook::AnomalyBreadth;

/// Of a cohort's events, one in so many: a route with fewer does not say how broad the fault must be.
const FEW_ONE_IN: u64 = 10;

/// What the settings say, and what routes say of themselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Breadths {
    pub(crate) all: AnomalyBreadth,
    pub(crate) of_routes: BTreeMap<String, AnomalyBreadth>,
}

impl Breadths {
    pub(crate) fn of_route(&self, route: &str) -> AnomalyBreadth {
        self.of_routes.get(route).copied().unwrap_or(self.all)
    }

    /// Of a cohort by the routes that have its events in a span: the most that one of them asks for.
    pub(crate) fn of_events(
        &self,
        window: &Window,
        kind: AnomalyKind,
        cohort: &Cohort,
        span: Span,
    ) -> AnomalyBreadth {
        if self.of_routes.is_empty() {
            return self.all;
        }
        let mut events: BTreeMap<&str, u64> = BTreeMap::new();
        let rows = window.rows(span.first, span.until);
        for (key, row) in rows.filter(|(key, _)| cohort.holds(key)) {
            *events.entry(&key.route).or_default() += kind.counts(&row.counts).events;
        }
        let most: u64 = events.values().sum();
        let told = events.iter().filter(|(_, of)| **of * FEW_ONE_IN >= most);
        let asked = told.map(|(route, _)| self.of_route(route));
        asked.reduce(AnomalyBreadth::or_more).unwrap_or(self.all)
    }

    /// Of a cohort by the routes that its name says.
    pub(crate) fn of_cohort(&self, cohort: &Cohort) -> AnomalyBreadth {
        let mut literals = cohort.0.iter();
        let routes = literals.find(|literal| literal.attribute == "route" && !literal.not);
        let asked = routes.and_then(|literal| {
            let of = literal.values.iter().map(|route| self.of_route(route));
            of.reduce(AnomalyBreadth::or_more)
        });
        asked.unwrap_or(self.all)
    }
}
