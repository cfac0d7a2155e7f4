//! What can be seen at a moment, from the baselines, who sent requests lately, and the settings.

use super::Engine;
use crate::coverage::{Coverage, CoverageState, MissingTraffic, RouteCoverage, Senders};
use crate::kind::AnomalyKind;
use crate::window::MINUTE_SLOTS;
use blobwatch_detect::monitor::Monitor;
use blobwatch_rulebook::AnomalyBreadth;

/// Slots of a week.
const WEEK_SLOTS: u64 = 7 * 8640;

impl Engine {
    /// What can be seen in a slot.
    #[must_use]
    pub fn coverage(&self, slot: u64) -> Coverage {
        let lately: Vec<(&str, Senders)> = self.traffic.lately(slot).collect();
        let mut everybody = Senders::default();
        for (_, senders) in &lately {
            everybody.merge(senders);
        }
        let tested_from = self.tested_from().filter(|from| *from > slot);
        Coverage {
            state: self.state_of_all(&everybody, &lately, tested_from.is_some()),
            tested_from,
            senders: everybody.counted(),
            least: self.breadths.all,
            missing: self.missing_traffic(slot),
            unseen: everybody.unseen(),
            is_redirected: everybody.are_redirected(),
            routes: self.routes(&lately, tested_from.is_some()),
        }
    }

    /// Whether any request ever came.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.traffic.is_empty()
    }

    /// The slot from which each kind is tested.
    fn tested_from(&self) -> Option<u64> {
        self.monitors.iter().filter_map(Monitor::tested_from).max()
    }

    /// A route that judges itself by fewer clients is watched, also where all together are too few.
    fn state_of_all(
        &self,
        senders: &Senders,
        lately: &[(&str, Senders)],
        is_learning: bool,
    ) -> CoverageState {
        let own = |(route, senders): &(&str, Senders)| !senders.are_few(self.breadths.of_route(route));
        match Self::state(senders, is_learning, self.breadths.all) {
            CoverageState::TooFewClients if lately.iter().any(own) => CoverageState::Watching,
            state => state,
        }
    }

    fn state(senders: &Senders, is_learning: bool, least: AnomalyBreadth) -> CoverageState {
        if senders.counts.requests == 0 {
            CoverageState::NoTraffic
        } else if is_learning {
            CoverageState::Learning
        } else if senders.are_few(least) {
            CoverageState::TooFewClients
        } else {
            CoverageState::Watching
        }
    }

    /// A route that is alone is everything, and is tested as soon.
    fn routes(&self, lately: &[(&str, Senders)], is_learning: bool) -> Vec<RouteCoverage> {
        let is_alone = lately.len() == 1;
        let of = |(route, senders): &(&str, Senders)| {
            let learned = self.learned(route).filter(|_| !is_alone);
            let least = self.breadths.of_route(route);
            RouteCoverage {
                route: (*route).to_owned(),
                state: Self::state(senders, is_learning || learned.is_some(), least),
                least,
                senders: senders.counted(),
                learned,
            }
        };
        lately.iter().map(of).collect()
    }

    /// Blob starts in the past of a route that is not tested by itself yet.
    fn learned(&self, route: &str) -> Option<u64> {
        let place = AnomalyKind::StartFailed.rate_place()?;
        match self.monitors.get(place)?.learned("route", route) {
            Some(learned) if learned.is_tested => None,
            learned => Some(learned.map_or(0, |learned| learned.trials)),
        }
    }

    fn missing_traffic(&self, slot: u64) -> MissingTraffic {
        match self.cliff.judges(slot / MINUTE_SLOTS) {
            Some(true) => MissingTraffic::Judged,
            Some(false) => MissingTraffic::TooLittle,
            None => MissingTraffic::Learning(
                self.monitors
                    .iter()
                    .filter_map(Monitor::tested_from)
                    .min()
                    .map_or(0, |from| from.saturating_add(WEEK_SLOTS)),
            ),
        }
    }
}
