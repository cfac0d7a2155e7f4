//! How many FireLogs a colo has, by its load and by the settings.

use super::{Api, NOW, api};
use crate::split::Loads;
use blobwatch_rulebook::LoadReport;
use serde_json::json;

const HOUR_MS: u64 = 3_600_000;

fn report(place: u32, sustained: u32, peak: u32) -> LoadReport {
    LoadReport {
        colo: "FRA".to_owned(),
        place,
        sustained,
        peak,
    }
}

fn take(api: &Api, loads: &mut Loads, report: &LoadReport, now_ms: u64) -> bool {
    crate::take_load(&api.0, loads, report, now_ms).unwrap()
}

fn fire_logs(api: &Api) -> u32 {
    api.0.document().unwrap().fire_logs("FRA")
}

#[test]
fn a_load_splits_the_fire_logs_and_joins_them_again() {
    let (api, mut loads) = (api(), Loads::default());
    let before = api.0.revision().unwrap();
    assert!(!take(&api, &mut loads, &report(0, 999, 3_000), NOW));
    assert_eq!((fire_logs(&api), api.0.revision().unwrap()), (1, before));
    assert!(take(&api, &mut loads, &report(0, 1_100, 3_000), NOW));
    assert_eq!((fire_logs(&api), api.0.revision().unwrap()), (2, before + 1));
    // The same once more changes nothing: it is of the layout before.
    assert!(!take(&api, &mut loads, &report(0, 1_100, 3_000), NOW + 60_000));

    let entry = api.0.audit(None, 1).unwrap().remove(0);
    assert_eq!(
        (entry.actor.as_str(), entry.action.as_str()),
        ("blobwatch", "fire-logs.split")
    );
    assert_eq!(entry.target, "fire-logs/FRA");
    assert_eq!(entry.before.as_deref(), Some(r#"{"fire_logs":1}"#));
    assert_eq!(entry.after.as_deref(), Some(r#"{"fire_logs":2}"#));
    let reason = "FireLog 0 has had 1.1 times the load that one should have, for two minutes";
    assert_eq!(entry.reason.as_deref(), Some(reason));

    let later = NOW + 2 * HOUR_MS;
    assert!(!take(&api, &mut loads, &report(0, 0, 100), later));
    assert!(take(&api, &mut loads, &report(1, 0, 100), later));
    assert_eq!(fire_logs(&api), 1);
    assert_eq!(api.0.audit(None, 1).unwrap()[0].action, "fire-logs.join");
}

/// Nobody is told of it as of a switch, and what a preview found goes on to hold.
#[test]
fn a_split_is_no_switch() {
    let (api, mut loads) = (api(), Loads::default());
    let before = api.0.document().unwrap();
    assert!(take(&api, &mut loads, &report(0, 1_100, 1_100), NOW));
    let after = api.0.document().unwrap();
    assert_eq!(
        (after.rules, after.modes, after.routes),
        (before.rules, before.modes, before.routes)
    );
    let revision = before.revision;
    assert_eq!(crate::changes_since(&api.0, revision).unwrap(), []);
}

#[test]
fn volumes_are_counted_by_both_layouts_for_two_of_the_longest_window() {
    let (api, mut loads) = (api(), Loads::default());
    let rule = |seconds| {
        json!({"description": "", "expression": "ssl", "action": "throttle",
            "volume": {"by": "client", "requests": 9, "seconds": seconds}})
    };
    api.put("rules/short", &rule(10));
    api.put("rules/long", &rule(600));
    assert!(take(&api, &mut loads, &report(0, 1_100, 1_100), NOW));
    let layout = api.0.document().unwrap().layout("FRA").unwrap().clone();
    assert_eq!(layout.earlier[0].until_ms, NOW + 1_200_000 + 60_000);
}

#[test]
fn settings_bound_the_number_and_a_change_of_them_is_a_split_too() {
    let (api, mut loads) = (api(), Loads::default());
    api.put("settings", &json!({"fire_logs": {"FRA": 4}}));
    let layout = api.0.document().unwrap().layout("FRA").unwrap().clone();
    assert_eq!((layout.count, layout.earlier[0].count), (4, 1));
    let later = NOW + 2 * HOUR_MS;
    assert!(!take(&api, &mut loads, &report(0, 9_000, 9_000), later));
    api.put(
        "settings",
        &json!({"fire_logs": {"FRA": {"least": 2, "most": 6}}}),
    );
    assert_eq!(fire_logs(&api), 4);
    assert!(take(&api, &mut loads, &report(0, 9_000, 9_000), later));
    assert_eq!(fire_logs(&api), 6);
    api.put("settings", &json!({"fire_logs": {"*": 1}}));
    assert_eq!(fire_logs(&api), 1);
    // What nothing says any more stays as it is, for the load to decide.
    api.put("settings", &json!({"fire_logs": {"FRA": 3}}));
    api.put("settings", &json!({}));
    assert_eq!(fire_logs(&api), 3);
    let entry = api.0.audit(None, 1).unwrap();
    assert_eq!(entry[0].action, "settings.put");
}

/// The document that `GET rulebook` gives can be pushed, also after the number has changed.
#[test]
fn a_push_leaves_the_number_as_it_is() {
    let (api, mut loads) = (api(), Loads::default());
    assert!(take(&api, &mut loads, &report(0, 1_100, 1_100), NOW));
    let mut book = api.get("rulebook");
    assert_eq!(book["layouts"][0]["count"], 2);
    book["layouts"] = json!([]);
    book["settings"]["retry_after_s"] = json!(31);
    let revision = format!("\"{}\"", api.0.revision().unwrap());
    let pushed = api.call("PUT", "rulebook?reason=r", &book.to_string(), Some(&revision));
    assert_eq!(pushed.unwrap().1["changed"], true);
    assert_eq!(fire_logs(&api), 2);
}
