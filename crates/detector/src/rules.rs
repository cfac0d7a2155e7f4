//! Which rule goes with an excess: association, not proof.
//!
//! Inside the cohort, the Mantel-Haenszel ratio of the events' rates where a rule fired and where it did not, within
//! requests alike in every other attribute. A rule that fires on the whole cohort has no contrast in it: it is held
//! against requests outside that share the client build, and failing those, against the time before the onset.
//! That it was switched within the onset is the strongest evidence there is; so is that the route itself was changed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cohort::Cohort;
use super::kind::AnomalyKind;
use super::locate::Span;
use super::normal::{Rates, combination};
use super::upstream::UpstreamFires;
use super::window::Window;
use blobwatch_guard::Against;
use blobwatch_pull::{Family, Origin};
use blobwatch_records::CellKey;
use blobwatch_upstream::UpstreamWindow;

/// A rule is named from these on.
const MIN_Z: f64 = 4.0;
pub(super) const MIN_RATIO: f64 = 3.0;

/// Variance of the excess, in events, from which a contrast that names no rule speaks against it: a ratio of
/// [`MIN_RATIO`] would show. Below, as where a rule with a volume is silent for some seconds only, it says nothing.
const MIN_INFORMATION: f64 = 4.0;

/// Of a rule that was switched within the onset, the share of events that it fired on.
pub(super) const MIN_SWITCHED_SHARE: f64 = 0.5;

/// A ratio above this says no more than "nearly all".
pub(super) const MAX_RATIO: f64 = 10_000.0;

/// How long before the onset a switch still counts: clients notice a hang after minutes (docs/detection.md). The onset
/// itself is uncertain by a minute.
const BEFORE_ONSET_MS: u64 = 15 * 60_000;
const AFTER_ONSET_MS: u64 = 2 * 60_000;

/// Rules named at most.
const MAX_NAMED: usize = 5;

/// A rule's mode on a route was changed, or the rule itself was, or the route itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// `None` where the route itself was changed.
    pub rule: Option<String>,
    /// `None` where the change is on every route.
    pub route: Option<String>,
    pub time_ms: u64,
    /// "enforce on hub by olga".
    pub text: String,
}

impl Switch {
    /// Its text without the rule's name: "on hub: monitor to enforce, by olga", "list aws: 12 items added, by olga".
    fn words(&self, rule: &str) -> String {
        let words = self.text.strip_prefix(rule).unwrap_or(&self.text);
        let words = words.trim_start_matches([':', ' ']);
        words.replacen(&format!(" of {rule}: "), ": ", 1)
    }
}

/// A route that was changed within the onset of what is wrong on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteChange {
    pub route: String,
    pub time_ms: u64,
    /// "route hub: origin https://a.example to https://b.example, by olga".
    pub text: String,
}

/// What a rule was held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Contrast {
    /// Requests of the cohort on which it did not fire.
    Inside,
    /// Requests of the same client builds outside the cohort.
    Outside,
    /// The same requests before the onset.
    Before,
    /// Of a rule that denied: what a harmless one does to those whom it fires on.
    Harmless,
    /// Of a rule that acted and let through: the clients outside its percentage.
    HeldOut,
    /// Of another party's rule: everybody else, whom it acts on less often.
    Reach,
}

impl From<Against> for Contrast {
    fn from(against: Against) -> Self {
        match against {
            Against::Harmless => Self::Harmless,
            Against::HeldOut => Self::HeldOut,
        }
    }
}

/// A rule that goes with an anomaly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    pub rule: String,
    /// How many times likelier the event is where the rule fired.
    pub lift: f64,
    /// Of the cohort's events, those on which it fired.
    pub share: f64,
    pub events: u64,
    pub contrast: Contrast,
    /// When it was switched within the onset: the time nearest to it, which is not that of taking it back.
    pub switched_ms: Option<u64>,
    /// From what to what, and by whom: "on hub: monitor to enforce, by olga".
    #[serde(default)]
    pub switched: Option<String>,
}

/// Trials and events with and without a rule, of requests that are alike.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stratum {
    with: (f64, f64),
    without: (f64, f64),
}

impl Stratum {
    /// Adds requests on which it fired, or did not.
    pub(super) fn count(&mut self, fired: bool, (n, k): (f64, f64)) {
        let side = if fired { &mut self.with } else { &mut self.without };
        side.0 += n;
        side.1 += k;
    }

    /// The rule fired on so many of the requests that were taken for those without it.
    pub(super) fn change_side(&mut self, (n, k): (f64, f64)) {
        self.with = (self.with.0 + n, self.with.1 + k);
        let (requests, events) = self.without;
        self.without = ((requests - n).max(0.0), (events - k).max(0.0));
    }
}

/// Mantel-Haenszel sums over strata.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Ratio {
    above: f64,
    below: f64,
    excess: f64,
    variance: f64,
}

impl Ratio {
    pub(super) fn of<K>(strata: &BTreeMap<K, Stratum>) -> Self {
        let mut ratio = Self::default();
        strata.values().for_each(|stratum| ratio.take(stratum));
        ratio
    }

    fn take(&mut self, stratum: &Stratum) {
        let ((n1, a), (n0, b)) = (stratum.with, stratum.without);
        let (n, m) = (n1 + n0, a + b);
        if n1 == 0.0 || n0 == 0.0 || n < 2.0 {
            return;
        }
        self.above += a * n0 / n;
        self.below += b * n1 / n;
        self.excess += a - m * n1 / n;
        self.variance += m * (n - m) * n1 * n0 / (n * n * (n - 1.0));
    }

    /// Half an event more on either side: with none without the rule the ratio is finite still.
    pub(super) fn ratio(&self) -> f64 {
        ((self.above + 0.5) / (self.below + 0.5)).min(MAX_RATIO)
    }

    fn z(&self) -> f64 {
        self.excess / self.variance.max(f64::MIN_POSITIVE).sqrt()
    }

    /// Whether there is anything to learn from it, for or against the rule.
    pub(super) fn tells(&self) -> bool {
        self.is_named() || self.variance >= MIN_INFORMATION
    }

    pub(super) fn is_named(&self) -> bool {
        self.variance > 0.0 && self.z() > MIN_Z && self.ratio() > MIN_RATIO
    }
}

/// What is asked: the rules that go with `kind` in `cohort` since the onset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub window: &'a Window,
    pub cohort: &'a Cohort,
    pub kind: AnomalyKind,
    pub span: Span,
    pub onset_ms: u64,
    pub opened_ms: u64,
    pub rates: &'a Rates,
    pub switches: &'a [Switch],
    pub upstream: &'a UpstreamFires,
    pub windows: &'a [UpstreamWindow],
}

impl Question<'_> {
    /// The rules, those that were switched first, then by how much of it they touch.
    #[must_use]
    pub(super) fn suspects(&self) -> Vec<Suspect> {
        let rules: BTreeSet<&Arc<str>> = self.inside().flat_map(|(key, ..)| &key.rules).collect();
        let own = rules.into_iter().filter(|rule| Origin::of(rule) == Origin::Own);
        let mut suspects: Vec<Suspect> = own.filter_map(|rule| self.suspect(rule)).collect();
        let upstream = self.upstream_rules();
        suspects.extend(upstream.iter().filter_map(|rule| self.upstream_suspect(rule)));
        suspects.sort_by(|a, b| {
            let rank = |s: &Suspect| (s.switched_ms.is_some(), s.share * s.lift.ln());
            rank(b)
                .partial_cmp(&rank(a))
                .unwrap_or(std::cmp::Ordering::Equal)
                .then_with(|| a.rule.cmp(&b.rule))
        });
        suspects.truncate(MAX_NAMED);
        suspects
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&CellKey, f64, f64)> {
        self.window
            .rows(self.span.first, self.span.until)
            .map(|(key, row)| {
                let counts = self.kind.counts(&row.counts);
                (key, counts.trials as f64, counts.events as f64)
            })
            .filter(|(_, trials, _)| *trials > 0.0)
    }

    pub(super) fn inside(&self) -> impl Iterator<Item = (&CellKey, f64, f64)> {
        self.all().filter(|(key, ..)| self.cohort.holds(key))
    }

    /// The cohort's events on which the rule fired, and all of them.
    pub(super) fn touched(&self, rule: &str) -> (f64, f64) {
        let (mut touched, mut events) = (0.0, 0.0);
        for (key, _, k) in self.inside() {
            events += k;
            touched += if fires(key, rule) { k } else { 0.0 };
        }
        (touched, events)
    }

    fn suspect(&self, rule: &str) -> Option<Suspect> {
        let (touched, events) = self.touched(rule);
        if touched == 0.0 {
            return None;
        }
        let share = touched / events;
        let switch = self.switched(rule);
        let switched_ms = switch.map(|switch| switch.time_ms);
        let (contrast, ratio, named) = self.contrast(rule);
        let switched = switched_ms.is_some() && share >= MIN_SWITCHED_SHARE && ratio > MIN_RATIO;
        (named || switched).then(|| Suspect {
            rule: rule.to_owned(),
            lift: ratio,
            share,
            events: touched as u64,
            contrast,
            switched_ms,
            switched: switch.map(|switch| switch.words(rule)),
        })
    }

    /// The nearest contrast that tells anything, the ratio against it, and whether that names the rule.
    fn contrast(&self, rule: &str) -> (Contrast, f64, bool) {
        let inside = Ratio::of(&strata(rule, self.inside(), combination));
        if inside.tells() {
            return (Contrast::Inside, inside.ratio(), inside.is_named());
        }
        let outside = Ratio::of(&strata(rule, self.all(), build));
        if outside.tells() {
            return (Contrast::Outside, outside.ratio(), outside.is_named());
        }
        // Nothing to hold it against but the past: that alone names no rule, a switch does.
        let (mut events, mut expected) = (0.0, 0.0);
        for (key, n, k) in self.inside().filter(|(key, ..)| fires(key, rule)) {
            events += k;
            expected += n * self.rates.of(&combination(key));
        }
        (
            Contrast::Before,
            ((events + 0.5) / (expected + 0.5)).min(MAX_RATIO),
            false,
        )
    }

    /// The routes that have most of the events and were changed within the onset; of several changes of a route the one
    /// nearest to it, which is not that of taking it back.
    #[must_use]
    pub(super) fn route_changes(&self) -> Vec<RouteChange> {
        let mut of_routes = BTreeMap::<&str, f64>::new();
        for (key, _, k) in self.inside() {
            *of_routes.entry(&key.route).or_default() += k;
        }
        let all: f64 = of_routes.values().sum();
        let most = of_routes
            .into_iter()
            .filter(|(_, events)| *events > 0.0 && *events >= MIN_SWITCHED_SHARE * all);
        let change = |(route, _): (&str, f64)| {
            let of_route = |switch: &&Switch| switch.rule.is_none() && switch.route.as_deref() == Some(route);
            let nearest = self.nearest(self.switches.iter().filter(of_route))?;
            Some(RouteChange {
                route: route.to_owned(),
                time_ms: nearest.time_ms,
                text: nearest.text.clone(),
            })
        };
        most.filter_map(change).collect()
    }

    fn switched(&self, rule: &str) -> Option<&Switch> {
        let routes: BTreeSet<&str> = self.inside().map(|(key, ..)| &*key.route).collect();
        let concerns = |switch: &&Switch| {
            switch.rule.as_deref() == Some(rule)
                && switch.route.as_deref().is_none_or(|route| routes.contains(route))
        };
        self.nearest(self.switches.iter().filter(concerns))
    }

    /// Times that count as the onset.
    pub(super) fn onset(&self) -> RangeInclusive<u64> {
        self.onset_ms.saturating_sub(BEFORE_ONSET_MS)..=self.onset_ms + AFTER_ONSET_MS
    }

    /// The one nearest to the onset, of those within it.
    fn nearest<'s>(&self, switches: impl Iterator<Item = &'s Switch>) -> Option<&'s Switch> {
        let onset = self.onset();
        switches
            .filter(|switch| onset.contains(&switch.time_ms))
            .min_by_key(|switch| switch.time_ms.abs_diff(self.onset_ms))
    }
}

/// Requests and events with the rule and without it, among those that are alike.
pub(super) fn strata<'a, K: Ord>(
    rule: &str,
    rows: impl Iterator<Item = (&'a CellKey, f64, f64)>,
    stratum: impl Fn(&CellKey) -> K,
) -> BTreeMap<K, Stratum> {
    let mut strata: BTreeMap<K, Stratum> = BTreeMap::new();
    for (key, n, k) in rows {
        let stratum = strata.entry(stratum(key)).or_default();
        stratum.count(fires(key, rule), (n, k));
    }
    strata
}

fn fires(key: &CellKey, rule: &str) -> bool {
    key.rules.iter().any(|fired| **fired == *rule)
}

pub(super) fn build(key: &CellKey) -> (Arc<str>, Family, Arc<str>) {
    (Arc::clone(&key.route), key.family, Arc::clone(&key.os))
}

#[cfg(test)]
mod tests {
    use super::{Ratio, Stratum};

    #[test]
    fn mantel_haenszel_holds_strata_apart() {
        // Simpson's paradox: the rule fires where the rate is high anyway, and adds nothing.
        let mut ratio = Ratio::default();
        for (with, without) in [((900.0, 90.0), (100.0, 10.0)), ((100.0, 1.0), (900.0, 9.0))] {
            ratio.take(&Stratum { with, without });
        }
        assert!((ratio.ratio() - 1.0).abs() < 0.01, "{ratio:?}");
        assert!(!ratio.is_named());
    }

    #[test]
    fn a_contrast_of_a_few_requests_tells_nothing() {
        let mut ratio = Ratio::default();
        // A rule with a volume, silent for the first seconds of a fault that hits one in eight.
        ratio.take(&Stratum {
            with: (400.0, 50.0),
            without: (6.0, 1.0),
        });
        assert!(!ratio.tells() && ratio.ratio() < 3.0, "{ratio:?}");
        ratio.take(&Stratum {
            with: (400.0, 50.0),
            without: (400.0, 50.0),
        });
        assert!(ratio.tells() && !ratio.is_named(), "as much without the rule");
    }

    #[test]
    fn a_rule_is_named_by_ratio_and_certainty() {
        let ratio = |a: f64, b: f64| {
            let mut ratio = Ratio::default();
            ratio.take(&Stratum {
                with: (100.0, a),
                without: (100.0, b),
            });
            ratio
        };
        assert!(ratio(30.0, 2.0).is_named());
        assert!(!ratio(4.0, 0.0).is_named(), "four events are not enough");
        assert!(!ratio(40.0, 20.0).is_named(), "twice is not enough");
        assert!(ratio(30.0, 0.0).ratio().is_finite());
    }
}
