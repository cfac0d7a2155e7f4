//! Selections against the rest.

use super::*;

/// Stalls of one build at one place among 400 requests, on three FireLogs.
fn stalled() -> Vec<Record> {
    let mut random = 7u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    let one = |number: u32, colo: &str, os: &str, status: u16| Record {
        id: RecordId::from_parts(NOW - 60_000 + u64::from(number), 1, number),
        status,
        colo: colo.into(),
        os: os.into(),
        weight: 1,
        fired: Default::default(),
        ..sample::full()
    };
    (0..400)
        .map(|number| {
            let colo = ["FRA", "IAD", "SIN", "LHR"][next(4) as usize];
            let os = ["amzn2", "debian", "el8"][next(3) as usize];
            let is_stalled = colo == "FRA" && os == "amzn2" && next(10) < 9;
            one(number, colo, os, if is_stalled { 503 } else { 200 })
        })
        .collect()
}

fn comparison(logs: &Logs, body: &Value) -> Value {
    let query = CompareQuery::parse(&body.to_string(), NOW).unwrap();
    let names = logs.names();
    let compared = compare_all(logs, &names, &query);
    serde_json::to_value(at_once(compared).unwrap()).unwrap()
}

#[test]
fn what_is_different_about_a_selection_is_named() {
    let records = stalled();
    let failed = records.iter().filter(|record| record.status == 503).count();
    let whole = logs(&records, 1_000_000);
    let body = json!({"since": "-1h", "filters": {"status": ["5xx"]}});
    let found = comparison(&whole, &body);
    assert_eq!(
        (&found["selection"], &found["rest"], &found["other"]),
        (&json!(failed), &json!(400 - failed), &json!(0))
    );
    let mut cohort = found["cohorts"][0]["cohort"].as_array().unwrap().clone();
    cohort.sort_by_key(|literal| literal["attribute"].to_string());
    let expected =
        json!([{"attribute": "colo", "values": ["FRA"]}, {"attribute": "os", "values": ["amzn2"]}]);
    assert_eq!(Value::Array(cohort), expected, "{}", found["cohorts"]);
    let sentence = found["cohorts"][0]["sentence"].as_str().unwrap();
    assert!(sentence.contains("100 % of the selection"), "{sentence}");
    let bars = |name: &str| {
        let attributes = found["attributes"].as_array().unwrap();
        attributes
            .iter()
            .find(|of| of["attribute"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(bars("os")["values"][0]["value"], "amzn2");
    assert_eq!(bars("os")["values"][0]["selection"], 1.0);
    assert_eq!(
        (&bars("status")["chosen"], &bars("colo")["chosen"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(bars("country")["difference"], 0.0, "all have the same");
    for budget in [1, 7, 60] {
        assert_eq!(comparison(&logs(&records, budget), &body), found, "{budget}");
    }
}

#[test]
fn a_selection_that_is_like_the_rest_is_not_explained() {
    let records = stalled();
    let found = comparison(
        &logs(&records, 1_000_000),
        &json!({"since": "-1h", "filters": {"client": ["0123456789abcdef"]}}),
    );
    assert_eq!(found["cohorts"], json!([]), "everything is of that client");
    let nothing = comparison(&logs(&[], 1_000_000), &json!({}));
    assert_eq!(
        (&nothing["selection"], &nothing["rest"], &nothing["cohorts"]),
        (&json!(0), &json!(0), &json!([]))
    );
}

#[test]
fn a_fire_log_that_does_not_answer_is_named_in_a_comparison() {
    let logs = logs(&stalled(), 1_000_000);
    logs.silence("fl1-a-0", 0);
    let found = comparison(&logs, &json!({"filters": {"status": ["503"]}}));
    assert_eq!(found["incomplete"], json!(["fl1-a-0"]));
}
