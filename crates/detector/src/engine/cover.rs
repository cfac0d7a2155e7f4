//! What can be seen at a moment, from the baselines, who sent requests lately, and the settings.

use super::Engine;
use crate::coverage::{Coverage, CoverageState, MissingTraffic, RouteCoverage, Senders};
use crate::kind::AnomalyKind;
use crate::window::MINUTE_SLOTS;
use blobwatch_detect::monitor::Monitor;

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
            state: self.state(&everybody, tested_from.is_some()),
            tested_from,
            senders: everybody.counted(),
            least: self.breadth,
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

    fn state(&self, senders: &Senders, is_learning: bool) -> CoverageState {
        if senders.counts.requests == 0 {
            CoverageState::NoTraffic
        } else if is_learning {
            CoverageState::Learning
        } else if senders.are_few(self.breadth) {
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
            RouteCoverage {
                route: (*route).to_owned(),
                state: self.state(senders, is_learning || learned.is_some()),
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
