//! What is done about an anomaly, and changes of what a route watches.

use super::stories::{healthy, july};
use super::traffic::{Build, Fault, HEALTHY, World};
use crate::changes::{interventions_of, switches_of};
use blobwatch_rulebook::ChangeNotice;
use serde_json::{Value, json};

const HOUR: u64 = 360;

fn notice(cause: &str, time_ms: u64, parts: &Value) -> ChangeNotice {
    let notice = json!({"id": time_ms.to_string(), "revision": 7, "time_ms": time_ms, "actor": "olga", "cause": cause,
                        "action": "mode.put", "target": "rules/botnet-sig/modes/hub", "parts": parts});
    serde_json::from_value(notice).unwrap()
}

fn mode(before: &str, after: &str) -> Value {
    json!([{"part": "mode", "rule": "botnet-sig", "route": "hub", "before": {"mode": before}, "after": {"mode": after},
            "default_mode": "monitor"}])
}

/// Takes in a change that is made now.
fn change(world: &mut World, cause: &str, parts: &Value) {
    let notice = notice(cause, world.slot * 10_000 + 5_000, parts);
    world.engine.switched(switches_of(&notice));
    world.engine.intervened(interventions_of(&notice));
}

/// What the rule fires on hangs.
fn struck(build: &Build, colo: &str, fired: bool) -> Fault {
    Fault {
        resumed: if fired && build.os == "amzn2" {
            0.3
        } else {
            HEALTHY.resumed
        },
        ..july(build, colo, fired)
    }
}

/// A night for five minutes, with the switch that caused it.
fn night(seed: u64) -> World {
    let mut world = World::new(seed).rule(|build| build.os == "amzn2");
    world.play(HOUR, healthy);
    change(&mut world, "operator", &mode("monitor", "enforce"));
    world.play(30, struck);
    assert_eq!(world.engine.open().count(), 1);
    world
}

#[test]
fn what_was_done_is_said_at_once_and_how_the_rate_falls_within_minutes() {
    for (cause, text) in [
        ("operator", "botnet-sig on hub: enforce to monitor, by olga"),
        ("guard", "botnet-sig on hub: enforce to monitor, by olga"),
        ("panic_off", "panic-off: botnet-sig to monitor, by olga"),
    ] {
        let mut world = night(2);
        let open = |world: &World| world.engine.open().next().unwrap().clone();
        assert_eq!(open(&world).responses, [], "what it may come from is no response");
        change(&mut world, cause, &mode("enforce", "monitor"));
        let anomaly = open(&world);
        let [done] = &anomaly.responses[..] else {
            panic!("{:?}", anomaly.responses);
        };
        assert_eq!((done.text.as_str(), done.enforces), (text, false));
        assert!(
            done.sentence(&anomaly)
                .ends_with("too few requests since then to say what it changed")
        );
        let over = world.play(20, healthy);
        let anomaly = over
            .changes
            .last()
            .map_or_else(|| open(&world), |change| change.anomaly.clone());
        let done = &anomaly.responses[0];
        let (before, since) = (done.before.unwrap(), done.since.unwrap());
        assert!(before > 0.05 && since < 0.03, "{before} {since}");
        let sentence = done.sentence(&anomaly);
        assert!(
            sentence.contains("; resumes fell from ") && sentence.contains(" minute"),
            "{sentence}"
        );
        let json = serde_json::to_value(anomaly.json()).unwrap();
        assert_eq!(json["responses"][0]["by"], "olga");
        let taken_back = &json["rules"][0]["taken_back"];
        assert_eq!(taken_back["by"], "olga", "{json}");
    }
}

#[test]
fn what_does_not_help_is_said_too() {
    let mut world = night(3);
    change(&mut world, "operator", &mode("enforce", "monitor"));
    world.play(18, struck);
    let open = world.engine.open().next().unwrap().clone();
    let sentence = open.responses[0].sentence(&open);
    assert!(sentence.contains("; resumes have not fallen: "), "{sentence}");
    change(&mut world, "operator", &mode("monitor", "enforce"));
    let open = world.engine.open().next().unwrap().clone();
    assert_eq!(open.responses.len(), 2);
    let json = serde_json::to_value(open.json()).unwrap();
    assert_eq!(json["rules"][0]["taken_back"], Value::Null, "it acts again");
}

#[test]
fn a_detour_and_what_is_on_other_routes() {
    let mut world = night(4);
    let route = |name: &str| {
        json!([{"part": "route", "route": name, "before": {"origin": "https://a.example"},
                "after": {"origin": "https://a.example", "detour": "https://b.example"}}])
    };
    change(&mut world, "operator", &route("hub"));
    let texts = |world: &World| -> Vec<String> {
        let open = world.engine.open().next().unwrap();
        open.responses.iter().map(|done| done.text.clone()).collect()
    };
    let said = "route hub: detour none to https://b.example, by olga";
    assert_eq!(texts(&world), [said]);
    world.play(6, struck);
    assert_eq!(texts(&world), [said]);
}

/// A route that takes other requests than before.
fn watches(blobs: &str) -> Value {
    json!([{"part": "route", "route": "hub", "before": {"repository": "**"}, "after": {"repository": "**", "blobs": [blobs]}}])
}

fn livelier(_: &Build, _: &str, _: bool) -> Fault {
    Fault {
        resumed: 0.06,
        ..HEALTHY
    }
}

#[test]
fn other_requests_on_a_route_are_no_surge_and_are_learned_anew() {
    let mut twin = World::new(5);
    twin.play(HOUR, healthy);
    twin.play(HOUR, livelier);
    assert_eq!(twin.engine.open().count(), 1, "without a change it is one");
    let mut world = World::new(5);
    world.play(HOUR, healthy);
    change(&mut world, "operator", &watches("storage"));
    let outcome = world.play(3 * HOUR, livelier);
    let sentences: Vec<String> = outcome
        .changes
        .iter()
        .map(|change| change.anomaly.sentence())
        .collect();
    assert_eq!(sentences, [] as [String; 0]);
    let worse = |build: &Build, colo: &str, fired: bool| Fault {
        resumed: if build.os == "amzn2" && colo != "IAD" {
            0.4
        } else {
            0.06
        },
        ..livelier(build, colo, fired)
    };
    world.play(60, worse);
    assert_eq!(
        world.engine.open().count(),
        1,
        "a fault on the route is found all the same"
    );
}

#[test]
fn another_change_of_a_route_excuses_nothing() {
    let mut world = World::new(6);
    world.play(HOUR, healthy);
    let moved = json!([{"part": "route", "route": "hub", "before": {"origin": "https://a.example"},
                        "after": {"origin": "https://b.example"}}]);
    change(&mut world, "operator", &moved);
    world.play(60, livelier);
    assert_eq!(world.engine.open().count(), 1);
}
