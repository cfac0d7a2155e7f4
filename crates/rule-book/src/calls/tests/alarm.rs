//! When the alarm rings, and the rulebook as other objects read it.

use super::{Api, NOW, api, staged};
use crate::document::read_document;
use crate::next_alarm_ms;
use crate::store::NoticeKind;

/// As the alarm does when the Detector answers.
fn tell_all(api: &Api) {
    for notice in api
        .0
        .notices_due(NoticeKind::Change, NOW + 600_000, 1_000)
        .unwrap()
    {
        api.0.notice_told(&notice).unwrap();
    }
}

fn query(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

#[test]
fn the_alarm_rings_for_whatever_comes_first() {
    let api = api();
    tell_all(&api);
    assert_eq!(next_alarm_ms(&api.0, NOW).unwrap(), None);

    api.put("rules/sweep/modes/default", &staged("off"));
    let untold = next_alarm_ms(&api.0, NOW + 60_000).unwrap();
    assert!(
        untold.is_some_and(|at| at <= NOW + 60_000),
        "a notice: {untold:?}"
    );
    tell_all(&api);
    let step = NOW + 120_000;
    assert_eq!(next_alarm_ms(&api.0, NOW + 60_000).unwrap(), Some(step));

    api.0.fire_log_seen("fl1-iad-0", 0, NOW).unwrap();
    let push = next_alarm_ms(&api.0, NOW + 60_000).unwrap();
    assert!(push.is_some_and(|at| at < step), "a FireLog is behind: {push:?}");
}

#[test]
fn a_fire_log_that_reads_the_rulebook_is_known_from_then_on() {
    let api = api();
    let current = read_document(&api.0, &query("fire_log", "fl1-iad-0"), NOW).unwrap();
    assert_eq!(current.epoch, api.0.epoch().unwrap());
    assert_eq!(current.book, api.0.document().unwrap());
    let names: Vec<String> = api
        .0
        .fire_logs()
        .unwrap()
        .into_iter()
        .map(|log| log.name)
        .collect();
    assert_eq!(names, ["fl1-iad-0"]);
}

#[test]
fn a_past_revision_is_read_as_it_was_and_a_missing_one_is_not_found() {
    let api = api();
    let before = api.0.document().unwrap();
    api.put("rules/sweep/modes/default", &staged("off"));
    let past = read_document(&api.0, &query("revision", &before.revision.to_string()), NOW).unwrap();
    assert_eq!(past.book, before);
    let missing = read_document(&api.0, &query("revision", "4711"), NOW).unwrap_err();
    assert_eq!(missing.status, 404);
    assert!(api.0.fire_logs().unwrap().is_empty());
}
