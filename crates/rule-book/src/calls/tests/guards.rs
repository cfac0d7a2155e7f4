//! Guards: what FireLogs report, what follows from it, and what is left of it.

use serde_json::{Value, json};

use super::{Api, NOW, api, rule, staged};
use crate::calls::{advance, next_change_ms, take_report};
use crate::store::{MAX_HARMS, MAX_MOMENTS, MAX_READINGS_A_MINUTE, NoticeKind, PendingNotice};
use blobwatch_guard::{
    Arm, Cohort, CohortCounts, Counts, GuardThen, HarmNotice, Report, Sample, State, WatchReport,
};
use blobwatch_pull::{Family, NetworkKey};
use blobwatch_sql::Sql;
use blobwatch_wire::{ApiRequest, Loss};

fn reported(guard: u64, enforced: (u32, u32), held_out: (u32, u32)) -> Report {
    let arm = |(clients, healthy)| Arm {
        clients,
        healthy,
        ..Arm::default()
    };
    let counts = Counts {
        enforced: arm(enforced),
        held_out: arm(held_out),
        sample: Sample {
            known: enforced.0 + held_out.0,
            clean: enforced.1 + held_out.1,
            ..Sample::default()
        },
        ..Counts::default()
    };
    let cohort = Cohort {
        family: Some(Family::Skopeo),
        os: String::new(),
    };
    let watch = WatchReport {
        rule: "sweep".into(),
        route: "default".into(),
        guard,
        cohorts: vec![CohortCounts {
            cohort,
            counts,
            clean_networks: (0..5).map(NetworkKey).collect(),
            bad_networks: Vec::new(),
            clean_clients: Vec::new(),
        }],
        evidence: vec!["01M850MDRGD6ZQ9TZR58000002".into()],
        evicted: 7,
    };
    Report {
        source: "fl1-FRA-0".into(),
        watches: vec![watch],
    }
}

#[test]
fn a_step_goes_on_when_its_guard_lets_it_pass() {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    take_report(&api.0, &reported(2, (5, 0), (0, 0)), NOW + 70_000).unwrap();
    advance(&api.0, NOW + 130_000).unwrap();
    let held = api.get("rules/sweep/modes/default");
    assert_eq!(
        (&held["percent"], &held["guard"]["denied_clients"]),
        (&json!(1.0), &json!(5))
    );
    let taken = take_report(&api.0, &reported(2, (5, 0), (30, 0)), NOW + 130_000).unwrap();
    assert_eq!((taken.next.again_ms, taken.is_due), (10_000, true));
    assert_eq!(harms_due(&api, NOW + 130_000), []);
    assert_eq!(
        next_change_ms(&api.0, NOW + 130_000).unwrap(),
        Some(NOW + 130_000),
        "also where the process dies now"
    );
    advance(&api.0, NOW + 130_000).unwrap();
    let next = api.get("rules/sweep/modes/default");
    assert_eq!(
        (
            &next["percent"],
            &next["guard"]["denied_clients"],
            &next["guard"]["state"]
        ),
        (&json!(10.0), &json!(0), &json!("watching"))
    );
    take_report(&api.0, &reported(2, (5, 5), (300, 300)), NOW + 140_000).unwrap();
    advance(&api.0, NOW + 140_000).unwrap();
    assert_eq!(
        api.get("rules/sweep/modes/default")["mode"],
        "enforce",
        "a report for a guard that is over"
    );
    let items = api.get("guards");
    assert_eq!(
        (&items["items"][0]["rule"], &items["items"][0]["state"]),
        (&json!("sweep"), &json!("watching"))
    );
}

#[test]
fn what_harms_is_taken_back_in_the_name_of_the_guard() {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    let taken = take_report(&api.0, &reported(2, (3, 3), (40, 38)), NOW + 70_000).unwrap();
    assert!(taken.is_due);
    let mode = api.get("rules/sweep/modes/default");
    assert_eq!(
        (
            &mode["mode"],
            &mode["percent"],
            &mode["actor"],
            &mode["guard"]["state"]
        ),
        (
            &json!("monitor"),
            &Value::Null,
            &json!("guard"),
            &json!("demoted")
        )
    );
    let guard = &mode["guard"];
    let numbers = [
        "denied_clients",
        "denied_healthy",
        "denied_unhealthy",
        "denied_unknown",
        "pasts_evicted",
    ];
    assert_eq!(numbers.map(|name| &guard[name]), [3, 3, 0, 0, 7]);
    let entry = &api.get("audit?limit=1")["items"][0];
    assert_eq!(
        (&entry["action"], &entry["actor"]),
        (&json!("mode.demote"), &json!("guard"))
    );
    assert!(
        entry["reason"]
            .as_str()
            .unwrap()
            .contains("skopeo on which it fires pull cleanly"),
        "{entry}"
    );
    assert!(
        entry["reason"]
            .as_str()
            .unwrap()
            .ends_with("for instance 01M850MDRGD6ZQ9TZR58000002"),
        "{entry}"
    );
    advance(&api.0, NOW + 80_000).unwrap();
    let late = take_report(&api.0, &reported(2, (9, 9), (40, 38)), NOW + 80_000).unwrap();
    assert!(!late.is_due);
    assert_eq!(api.0.revision().unwrap(), 3, "once");
    api.put("rules/sweep/modes/default", &staged("watch"));
    let again = api.get("rules/sweep/modes/default");
    assert_eq!(
        (&again["mode"], &again["guard"]["state"]),
        (&json!("enforce"), &json!("watching"))
    );
}

/// Names of one network in however many FireLogs; and five networks of which each FireLog saw only some.
#[test]
fn networks_are_counted_once_across_fire_logs() {
    let report = |source: &str, networks: std::ops::Range<u64>| {
        let mut report = reported(2, (4, 4), (0, 0));
        report.source = source.into();
        report.watches[0].cohorts[0].clean_networks = networks.map(NetworkKey).collect();
        report
    };
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    for at in 0..60 {
        take_report(&api.0, &report(&format!("fl1-FRA-{at}"), 0..4), NOW + 70_000 + at).unwrap();
    }
    assert_eq!(api.get("rules/sweep/modes/default")["mode"], "enforce");
    take_report(&api.0, &report("fl1-AMS-0", 4..5), NOW + 71_000).unwrap();
    assert_eq!(api.get("rules/sweep/modes/default")["mode"], "monitor");
}

/// A guard that takes a rule back ten seconds after it began.
fn demoted() -> Api {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    take_report(&api.0, &reported(2, (3, 3), (40, 38)), NOW + 70_000).unwrap();
    api
}

/// Harms alone, of all that the Detector is told.
fn harms_due(api: &Api, at_ms: u64) -> Vec<PendingNotice> {
    api.0.notices_due(NoticeKind::Harm, at_ms, 1_000).unwrap()
}

#[test]
fn a_harm_waits_until_the_detector_has_it() {
    let api = demoted();
    let due = |at| harms_due(&api, at);
    let next_harm_ms = || api.0.next_notice_ms(NoticeKind::Harm).unwrap();
    let [harm]: [PendingNotice; 1] = due(NOW + 70_000).try_into().unwrap();
    assert_eq!(harm.id, format!("{NOW}-2-sweep-default"));
    let told: HarmNotice = serde_json::from_str(&harm.body).unwrap();
    assert_eq!(
        (told.id.as_str(), told.harmed, told.family.as_deref()),
        (harm.id.as_str(), 41, Some("skopeo"))
    );
    assert_eq!(next_harm_ms(), Some(0));
    assert!(!api.0.notice_untold(&harm, NOW + 70_000).unwrap());
    assert_eq!((due(NOW + 70_999), next_harm_ms()), (vec![], Some(NOW + 71_000)));
    let [again]: [PendingNotice; 1] = due(NOW + 71_000).try_into().unwrap();
    assert_eq!((again.attempts, &again.body), (1, &harm.body));
    assert!(!api.0.notice_untold(&again, NOW + 71_000).unwrap());
    assert_eq!(next_harm_ms(), Some(NOW + 73_000), "twice as long");
    api.0.notice_told(&again).unwrap();
    assert_eq!((due(u64::MAX >> 12), next_harm_ms()), (vec![], None));
}

#[test]
fn a_harm_that_nobody_takes_is_given_up_after_a_week() {
    let api = demoted();
    let week = NOW + 70_000 + 7 * 86_400_000;
    let [harm]: [PendingNotice; 1] = harms_due(&api, week).try_into().unwrap();
    assert!(!api.0.notice_untold(&harm, week).unwrap());
    assert!(api.0.notice_untold(&harm, week + 1).unwrap());
    assert_eq!(api.0.next_notice_ms(NoticeKind::Harm).unwrap(), None);
    for n in 0..=MAX_HARMS {
        let id = n.to_string();
        api.0
            .put_notice(NoticeKind::Harm, (&id, "{}"), 0, NOW + n)
            .unwrap();
    }
    let waiting = harms_due(&api, u64::MAX >> 12);
    assert_eq!((waiting.len() as u64, waiting[0].id.as_str()), (MAX_HARMS, "1"));
    let [lost]: [Loss; 1] = api.0.losses().unwrap().try_into().unwrap();
    assert_eq!((lost.name.as_str(), lost.count), ("harms_dropped", 2));
}

/// State and since when, of the rule `sweep` on the route `default`.
#[track_caller]
fn then(api: &Api, revision: u64, at_ms: u64) -> Option<(State, u64)> {
    let guards = api.0.guards_then(revision, "default", NOW + at_ms).unwrap();
    let [guard]: [GuardThen; 1] = guards.try_into().unwrap();
    assert_eq!(guard.rule, "sweep");
    let stood = guard.stood?;
    assert_eq!(guard.text.is_some(), stood.state == State::Demoted);
    Some((stood.state, stood.since_ms - NOW))
}

#[test]
fn where_a_guard_stood_is_known_by_time_and_revision() {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    take_report(&api.0, &reported(2, (5, 0), (30, 0)), NOW + 100_000).unwrap();
    advance(&api.0, NOW + 120_000).unwrap();
    take_report(&api.0, &reported(3, (3, 3), (40, 38)), NOW + 200_000).unwrap();
    assert_eq!(api.0.revision().unwrap(), 4);
    assert_eq!(then(&api, 2, 60_000), Some((State::Watching, 60_000)));
    assert_eq!(then(&api, 2, 99_999), Some((State::Watching, 60_000)));
    assert_eq!(then(&api, 2, 100_000), Some((State::Passed, 100_000)));
    assert_eq!(
        then(&api, 2, 130_000),
        Some((State::Passed, 100_000)),
        "an isolate that has not heard of the step"
    );
    assert_eq!(then(&api, 3, 149_999), Some((State::Watching, 120_000)));
    assert_eq!(
        then(&api, 3, 150_000),
        Some((State::Holding, 150_000)),
        "the step is over"
    );
    assert_eq!(then(&api, 3, 200_001), Some((State::Demoted, 200_000)));
    assert_eq!(then(&api, 4, 200_000), Some((State::Demoted, 200_000)));
    assert_eq!(api.0.guards_then(1, "default", NOW).unwrap(), []);
    assert_eq!(api.0.guards_then(4, "library", NOW + 200_000).unwrap(), []);

    let put = json!({"mode": "monitor", "reason": "it stays so"});
    api.put("rules/sweep/modes/default", &put);
    assert_eq!(api.0.guards_then(5, "default", NOW + 300_000).unwrap(), []);
    assert_eq!(then(&api, 4, 300_000), Some((State::Demoted, 200_000)));
}

#[test]
fn a_request_that_no_rule_hit_is_told_of_the_guard_too() {
    let api = api();
    api.put(
        "rules/sweep/modes/library",
        &json!({"mode": "enforce", "reason": "r", "force": true}),
    );
    let other = json!({"mode": "enforce", "reason": "r", "force": true, "guard": "off"});
    api.put("rules/around/modes/library", &other);
    let guards = api.0.guards_then(3, "library", NOW + 60_000).unwrap();
    let rules: Vec<(&str, u64)> = guards.iter().map(|g| (g.rule.as_str(), g.guard)).collect();
    assert_eq!(rules, [("sweep", 2)]);
}

/// Rows of guards: ledgers, totals by FireLog, moments.
fn rows(api: &Api) -> [usize; 3] {
    let count = |table| {
        api.0
            .sql()
            .run(&format!("SELECT 1 FROM {table}"), &[])
            .unwrap()
            .len()
    };
    ["guards", "guard_counts", "guard_states"].map(count)
}

#[test]
fn what_is_over_leaves_its_moments_for_as_long_as_records_are_kept() {
    let api = api();
    let off = |at_ms| {
        let text = json!({"mode": "off", "reason": "r"}).to_string();
        let call = ApiRequest {
            method: "PUT",
            path: "rules/sweep/modes/default",
            query: "",
            body: &text,
            if_match: None,
            actor: "ops",
            now_ms: NOW + at_ms,
        };
        super::answer(&api.0, &call).unwrap();
    };
    api.put("rules/sweep/modes/default", &staged("watch"));
    take_report(&api.0, &reported(2, (5, 0), (30, 0)), NOW + 100_000).unwrap();
    assert_eq!(rows(&api), [1, 1, 2]);
    advance(&api.0, NOW + 120_000).unwrap();
    assert_eq!(rows(&api), [1, 0, 4], "the next step goes on from the ledger");
    off(200_000);
    assert_eq!(rows(&api), [0, 0, 5]);

    // 168 hours, and a day.
    let kept = 192 * 3_600_000;
    api.put("rules/sweep/modes/default", &staged("watch"));
    off(200_000 + kept);
    assert_eq!(then(&api, 2, 110_000), None, "gone: it ended at 120 s");
    assert_eq!(then(&api, 3, 130_000), Some((State::Watching, 120_000)));
    assert_eq!(rows(&api), [0, 0, 4]);
}

#[test]
fn what_is_taken_back_keeps_its_guard_for_the_mode_that_it_set() {
    let api = demoted();
    assert_eq!(rows(&api), [1, 0, 3]);
    let put = json!({"mode": "monitor", "reason": "it stays so"});
    api.put("rules/sweep/modes/default", &put);
    assert_eq!(rows(&api), [0, 0, 3]);
    assert_eq!(api.get("rules/sweep/modes/default")["guard"], Value::Null);
    let mode = |api: &Api| api.put("rules/sweep/modes/default", &staged("watch"));
    let (api, again) = (demoted(), demoted());
    mode(&api);
    api.call("DELETE", "rules/sweep", "", None).unwrap();
    assert_eq!(rows(&api)[..2], [0, 0], "a rule that is retired");
    again
        .call("POST", "panic-off", &json!({"reason": "r"}).to_string(), None)
        .unwrap();
    mode(&again);
    again
        .call("POST", "panic-off", &json!({"reason": "r"}).to_string(), None)
        .unwrap();
    assert_eq!(rows(&again)[..2], [0, 0], "the hand brake");
    mode(&again);
    let changed = rule("http.host eq \"a.example\"");
    let mut changed = changed.clone();
    changed["force"] = json!(true);
    again.put("rules/sweep", &changed);
    let guard = again.0.document().unwrap().modes[0].guard.unwrap();
    let stood = again.0.guards_then(guard, "default", NOW + 60_000).unwrap();
    assert_eq!(
        (stood[0].guard, stood[0].stood.map(|stood| stood.state)),
        (guard, Some(State::Watching)),
        "a new version, a new guard"
    );
}

#[test]
fn a_guard_that_cannot_make_up_its_mind_is_remembered_by_its_last_moments() {
    let api = api();
    let enforce = json!({"mode": "enforce", "reason": "r", "force": true});
    api.put("rules/sweep/modes/default", &enforce);
    // Ever more clients, of whom just so many pull cleanly that it passes and does not, in turns.
    let mut at_ms = 100_000;
    let (mut clients, mut clean) = (8_000, 0);
    let mut turns = 0;
    let mut last = State::Watching;
    while turns < 2 * MAX_MOMENTS {
        at_ms += 1_000;
        match last {
            State::Watching => clients += 20,
            _ => clean += 1,
        }
        take_report(&api.0, &reported(2, (1, 0), (clients, clean)), NOW + at_ms).unwrap();
        let state = api.0.guard("sweep", "default").unwrap().unwrap().state;
        let state = if state == State::Holding {
            State::Watching
        } else {
            state
        };
        assert_ne!(state, State::Demoted);
        turns += u64::from(state != last);
        last = state;
    }
    assert_eq!(rows(&api)[2] as u64, MAX_MOMENTS + 1);
    assert!(then(&api, 2, 60_000).is_none(), "what was between is forgotten");
    assert_eq!(then(&api, 2, at_ms).map(|(state, _)| state), Some(last));
}

const MINUTE: u64 = 60_000;

fn readings(api: &Api, route: &str, now_ms: u64) -> Value {
    let path = format!("rules/sweep/modes/{route}/readings");
    let call = ApiRequest {
        method: "GET",
        path: &path,
        query: "",
        body: "",
        actor: "ada",
        if_match: None,
        now_ms,
    };
    serde_json::from_str(&crate::calls::answer(&api.0, &call).unwrap().body).unwrap()
}

fn times(readings: &Value) -> Vec<&str> {
    let items = readings["items"].as_array().unwrap();
    items.iter().map(|item| item["time"].as_str().unwrap()).collect()
}

#[test]
fn what_a_guard_counted_is_read_once_a_minute() {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    for (after_ms, clients) in [(1_000, 2), (11_000, 3), (61_000, 4), (61_001, 5), (125_000, 6)] {
        take_report(&api.0, &reported(2, (clients, 0), (0, 0)), NOW + after_ms).unwrap();
    }
    let read = readings(&api, "default", NOW + 3 * MINUTE);
    assert_eq!(
        times(&read),
        [
            "2020-07-05T19:00:01.000Z",
            "2020-07-05T19:01:01.000Z",
            "2020-07-05T19:02:05.000Z"
        ]
    );
    assert_eq!(
        (&read["apart_s"], &read["kept_since"]),
        (&json!(60), &json!("2020-07-04T19:03:00.000Z"))
    );
    let last = &read["items"][2];
    let numbers = ["guard", "denied_clients", "denied_unhealthy"];
    assert_eq!(numbers.map(|name| &last[name]), [2, 6, 6]);
    assert_eq!(
        last["evidence"],
        json!({"harm": 0.0, "harmless": 0.0}),
        "of six clients"
    );
    take_report(&api.0, &reported(2, (30, 0), (30, 0)), NOW + 3 * MINUTE + 5_001).unwrap();
    let read = readings(&api, "default", NOW + 4 * MINUTE);
    let evidence = &read["items"][3]["evidence"];
    assert!(evidence["harmless"].as_f64().unwrap() > 1.3, "{evidence}");
}

#[test]
fn the_reading_that_takes_back_is_there_and_the_next_guard_begins_anew() {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    take_report(&api.0, &reported(2, (1, 1), (0, 0)), NOW + 1_000).unwrap();
    take_report(&api.0, &reported(2, (3, 3), (40, 38)), NOW + 2_000).unwrap();
    let read = readings(&api, "default", NOW + 3_000);
    let last = &read["items"][1];
    assert_eq!((times(&read).len(), &last["state"]), (2, &json!("demoted")));
    assert!(last["evidence"]["harm"].as_f64().unwrap() >= 4.0, "{last}");
    assert_eq!(last["denied_healthy"], 3);
    api.put("rules/sweep/modes/default", &staged("watch"));
    take_report(&api.0, &reported(4, (1, 0), (0, 0)), NOW + 3_000).unwrap();
    let read = readings(&api, "default", NOW + 4_000);
    let guards: Vec<_> = read["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["guard"])
        .collect();
    assert_eq!(guards, [2, 2, 4]);
}

#[test]
fn readings_of_a_day_are_kept_and_many_guards_are_read_less_often() {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    let report = |minute: u64| {
        take_report(
            &api.0,
            &reported(2, (minute as u32, 0), (0, 0)),
            NOW + minute * MINUTE,
        )
        .unwrap();
    };
    (1..=1_500).for_each(report);
    let now_ms = NOW + 1_500 * MINUTE;
    assert_eq!(times(&readings(&api, "default", now_ms)).len(), 1_441);
    let rows = api
        .0
        .sql()
        .run("SELECT count(*) FROM guard_readings", &[])
        .unwrap();
    assert_eq!(rows[0].integer(0, "count").unwrap(), 1_441, "the older are gone");
    let others = format!(
        "INSERT INTO guards SELECT value, 'default', '{{}}' FROM json_each('[{}]')",
        (0..MAX_READINGS_A_MINUTE)
            .map(|at| at.to_string())
            .collect::<Vec<_>>()
            .join(",")
    );
    api.0.sql().script(&others).unwrap();
    (1_501..=1_510).for_each(report);
    let read = readings(&api, "default", NOW + 1_510 * MINUTE);
    assert_eq!(
        (&read["apart_s"], times(&read).last()),
        (&json!(120), Some(&"2020-07-06T20:10:00.000Z"))
    );
    let rows = api.0.sql().run(
        "SELECT count(*) FROM guard_readings WHERE at_ms > ?1",
        &[blobwatch_sql::number(now_ms)],
    );
    assert_eq!(rows.unwrap()[0].integer(0, "count").unwrap(), 5);
}

#[test]
fn readings_are_of_rules_and_routes_that_are_there() {
    let api = api();
    assert_eq!(times(&readings(&api, "default", NOW)).len(), 0);
    assert_eq!(
        api.refused("GET", "rules/sweep/modes/none/readings", "").status,
        404
    );
    assert_eq!(
        api.refused("GET", "rules/none/modes/default/readings", "").status,
        404
    );
    assert_eq!(
        api.refused("PUT", "rules/sweep/modes/default/readings", "{}")
            .status,
        405
    );
}
