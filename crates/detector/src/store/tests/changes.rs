use super::*;

#[test]
fn a_harm_takes_a_number_and_keeps_it_however_often_it_is_told() {
    let mut detector = open();
    detector.put_webhook(&hook()).unwrap();
    let harm = denial();
    detector.harm(&harm, START_MS).unwrap();
    detector.harm(&harm, START_MS + 1_000).unwrap();
    let mut detector = reopened(detector, START_MS + 2_000);
    detector.harm(&harm, START_MS + 2_000).unwrap();
    for batch in &story()[..390] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let names = |detector: &Detector<Native>| -> Vec<(String, bool)> {
        let anomalies = detector.anomalies(u64::MAX, 10).unwrap();
        let name = |anomaly: &crate::Anomaly| (anomaly.name(), anomaly.closed_ms.is_some());
        anomalies.iter().map(name).collect()
    };
    let expected = [("an-000002".to_owned(), false), ("an-000001".to_owned(), true)];
    assert_eq!(names(&detector), expected);
    let detector = reopened(detector, START_MS + 4_000_000);
    assert_eq!(names(&detector), expected);
    assert_eq!(
        detector.anomaly(1).unwrap().unwrap().sentence(),
        "docker, route hub: healthy clients denied since 11:58; caused by botnet-sig, which the guard put back to monitor; \
         31 clients"
    );
}

/// The revisions of the switches that the engine knows, by their times.
fn switched(detector: &Detector<Native>) -> Vec<u64> {
    let switches = detector.engine.switches().iter();
    switches.map(|switch| switch.time_ms - START_MS).collect()
}

#[test]
fn a_change_counts_once_however_often_it_comes_and_outlives_the_process() {
    let mut detector = open();
    detector.change(&written(2, START_MS + 2), START_MS).unwrap();
    detector.change(&written(2, START_MS + 2), START_MS).unwrap();
    assert_eq!(switched(&detector), [2]);
    assert!(!detector.is_caught_up().unwrap());
    let old = [written(1, START_MS + 1), written(2, START_MS + 2)];
    detector.catch_up(&old).unwrap();
    detector.change(&written(3, START_MS + 3), START_MS).unwrap();
    let detector = reopened(detector, START_MS + 10);
    assert!(detector.is_caught_up().unwrap());
    assert_eq!(switched(&detector), [1, 2, 3]);
    let marks = detector.change_marks(START_MS, START_MS + 3, 10).unwrap();
    let said: Vec<(&str, &str)> = marks
        .iter()
        .map(|mark| (mark.id.as_str(), mark.text.as_str()))
        .collect();
    assert_eq!(
        said,
        [("rules/sweep", "sweep: rule.put, by olga"); 2],
        "until is not in it"
    );
    let newest = detector.change_marks(START_MS, START_MS + 10, 2).unwrap();
    assert_eq!(newest.len(), 2);
    assert!(newest[0].time < newest[1].time, "oldest first: {newest:?}");
    assert!(newest[0].time > marks[0].time, "the newest: {newest:?}");
}

#[test]
fn changes_are_kept_within_their_bound_and_as_long_as_marks() {
    let mut detector = open();
    let many: Vec<ChangeNotice> = (0..MAX_CHANGES + 2).map(|n| written(n, START_MS + n)).collect();
    detector.catch_up(&many).unwrap();
    let kept = |detector: &Detector<Native>| {
        count(
            &detector.sql,
            "SELECT count(*) FROM change WHERE time_ms >= ?",
            &[SqlValue::Integer(0)],
        )
        .unwrap()
    };
    assert_eq!(kept(&detector), MAX_CHANGES);
    let oldest = count(&detector.sql, "SELECT min(time_ms) FROM change", &[]).unwrap();
    assert_eq!(oldest, START_MS + 2);
    detector.tick(START_MS + 91 * 86_400_000).unwrap();
    assert_eq!(kept(&detector), 0);
}

/// Of routes, as the RuleBook tells of them: out of order, taken back, and after a restart.
#[test]
fn breadths_of_routes_are_those_that_were_told_last() {
    let told = |id: u64, time_ms: u64, route: &str, after: serde_json::Value| -> ChangeNotice {
        let part = serde_json::json!({"part": "route", "route": route, "before": null, "after": after});
        let notice = serde_json::json!({"id": id.to_string(), "revision": id, "time_ms": time_ms, "actor": "olga",
            "cause": "operator", "action": "route.put", "target": route, "parts": [part]});
        serde_json::from_value(notice).unwrap()
    };
    let own = |clients: u32| serde_json::json!({"anomaly_breadth": {"clients": clients, "networks": 1}});
    let mut detector = open();
    for (id, time_ms, route, after) in [
        (1, 10, "internal", own(3)),
        (2, 30, "internal", own(2)),
        (3, 20, "internal", own(7)),
        (4, 10, "edge", own(4)),
        (5, 20, "edge", serde_json::json!({"origin": "https://a.example"})),
        (6, 10, "gone", own(5)),
        (7, 20, "gone", serde_json::Value::Null),
        (8, 10, "plain", serde_json::json!({})),
    ] {
        detector
            .change(&told(id, START_MS + time_ms, route, after), START_MS)
            .unwrap();
    }
    let kept = |detector: &Detector<Native>| detector.engine.route_breadths().clone();
    let expected = [(
        "internal".to_owned(),
        AnomalyBreadth {
            clients: 2,
            networks: 1,
        },
    )]
    .into();
    assert_eq!(kept(&detector), expected);
    assert_eq!(kept(&reopened(detector, START_MS + 100)), expected);
}
