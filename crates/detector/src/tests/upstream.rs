//! The mechanism at the CDN: the anomaly opens by our own sight, and names the CDN's rule once its events arrive.

use std::sync::Arc;

use super::stories::{healthy, july};
use super::traffic::{AMAZON, BUILDS, COLOS, Fault, World};
use crate::{AnomalyKind, Contrast, Moment, Outcome};
use blobwatch_pull::{ClientKey, NetworkKey, Origin};
use blobwatch_records::{
    Cell, CellBatch, CellCounts, CellKey, Event, UpstreamCells, UpstreamCount, UpstreamRule,
};
use blobwatch_upstream::UpstreamWindow;

const RULE: &str = "cloudflare:ddos/1";

const HOUR: u64 = 360;

/// What the CDN's rule does in one slot.
#[derive(Clone, Copy)]
struct Acts {
    /// Requests of each Amazon colo that it acts on, and of each other build's.
    amazon: u32,
    others: u32,
    /// Of each Amazon colo that it acts on, came to us, and were resumed.
    joined: u32,
    acts: bool,
}

const LOGS: Acts = Acts {
    amazon: 8,
    others: 0,
    joined: 0,
    acts: false,
};

const BLOCKS: Acts = Acts {
    amazon: 8,
    others: 0,
    joined: 0,
    acts: true,
};

/// What a FireLog tells of a slot.
fn told(slot: u64, acts: Acts, route: &str) -> UpstreamCells {
    let mut counts = Vec::new();
    for colo in COLOS.iter().filter(|colo| **colo != "IAD") {
        for build in BUILDS {
            let is_amazon = build.os == AMAZON.os;
            let times = if is_amazon { acts.amazon } else { acts.others };
            let joined = if is_amazon { acts.joined } else { 0 };
            if times == 0 {
                continue;
            }
            counts.push(UpstreamCount {
                minute: slot / 6,
                key: CellKey {
                    route: Arc::from(route),
                    colo: (*colo).into(),
                    country: "".into(),
                    asn: Some(build.asn),
                    family: build.family,
                    os: build.os.into(),
                    fingerprint: build.fingerprint.into(),
                    rules: Vec::new(),
                },
                rule: RULE.into(),
                acted: if acts.acts { times } else { 0 },
                logged: if acts.acts { 0 } else { times },
                counts: CellCounts {
                    requests: joined,
                    resumes: joined,
                    large_resumes: joined,
                    ..CellCounts::default()
                },
            });
        }
    }
    UpstreamCells {
        rules: vec![UpstreamRule {
            id: RULE.into(),
            system: "l7ddos".to_owned(),
            description: "a botnet".to_owned(),
            action: if acts.acts { "block" } else { "log" }.to_owned(),
            acts: acts.acts,
            host: "cdn.example".to_owned(),
            first_ms: slot * 10_000,
            last_ms: slot * 10_000 + 9_000,
        }],
        counts,
        dropped: 0,
    }
}

/// Plays slots in which the CDN's events of `lag` slots before arrive.
struct Story {
    world: World,
    lag: u64,
    route: &'static str,
    acts: Vec<(u64, Acts)>,
}

impl Story {
    fn new(seed: u64, lag: u64) -> Self {
        Self {
            world: World::new(seed),
            lag,
            route: "cdn",
            acts: Vec::new(),
        }
    }

    fn play(
        &mut self,
        slots: u64,
        acts: Option<Acts>,
        fault: impl Fn(&super::traffic::Build, &str, bool) -> Fault,
    ) -> Outcome {
        let mut all = Outcome::default();
        for _ in 0..slots {
            let mut batch = self.world.batch(&fault);
            self.acts.extend(acts.map(|acts| (self.world.slot, acts)));
            let due = self.world.slot.saturating_sub(self.lag);
            if let Some((slot, acts)) = self.acts.iter().find(|(slot, _)| *slot == due) {
                batch.upstream = told(*slot, *acts, self.route);
            }
            all.changes.extend(self.world.take(batch).changes);
        }
        all
    }

    fn names(&self) -> Vec<(String, Contrast)> {
        let rules = self.world.engine.open().flat_map(|anomaly| &anomaly.rules);
        rules.map(|rule| (rule.rule.clone(), rule.contrast)).collect()
    }
}

/// One minute, five and fifteen: the anomaly opens as soon as without any events, and is updated once they come.
#[test]
fn an_anomaly_names_the_upstream_rule_when_its_events_arrive() {
    for lag in [6, 30, 90] {
        let mut story = Story::new(3, lag);
        story.play(HOUR, Some(LOGS), healthy);
        let began = story.world.slot;
        let before = story.play(lag.saturating_sub(1), Some(BLOCKS), july);
        if lag > 12 {
            let first = &before.changes.first().expect("opened by our own sight").anomaly;
            assert!(first.opened_ms / 10_000 <= began + 12, "{}", first.sentence());
            assert_eq!(story.names(), [], "nothing was told yet");
        }
        let after = story.play(24, Some(BLOCKS), july);
        let names = story.names();
        assert_eq!(names, [(RULE.to_owned(), Contrast::Reach)], "lag {lag}");
        let anomaly = story.world.engine.open().next().unwrap();
        let sentence = anomaly.sentence();
        assert!(
            sentence.contains("cloudflare:ddos/1 (upstream) acts on them"),
            "{sentence}"
        );
        assert!(
            sentence.contains("(log to block, in its own events)"),
            "{sentence}"
        );
        let named = |change: &&crate::Change| {
            change.moment != Moment::Opened
                && change
                    .anomaly
                    .rules
                    .iter()
                    .any(|rule| Origin::of(&rule.rule) == Origin::Upstream)
        };
        let first = after.changes.iter().find(named);
        if lag > 12 {
            let text = &first.expect("it is updated").anomaly.history.last().unwrap();
            let slots = text.time_ms / 10_000 - began - lag;
            println!(
                "lag {} s: named {} s after its first block arrived",
                lag * 10,
                slots * 10
            );
            assert!(slots <= 12, "named after {slots} slots: {}", text.text);
        }
    }
}

/// A rule that acts on everybody alike, or that has acted for hours, is not named.
#[test]
fn a_rule_that_acts_as_ever_is_not_named() {
    let everybody = Acts { others: 20, ..BLOCKS };
    for acts in [everybody, BLOCKS] {
        let mut story = Story::new(4, 6);
        story.play(HOUR, Some(acts), healthy);
        story.play(60, Some(acts), july);
        assert_eq!(story.names(), []);
    }
}

/// It acted on a few of them before, and then on many.
#[test]
fn a_rule_that_acts_on_many_more_is_named() {
    let few = Acts { amazon: 1, ..BLOCKS };
    let many = Acts { amazon: 24, ..BLOCKS };
    let mut story = Story::new(5, 6);
    story.play(HOUR, Some(few), healthy);
    story.play(60, Some(many), july);
    assert_eq!(story.names(), [(RULE.to_owned(), Contrast::Reach)]);
    let sentence = story.world.engine.open().next().unwrap().sentence();
    assert!(
        sentence.contains("requests a minute, in its own events"),
        "{sentence}"
    );
}

/// What came through is held against what the rule did not fire on, as for rules of ours.
#[test]
fn a_rule_that_lets_through_is_named_by_contrast() {
    let mut story = Story::new(6, 6);
    story.route = "hub";
    let logs = Acts { joined: 1, ..LOGS };
    story.play(HOUR, Some(LOGS), healthy);
    story.play(60, Some(logs), july);
    let names = story.names();
    assert!(
        names
            .iter()
            .any(|(rule, contrast)| rule == RULE && matches!(contrast, Contrast::Inside | Contrast::Outside)),
        "{names:?}"
    );
}

/// Rules are told of with no cells at all, and hours late.
#[test]
fn what_comes_alone_or_late_opens_nothing() {
    let mut story = Story::new(8, 6);
    story.play(HOUR, None, healthy);
    let late = story.world.slot - 3 * HOUR;
    for slot in [late, story.world.slot] {
        let batch = CellBatch {
            slot: story.world.slot,
            upstream: told(slot, BLOCKS, "cdn"),
            ..CellBatch::default()
        };
        assert_eq!(story.world.take(batch).changes, []);
    }
    assert!(story.world.engine.upstream().dropped() > 0);
    let outcome = story.play(HOUR, None, healthy);
    assert_eq!(outcome.changes, []);
}

/// What the CDN blocked before it came here, as it stands in the cells: refused starts of the rule that it told of. Nobody resumes
/// anything.
fn blocked(slot: u64, acts: Acts) -> Vec<Cell> {
    let cell = |count: UpstreamCount| {
        let mut cell = Cell::new(CellKey {
            rules: vec![count.rule],
            ..count.key
        });
        cell.counts.requests = acts.amazon;
        cell.counts.turned_away = acts.amazon;
        for at in 0..u64::from(acts.amazon) {
            let client = (slot * 100 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            cell.affected
                .insert(Event::TurnedAway, ClientKey(client), NetworkKey(client >> 2));
        }
        cell
    };
    told(slot, acts, "hub").counts.into_iter().map(cell).collect()
}

/// Requests that never came here, and that the CDN alone tells of: the anomaly is one of refused starts, and names who refused them.
#[test]
fn an_anomaly_of_what_another_party_blocked_names_its_rule() {
    let mut story = Story::new(9, 0);
    story.route = "hub";
    story.play(HOUR, None, healthy);
    for _ in 0..60 {
        let mut batch = story.world.batch(&healthy);
        let slot = story.world.slot;
        batch.cells.extend(blocked(slot, BLOCKS));
        batch.upstream = told(slot, BLOCKS, "hub");
        story.world.take(batch);
    }
    let anomaly = story.world.engine.open().next().expect("it opens");
    assert_eq!(anomaly.kinds, [AnomalyKind::StartRefused]);
    let names: Vec<&str> = anomaly.rules.iter().map(|rule| &*rule.rule).collect();
    assert_eq!(names, [RULE], "and no other");
    let sentence = anomaly.sentence();
    assert!(sentence.contains("cloudflare:ddos/1 (upstream)"), "{sentence}");
}

/// A window of slots.
fn window(id: &str, from: u64, until: Option<u64>) -> UpstreamWindow {
    UpstreamWindow {
        source: "cloudflare".to_owned(),
        id: id.to_owned(),
        from_ms: from * 10_000,
        until_ms: until.map(|until| until * 10_000),
        target: "192.0.2.1:443".to_owned(),
        routes: None,
        rule: String::new(),
        system: "l4ddos".to_owned(),
        words: "SYN floods".to_owned(),
        rate: String::new(),
    }
}

/// One at a host that has these routes.
fn window_at(routes: &[&str], id: &str, from: u64) -> UpstreamWindow {
    UpstreamWindow {
        routes: Some(routes.iter().map(|route| (*route).to_owned()).collect()),
        ..window(id, from, None)
    }
}

fn named_windows(story: &Story) -> Vec<String> {
    let windows = story.world.engine.open().flat_map(|anomaly| &anomaly.windows);
    windows.map(|window| window.rule.clone()).collect()
}

#[test]
fn a_window_that_began_within_the_onset_is_a_candidate() {
    let mut story = Story::new(11, 6);
    story.play(HOUR, None, healthy);
    let onset = story.world.slot;
    story.play(12, None, july);
    assert_eq!(named_windows(&story), [""; 0]);
    story.world.engine.set_windows(vec![
        window("hours before", onset - HOUR, None),
        window("over by then", onset - 60, Some(onset - 30)),
        window("after it opened", onset + 40, None),
        window("with it", onset - 3, None),
    ]);
    let outcome = story.play(12, None, july);
    assert_eq!(named_windows(&story), ["cloudflare:with it"]);
    let anomaly = story.world.engine.open().next().unwrap();
    assert!(anomaly.windows[0].while_open.is_some_and(|rate| rate > 0.05));
    assert!(
        anomaly
            .sentence()
            .contains("window cloudflare:with it (upstream) was open since ")
    );
    let told = outcome
        .changes
        .iter()
        .filter(|change| change.moment == Moment::Note);
    assert_eq!(told.count(), 1, "and it is told once");
}

/// All that hangs is on the route `hub`.
#[test]
fn a_window_of_other_routes_is_no_candidate() {
    let mut story = Story::new(11, 6);
    story.play(HOUR, None, healthy);
    let onset = story.world.slot;
    story.play(12, None, july);
    story.world.engine.set_windows(vec![
        window_at(&["other"], "of another host", onset - 3),
        window_at(&[], "of no host here", onset - 3),
        window_at(&["other", "hub"], "of this host too", onset - 3),
    ]);
    story.play(12, None, july);
    assert_eq!(named_windows(&story), ["cloudflare:of this host too"]);
}

#[test]
fn a_fault_that_outlasts_a_window_does_not_name_it() {
    for outlasts in [true, false] {
        let mut story = Story::new(12, 6);
        story.play(HOUR, None, healthy);
        let onset = story.world.slot;
        let told = window("w", onset - 3, Some(onset + 30));
        story.world.engine.set_windows(vec![told]);
        story.play(30, None, july);
        assert_eq!(named_windows(&story).len(), 1, "while it is open");
        if outlasts {
            story.play(120, None, july);
            assert_eq!(named_windows(&story), [""; 0]);
        } else {
            let outcome = story.play(90, None, healthy);
            let closed = outcome
                .changes
                .iter()
                .find(|change| change.moment == Moment::Closed);
            assert_eq!(closed.unwrap().anomaly.windows.len(), 1);
        }
    }
}
